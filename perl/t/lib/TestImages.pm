package TestImages;

# Real images, made by the real qemu-img in a directory of the test's own.

use v5.36;

use Exporter qw(import);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);

our @EXPORT_OK = qw(
    directory qemu_img qemu_info read_file write_file warnings_of failure_of
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
