use v5.36;

use lib 'perl/t/lib';

# The engine of the cluster status: what it says is what all told at once would say, and what has changed is
# what makes the one of the other. Stories of more events are told in src/cluster/engine/tests/.

use Config;
use JSON::XS;
use Test::More;

use ClusterBroadcasts qw(status_case);
use PVE::Native::ClusterStatus;
use TestImages qw(failure_of);
use TestProcess qw(in_child growth_kib);

my $NOW = 1_800_000_000;

sub engine { return PVE::Native::ClusterStatus::Engine->new(@_) }

# A broadcast of $time in which each LUN has so many of four paths.
sub paths ($time, %active) {
    my %maps = map {
        my $active = $active{$_};
        my $state = $active == 4 ? 'optimal' : $active ? 'degraded' : 'failed';
        ($_ => { state => $state, 'paths-active' => $active, 'paths-total' => 4 });
    } keys %active;
    return encode_json({ maps => \%maps, time => $time });
}

# A cluster of two nodes and two LUNs, all well.
sub cluster {
    my $engine = engine();
    $engine->update_node($_, paths($NOW, a => 4, b => 4), $NOW) for qw(n1 n2);
    return $engine;
}

sub wwids ($changes) {
    return [map { $_->{wwid} } $changes->{rows}->@*];
}

subtest 'what has changed' => sub {
    my $engine = cluster();
    my $first = $engine->changes(undef);
    is($first->{full}, 1, 'whoever asks first gets all');
    is_deeply(wwids($first), ['a', 'b'], 'all rows');
    is_deeply($first->{rows}, $engine->rows(), 'as they are');
    is_deeply($first->{rows}, decode_json($engine->rows_json()), 'as JSON, too');

    $engine->update_node('n2', paths($NOW + 60, a => 3, b => 4), $NOW + 60);
    my $changes = $engine->changes($first->{cursor});
    is($changes->{full}, 0, 'whoever asks again does not');
    is_deeply(wwids($changes), ['a'], 'the row that has changed');
    is($changes->{rows}->[0]->{'cluster-state'}, 'degraded', 'with its new state');
    is_deeply(
        $changes->{events},
        [
            {
                wwid => 'a', node => 'n2', from => 'optimal', to => 'degraded',
                since => $NOW + 60, flaps => 1,
            },
            {
                wwid => 'a', from => 'optimal', to => 'degraded', reason => 'broadcast',
                since => $NOW + 60, lasted => 60, flaps => 1,
            },
        ],
        'and what has happened',
    );
    my $again = $engine->changes($changes->{cursor});
    is_deeply(
        [$again->@{qw(full rows removed events passed-over)}], [0, [], [], [], 0],
        'no more'
    );
    is_deeply(
        decode_json($engine->changes_json($changes->{cursor}))->{rows}, [],
        'as JSON, too'
    );

    $engine->update_node('n1', paths($NOW + 70, a => 4), $NOW + 70);
    $engine->update_node('n2', paths($NOW + 70, a => 4), $NOW + 70);
    $changes = $engine->changes($changes->{cursor});
    is_deeply([wwids($changes), $changes->{removed}], [['a'], ['b']], 'what is gone');
    for my $cursor ('', 'x', undef, $first->{cursor} =~ s/^./~/r, "\x{100}", "\xff") {
        my $full = eval { $engine->changes($cursor)->{full} } // "$@";
        my $shown =
            defined($cursor) ? $cursor =~ s/([^ -~])/sprintf('<%x>', ord($1))/ger : 'undef';
        like(
            $full, $shown eq '<100>' ? qr/^cursor has characters/ : qr/^1\z/,
            "cursor '$shown'"
        );
    }
};

