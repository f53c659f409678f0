package PVE::Native::LvmQcow2::Allocation;

use v5.36;

# Makes volumes of the storage type lvmqcow2, with room for all that they can grow to.

use POSIX qw(ceil);

use PVE::Tools qw(run_command);

use PVE::Native::Image;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;

# How images are laid out: clusters as large as the parts in which storage arrays work, and
# subclusters, so that a small write copies little.
use constant LAYOUT => { cluster_size => '128k', extended_l2 => 'on' };

my $KIB = 1024;

# What new images have allocated. Under the cluster's lock nothing may take long: 'metadata' is for those
# who want it and know.
sub preallocation {
    my ($scfg) = @_;
    my $mode = $scfg->{preallocation} // 'off';
    die "preallocation '$mode' would write whole disks while the storage is locked:"
        . " use 'off' or 'metadata'\n"
        if $mode !~ m/^(?:off|metadata)$/;
    return $mode;
}

# Bytes that a new image takes once all of its disk has been written. With this layout that is exact up to
# 128 TiB, more than which no disk can have (docs/sizes.md).
my sub room {
    my ($bytes) = @_;
    my $opts = { size => $bytes, format => 'qcow2', options => LAYOUT };
    return PVE::Native::Image::measure(undef, $opts)->{'fully-allocated'};
}

# Makes a volume; the caller holds the storage's lock. Returns its name.
sub alloc {
    my ($storeid, $scfg, $vmid, $format, $name, $size_kib) = @_;
    my $vg = $scfg->{vgname};
    die "no volume can be made in format '$format'\n" if $format !~ m/^(?:raw|qcow2)$/;
    my $preallocation = preallocation($scfg);
    # Disks are whole sectors.
    my $bytes = ceil($size_kib * $KIB / 512) * 512;
    die "a volume needs a size\n" if $bytes <= 0;

    my $list = PVE::Native::LVM::list($vg);
    my $names = $list->{volumes};
    # Proxmox VE gives names of cloud-init drives without the extension when it clones them.
    $name .= '.qcow2' if $name && $format eq 'qcow2' && $name !~ m/[.]qcow2$/;
    $name ||= PVE::Native::LvmQcow2::Names::free_disk($names, $vmid, $format, $storeid);
    my $volume = PVE::Native::LvmQcow2::Names::volume($name);
    die "'$name' is no name for a volume of guest $vmid\n"
        if $volume->{owner} ne $vmid || $volume->{base};
    die "'$name' is no name for a volume in format $format\n"
        if $volume->{format} ne $format;
    PVE::Native::ImageName::check_volume(
        PVE::Native::LvmQcow2::Names::SCHEME, $name, { group => $vg },
    );
    PVE::Native::LvmQcow2::Names::must_be_free($name, $names, $vg);

    my $room = $format eq 'qcow2' ? room($bytes) : ceil($bytes / $KIB) * $KIB;
    die "volume group '$vg' has $list->{free} bytes free, and $room are needed\n"
        if defined($list->{free}) && $list->{free} < $room;
    my $tags = PVE::Native::LvmQcow2::Names::tags($volume);
    if ($format eq 'raw') {
        PVE::Native::LVM::create($vg, $name, $room, $tags);
        return $name;
    }
    # Until it holds an image it has a name that says so.
    my $new = PVE::Native::LvmQcow2::Names::unfinished($name);
    PVE::Native::LVM::create($vg, $new, $room, $tags);
    eval {
        my $layout = LAYOUT;
        my @options = (map { "$_=$layout->{$_}" } sort keys $layout->%*);
        push @options, "preallocation=$preallocation" if $preallocation ne 'off';
        my $cmd =
            ['/usr/bin/qemu-img', 'create', '-q', '-f', 'qcow2', '-o', join(',', @options)];
        push $cmd->@*, PVE::Native::LVM::path($vg, $new), $bytes;
        run_command($cmd, errmsg => "cannot make an image in volume '$vg/$new'");
        PVE::Native::LVM::rename($vg, $new, $name);
    };
    if (my $err = $@) {
        eval { PVE::Native::LVM::remove($vg, $new) };
        warn $@ if $@;
        die $err;
    }
    return $name;
}

1;
