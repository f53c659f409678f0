package PVE::Native::LvmQcow2::Snapshots;

use v5.36;

# What Proxmox VE asks of snapshots of the storage type lvmqcow2, and does to them besides what is planned:
# a guest that runs has its QEMU move the data, and the storage follows.

use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;
use PVE::Native::LvmQcow2::Volume;
use PVE::Native::SnapshotGraph;

# In the shape of Proxmox VE. Its callers open all images of a .qcow2 volume as qcow2, and those that are
# no state by what the header above says: so a raw image is nobody's parent.
sub info {
    my ($at) = @_;
    my $path = PVE::Native::LVM::path($at->{vg}, $at->{volname});
    die "volume '$at->{vg}/$at->{volname}' is not active, or has no current image:"
        . " 'pve-native snapshot diagnose $path' says more\n"
        if !-e $path;
    # Who reads a device that a command of LVM has left so waits in vain.
    my $active = PVE::Native::LVM::active($at->{vg});
    for my $name (PVE::Native::LvmQcow2::Names::members($at->{volname}, $active)) {
        die "'$at->{vg}/$name' is suspended: 'pve-native snapshot diagnose $path' says more\n"
            if PVE::Native::LVM::is_suspended($at->{vg}, $name);
    }
    my $graph = PVE::Native::SnapshotGraph->from_chain(
        $path,
        {
            scheme => PVE::Native::LvmQcow2::Names::SCHEME,
            volname => $at->{volname},
            storeid => $at->{storeid},
            format => 'qcow2',
            timeout => PVE::Native::LvmQcow2::Volume::TIMEOUT,
        },
    );
    my $info = $graph->snapshot_info();
    for my $state (values $info->%*) {
        my $parent = $info->{ $state->{parent} // '' } // next;
        delete $state->{parent} if $parent->{volname} !~ m/[.]qcow2$/;
    }
    return $info;
}

# Dies if a rollback would lose newer snapshots, whose names are added to @$blockers.
sub check_rollback {
    my ($at, $snapshot, $blockers) = @_;
    my $graph = PVE::Native::LvmQcow2::Volume::look_at_active($at);
    my @incomplete =
        grep { $_->{code} =~ m/^(?:inactive|missing|no-image|no-current|current-missing)$/ }
        $graph->findings();
    if (@incomplete) {
        ($graph) = PVE::Native::LvmQcow2::Volume::look($at, ready => 1);
    }
    my @newer = eval { $graph->blockers($snapshot) };
    die "can't rollback, $@" if $@;
    push $blockers->@*, @newer;
    die "can't rollback, '$snapshot' is not most recent snapshot on '$at->{volname}'\n" if @newer;
    return 1;
}

# Gives the volume another name, which is returned.
sub rename_volume {
    my ($at, $vmid, $target) = @_;
    my ($graph, $list) = PVE::Native::LvmQcow2::Volume::look($at, ready => 1);
    my $names = $list->{volumes};
    $target //= PVE::Native::LvmQcow2::Names::free_disk(
        $names, $vmid, $at->{volume}->{format}, $at->{storeid},
    );
    PVE::Native::LvmQcow2::Names::must_be_free($target, $names, $at->{vg});
    my ($plan) =
        PVE::Native::LvmQcow2::Volume::carry_out($at, $graph, $list, 'rename', { to => $target });
    return $plan->{result}->{volname} // $target;
}

# Makes a disk larger: of the current image, or while a guest runs that of a snapshot, into which its QEMU
# is about to move what is above. A running guest's QEMU makes the image larger itself.
sub resize {
    my ($at, $size, $running, $snapshot) = @_;
    my $is_current = !defined($snapshot) || $snapshot eq 'current';
    return PVE::Native::LvmQcow2::Volume::perform($at, 'resize', { size => $size })
        if !$running && $is_current && $at->{volume}->{format} ne 'raw';
    # The volume is the disk.
    my $extend = sub { PVE::Native::LVM::extend($at->{vg}, $at->{volname}, $size) };
    return PVE::Native::LvmQcow2::Volume::under_lock($at, $extend)
        if $at->{volume}->{format} eq 'raw';
    return PVE::Native::LvmQcow2::Volume::under_lock(
        $at,
        sub {
            my ($graph, $list) = PVE::Native::LvmQcow2::Volume::look($at);
            my $names = $list->{volumes};
            my $name = PVE::Native::LvmQcow2::Volume::image_name($at, $snapshot, $names);
            my $volume = $names->{$name} or die "volume '$at->{vg}/$name' is missing\n";
            my $room = $graph->room($name, $size);
            PVE::Native::LVM::extend($at->{vg}, $name, $room) if $room > $volume->{size};
        },
    );
}

# Gives the image of a state the name of another, as a running guest's QEMU has moved data between them.
# The caller holds the lock.
sub rename_snapshot {
    my ($at, $from, $to) = @_;
    my $source = PVE::Native::LvmQcow2::Volume::image_name($at, $from);
    my $raw = $source !~ m/[.]qcow2$/;
    die "snapshot '$from' of '$at->{volname}' is raw, and cannot be the current image\n"
        if $raw && $to eq 'current';
    my $target = PVE::Native::LvmQcow2::Names::image($at->{volname}, $to, $raw);
    return PVE::Native::LVM::rename($at->{vg}, $source, $target);
}

1;
