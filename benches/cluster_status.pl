#!/usr/bin/perl

# Measures the status of a cluster in Perl: cluster_status.pl NODES LUNS ROUNDS. All nodes have all LUNs, a
# few of which are degraded; broadcasts are what Perl writes. Prints the least times in nanoseconds, from
# raw broadcasts to the JSON text of the answer: ours, that of the proposal for Proxmox VE with JSON::XS if
# PVE_NATIVE_SEED names the file with it, and what copying the bytes takes that go in and come out.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/../perl/t/lib";

use JSON::XS;
use PVE::Native::ClusterStatus;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($nodes, $luns, $rounds) = @ARGV;
die "usage: cluster_status.pl NODES LUNS ROUNDS\n" if !$rounds;

my $now = 1_800_000_000;
my $json = JSON::XS->new->utf8;
srand(1);

sub wwid () {
    return '3600' . join('', map { sprintf('%04x', rand(65536)) } 1 .. 7) . 'a';
}

sub map_of ($active) {
    return {
        state => $active < 4 ? 'degraded' : 'optimal',
        'paths-active' => $active,
        'paths-total' => 4,
        transport => 'fc',
        size => 1 << 40,
    };
}

my @wwids = map { wwid() } 1 .. $luns;
my %raw;
for my $node (1 .. $nodes) {
    my %maps = map { $_ => map_of(rand() < 0.01 ? 3 : 4) } @wwids;
    $raw{"pve$node"} = $json->encode({ maps => \%maps, time => $now - $node % 60 });
}
my %opts = (
    now => $now,
    allow => \@wwids,
    members => { map { $_ => { online => 1 } } keys %raw },
    'expected-nodes' => [sort keys %raw],
);

sub least ($code) {
    my $least;
    for (1 .. $rounds) {
        my $start = clock_gettime(CLOCK_MONOTONIC);
        my $answer = $code->();
        my $taken = clock_gettime(CLOCK_MONOTONIC) - $start;
        $least = $taken if !defined($least) || $taken < $least;
    }
    return sprintf('%d', $least * 1e9);
}

sub say_least ($name, $code) { say "$name ", least($code); return }

my $ours;
for my $mode (qw(compat strict)) {
    say_least(
        $mode,
        sub { $ours = PVE::Native::ClusterStatus::status_json(\%raw, { %opts, mode => $mode }) }
    );
}
say_least('copy', sub { return join('', values(%raw), $ours) });
if (my $proposal = $ENV{PVE_NATIVE_SEED}) {
    require ClusterProposal;
    ClusterProposal::load($proposal);
    $rounds = 3 if $rounds > 3;
    say_least('proposal', sub { return $json->encode(ClusterProposal::status(\%raw, \%opts)) });
}
