package PVE::Native::LvmQcow2::Transfer;

use v5.36;

# Sends volumes of the storage type lvmqcow2 as streams, and makes volumes of them. What is labelled raw
# is the disk as the guest sees it, and what is labelled qcow2 is an image in that format: never one in
# place of the other.

use IO::Handle;

use PVE::Storage::Plugin;

use PVE::Native::Image;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Volume;

# Bytes that are read and written at a time.
my $CHUNK = 1024 * 1024;
my $NO_DATA = "\0" x $CHUNK;
# Extents that are asked for at a time.
my $EXTENTS = 16384;
my ($PRESENT, $ZERO, $DATA, $COMPRESSED) = (1, 2, 4, 8);

my sub write_all {
    my ($fh, $bytes) = @_;
    my $done = 0;
    while ($done < length($bytes)) {
        my $written = syswrite($fh, $bytes, length($bytes) - $done, $done);
        next if !defined($written) && $!{EINTR};
        die "cannot write: $!\n" if !defined($written);
        $done += $written;
    }
    return;
}

# At most so many bytes; fewer only at the end.
my sub read_some {
    my ($fh, $length) = @_;
    my $bytes = '';
    while (length($bytes) < $length) {
        my $got = sysread($fh, $bytes, $length - length($bytes), length($bytes));
        next if !defined($got) && $!{EINTR};
        die "cannot read: $!\n" if !defined($got);
        last if !$got;
    }
    return $bytes;
}

my sub opened {
    my ($mode, $path) = @_;
    open(my $fh, $mode, $path) or die "cannot open '$path': $!\n";
    return $fh;
}

# Copies so many bytes of a file.
my sub copy {
    my ($from, $offset, $length, $to) = @_;
    sysseek($from, $offset, 0) or die "cannot seek: $!\n";
    while ($length > 0) {
        my $bytes = read_some($from, $length < $CHUNK ? $length : $CHUNK);
        # A file may end within what was allocated.
        $bytes = substr($NO_DATA, 0, $length < $CHUNK ? $length : $CHUNK) if !length($bytes);
        write_all($to, $bytes);
        $length -= length($bytes);
    }
    return;
}

my sub zeros {
    my ($length, $to) = @_;
    while ($length > 0) {
        my $part = $length < $CHUNK ? $length : $CHUNK;
        write_all($to, substr($NO_DATA, 0, $part));
        $length -= $part;
    }
    return;
}

# Sends the disk of a qcow2 image and what it stands on.
my sub send_disk {
    my ($path, $to) = @_;
    my $extents = PVE::Native::Image::extents($path, { format => 'qcow2' });
    my @files = map { opened('<:raw', $_->{filename}) } $extents->chain()->@*;
    while (length(my $records = $extents->packed($EXTENTS))) {
        my @numbers = unpack('Q<*', $records);
        while (my ($start, $length, $offset, $flags) = splice(@numbers, 0, 4)) {
            die "'$path' has compressed clusters, which are not sent as raw data\n"
                if $flags & $COMPRESSED;
            if (!($flags & $DATA) || $flags & $ZERO) {
                zeros($length, $to);
            } else {
                copy($files[$flags >> 32], $offset, $length, $to);
            }
        }
    }
    return;
}

# Sends a volume whose images are active.
sub export {
    my ($fh, $path, $volume, $format) = @_;
    my $image = { format => $volume->{format} };
    my $size = PVE::Native::Image::info($path, $image)->{'virtual-size'};
    if ($format eq 'raw+size') {
        PVE::Storage::Plugin::write_common_header($fh, $size);
        return send_disk($path, $fh) if $volume->{format} eq 'qcow2';
        return copy(opened('<:raw', $path), 0, $size, $fh);
    }
    die "volume '$volume->{volume}' stands on another image: it cannot be sent as one qcow2 image\n"
        if PVE::Native::Image::chain($path, { format => 'qcow2', strict => 1 })->@* > 1;
    my $end = PVE::Native::Image::headroom($path, $image)->{end};
    PVE::Storage::Plugin::write_common_header($fh, $size);
    return copy(opened('<:raw', $path), 0, $end, $fh);
}

# Writes what comes to a new volume.
my sub receive {
    my ($fh, $path, $format, $size) = @_;
    my $to = opened('+<:raw', $path);
    my $done = 0;
    while (length(my $bytes = read_some($fh, $CHUNK))) {
        die "import: the stream is longer than the $size bytes that it announces\n"
            if $format eq 'raw' && $done + length($bytes) > $size;
        write_all($to, $bytes);
        $done += length($bytes);
    }
    $to->sync() or die "cannot write '$path': $!\n";
    close($to) or die "cannot write '$path': $!\n";
    die "import: the stream ends after $done of $size bytes\n"
        if $format eq 'raw' && $done != $size;
    return if $format eq 'raw';
    # Others have made this image: it must name no other file, and be what was announced.
    PVE::Native::Image::audit_or_die($path, { preset => 'upload', format => 'qcow2' });
    my $found = PVE::Native::Image::info($path, { format => 'qcow2' })->{'virtual-size'};
    die "import: the image has a disk of $found bytes, and $size were announced\n"
        if $found != $size;
    return;
}

# Others may have laid out an image so that it takes more room.
my sub fit {
    my ($at, $name) = @_;
    my $path = PVE::Native::LVM::path($at->{vg}, $name);
    my $headroom = PVE::Native::Image::headroom($path, { format => 'qcow2' });
    return if !$headroom->{'short-by'};
    my $extend = sub { PVE::Native::LVM::extend($at->{vg}, $name, $headroom->{'worst-case'}) };
    return PVE::Native::LvmQcow2::Volume::under_lock($at, $extend);
}

# Makes a volume of a stream; returns its ID. The storage is locked only while the volume is made.
sub import_volume {
    my ($at, $fh, $allow_rename) = @_;
    my ($class, $scfg, $storeid, $volname) = $at->@{qw(class scfg storeid volname)};
    my ($vmid, $format) = $at->{volume}->@{qw(owner format)};
    my $size = PVE::Storage::Plugin::read_common_header($fh);
    die "import: a disk of $size bytes is announced\n" if !$size || $size % 512;
    my $make = sub {
        my $there = PVE::Native::LVM::list($at->{vg})->{volumes}->{$volname};
        die "volume '$at->{vg}/$volname' is there already\n" if $there && !$allow_rename;
        warn "volume '$at->{vg}/$volname' is there already, the new one gets another name\n"
            if $there;
        my $name = $there ? undef : $volname;
        return $class->alloc_image($storeid, $scfg, $vmid, $format, $name, $size / 1024);
    };
    my $made = PVE::Native::LvmQcow2::Volume::under_lock($at, $make);
    eval {
        receive($fh, PVE::Native::LVM::path($at->{vg}, $made), $format, $size);
        fit($at, $made) if $format eq 'qcow2';
    };
    if (my $err = $@) {
        my $free = sub { $class->free_image($storeid, $scfg, $made, 0, $format) };
        my $worker = eval { PVE::Native::LvmQcow2::Volume::under_lock($at, $free) };
        warn $@ if $@;
        PVE::Native::LvmQcow2::Volume::start($worker);
        die $err;
    }
    return "$storeid:$made";
}

1;
