package PVE::Storage::Custom::LvmQcow2Plugin;

use v5.36;

use PVE::Storage::LVMPlugin;
use PVE::Storage::Plugin;

use PVE::Native::Image;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Activation;
use PVE::Native::LvmQcow2::Allocation;
use PVE::Native::LvmQcow2::Listing;
use PVE::Native::LvmQcow2::Names;
use PVE::Native::LvmQcow2::Removal;
use PVE::Native::LvmQcow2::Snapshots;
use PVE::Native::LvmQcow2::Transfer;
use PVE::Native::LvmQcow2::Volume;

use base qw(PVE::Storage::LVMPlugin);

# The newest version of the interface that this was tried with, and the oldest in which the guest's QEMU
# is told that it must not take snapshots within images.
use constant { TESTED_APIVER => 15, LEAST_APIVER => 12 };

my $CHAIN = 'snapshot-as-volume-chain';

# --- What Proxmox VE is told of the type ----------------------------------------------------------

sub api {
    my $running = PVE::Storage->can('APIVER');
    my $version = $running ? $running->() : TESTED_APIVER;
    return $version >= LEAST_APIVER && $version < TESTED_APIVER ? $version : TESTED_APIVER;
}

sub type {
    return 'lvmqcow2';
}

sub plugindata {
    return {
        content => [{ images => 1, rootdir => 1 }, { images => 1 }],
        format => [{ raw => 1, qcow2 => 1 }, 'qcow2'],
        'sensitive-properties' => {},
    };
}

