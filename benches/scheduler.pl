#!/usr/bin/perl

# Scores nodes from Perl, as the HA manager does: scheduler.pl NODES GUESTS. Prints in nanoseconds the least
# time for one guest on so many nodes (perl-score), and the processor time for so many guests that are placed one by
# one (perl-place).

use v5.36;

use PVE::Native::ResourceScheduling::Static;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);

my ($nodes, $guests) = @ARGV;
die "usage: scheduler.pl NODES GUESTS\n" if !defined($guests);

my $gib = 1 << 30;
my $scheduler = PVE::Native::ResourceScheduling::Static->new();
for my $i (0 .. $nodes - 1) {
    $scheduler->add_node(sprintf('node%06d', $i), 16 + $i % 7 * 8, (64 + $i * 37 % 449) * $gib);
}

sub guest ($i) {
    return { maxcpu => 1.0 + $i % 16, maxmem => (1 + $i * 31 % 16) * $gib };
}

my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
for my $i (0 .. $guests - 1) {
    my $stats = guest($i);
    my ($best, $score) = ('', -2);
    for my $node ($scheduler->score_nodes_to_start_service($stats)->@*) {
        ($best, $score) = $node->@* if $node->[1] > $score;
    }
    $scheduler->add_service_usage_to_node($best, 'vm:' . (100 + $i), $stats);
}
printf("perl-place %.0f\n", 1e9 * (clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start)) if $guests;

my $least;
for my $round (1 .. 500) {
    my $stats = guest($round);
    $start = clock_gettime(CLOCK_MONOTONIC);
    my $scores = $scheduler->score_nodes_to_start_service($stats);
    my $taken = clock_gettime(CLOCK_MONOTONIC) - $start;
    $least = $taken if !defined($least) || $taken < $least;
}
printf("perl-score %.0f\n", 1e9 * $least);
