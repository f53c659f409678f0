#!/usr/bin/perl

# Takes an image that somebody else made: audits it, and copies what it holds into a raw file.
#
#     perl -T -Ibuild/perl examples/perl/import.pl [--format FORMAT] [--timeout SECONDS] IMAGE TARGET
#
# qemu-img is given the very file that was audited, so nobody can exchange it in between. The exit
# status is 0 if it was copied, 1 for a failure, 2 for a wrong command line, 3 if it must not be used.

use v5.36;

use Getopt::Long;

use PVE::Native::Image;

# Taint mode wants to know where programs come from.
$ENV{PATH} = '/usr/local/bin:/usr/bin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

my %policy = (preset => 'upload', timeout => 30);
my $usable = GetOptions(\%policy, 'format=s', 'timeout=s') && @ARGV == 2;
if (!$usable) {
    print STDERR "usage: import.pl [--format FORMAT] [--timeout SECONDS] IMAGE TARGET\n";
    exit(2);
}
my ($image, $target) = @ARGV;
# Arguments are tainted, and this one becomes an argument of another program: a path, not an option
# or a name with a protocol.
$target = "./$target" if $target !~ m!^/!;
($target) = $target =~ m/^(.*)$/s;

my $pin = eval { PVE::Native::Image::pin($image, \%policy) };
if (my $err = $@) {
    print STDERR "import.pl: $err";
    exit(ref($err) && $err->name eq 'denied' ? 3 : 1);
}
print "$_->{severity}: $_->{message}\n" for $pin->findings();

my @command = ('qemu-img', 'convert', '-O', 'raw', $pin->qemu_img_args(), $target);
exit(1) if system(@command) != 0;
printf "%d bytes copied\n", $pin->chain()->[0]->{'virtual-size'};