subtest 'membership and time' => sub {
    my $engine = cluster();
    my $cursor = $engine->changes()->{cursor};
    $engine->set_members({ n1 => 1, n2 => 0 });
    my $gone = $engine->changes($cursor);
    is_deeply(wwids($gone), ['a', 'b'], 'all rows of a node that goes');
    is($gone->{events}->@*, 1, 'are one event');
    is_deeply(
        [$gone->{events}->[0]->@{qw(node from to)}], [qw(n2 live offline)],
        'that of the node'
    );
    $engine->set_members({ n1 => { online => 1, ip => '10.0.0.1' }, n2 => { online => 1 } });
    is($engine->rows()->[0]->{coverage}, '2/2', 'as PVE::Cluster has it');
    $engine->set_members({ n1 => '1' });
    is($engine->rows()->[0]->{coverage}, '1/2', 'who is not in it is not there');
    $engine->set_members(undef);
    is($engine->rows()->[0]->{coverage}, '2/2', 'no cluster');

    my $deadline = $engine->next_deadline();
    cmp_ok(abs($deadline - $NOW - 180), '<', 0.001, 'when they are stale');
    $engine->advance($NOW + 180);
    is($engine->rows()->[0]->{coverage}, '2/2', 'not yet');
    $engine->advance($deadline);
    is($engine->status()->{nodes}->{n1}->{status}, 'stale', 'now');
    is_deeply($engine->nodes(), $engine->status()->{nodes}, 'the nodes alone');
    is($engine->next_deadline(), undef, 'no more');
    $engine->update_node('n1', undef, $NOW + 200);
    $engine->remove_node('n2');
    is_deeply(
        $engine->status(), { luns => [], nodes => {}, findings => [] },
        'nothing is left'
    );
};

subtest 'configuration' => sub {
    my $engine = cluster();
    $engine->set_config(
        { allow => ['c'], aliases => { a => "t\xe4nk" }, 'expected-nodes' => ['n3'] },
    );
    my $rows = $engine->rows();
    is_deeply([map { $_->{wwid} } @$rows], [qw(a b c)], 'allow-listed');
    is($rows->[0]->{alias}, "t\xe4nk", 'a name');
    is_deeply([keys $rows->[2]->{nodes}->%*], ['n3'], 'expected');
    $engine->set_config({});
    is_deeply([map { $_->{wwid} } $engine->rows()->@*], [qw(a b)], 'not any more');
};

subtest 'mutes' => sub {
    my $engine = cluster();
    my $told = sub {
        return [
            map { "$_->{code} $_->{subject}" }
            grep { !$_->{muted} && $_->{code} =~ m/^lun/ } $engine->findings()->@*
        ];
    };
    $engine->update_node('n1', paths($NOW + 1, a => 3, b => 3), $NOW + 1);
    is_deeply($told->(), ['lun-degraded a', 'lun-degraded b'], 'findings');
    $engine->mute('lun-degraded', 'a', $NOW + 100);
    is_deeply($told->(), ['lun-degraded b'], 'one is muted');
    $engine->update_node('n1', paths($NOW + 2, a => 2, b => 3), $NOW + 2);
    is_deeply($told->(), ['lun-degraded a', 'lun-degraded b'], 'until it gets worse');
    $engine->mute('lun-degraded');
    is_deeply($told->(), [], 'all are');
    ok($engine->unmute('lun-degraded'), 'not any more');
    ok(!$engine->unmute('lun-degraded'), 'twice is no harm');
    is_deeply($told->(), ['lun-degraded a', 'lun-degraded b'], 'told again');
};

subtest 'any input, as all at once' => sub {
    my ($compared, $cursor, %rows, @wrong) = (0);
    my $engine = engine({ mode => 'compat' });
    local $SIG{__WARN__} = sub { };
    my %known;
    for my $number (1 .. 1500) {
        my ($raw, $opts) = status_case($number);
        delete $opts->{apply};
        my $members = $opts->{members};
        next if $members && grep { $_ && !ref($_) } values %$members;
        my $expected = eval { PVE::Native::ClusterStatus::status($raw, $opts)->{luns} };
        my $fed = eval {
            $engine->set_members($members);
            $engine->set_config(
                {
                    map { $_ => $opts->{$_} } grep { !m/^(?:mode|now|members)\z/ }
                        keys %$opts
                }
            );
            $engine->remove_node($_) for grep { !exists($raw->{$_}) } keys %known;
            $engine->update_node($_, $raw->{$_}, $opts->{now}) for sort keys %$raw;
            $engine->advance($opts->{now});
            %known = %$raw;
            1;
        };
        my $got = $fed && eval { $engine->rows() };
        my $text = sub ($rows) { JSON::XS->new->canonical->allow_nonref->encode($rows) };
        push @wrong, $number if $text->($got || undef) ne $text->($expected);
        my $changes = $expected && eval { $engine->changes($cursor) } or next;
        $compared++;
        %rows = () if $changes->{full};
        delete @rows{ $changes->{removed}->@* };
        $rows{ $_->{wwid} } = $_ for $changes->{rows}->@*;
        $cursor = $changes->{cursor};
        push @wrong, "changes $number"
            if $text->([@rows{ sort keys %rows }]) ne $text->($expected);
    }
    cmp_ok($compared, '>', 1000, 'so many were compared');
    is_deeply(\@wrong, [], 'none is wrong');
};

