package PVE::Native::Image;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text options policy create_options);
use PVE::Native::Image::Extents;
use PVE::Native::Image::Pin;
use PVE::Native::Work;

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

sub qemu_img_measure {
    my ($size, $format, $timeout, $options) = @_;
    refuse('format is missing') if !$format;
    refuse('options are not an array') if $options && ref($options) ne 'ARRAY';
    return PVE::Native::RS::Measure::qemu_img_measure(
        text('size', $size),
        text('format', $format),
        text('timeout', $timeout),
        create_options($options || undef),
    );
}

sub extents {
    my ($path, $opts) = @_;
    my ($format, $allow_probe, $max_depth, $timeout, $limits, $progress) =
        options('extents', $opts, qw(format allow-probe max-depth timeout limits progress));
    my $extents = PVE::Native::RS::Extents::extents(
        text('path', $path), $format, $allow_probe, $max_depth, $timeout, $limits,
    );
    $extents->{progress} = $progress;
    return $extents;
}

sub check {
    my ($path, $opts) = @_;
    my ($format, $timeout, $limits, $progress) =
        options('check', $opts, qw(format timeout limits progress));
    my $work = PVE::Native::RS::Maps::check(text('path', $path), $format, $timeout, $limits);
    return PVE::Native::Work::finish($work, $progress);
}

sub headroom {
    my ($path, $opts) = @_;
    my ($format, $device_size, $timeout, $limits, $progress) =
        options('headroom', $opts, qw(format device-size timeout limits progress));
    my $work = PVE::Native::RS::Maps::headroom(
        text('path', $path), $format, $device_size, $timeout, $limits,
    );
    return PVE::Native::Work::finish($work, $progress);
}

sub changed_extents {
    my ($top, $base, $opts) = @_;
    my ($format, $allow_probe, $max_depth, $timeout, $limits, $progress) = options(
        'changed_extents', $opts, qw(format allow-probe max-depth timeout limits progress),
    );
    my $work = PVE::Native::RS::Maps::changed_extents(
        text('top', $top),
        text('base', $base),
        $format,
        $allow_probe,
        $max_depth,
        $timeout,
        $limits,
    );
    return PVE::Native::Work::finish($work, $progress);
}

sub bitmap_extents {
    my ($path, $bitmap, $opts) = @_;
    my ($timeout, $limits, $progress) =
        options('bitmap_extents', $opts, qw(timeout limits progress));
    my $work = PVE::Native::RS::Maps::bitmap_extents(
        text('path', $path), text('bitmap', $bitmap), $timeout, $limits,
    );
    return PVE::Native::Work::finish($work, $progress);
}

sub merge_costs {
    my ($top, $opts) = @_;
    my ($format, $allow_probe, $max_depth, $timeout, $limits, $progress) =
        options('merge_costs', $opts, qw(format allow-probe max-depth timeout limits progress));
    my $work = PVE::Native::RS::Maps::merge_costs(
        text('top', $top), $format, $allow_probe, $max_depth, $timeout, $limits,
    );
    return PVE::Native::Work::finish($work, $progress);
}

