package PVE::Native::Image;

use v5.36;

use PVE::Native;

my sub refuse {
    my ($message) = @_;
    die PVE::Native::Error->new(
        code => 1,
        name => 'argument',
        errno => 22,
        message => $message,
    );
}

# What the library sees are copies, so a tied value has been fetched when it gets there. References
# are no arguments, save objects that are text: those may die, and do so here.
my sub text {
    my ($name, $value) = @_;
    return $value if !ref($value);
    require overload;
    refuse("$name is a reference") if !overload::Method($value, '""');
    return "$value";
}

# Names and values in turn, as the library takes them.
my sub limits {
    my ($limits) = @_;
    return $limits if !defined($limits);
    refuse('limits are not a hash') if ref($limits) ne 'HASH';
    my %limits = $limits->%*;
    return [map { ($_, text("limit $_", $limits{$_})) } sort keys %limits];
}

# The values of @names in $opts, in this order; any other key is an error.
my sub options {
    my ($function, $opts, @names) = @_;
    return if !defined($opts);
    refuse("$function: options are not a hash") if ref($opts) ne 'HASH';
    my %rest = $opts->%*;
    my @values = map {
        my $value = delete $rest{$_};
        $_ eq 'limits' ? limits($value) : text($_, $value);
    } @names;
    if (my ($unknown) = sort keys %rest) {
        refuse("$function: unknown option '$unknown'");
    }
    return @values;
}

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

1;

__END__

=head1 NAME

PVE::Native::Image - what is in a disk image and in the chain under it

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

=back

=head1 SEE ALSO

L<PVE::Native::Error>, L<PVE::Native>

=cut