subtest 'what makes no sense' => sub {
    my $engine = cluster();
    for (
        ['an option', sub { engine({ odd => 1 }) }],
        ['now is no option of it', sub { engine({ now => 1 }) }],
        ['a mode', sub { engine({ mode => 'lax' }) }],
        ['options', sub { engine([]) }],
        ['a time', sub { $engine->advance('x') }],
        ['no time', sub { $engine->advance(undef) }],
        ['a time without end', sub { $engine->advance(9**9**9) }],
        ['a time before all', sub { $engine->update_node('n1', '{}', -1) }],
        ['no node', sub { $engine->update_node(undef, '{}', $NOW) }],
        ['a broadcast', sub { $engine->update_node('n1', {}, $NOW) }],
        ['members', sub { $engine->set_members([]) }],
        ['config', sub { $engine->set_config({ allow => 'x' }) }],
        ['config of another', sub { $engine->set_config({ members => {} }) }],
        ['a code', sub { $engine->mute('odd') }],
        ['no code', sub { $engine->mute(undef) }],
        ['a time that is over', sub { $engine->mute('lun-degraded', undef, $NOW - 1) }],
        ['no engine', sub { PVE::Native::ClusterStatus::Engine::rows({}) }],
        ['a class', sub { PVE::Native::ClusterStatus::Engine->rows() }],
        )
    {
        my ($name, $code) = @$_;
        my $failure = failure_of($code);
        isa_ok($failure, 'PVE::Native::Error', $name) or diag($failure);
        is(eval { $failure->name() }, 'argument', "$name: its name");
    }
    is($engine->rows()->@*, 2, 'nothing has changed');
    is_deeply($engine->status()->{findings}, [], 'and nothing is wrong');
};

subtest 'names and broadcasts that are no ASCII' => sub {
    my $engine = engine();
    my $raw = "{\"maps\":{\"\xc3\xbc\":{\"state\":\"optimal\"}},\"time\":$NOW}";
    $engine->update_node("n\xf6de", $raw, $NOW);
    my ($row) = $engine->rows()->@*;
    is($row->{wwid}, "\xfc", 'a LUN');
    is_deeply([keys $row->{nodes}->%*], ["n\xf6de"], 'a node');
    $engine->update_node("n\xf6de", "\x{100}", $NOW);
    is($engine->status()->{nodes}->{"n\xf6de"}->{status}, 'malformed', 'no bytes');
    $engine->remove_node("n\xf6de");
    is_deeply($engine->rows(), [], 'gone');
};

subtest 'in a daemon' => sub {
    my $engine = cluster();
    my $cursor = $engine->changes()->{cursor};
    my $forked = sub {
        my $other = $engine->changes($cursor);
        $engine->update_node('n2', paths($NOW + 1, a => 3, b => 4), $NOW + 1);
        my $own = $engine->changes($other->{cursor});
        return $other->{full} && wwids($own)->@* == 1 && !$own->{full};
    };
    ok(in_child($forked), 'a forked child has an engine of its own');
    is($engine->changes($cursor)->{full}, 0, 'ours is what it was');
    is_deeply(wwids($engine->changes($cursor)), [], 'and knows nothing of it');
    SKIP: {
        if (!$Config{useithreads}) {
            diag('SKIPPED threads: this perl has none');
            skip('this perl has no threads', 1);
        }
        require threads;
        my $code = sub {
            eval { $engine->rows(); 1 } ? 'lived' : 'died';
        };
        is(threads->create($code)->join(), 'died', 'a thread does not have it');
    }
    is($engine->rows()->@*, 2, 'it is still ours');

    my $now = $NOW;
    my $growth = growth_kib(
        20_000,
        sub {
            $now++;
            my $raw = paths($now, a => $now % 5, b => 4, "x$now" => 4);
            $engine->update_node('n1', $raw, $now);
            $cursor = $engine->changes($cursor)->{cursor};
            $engine->findings();
            eval { $engine->advance('x') };
        },
    );
    cmp_ok($growth, '<', 3000, 'it does not grow');
    my $made = growth_kib(2000, sub { cluster()->rows() });
    cmp_ok($made, '<', 500, 'nor do engines that are gone');
};

done_testing();