sub measure {
    my ($path, $opts) = @_;
    my ($size, $format, $options, $source, $probe, $depth, $timeout, $limits, $progress) = options(
        'measure', $opts,
        qw(size format options source-format allow-probe max-depth timeout limits progress),
    );
    $path = text('path', $path);
    return PVE::Native::RS::Measure::measure_size($size, $format, $options) if !defined($path);
    refuse('measure: an image has a size of its own') if defined($size);
    my $work = PVE::Native::RS::Measure::measure_image(
        $path, $format, $options, $source, $probe, $depth, $timeout, $limits,
    );
    return PVE::Native::Work::finish($work, $progress);
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

    for my $range (PVE::Native::Image::changed_extents($path, $snapshot)->@*) {
        my ($start, $length) = $range->@*;
        copy($start, $length);
    }
    my $watch = sub {
        my ($done, $total) = @_;
        printf "%d %%\n", 100 * $done / $total if $total;
        return !$stop;
    };
    my $check = PVE::Native::Image::check($path, { timeout => 60, progress => $watch });
    die "$path is damaged\n" if $check->{corruptions} || $check->{'check-errors'};

=head1 DESCRIPTION

Reads the metadata of disk images in process, in microseconds, with the answers of
C<qemu-img info>. No process is started, no lock is taken, nothing is written. An image that a
running guest holds open can be read; what a guest's QEMU is just changing may be seen half
changed.

Names and paths are byte strings, in and out. Sizes and offsets are bytes, times seconds. Numbers are
numbers, booleans 1 and 0, and what is absent is not in the hash.

All functions die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since
version 0.1.

=head2 Formats

A format is never guessed from an image's contents unless the caller asks for it: whoever can write
the first sector of a raw image could make it another format. C<format> names it; without C<format>
the extension of the name decides, and a name without one means C<raw>; C<auto-detect> probes.

=head2 Time-outs

C<timeout> is in seconds, fractions allowed; 0 and undef mean none. It bounds all storage calls of
the function together, also where storage hangs in the kernel, as a dead NFS server does. The error is
C<timeout>.

=head2 Progress

What reads all tables of an image (C<check>, C<headroom>, C<changed_extents>, C<bitmap_extents>,
C<merge_costs>, C<measure> of an image, the methods of C<extents>) is done a part at a time, of about a millisecond where storage
answers. Between two parts the handlers of signals run, so that C<alarm> works as in Perl code.

C<progress> is a code reference, called between two parts with what is done and what there is to do, as
far as that is known: C<< sub { my ($done, $total) = @_; ...; return 1; } >>. The units are the work's
own, both may grow, C<$total> may be 0, and what is done in one part has no call. If it returns
something false, the function dies with the error C<cancelled>; if it dies, the function dies with the
same. Nothing is left behind then. The time that it takes counts: C<timeout> goes on.

=head2 Limits

C<limits> is a hash of bounds on what an image may cost: C<max-depth>, C<max-virtual-size>,
C<max-extents>, C<max-backing-name>, C<max-name>, C<max-snapshots>, C<max-bitmaps>, C<max-l1-bytes>,
C<max-refcount-table-bytes>, C<max-block-table-bytes>, C<max-read-bytes>, C<max-steps>, C<max-ranges>,
C<max-check-bytes>. What is missing, undef or 0 has its default, and what is above what can be asked
for is an error; F<docs/limits.md> has all numbers. An image that is above one of them is refused with
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
them together, C<threads> (16 at the most), C<limits> for each. An image that is slow or broken holds
up no other.

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

=item qemu_img_measure($size_kib, $format, $timeout, \@options)

Function: the JSON text of C<qemu-img measure> for a new disk of that many KiB (a number, with a
fraction perhaps), a replacement for C<PVE::Storage::Common::qemu_img_measure>. It dies if there is no
format, and for what C<qemu-img> refuses. No process is run and no storage is touched, so the time-out
never passes.

=item extents($path, \%opts)

Function: which image of the chain serves which part of the disk, as C<qemu-img map> says; gives a
L<PVE::Native::Image::Extents>, which hands them out in parts. Options: C<format>, C<allow-probe>,
C<max-depth>, C<timeout> (for this call, and for each call of a method by itself), C<limits>,
C<progress> (called while a method looks for extents). A chain that is not whole is an error, as are
formats whose maps are not read (C<unsupported>).

=item check($path, \%opts)

Function: whether the tables and refcounts of an image are sound; the image is only read. A hash with
the keys and values of C<qemu-img check --output=json>: C<filename>, C<format>, C<check-errors>, and
what is not 0 of C<corruptions>, C<leaks>, C<image-end-offset>, C<total-clusters>,
C<allocated-clusters>, C<fragmented-clusters>, C<compressed-clusters>. Besides, C<findings>: an array
of C<< { code, offset, message } >>, where C<code> is a stable word and C<offset> a place in the file;
of more than a thousand the first.

That something is wrong with the image is an answer, not an error. Formats that have no check die with
C<unsupported>; a check that would take more memory than C<max-check-bytes> (2 GiB) dies with C<limit>.
Options: C<format>, C<timeout>, C<limits>, C<progress>.

=item measure($path, \%opts)

Function: what a new image would take: C<< { required, 'fully-allocated' } >>, and C<bitmaps> where
C<qemu-img measure> has it.

With C<undef> in place of a path it is an image for a new disk of C<size> bytes. With a path it is a
copy of what the chain under that image holds; then C<size> is an error.

Options: C<format>, of the new image (C<raw>, as for C<qemu-img>); C<options> that it would be created
with: an array (C<['cluster_size=128k', 'extended_l2=on']>), a text as for C<-o>
(C<'cluster_size=128k,extended_l2=on'>), or a hash (C<< { cluster_size => '128k' } >>, in whose values a
comma needs no doubling). For an image that exists, also C<source-format>, which is its format,
C<allow-probe>, C<max-depth>, C<timeout>, C<limits>, C<progress>.

=item headroom($path, \%opts)

Function: how far an image reaches into the device that it lives on, and how far it could: C<< { end,
free, 'device-size', 'worst-case', 'short-by' } >>. C<end> is the first offset behind all that is
allocated now, C<free> the bytes before it that are free. C<worst-case> is where the end can be once
the guest has written all of the disk, with this image's own layout and whatever the order of the
writes, C<short-by> what the device lacks for that, 0 if there is enough. For a file, which can grow,
C<device-size> and C<short-by> are undef.

Options: C<format>, C<device-size> (of the device that the image is meant for; without it, or with 0,
that of the block device that it is on), C<timeout>, C<limits>, C<progress>. Images of formats other
than raw and qcow2 are C<unsupported>.

=item changed_extents($top, $base, \%opts)

Function: the ranges of the disk that were written in the images above C<$base> in the chain under
C<$top>: C<[[$start, $length], ...]>, sorted, none of which touch. Outside of them C<$top> reads as
C<$base> does, or as zeros where C<$base> has ended. C<$base> must be in the chain, by whatever name.

Options: C<format> (of C<$top>), C<allow-probe>, C<max-depth>, C<timeout>, C<limits>, C<progress>. More
ranges than C<max-ranges> are the error C<limit>.

=item bitmap_extents($path, $bitmap, \%opts)

Function: the dirty ranges of a persistent bitmap of a qcow2 image, in the same shape. A bitmap that is
in use, and thus does not say all, is an error. Options: C<timeout>, C<limits>, C<progress>.

=item merge_costs($top, \%opts)

Function: what merging each image of the chain under C<$top> with the one below it would move, the top
pair first: C<< [{ image, backing, 'commit-cost', 'stream-cost' }, ...] >>, each cost C<< { data, zero
} >> in bytes of the disk, in the units that QEMU moves. C<commit-cost> is for C<qemu-img commit>,
which moves what the upper image holds down; C<stream-cost> for C<qemu-img rebase> and block streams,
which move what only the lower one holds up. What is moved as zeros may cost storage nothing.

Options: C<format>, C<allow-probe>, C<max-depth>, C<timeout>, C<limits>, C<progress>.

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

L<PVE::Native::Image::Extents>, L<PVE::Native::Image::Pin>, L<PVE::Native::Error>, L<PVE::Native>

=cut
