#!/usr/bin/perl

# Measures in Perl what one changed node costs whoever follows a cluster: cluster_engine.pl NODES LUNS ROUNDS.
# Prints the least times in nanoseconds: an engine that is told of the node and says what has changed
# (changed), that is told the same again (same), a new answer to all broadcasts (whole), and that of the
# proposal for Proxmox VE with JSON::XS if PVE_NATIVE_SEED names the file with it.

use v5.36;

use FindBin;
use lib "$FindBin::Bin/../perl/t/lib";

use JSON::XS;
use PVE::Native::ClusterStatus;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($nodes, $luns, $rounds) = @ARGV;
die "usage: cluster_engine.pl NODES LUNS ROUNDS\n" if !$rounds;

my $now = 1_800_000_000;
my $json = JSON::XS->new->utf8;
my @wwids = map { sprintf('3600a098038314c%017xa', $_) } 1 .. $luns;
my %maps = map {
    (
        $_ => {
            state => 'optimal', 'paths-active' => 4, 'paths-total' => 4, transport => 'fc',
            size => 1 << 40,
        }
    )
} @wwids;

# What a node broadcasts at that time, with a path less to one LUN in each second round.
sub broadcast ($time) {
    my $one = $maps{ $wwids[$time % $luns] };
    local $one->@{qw(state paths-active)} = ('degraded', 3) if $time % 2;
    return $json->encode({ maps => \%maps, time => $time });
}

my %raw = map { ("pve$_" => broadcast($now)) } 1 .. $nodes;
my %opts = (members => { map { $_ => { online => 1 } } keys %raw }, allow => \@wwids);

my %least;

sub measure ($name, $code) {
    my $start = clock_gettime(CLOCK_MONOTONIC);
    $code->();
    my $taken = clock_gettime(CLOCK_MONOTONIC) - $start;
    $least{$name} = $taken if !defined($least{$name}) || $taken < $least{$name};
    return;
}

my $engine = PVE::Native::ClusterStatus::Engine->new();
$engine->set_members($opts{members});
$engine->set_config({ allow => \@wwids });
$engine->update_node($_, $raw{$_}, $now) for sort keys %raw;
my $cursor = $engine->changes()->{cursor};
for my $round (1 .. $rounds) {
    my $time = $now + $round % 100;
    my $raw = broadcast($time);
    measure(
        'changed',
        sub {
            $engine->update_node('pve1', $raw, $time);
            $cursor = $engine->changes($cursor)->{cursor};
        },
    );
    measure('same', sub { $engine->update_node('pve1', $raw, $time) });
}
my %all = (%opts, now => $now);
measure('whole', sub { PVE::Native::ClusterStatus::status_json(\%raw, \%all) }) for 1 .. 10;
if (my $proposal = $ENV{PVE_NATIVE_SEED}) {
    require ClusterProposal;
    ClusterProposal::load($proposal);
    measure('proposal', sub { $json->encode(ClusterProposal::status(\%raw, \%all)) }) for 1 .. 3;
}
printf("%s %d\n", $_, $least{$_} * 1e9) for sort keys %least;
