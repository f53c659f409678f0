use v5.36;

use lib 'perl/t/lib';

# Those who come again are told what has changed since. That an engine says what a single question says
# is tried in src/cluster/engine/tests/; here it is told by PVE::Native::Multipath.

use JSON::XS qw(encode_json);
use Test::More;

use ClusterStandIns;
use ClusterText qw(same);
use PVE::Native::ClusterStatus::Engine;
use PVE::Native::Multipath;
use TestImages qw(failure_of);
use TestProcess qw(in_child growth_kib);

ClusterStandIns::say_so();

my $NOW = 1_800_000_000;

sub map_of {
    my ($state) = @_;
    my %active = (optimal => 2, degraded => 1, failed => 0);
    return { state => $state, 'paths-active' => $active{$state}, 'paths-total' => 2 };
}

sub reports {
    my ($node, %states) = @_;
    my %maps = map { $_ => map_of($states{$_}) } keys %states;
    $ClusterStandIns::store{$node}->{multipath} = encode_json({ maps => \%maps, time => $NOW });
    return;
}

sub allow {
    my (@wwids) = @_;
    $ClusterStandIns::files{'multipath.cfg'} = join('', map { "wwid: $_\n\n" } @wwids);
    return;
}

sub changes {
    my ($cursor, %opts) = @_;
    return PVE::Native::Multipath::cluster_changes($cursor, { now => $NOW, %opts });
}

sub all {
    return PVE::Native::Multipath::cluster_status({ now => $NOW })->{luns};
}

sub wwids {
    my ($changes) = @_;
    return [map { $_->{wwid} } $changes->{luns}->@*];
}

# Puts changes into the rows that were there, by WWID.
sub applied {
    my ($rows, $changes) = @_;
    my %rows = $changes->{full} ? () : $rows->%*;
    delete $rows{$_} for $changes->{removed}->@*;
    $rows{ $_->{wwid} } = $_ for $changes->{luns}->@*;
    return \%rows;
}

sub in_order {
    my ($rows) = @_;
    return [map { $rows->{$_} } sort keys $rows->%*];
}

sub begin {
    ClusterStandIns::reset();
    ClusterStandIns::cluster(n1 => 1, n2 => 1, n3 => 1);
    allow('a', 'b');
    reports('n1', a => 'optimal', b => 'optimal');
    reports('n2', a => 'optimal', b => 'optimal');
    my $first = changes();
    return $first->{cursor};
}

subtest 'what has changed, and nothing else' => sub {
    my $cursor = begin();
    my $none = changes($cursor);
    same($none->{luns}, [], 'nothing');
    is($none->{full}, 0, 'and that is not all there is');
    same($none->{removed}, [], 'nothing is gone');

    reports('n2', a => 'degraded', b => 'optimal');
    my $one = changes($cursor);
    same(wwids($one), ['a'], 'one LUN');
    is($one->{luns}->[0]->{nodes}->{n2}->{state}, 'degraded', 'as it is now');
    same(
        [map { [$_->@{qw(wwid node from to)}] } grep { $_->{node} } $one->{events}->@*],
        [['a', 'n2', 'optimal', 'degraded']], 'and what has happened'
    );
    same(wwids(changes($cursor)), ['a'], 'the same cursor gives the same');
    same(wwids(changes($one->{cursor})), [], 'the new one nothing more');

    $ClusterStandIns::files{'multipath.cfg'} .= "wwid: b\n\talias tank\n";
    my $named = changes($one->{cursor});
    same(wwids($named), ['b'], 'another name');
    is($named->{luns}->[0]->{alias}, 'tank', 'is told');

    delete $ClusterStandIns::store{n1};
    delete $ClusterStandIns::store{n2};
    allow('a');
    my $gone = changes($named->{cursor});
    same($gone->{removed}, ['b'], 'a LUN that is gone');
    same(wwids($gone), ['a'], 'and one that nobody tells of any more');

    reports('n1', a => 'optimal');
    my $back = changes($gone->{cursor});
    ClusterStandIns::cluster(n1 => 0, n2 => 1, n3 => 1);
    my $offline = changes($back->{cursor});
    is($offline->{luns}->[0]->{nodes}->{n1}->{reason}, 'offline', 'a node that went');
    ClusterStandIns::cluster(n1 => 1, n2 => 1, n3 => 1);
    my $online = changes($offline->{cursor}, now => $NOW + 180);
    is($online->{luns}->[0]->{nodes}->{n1}->{state}, 'optimal', 'and came back');
    my $stale = changes($online->{cursor}, now => $NOW + 181);
    is($stale->{luns}->[0]->{nodes}->{n1}->{reason}, 'stale', 'and time that passes');
};

