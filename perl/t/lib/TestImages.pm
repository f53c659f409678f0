package TestImages;

# Real images, made by the real qemu-img in a directory of the test's own.

use v5.36;

use Exporter qw(import);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use POSIX ();

our @EXPORT_OK = qw(
    directory qemu_img qemu_answer qemu_info qemu_io fragmented plain read_file write_file warnings_of
    failure_of
);

# Taint mode runs programs only from directories that it is told to trust.
$ENV{PATH} = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

sub directory {
    my ($dir) = tempdir('pve-native-XXXXXXXX', TMPDIR => 1, CLEANUP => 1) =~ m/^(.*)$/s;
    return $dir;
}

sub qemu_img {
    my (@args) = @_;
    open(my $pipe, '-|', 'qemu-img', @args) or die "cannot run qemu-img: $!\n";
    my $out = do { local $/ = undef; <$pipe> };
    close($pipe) or die "qemu-img @args failed\n";
    return $out;
}

# The JSON answer of qemu-img, and its exit status, which tells what a check found. What it complains
# of besides is not shown.
sub qemu_answer {
    my (@args) = @_;
    my $pid = open(my $pipe, '-|') // die "cannot fork: $!\n";
    if (!$pid) {
        open(STDERR, '>', '/dev/null');
        exec('qemu-img', @args) or POSIX::_exit(127);
    }
    my $out = do { local $/ = undef; <$pipe> };
    close($pipe);
    return (plain(decode_json($out)), $? >> 8);
}

# JSON's booleans as this library gives them.
sub plain {
    my ($value) = @_;
    return { map { $_ => plain($value->{$_}) } keys %$value } if ref($value) eq 'HASH';
    return [map { plain($_) } @$value] if ref($value) eq 'ARRAY';
    return JSON::PP::is_bool($value) ? ($value ? 1 : 0) : $value;
}

# Runs commands on an image that guests could have run.
sub qemu_io {
    my ($path, @commands) = @_;
    my @args = ('-f', 'qcow2', (map { ('-c', $_) } @commands), $path);
    open(my $pipe, '-|', 'qemu-io', @args) or die "cannot run qemu-io: $!\n";
    my $out = do { local $/ = undef; <$pipe> };
    close($pipe) or die "qemu-io @args failed: $out\n";
    return;
}

# A qcow2 image with $tables L2 tables of 512 entries, of which every second one has a cluster of 4 KiB:
# each cluster is a run of its own. There is no data and no refcount.
sub fragmented {
    my ($path, $tables) = @_;
    my $cluster = 4096;
    my $l1_clusters = int(($tables * 8 + $cluster - 1) / $cluster);
    my ($refcounts, $l1, $l2) = map { $_ * $cluster } 1, 2, 2 + $l1_clusters;
    my $header = pack(
        'a4 N Q> N N Q> N N Q> Q> N N Q> Q> Q> Q> N N',
        "QFI\xfb", 3, 0, 0, 12, $tables * 512 * $cluster, 0, $tables, $l1, $refcounts, 1,
        0, 0, 0, 0, 0, 4, 104,
    );
    my $copied = 1 << 63;
    my $image = $header . "\0" x ($l1 - length($header));
    $image .= pack('Q>*', map { $l2 + $_ * $cluster | $copied } 0 .. $tables - 1);
    $image .= "\0" x ($l2 - length($image));
    my $data = $l2 + $tables * $cluster;
    for my $table (0 .. $tables - 1) {
        my $first = $data + $table * 256 * $cluster;
        $image .= pack('Q>*', map { ($first + $_ * $cluster | $copied, 0) } 0 .. 255);
    }
    return write_file($path, $image);
}

sub qemu_info {
    my (@args) = @_;
    return decode_json(qemu_img('info', '--output=json', @args));
}

sub read_file {
    my ($path) = @_;
    open(my $fh, '<:raw', $path) or die "cannot read $path: $!\n";
    return do { local $/ = undef; readline($fh) };
}

sub write_file {
    my ($path, $bytes) = @_;
    open(my $fh, '>:raw', $path) or die "cannot write $path: $!\n";
    print {$fh} $bytes;
    close($fh) or die "cannot write $path: $!\n";
    return $path;
}

# Runs code; returns what it warned of, then what it returned.
sub warnings_of {
    my ($code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my @result = $code->();
    return (\@warnings, @result);
}

# Runs code that must die; returns what it died with.
sub failure_of {
    my ($code) = @_;
    my $lived = eval { $code->(); 1 };
    return $lived ? undef : $@;
}

1;
