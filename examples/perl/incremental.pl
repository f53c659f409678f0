#!/usr/bin/perl

# Brings a raw copy of a disk up to date: writes only what has changed since a snapshot.
#
#     perl -T -Ibuild/perl examples/perl/incremental.pl [--timeout SECONDS] TOP BASE TARGET
#
# BASE is an image in the chain under TOP, a qcow2 image, and TARGET holds what BASE did when it was
# the top. The data go through qemu-img, so it does not matter how they are stored. The exit status is
# 0 if TARGET holds what TOP does, 1 for a failure, 2 for a wrong command line.

use v5.36;

use Getopt::Long;

use PVE::Native::Image;

# Taint mode wants to know where programs come from.
$ENV{PATH} = '/usr/local/bin:/usr/bin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

# A part of a disk for qemu-img, in whose options a comma in a name is doubled.
my sub part {
    my ($start, $length, %file) = @_;
    my %options = (driver => 'raw', offset => $start, size => $length, %file);
    return join(',', map { "$_=" . $options{$_} =~ s/,/,,/gr } sort keys %options);
}

my $timeout = 30;
my $usable = GetOptions('timeout=s' => \$timeout) && @ARGV == 3;
if (!$usable) {
    print STDERR "usage: incremental.pl [--timeout SECONDS] TOP BASE TARGET\n";
    exit(2);
}
# Arguments are tainted, and these become arguments of another program.
my ($top, $base, $target) = map { m/^(.*)$/s } @ARGV;

my $opts = { format => 'qcow2', timeout => $timeout };
my ($size, $ranges) = eval {
    my $info = PVE::Native::Image::info($top, $opts);
    ($info->{'virtual-size'}, PVE::Native::Image::changed_extents($top, $base, $opts));
};
if (my $err = $@) {
    print STDERR "incremental.pl: $err";
    exit(1);
}
if (!truncate($target, $size)) {
    print STDERR "incremental.pl: cannot set the size of the target: $!\n";
    exit(1);
}
my $bytes = 0;
for my $range ($ranges->@*) {
    my %from =
        ('file.driver' => 'qcow2', 'file.file.driver' => 'file', 'file.file.filename' => $top);
    my %to = ('file.driver' => 'file', 'file.filename' => $target);
    my @parts = (part($range->@*, %from), part($range->@*, %to));
    my @command = ('qemu-img', 'convert', '-n', '--image-opts', '--target-image-opts', @parts);
    exit(1) if system(@command) != 0;
    $bytes += $range->[1];
}
printf "%d bytes of %d copied in %d parts\n", $bytes, $size, scalar($ranges->@*);
