package MiniStorage;

# Stands in for PVE::Storage, as far as the tests call it: finds the plugin's method, and locks where the
# real one locks.

use v5.36;

use Storage ();

use StorageStandIns;
$StorageStandIns::run = \&Storage::run_program;

use PVE::Storage::Custom::LvmQcow2Plugin;

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';

sub at {
    my ($cfg, $volid) = @_;
    my ($storeid, $volname) = $volid =~ m/^([^:]+):(.+)$/;
    return ($storeid, $cfg->{ids}->{$storeid}, $volname);
}

sub locked {
    my ($storeid, $scfg, $code) = @_;
    return $plugin->cluster_lock_storage($storeid, $scfg->{shared}, undef, $code);
}

package PVE::Storage {

    sub vdisk_alloc {
        my ($cfg, $storeid, $vmid, $format, $name, $size) = @_;
        my $scfg = $cfg->{ids}->{$storeid};
        my $code = sub { $plugin->alloc_image($storeid, $scfg, $vmid, $format, $name, $size) };
        return "$storeid:" . MiniStorage::locked($storeid, $scfg, $code);
    }

    sub vdisk_free {
        my ($cfg, $volid) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        my $format = ($plugin->parse_volname($volname))[6];
        my $code = sub { $plugin->free_image($storeid, $scfg, $volname, 0, $format) };
        my $worker = MiniStorage::locked($storeid, $scfg, $code);
        $worker->() if $worker;
        return;
    }

    sub vdisk_create_base {
        my ($cfg, $volid) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        my $code = sub { $plugin->create_base($storeid, $scfg, $volname) };
        return "$storeid:" . MiniStorage::locked($storeid, $scfg, $code);
    }

    sub rename_volume {
        my ($cfg, $volid, $vmid, $target) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        my $code = sub { $plugin->rename_volume($scfg, $storeid, $volname, $vmid, $target) };
        return MiniStorage::locked($storeid, $scfg, $code);
    }

    sub rename_snapshot {
        my ($cfg, $volid, $source, $target) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        my $code = sub { $plugin->rename_snapshot($scfg, $storeid, $volname, $source, $target) };
        return MiniStorage::locked($storeid, $scfg, $code);
    }

    sub vdisk_list {
        my ($cfg, $storeid) = @_;
        my $scfg = $cfg->{ids}->{$storeid};
        return { $storeid => $plugin->list_images($storeid, $scfg, undef, undef, {}) };
    }

    sub activate_volumes {
        my ($cfg, $volids) = @_;
        for my $volid ($volids->@*) {
            my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
            $plugin->activate_volume($storeid, $scfg, $volname);
        }
        return;
    }

    sub deactivate_volumes {
        my ($cfg, $volids) = @_;
        for my $volid ($volids->@*) {
            my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
            $plugin->deactivate_volume($storeid, $scfg, $volname);
        }
        return;
    }

    sub path {
        my ($cfg, $volid, $snapshot) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        return scalar($plugin->path($scfg, $volname, $storeid, $snapshot));
    }

    sub volume_rollback_is_possible {
        my ($cfg, $volid, $snapshot, $blockers) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        return $plugin->volume_rollback_is_possible(
            $scfg, $storeid, $volname, $snapshot, $blockers,
        );
    }

    sub volume_snapshot_rollback {
        my ($cfg, $volid, $snapshot) = @_;
        my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
        $plugin->volume_rollback_is_possible($scfg, $storeid, $volname, $snapshot);
        return $plugin->volume_snapshot_rollback($scfg, $storeid, $volname, $snapshot);
    }

    # Those that only pass everything on.
    for my $method (
        qw(volume_snapshot volume_snapshot_delete volume_resize volume_size_info
        volume_snapshot_info)
        )
    {
        no strict 'refs';
        *{"PVE::Storage::$method"} = sub {
            my ($cfg, $volid, @args) = @_;
            my ($storeid, $scfg, $volname) = MiniStorage::at($cfg, $volid);
            return $plugin->$method($scfg, $storeid, $volname, @args);
        };
    }
}

1;
