package PVE::Native::Image;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text options policy);
use PVE::Native::Image::Pin;

sub info {
    my ($path, $opts) = @_;
    my ($format, $timeout, $limits) = options('info', $opts, qw(format timeout limits));
    return PVE::Native::RS::Image::info(text('path', $path), $format, $timeout, $limits);
}

sub chain {
    my ($path, $opts) = @_;
    my ($format, $timeout, $allow_probe, $max_depth, $strict, $limits) =
        options('chain', $opts, qw(format timeout allow-probe max-depth strict limits));
    return PVE::Native::RS::Image::chain(
        text('path', $path), $format, $timeout, $allow_probe, $max_depth, $strict, $limits,
    );
}

sub inspect_many {
    my ($paths, $opts) = @_;
    refuse('inspect_many: paths are not an array') if ref($paths) ne 'ARRAY';
    my @paths = map { my $path = $_; text('path', $path) } $paths->@*;
    my ($timeout, $threads, $limits) = options('inspect_many', $opts, qw(timeout threads limits));
    return PVE::Native::RS::Image::inspect_many(\@paths, $timeout, $threads, $limits);
}

sub qemu_img_info {
    my ($file, $format, $timeout, $follow) = @_;
    $file = text('file', $file);
    $format = text('format', $format);
    $timeout = text('timeout', $timeout);
    $follow = $follow ? 1 : 0;
    my $json = eval { PVE::Native::RS::Image::qemu_img_info($file, $format, $timeout, $follow) };
    if (my $err = $@) {
        die $err if !ref($err) || $err->name !~ m/^(?:timeout|busy)$/;
        warn $err;
        return '';
    }
    return $json;
}

sub file_size_info {
    my ($file, $timeout, $format, $untrusted) = @_;
    $file = text('file', $file) if ref($file);
    $timeout = text('timeout', $timeout) if ref($timeout);
    $format = text('format', $format) if ref($format);
    $untrusted = $untrusted ? 1 : 0;
    my ($size, $fmt, $used, $parent, $ctime, $warnings, $err) =
        PVE::Native::RS::Image::file_size_info($file, $timeout, $format, $untrusted);
    if ($warnings) {
        warn "$_\n" for $warnings->@*;
    }
    die $err if $err;
    return $size if !wantarray;
    return undef if !defined($ctime);
    return ($size, $fmt, $used, $parent, $ctime);
}

sub audit {
    my ($path, $policy) = @_;
    my ($timeout, $limits, $settings) = policy('audit', $policy);
    return PVE::Native::RS::Audit::audit(text('path', $path), $timeout, $limits, $settings);
}

sub audit_or_die {
    my ($path, $policy) = @_;
    my ($timeout, $limits, $settings) = policy('audit_or_die', $policy);
    return PVE::Native::RS::Audit::audit_or_die(text('path', $path), $timeout, $limits, $settings);
}

sub pin {
    my ($path, $policy) = @_;
    my ($timeout, $limits, $settings) = policy('pin', $policy);
    return PVE::Native::RS::Pin::pin(text('path', $path), $timeout, $limits, $settings);
}

1;

__END__

=head1 NAME

PVE::Native::Image - what is in a disk image and in the chain under it, and whether it may be used

=head1 SYNOPSIS

    use PVE::Native::Image;

    my $info = PVE::Native::Image::info($path, { format => 'qcow2', timeout => 5 });
    printf "%d bytes\n", $info->{'virtual-size'};

    for my $image (PVE::Native::Image::chain($path)->@*) {
        die $image->{error}->{message} . "\n" if $image->{error};
        print "$image->{filename}\n";
    }

    my ($size, $format, $used, $parent, $ctime) =
        PVE::Native::Image::file_size_info($path, 5, 'qcow2', 1);

    my $policy = { preset => 'upload', format => 'qcow2', timeout => 5 };
    PVE::Native::Image::audit_or_die($uploaded, $policy);
    my $pin = PVE::Native::Image::pin($uploaded, $policy);
    run('qemu-img', 'convert', '-O', 'raw', $pin->qemu_img_args(), $volume);

=head1 DESCRIPTION

Reads the metadata of disk images in process, in microseconds, with the answers of
C<qemu-img info>. No process is started, no lock is taken, nothing is written. An image that a
running guest holds open can be read; what a guest's QEMU is just changing may be seen half
changed.

Names and paths are byte strings, in and out. Sizes are bytes, times seconds. Numbers are numbers,
booleans 1 and 0, and what is absent is not in the hash.

All functions die with a L<PVE::Native::Error>, a line that begins with what failed.

=head2 Formats

A format is never guessed from an image's contents unless the caller asks for it: whoever can write
the first sector of a raw image could make it another format. C<format> names it; without C<format>
the extension of the name decides, and a name without one means C<raw>; C<auto-detect> probes.

=head2 Time-outs

C<timeout> is in seconds, fractions allowed; 0 and undef mean none. It bounds all storage calls of
the function together, also where storage hangs in the kernel, as a dead NFS server does.

=head2 Limits

