#!/usr/bin/perl

# Writes the placement problem of a cluster whose files are in a folder, laid out as /etc/pve is, for
# "pve-native placement solve -"; to standard error what there is to say of it.
#
#     perl -T -Ibuild/perl examples/perl/placement.pl [--rrd DIR] [--task TASK] DIR NODE=CORES,GIB…
#
# Each node is named with what it has; one that is followed by ",offline" has failed. With --rrd, statistics are
# read from there. The exit status is 0 if there is a problem, 1 if there is none, 2 for a wrong command line.

use v5.36;

use Getopt::Long;

use PVE::Native::Placement::Collect;
use PVE::Native::Placement::Source::Directory;

my sub usage {
    print STDERR "usage: placement.pl [--rrd DIR] [--task TASK] DIR NODE=CORES,GIB[,offline]...\n";
    exit(2);
}

my ($rrd, $task) = (undef, 'recover');
GetOptions('rrd=s' => \$rrd, 'task=s' => \$task) or usage();
my $directory = shift(@ARGV) // usage();
my %nodes;
for my $node (@ARGV) {
    my ($name, $cores, $gib, $offline) = $node =~ m/^([^=]+)=(\d+),(\d+)(,offline)?\z/ or usage();
    $nodes{$name} = { cpu => $cores, mem => $gib << 30, online => $offline ? 0 : 1 };
}

my ($json, $notes) = eval {
    my $source = PVE::Native::Placement::Source::Directory->new(
        $directory,
        nodes => \%nodes,
        defined($rrd) ? (stats => { dir => $rrd }) : (),
    );
    PVE::Native::Placement::Collect->problem_json(
        undef,
        source => $source,
        task => $task,
        samples => defined($rrd) ? 1 : 0,
    );
};
if (!defined($json)) {
    print STDERR $@;
    exit(1);
}
print STDERR "$_->{subject}: $_->{message} [$_->{code}]\n" for $notes->@*;
print "$json\n";
