#!/usr/bin/perl

# A cluster whose nodes have broadcast what states.pl had made of their maps: each state is a node, and
# `pve-native cluster status` has to say of each what was done to it.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use JSON::PP ();

use Machine;

my $json = JSON::PP->new->utf8->canonical;
my ($tank, $fast) = ('1Linux_scsi_debug_2000', 'uuid.5d5c8f0e-6f5c-4b64-9d1c-0123456789ab');
my ($small, $large) = (64 << 20, 1 << 30);
my $failed = 0;

sub check ($what, $is, $expected) {
    my ($one, $other) = map { $json->encode([$_]) } $is, $expected;
    say "ok: $what" if $one eq $other;
    say "FAILED: $what: $one instead of $other" if $one ne $other;
    $failed = 1 if $one ne $other;
}

# The answer for nodes, each with the file of its broadcast: the exit status, both LUNs, and what was found.
sub status (%nodes) {
    Machine::command(qw(rm -rf /tmp/nodes));
    mkdir('/tmp/nodes') or die "cannot make a folder: $!\n";
    Machine::put("/tmp/nodes/$_", Machine::get($nodes{$_})) for keys(%nodes);
    my $options = { allow => [$tank, $fast], 'expected-nodes' => [sort(keys(%nodes))] };
    Machine::put('/tmp/nodes/options.json', $json->encode($options));
    my @options = qw(--now 1700000010 --output json);
    my ($status, $said) = Machine::attempt(qw(./pve-native cluster status /tmp/nodes), @options);
    my $answer = $json->decode($said);
    my %luns = map { $_->{wwid} => $_ } $answer->{luns}->@*;
    return ($status, $luns{$tank}, $luns{$fast}, $answer->{findings});
}

sub cell ($state, $active, $total, %more) {
    return {
        state => $state, 'paths-active' => $active, 'paths-total' => $total, size => $small,
        %more
    };
}

# What was done to the nodes, by the names of their states.
my %cells = (
    ok => cell('optimal', 4, 4),
    'one-marginal' => cell('optimal', 4, 4),
    'all-marginal' => cell('optimal', 4, 4, flags => ['marginal']),
    'one-failed' => cell('degraded', 3, 4),
    'all-failed' => cell('failed', 0, 4, flags => ['queueing']),
    'all-failed-not-queueing' => cell('failed', 0, 4),
    suspended => cell('unknown', 4, 4, flags => ['suspended'], reason => 'suspended'),
    'half-resized' => cell('optimal', 4, 4),
    resized => cell('optimal', 4, 4, size => $large),
    'no-paths' => cell('failed', 0, 0, size => $large, flags => ['queueing']),
    'no-maps' => { state => 'missing', reason => 'not-assembled' },
);
# What some of them are together.
my @together = (
    [0, 'optimal', '2/2', qw(ok one-marginal)],
    [3, 'degraded', '2/2', qw(ok one-failed)],
    [3, 'missing', '3/3', qw(ok one-failed no-maps)],
    [3, 'failed', '2/2', qw(no-maps no-paths)],
    [3, 'failed', '2/2', qw(ok all-failed-not-queueing)],
    [3, 'optimal', '1/2', qw(ok suspended)],
    [3, 'unknown', '0/1', qw(suspended)],
    [3, 'failed', '10/11', sort(keys(%cells))],
);

my @folders = glob("$ENV{RESULTS}/*.*.*/");
my @versions = map { m!([\d.]+)/\z! } @folders;
for my $version (@versions) {
    my $file = sub ($state) { "$ENV{RESULTS}/$version/$state.broadcast" };
    for my $some (@together) {
        my ($exit, $state, $coverage, @nodes) = $some->@*;
        my ($status, $lun, $other) = status(map { $_ => $file->($_) } @nodes);
        my $what = @nodes == keys(%cells) ? 'all of them' : join(', ', @nodes);
        my $is = [$status, $lun->@{qw(cluster-state coverage nodes)}];
        check("$version, $what", $is, [$exit, $state, $coverage, { %cells{@nodes} }]);
        next if @nodes < keys(%cells);
        my %healthy =
            map { $_ => cell('optimal', 2, 2, size => 32 << 20, transport => 'tcp') } @nodes;
        $healthy{'one-failed'}->@{qw(state paths-active)} = ('degraded', 1);
        $healthy{'no-maps'} = $cells{'no-maps'};
        $is = [$other->@{qw(cluster-state nodes)}];
        check("$version, the other LUN", $is, ['missing', \%healthy]);
    }
    my $findings = (status(map { $_ => $file->($_) } qw(ok resized)))[3];
    my @about = map { $_->{subject} } grep { $_->{code} eq 'size-mismatch' } $findings->@*;
    check("$version, a LUN that only one node has seen grow", \@about, [$tank]);
}

# Nodes of different versions.
for my $state (@versions > 1 ? sort(keys(%cells)) : ()) {
    my %nodes = map { ("n$_" => "$ENV{RESULTS}/$_/$state.broadcast") } @versions;
    my $nodes = (status(%nodes))[1]->{nodes};
    check("$state, of @versions", $nodes, { map { $_ => $cells{$state} } keys(%nodes) });
}
exit($failed);