C<limits> is a hash of bounds on what an image may cost: C<max-depth>, C<max-virtual-size>,
C<max-extents>, C<max-backing-name>, C<max-name>, C<max-snapshots>, C<max-bitmaps>,
C<max-l1-bytes>, C<max-refcount-table-bytes>, C<max-block-table-bytes>, C<max-read-bytes>,
C<max-steps>. What is missing, undef or 0 has its default, and what is above what can be asked for
is an error; F<docs/limits.md> has all numbers. An image that is above one of them is refused with
the error C<limit>.

=head2 Policies

A policy says what an image may be and what it may name. It is a hash; what is absent or undef has
its default, and a key that is not in this list is an error, as is a value that is none. Flags are 1,
or 0 or the empty string; numbers may be text.

=over

=item preset

Where the image comes from. C<upload>: somebody sent it; one file that names no other, neither a
backing file nor a data file nor further extents. C<restore>: it is brought back from elsewhere; the
whole chain lies inside C<roots>, which must be given. C<storage>: a volume of the caller's own
storage; that a guest made its raw disk look like another format is told, but no reason to refuse.

=item format, timeout, limits

As for the other functions.

=item roots

Directories, in one of which every file must really lie. Without any it is the directory of the top
image, for all files but the top image itself.

=item formats

Names of the formats that images may have; without any all whose metadata are read.

=item protocols

Protocols (C<nbd>, C<rbd>, ...) that may stand in names; without any only files are allowed. Nothing
is read over them.

=item deny-backing, allow-data-file, allow-unnamed-format

Flags: the image must have no backing file; its data may lie in an external data file; backing images
whose format is not recorded may be probed.

=item same-device

Flag: all files must lie on the file system of the top image.

=item max-depth, max-virtual-size

Images in the chain at the most (200), bytes of a disk at the most (128 TiB).

=item symlinks

Which symbolic links may lead to a file. 0 or C<inside>: those that do not leave the roots, and those
that udev makes for block devices. 1 or C<none>: none. 2 or C<any>: any; the name must lie inside the
roots, the file need not.

=back

=head1 FUNCTIONS

=over

=item info($path, \%opts)

Function: a hash with the keys and values of C<qemu-img info --output=json>. Options: C<format>,
C<timeout>, C<limits>.

=item chain($path, \%opts)

Function: an array of such hashes, the top image first, as with C<--backing-chain>. Options:
C<format>, C<timeout>, C<allow-probe> (probe backing images whose format is not recorded),
C<max-depth> (200), C<strict>, C<limits>.

A chain that is damaged, comes back to itself, is too deep, or goes on with an image whose format
is not recorded ends with C<< { filename => ..., error => { code => ..., message => ... } } >>;
C<code> is a word of L<PVE::Native::Error/name>. With C<strict> the function dies instead.

=item inspect_many(\@paths, \%opts)

Function: C<< { path => info or { error => { code, message } } } >>. Options: C<timeout> for all of
them together, C<threads> (16 at the most), C<limits> for each. An image that is slow or broken holds up no other.

=item qemu_img_info($file, $format, $timeout, $follow)

Function: the JSON text of C<qemu-img info>, a replacement for
C<PVE::Storage::Common::qemu_img_info>. As there, no format means that the image is probed, a
time-out is warned of and gives the empty string, and any other failure dies.

=item file_size_info($file, $timeout, $format, $untrusted)

Function: size, format, used bytes, parent and ctime, or the size alone in scalar context; a
replacement for C<PVE::Storage::Plugin::file_size_info>. Directories have the format C<subvol>.

A file that is not there or does not answer in time is warned of and gives undef; with
C<$untrusted> it dies. An untrusted image dies as well if it refers to any other file: backing
file, data file, further extents, whatever their names are; none of them is opened.

=item audit($path, \%policy)

Function: whether the image and all that it refers to may be used under the policy. A hash:

    {
        safe => 0 | 1,
        chain => [...],     # what could be read of it, as chain() gives it
        findings => [
            { code => ..., severity => ..., image => ..., offset => ..., message => ... },
        ],
    }

C<safe> is 1 if no finding has the severity C<error>; the others are C<warning> and C<info>. C<code>
is a stable word such as C<backing-file>, C<outside-roots> or C<hidden-format>. C<image> is the path
of the image that it was found in, C<offset> the place in that file, if one is to blame, C<message> a
sentence for an administrator, safe to print.

Each file is judged before it is opened; what is neither a regular file nor a block device never is.
Nothing that an image contains makes the function die. That the image is not there does, as do a
policy that contradicts itself and storage that does not answer in time.

=item audit_or_die($path, \%policy)

Function: the same, but dies with the first finding of severity C<error>; the error's
L<name|PVE::Native::Error/name> is C<denied>.

=item pin($path, \%policy)

Function: audits as C<audit_or_die> does and keeps the very files that were audited open; gives a
L<PVE::Native::Image::Pin>, which hands them to QEMU. Dies with C<unsupported> for what QEMU cannot be
given so: vmdk images with extents in other files, and backing images that are not files.

=back

=head1 SEE ALSO

L<PVE::Native::Image::Pin>, L<PVE::Native::Error>, L<PVE::Native>

=cut