subtest 'cursors that nobody knows are answered with all' => sub {
    my $cursor = begin();
    for my $other (undef, '', '0', 'x' x 256, "\x{263a}", "$cursor-1", substr($cursor, 1)) {
        my $all = changes($other);
        is($all->{full}, 1, defined($other) ? "'" . encode_json([$other]) . "'" : 'none');
        same($all->{luns}, all(), 'all LUNs');
    }
    ok(
        in_child(
            sub {
                my $all = changes($cursor);
                return
                       $all->{full}
                    && $all->{luns}->@* == 2
                    && !changes($all->{cursor})->{full};
            }
        ),
        'a process that was forked has cursors of its own'
    );
    is(changes($cursor)->{full}, 0, 'and ours is still good');
    my $err = failure_of(sub { changes([]) });
    like($err, qr/^cursor is a reference/, 'what is no text is refused');
};

subtest 'errors of nodes' => sub {
    begin();
    $ClusterStandIns::store{n2}->{'multipath-apply'} = '{"error":"no","time":5}';
    $ClusterStandIns::store{n3}->{'multipath-error'} = '{"error":"hangs","time":6}';
    same(
        changes()->{nodes},
        {
            n1 => { status => 'live', age => 0 },
            n2 => { status => 'live', age => 0, 'apply-error' => 'no', 'apply-time' => 5 },
            n3 => { 'health-error' => 'hangs', 'health-time' => 6 }
        },
        'are told each time, with how all of them stand'
    );
};

subtest 'when something goes wrong, the next answer is right all the same' => sub {
    my $cursor = begin();
    reports('n2', a => 'failed', b => 'optimal');
    $ClusterStandIns::down = 1;
    like(failure_of(sub { changes($cursor) }), qr/^cannot ask/, 'pmxcfs is down');
    $ClusterStandIns::down = 0;
    same(wwids(changes($cursor)), ['a'], 'and was not the reason for any change');
    # A node whose name is none makes the engine die half way.
    {
        no warnings qw(redefine);
        local *PVE::Native::ClusterStatus::Engine::advance = sub { die "no time\n" };
        is(failure_of(sub { changes($cursor) }), "no time\n", 'the engine fails');
    }
    my $all = changes($cursor);
    is($all->{full}, 1, 'another one takes its place');
    same($all->{luns}, all(), 'and knows all');
};

# All that can happen, in any order; what is told must lead from one answer to the next.
subtest 'changes put into what was there make what is there' => sub {
    srand(7);
    begin();
    my @nodes = qw(n1 n2 n3 n4);
    my @wwids = qw(a b c d);
    my $pick = sub { return $_[rand(@_)] };
    my @happens = (
        sub {
            reports(
                $pick->(@nodes), map { $_ => $pick->(qw(optimal degraded failed)) }
                    grep { rand() < 0.7 } @wwids
            );
        },
        sub { delete $ClusterStandIns::store{ $pick->(@nodes) } },
        sub { $ClusterStandIns::store{ $pick->(@nodes) }->{multipath} = '{"maps":' },
        sub {
            ClusterStandIns::cluster(map { $_ => rand() < 0.8 } @nodes);
        },
        sub {
            allow(grep { rand() < 0.6 } @wwids);
        },
        sub {
            %ClusterStandIns::storages =
                (mp => { type => 'multipath' }, lvm => { type => 'lvm', base => 'mp:a' });
            delete $ClusterStandIns::storages{ $pick->(qw(mp lvm none)) };
        },
        sub { $NOW += $pick->(1, 10, 60, 200) },
    );
    my (%rows, %cursor) = ();
    my @wrong;
    for my $number (1 .. 1000) {
        $pick->(@happens)->();
        # Some come seldom.
        my $asker = $pick->(1, 1, 1, 1, 2, 2, 3);
        my $changes = changes($cursor{$asker});
        $rows{$asker} = applied($rows{$asker} // {}, $changes);
        $cursor{$asker} = $changes->{cursor};
        my ($got, $expected) =
            map { ClusterText::text($_) } in_order($rows{$asker}), all();
        push @wrong, "event $number:\ngot:      $got\nexpected: $expected" if $got ne $expected;
        last if @wrong;
    }
    ok(!@wrong, '1000 events, three askers') or diag(@wrong);
};

subtest 'findings' => sub {
    my $cursor = begin();
    ok(!exists(changes($cursor)->{findings}), 'are not there unless asked for');
    is(ref(changes($cursor, findings => 1)->{findings}), 'ARRAY', 'and are if they are');
};

subtest 'memory' => sub {
    my $cursor = begin();
    my $state = 0;
    my $grown = growth_kib(
        5000,
        sub {
            reports('n1', a => $state++ % 2 ? 'optimal' : 'degraded', b => 'optimal');
            $cursor = changes($cursor)->{cursor};
        },
    );
    cmp_ok($grown, '<', 1024, "5000 changes: $grown KiB");
};

done_testing();
