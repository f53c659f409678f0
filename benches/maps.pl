#!/usr/bin/perl

# Measures the extents of an image in packed chunks, as a daemon would take them: maps.pl IMAGE
# ROUNDS. Prints the median processor time in nanoseconds.

use v5.36;

use PVE::Native::Image;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

my ($image, $rounds) = @ARGV;
die "usage: maps.pl IMAGE ROUNDS\n" if !$rounds;

exit 0 if !PVE::Native::Image->can('extents');

my ($extents, @times) = (0);
for (1 .. $rounds) {
    $extents = 0;
    my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
    my $map = PVE::Native::Image::extents($image);
    while (length(my $chunk = $map->packed(65536))) {
        $extents += length($chunk) / 32;
    }
    push @times, clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start;
}
say 'perl-count ', $extents;
say 'perl ', int(1e9 * (sort { $a <=> $b } @times)[$#times / 2]);