# A property that two plugins define keeps all of Proxmox VE's storage from loading. All but one are
# LVMPlugin's or common; that one only if nobody else has it.
sub properties {
    my ($class) = @_;
    my $private = PVE::Storage::Plugin->private();
    my @others = grep { $_ && $_ ne $class } values(($private->{plugins} // {})->%*);
    return {} if exists($private->{propertyList}->{snapext});
    return {} if grep { exists($_->properties()->{snapext}) } @others;
    return {
        snapext => {
            description =>
                "Has no effect: kept for configurations of the first proposal of 2024.",
            type => 'boolean',
        },
    };
}

sub options {
    my ($class) = @_;
    my $options = {
        vgname => { fixed => 1 },
        base => { fixed => 1, optional => 1 },
        map { $_ => { optional => 1 } } qw(
            nodes shared disable content tagged_only bwlimit preallocation snapext
            saferemove saferemove_throughput saferemove-stepsize
        ), $CHAIN,
    };
    # Older versions do not know all of them.
    my %known = (
        PVE::Storage::Plugin->private()->{propertyList}->%*,
        PVE::Storage::LVMPlugin->properties()->%*,
        snapext => 1,
    );
    delete $options->@{ grep { !$known{$_} } keys $options->%* };
    return $options;
}

# Much in Proxmox VE asks for this option, and not for the type: whether the guest's QEMU keeps clusters
# that were discarded, without which an image outgrows its volume, is one of these. So it is always set.
sub check_config {
    my ($class, $id, $config, $create, $skip) = @_;
    my $settings = $class->SUPER::check_config($id, $config, $create, $skip);
    die "option '$CHAIN' of storage type '" . $class->type() . "' cannot be switched off\n"
        if defined($settings->{$CHAIN}) && !$settings->{$CHAIN};
    PVE::Native::LvmQcow2::Allocation::preallocation($settings);
    $settings->{$CHAIN} = 1 if $create && $class->options()->{$CHAIN};
    return $settings;
}

sub on_update_hook_full {
    my ($class, $storeid, $scfg, $update, $delete, $sensitive) = @_;
    die "option '$CHAIN' of storage type '" . $class->type() . "' cannot be switched off\n"
        if (defined($update->{$CHAIN}) && !$update->{$CHAIN})
        || grep { $_ eq $CHAIN } ($delete // [])->@*;
    return;
}

sub get_formats {
    my ($class, $scfg, $storeid) = @_;
    return { default => 'qcow2', valid => { qcow2 => 1, raw => 1 } };
}

sub get_identity {
    my ($class, $scfg, $storeid) = @_;
    return PVE::Native::LVM::uuid($scfg->{vgname});
}

# --- Names and paths ------------------------------------------------------------------------------

sub parse_volname {
    my ($class, $volname) = @_;
    PVE::Storage::Plugin::parse_lvm_name($volname);
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    return (
        'images', $volname, $volume->{owner}, undef, undef, $volume->{base} || undef,
        $volume->{format},
    );
}

sub filesystem_path {
    my ($class, $scfg, $volname, $snapname) = @_;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    my $vg = $scfg->{vgname};
    my $name = $volname;
    if (defined($snapname) && $snapname ne 'current') {
        die "volume '$volname' ($volume->{format}) can have no snapshots: adopt it first\n"
            if !$volume->{snapshots};
        my $at = PVE::Native::LvmQcow2::Volume::at($class, $scfg, undef, $volname);
        $name = PVE::Native::LvmQcow2::Volume::image_name($at, $snapname);
        # Who asks for a path opens it in the format of the volume. A guest could have written a
        # qcow2 header to its raw disk, which would then be followed.
        die "snapshot '$snapname' of '$volname' is a raw image, and cannot be used as qcow2\n"
            if $name !~ m/[.]qcow2$/;
    }
    my $path = PVE::Native::LVM::path($vg, $name);
    return wantarray ? ($path, $volume->{owner}, 'images') : $path;
}

sub qemu_blockdev_options {
    my ($class, $scfg, $storeid, $volname, $machine_version, $options) = @_;
    my ($path) = $class->path($scfg, $volname, $storeid, $options->{'snapshot-name'});
    return { driver => 'host_device', filename => $path };
}

sub find_free_diskname {
    my ($class, $storeid, $scfg, $vmid, $fmt, $add_fmt_suffix) = @_;
    my $names = PVE::Native::LVM::list($scfg->{vgname})->{volumes};
    return PVE::Native::LvmQcow2::Names::free_disk($names, $vmid, $fmt // 'raw', $storeid);
}

# --- Volumes --------------------------------------------------------------------------------------

sub alloc_image {
    my ($class, $storeid, $scfg, $vmid, $fmt, $name, $size) = @_;
    return PVE::Native::LvmQcow2::Allocation::alloc(
        $storeid, $scfg, $vmid, $fmt, $name, $size,
    );
}

sub free_image {
    my ($class, $storeid, $scfg, $volname, $isBase, $format) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at(
        $class, $scfg, $storeid, $volname, locked => 1,
    );
    return PVE::Native::LvmQcow2::Removal::free($at);
}

sub create_base {
    my ($class, $storeid, $scfg, $volname) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at(
        $class, $scfg, $storeid, $volname, locked => 1,
    );
    my $plan = PVE::Native::LvmQcow2::Volume::perform($at, 'create-base', {});
    return $plan->{result}->{volname};
}

sub clone_image {
    my ($class, $scfg, $storeid, $volname, $vmid, $snap) = @_;
    die
        "can't make a linked clone of '$volname': its base would be in use on several nodes at once,"
        . " and LVM does not keep their views of it together; make a full clone\n";
}

sub rename_volume {
    my ($class, $scfg, $storeid, $source_volname, $target_vmid, $target_volname) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at(
        $class, $scfg, $storeid, $source_volname, locked => 1,
    );
    my $target =
        PVE::Native::LvmQcow2::Snapshots::rename_volume($at, $target_vmid, $target_volname);
    return "$storeid:$target";
}

sub list_images {
    my ($class, $storeid, $scfg, $vmid, $vollist, $cache) = @_;
    return PVE::Native::LvmQcow2::Listing::images($storeid, $scfg, $vmid, $vollist, $cache);
}

# As the base class does, with one listing for all types of content.
sub list_volumes {
    my ($class, $storeid, $scfg, $vmid, $content_types) = @_;
    my %wanted = map { $_ => 1 } grep { m/^(?:images|rootdir)$/ } $content_types->@*;
    return [] if !%wanted;
    my $guests = PVE::Cluster::get_vmlist()->{ids} // {};
    my @volumes;
    for my $volume ($class->list_images($storeid, $scfg, $vmid)->@*) {
        my $guest = $guests->{ $volume->{vmid} } // {};
        $volume->{content} = ($guest->{type} // '') eq 'lxc' ? 'rootdir' : 'images';
        push @volumes, $volume if $wanted{ $volume->{content} };
    }
    return \@volumes;
}

sub volume_size_info {
    my ($class, $scfg, $storeid, $volname, $timeout) = @_;
    my $format = PVE::Native::LvmQcow2::Names::volume($volname)->{format};
    my $path = $class->filesystem_path($scfg, $volname);
    if ($format eq 'qcow2' || -e $path) {
        my @info = PVE::Native::Image::file_size_info($path, $timeout, $format);
        return wantarray ? @info : $info[0];
    }
    my $size = PVE::Native::LVM::size($scfg->{vgname}, $volname, $timeout);
    return wantarray ? ($size, 'raw', 0, undef) : $size;
}

sub volume_resize {
    my ($class, $scfg, $storeid, $volname, $size, $running, $snapname) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at($class, $scfg, $storeid, $volname);
    PVE::Native::LvmQcow2::Snapshots::resize($at, $size, $running, $snapname);
    return;
}

# --- Activation -----------------------------------------------------------------------------------

sub activate_volume {
    my ($class, $storeid, $scfg, $volname, $snapname, $cache, $hints) = @_;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    return PVE::Native::LvmQcow2::Activation::activate($scfg->{vgname}, $volume);
}

sub deactivate_volume {
    my ($class, $storeid, $scfg, $volname, $snapname, $cache) = @_;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    return PVE::Native::LvmQcow2::Activation::deactivate($scfg->{vgname}, $volume);
}

# --- Snapshots ------------------------------------------------------------------------------------

my sub at_chain {
    my ($class, $scfg, $storeid, $volname) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at($class, $scfg, $storeid, $volname);
    my $format = $at->{volume}->{format};
    my $path = PVE::Native::LVM::path($at->{vg}, $volname);
    die "volume '$volname' ($format) can have no snapshots: adopt it first,"
        . " see 'pve-native snapshot plan adopt --volume $path'\n"
        if !$at->{volume}->{snapshots};
    return $at;
}

sub volume_snapshot {
    my ($class, $scfg, $storeid, $volname, $snap) = @_;
    my $at = at_chain($class, $scfg, $storeid, $volname);
    PVE::Native::LvmQcow2::Volume::perform($at, 'create', { snapshot => $snap });
    return;
}

sub volume_rollback_is_possible {
    my ($class, $scfg, $storeid, $volname, $snap, $blockers) = @_;
    my $at = at_chain($class, $scfg, $storeid, $volname);
    return PVE::Native::LvmQcow2::Snapshots::check_rollback($at, $snap, $blockers // []);
}

sub volume_snapshot_rollback {
    my ($class, $scfg, $storeid, $volname, $snap) = @_;
    my $at = at_chain($class, $scfg, $storeid, $volname);
    PVE::Native::LvmQcow2::Volume::perform($at, 'rollback', { snapshot => $snap });
    return;
}

sub volume_snapshot_delete {
    my ($class, $scfg, $storeid, $volname, $snap, $running) = @_;
    my $at = at_chain($class, $scfg, $storeid, $volname);
    # The guest's QEMU has moved the data, and removes one image after the other.
    return PVE::Native::LvmQcow2::Removal::drop($at, $snap) if $running;
    PVE::Native::LvmQcow2::Volume::perform($at, 'delete', { snapshot => $snap });
    return;
}

sub volume_snapshot_info {
    my ($class, $scfg, $storeid, $volname) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at($class, $scfg, $storeid, $volname);
    return {} if !$at->{volume}->{snapshots};
    return PVE::Native::LvmQcow2::Snapshots::info($at);
}

sub rename_snapshot {
    my ($class, $scfg, $storeid, $volname, $source_snap, $target_snap) = @_;
    my $at = at_chain($class, $scfg, $storeid, $volname);
    return PVE::Native::LvmQcow2::Snapshots::rename_snapshot($at, $source_snap, $target_snap);
}

sub volume_qemu_snapshot_method {
    my ($class, $storeid, $scfg, $volname) = @_;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    return $volume->{snapshots} ? 'mixed' : 'storage';
}

sub volume_has_feature {
    my ($class, $scfg, $feature, $storeid, $volname, $snapname, $running, $opts) = @_;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    my $what = $snapname ? 'snap' : $volume->{base} ? 'base' : 'current';
    my $chain = $volume->{snapshots} ? 1 : undef;
    my $features = {
        snapshot => { current => $chain, snap => $chain },
        copy => { base => 1, current => 1, snap => $chain },
        template => { current => 1 },
        rename => { current => 1 },
        # What was on the volumes before is not seen through a new image; raw volumes show it.
        sparseinit => { base => $chain, current => $chain },
    };
    return $features->{$feature}->{$what};
}

# --- Streams --------------------------------------------------------------------------------------

sub volume_export_formats {
    my ($class, $scfg, $storeid, $volname, $snapshot, $base_snapshot, $with_snapshots) = @_;
    return () if defined($snapshot) || defined($base_snapshot);
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    return ('raw+size') if !$with_snapshots;
    return () if $volume->{format} ne 'qcow2';
    # An image in a stream stands alone.
    my $names = PVE::Native::LVM::list($scfg->{vgname})->{volumes};
    my @images = PVE::Native::LvmQcow2::Names::members($volname, $names);
    return @images == 1 ? ('qcow2+size') : ();
}

sub volume_export {
    my ($class, $scfg, $storeid, $fh, $volname, $format, @snapshots) = @_;
    my @formats = $class->volume_export_formats($scfg, $storeid, $volname, @snapshots);
    die "volume '$volname' cannot be exported as $format\n"
        if !grep { $_ eq $format } @formats;
    my $volume = PVE::Native::LvmQcow2::Names::volume($volname);
    my $path = $class->filesystem_path($scfg, $volname);
    return PVE::Native::LvmQcow2::Transfer::export($fh, $path, $volume, $format);
}

sub volume_import_formats {
    my ($class, $scfg, $storeid, $volname, $snapshot, $base_snapshot, $with_snapshots) = @_;
    return () if defined($base_snapshot);
    my $format = PVE::Native::LvmQcow2::Names::volume($volname)->{format};
    return ('qcow2+size') if $format eq 'qcow2' && $with_snapshots;
    return ('raw+size') if $format eq 'raw' && !$with_snapshots;
    return ();
}

sub volume_import {
    my ($class, $scfg, $storeid, $fh, $volname, $format, @more) = @_;
    my ($snapshot, $base_snapshot, $with_snapshots, $allow_rename) = @more;
    my @formats = $class->volume_import_formats(
        $scfg, $storeid, $volname, $snapshot, $base_snapshot, $with_snapshots,
    );
    die "$format cannot be imported as volume '$volname'\n"
        if !grep { $_ eq $format } @formats;
    my $at = PVE::Native::LvmQcow2::Volume::at($class, $scfg, $storeid, $volname);
    return PVE::Native::LvmQcow2::Transfer::import_volume($at, $fh, $allow_rename);
}

1;
