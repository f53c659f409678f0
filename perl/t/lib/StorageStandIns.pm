package StorageStandIns;

# Stands in for those functions of Proxmox VE's storage code that the plugin lvmqcow2 uses, so that its
# tests run on any machine. perl/t/stock_lvmqcow2.t has it loaded by the real ones, and tests/vm/plugin
# runs it with both on real LVM.

use v5.36;

# What runs programs, as PVE::Tools does.
our $run = sub { require FakeLvm; return FakeLvm::run_command(@_) };
# How often the storage was locked, and whether it is.
our ($locks, $locked) = (0, 0);
# Tasks that were started, as code.
our @tasks;
# What guests there are, as PVE::Cluster has it.
our $guests = {};

BEGIN {
    $INC{ s!::!/!gr . '.pm' } = __FILE__ for qw(
        PVE::Tools PVE::Cluster PVE::RPCEnvironment PVE::Storage PVE::Storage::Plugin
        PVE::Storage::LVMPlugin
    );
}

package PVE::Tools {
    use Exporter qw(import);
    our @EXPORT_OK = qw(run_command file_read_firstline);

    sub run_command { return $StorageStandIns::run->(@_) }

    sub file_read_firstline {
        my ($name) = @_;
        open(my $fh, '<', $name) or return undef;
        return scalar(<$fh>);
    }
}

package PVE::Cluster {
    sub get_vmlist { return { ids => $StorageStandIns::guests } }
}

package PVE::RPCEnvironment {
    sub get { return bless {}, __PACKAGE__ }
    sub get_user { return 'root@pam' }

    sub fork_worker {
        my ($self, $type, $id, $user, $code) = @_;
        push @StorageStandIns::tasks, $code;
        return 'UPID:test';
    }
}

package PVE::Storage {
    sub APIVER { return 15 }
}

package PVE::Storage::Plugin {
    our $MAX_VOLUMES_PER_GUEST = 1024;

    my $private = {
        plugins => {},
        propertyList => {
            map { $_ => {} }
                qw(type nodes content disable shared preallocation bwlimit snapshot-as-volume-chain),
        },
    };

    sub private { return $private }

    sub parse_lvm_name {
        my ($name) = @_;
        die "no name for LVM: '$name'\n" if $name !~ m/^[[:alnum:]_.-]{2,}$/ || $name =~ m/^-|-$/;
        return $name;
    }

    sub check_config {
        my ($class, $id, $config) = @_;
        return { type => $class->type(), $config->%* };
    }

    sub path {
        my ($class, $scfg, $volname, $storeid, $snapname) = @_;
        return $class->filesystem_path($scfg, $volname, $snapname);
    }

    sub cluster_lock_storage {
        my ($class, $storeid, $shared, $timeout, $code) = @_;
        die "the storage is locked already\n" if $StorageStandIns::locked;
        local $StorageStandIns::locked = 1;
        $StorageStandIns::locks++;
        return $code->();
    }

    sub write_common_header {
        my ($fh, $size) = @_;
        syswrite($fh, pack('Q<', $size), 8);
        return;
    }

    sub read_common_header {
        my ($fh) = @_;
        sysread($fh, my $size, 8);
        return unpack('Q<', $size) // die "no size\n";
    }
}

package PVE::Storage::LVMPlugin {
    our @ISA = ('PVE::Storage::Plugin');

    sub properties {
        return {
            map { $_ => {} } qw(vgname base tagged_only saferemove saferemove_throughput),
            'saferemove-stepsize',
        };
    }

    sub lvm_list_volumes {
        my ($vg) = @_;
        my %groups;
        PVE::Tools::run_command(
            [
                '/sbin/lvs', '--noheadings', '--separator', ':', '--units', 'b', '--nosuffix',
                '--config', 'report/time_format="%s"', '-o',
                'vg_name,lv_name,lv_size,lv_attr,lv_tags,lv_time', $vg // (),
            ],
            outfunc => sub {
                my ($vg, $name, $size, $attr, $tags, $time) = split(m/:/, $_[0] =~ s/^\s+//r);
                $groups{$vg}->{$name} = {
                    lv_size => int($size),
                    lv_type => substr($attr, 0, 1),
                    lv_state => substr($attr, 4, 1),
                    tags => $tags,
                    ctime => $time,
                };
            },
        );
        return \%groups;
    }
}

1;
