use v5.36;

use lib 'perl/t/lib';

# The rules of the cluster status in compat mode, one by one, as far as they are about the fold, and
# its corners; cluster_status_rules.t has the others. Both the library and the plain model have to
# keep them.

use JSON::XS;
use Test::More;

use ClusterRules qw(rule corner same text aggregate fold entry states broadcast status death);

my $UNKNOWN = { state => 'unknown' };
my $MISSING = { state => 'missing' };

rule 1, 'all arguments are optional' => sub {
    same(aggregate(), [], 'none');
    same(aggregate((undef) x 6), [], 'all undefined');
    same(
        aggregate(['a']),
        [{ wwid => 'a', 'cluster-state' => 'unknown', nodes => {} }],
        'the list alone',
    );
    my $rows = fold(undef, undef, undef, { n1 => { a => entry() } }, { n1 => 1 });
    same(states($rows->{a}), ['optimal', { n1 => 'optimal' }], 'what nodes say alone');
};

rule 2, 'what is on the list twice has one row' => sub {
    same(
        [map { $_->{wwid} } aggregate(['b', 'a', 'b', 'b'])->@*], ['a', 'b'],
        'one'
    );
};

rule 3, 'rows are the list and all that is seen, by offline nodes too' => sub {
    my $rows = fold(
        ['listed'], {}, {}, { n1 => { on => entry() }, n2 => { off => entry() } },
        { n1 => 1 }
    );
    same([sort keys %$rows], ['listed', 'off', 'on'], 'three');
};

rule 4, 'rows are in the order of their code points' => sub {
    my @wwids = ("\x{1f600}", 'b', 'B', '10', '9', '', "\x{e9}", "\x{ff5e}", 'ba', "b\0");
    same(
        [map { $_->{wwid} } aggregate(\@wwids)->@*],
        ['', '10', '9', 'B', 'b', "b\0", 'ba', "\x{e9}", "\x{ff5e}", "\x{1f600}"], 'in order',
    );
};

rule 5, 'a node that online does not name is offline' => sub {
    my $rows = fold(['a'], {}, {}, { n1 => { a => entry() } }, { other => 1 });
    same($rows->{a}->{nodes}, { n1 => $UNKNOWN }, 'unknown');
};

rule 6, 'active nodes are those online that broadcast' => sub {
    my $rows = fold(['a'], {}, {}, { n1 => {}, n2 => {} }, { n1 => 1, n2 => 0, n3 => 1 });
    same(states($rows->{a}), ['missing', { n1 => 'missing' }], 'n1 alone');
};

rule 7, 'expected sets count for what is on the list; else all active nodes are expected' => sub {
    my $kv = { n1 => { a => entry(), b => entry() }, n2 => { other => entry() } };
    my $online = { n1 => 1, n2 => 1 };
    my $both = ['missing', { n1 => 'optimal', n2 => 'missing' }];
    my $one = ['optimal', { n1 => 'optimal' }];
    my $rows = fold(['a', 'b'], {}, {}, $kv, $online, { a => { n1 => 1 } });
    same(states($rows->{a}), $one, 'a set');
    same(states($rows->{b}), $both, 'no set');
    $rows = fold(['a'], {}, {}, $kv, $online, { a => {}, b => { n2 => 1 } });
    same(states($rows->{a}), $both, 'an empty set');
    same(states($rows->{b}), $one, 'a set for what is not on the list');
};

rule 8, 'off the list nothing is missing, and what is reported counts' => sub {
    my $rows = fold(
        [], {}, {}, { n1 => { a => entry('degraded') }, n2 => {} },
        { n1 => 1, n2 => 1, n3 => 1 },
        { a => { n1 => 1, n2 => 1, n3 => 1 } },
    );
    same(states($rows->{a}), ['degraded', { n1 => 'degraded' }], 'the reporter alone');
};

rule 9, 'an offline broadcaster has an unknown cell where it has an entry' => sub {
    my $rows = fold(
        ['a', 'b', 'c'], {}, {}, { n1 => { a => entry('failed', size => 1) } }, { n1 => 0 },
        { c => { n1 => 1 } },
    );
    same($rows->{a}->{nodes}, { n1 => $UNKNOWN }, 'with an entry');
    same($rows->{b}->{nodes}, {}, 'without');
    same($rows->{c}->{nodes}, { n1 => $UNKNOWN }, 'without, and expected');
    ok(!exists($rows->{a}->{size}), 'its size does not count');
};

rule 10, 'a cell tells state, counts, and the transport if there is one' => sub {
    my $kv = {
        n1 => { a => entry('optimal', transport => 'fc', size => 1, other => 2) },
        n2 => { a => { state => 'optimal', transport => undef } },
        n3 =>
            { a => entry('optimal', 'paths-active' => '2', 'paths-total' => 'x', transport => '') },
    };
    same(
        fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1, n3 => 1 })->{a}->{nodes},
        {
            n1 =>
                { state => 'optimal', 'paths-active' => 2, 'paths-total' => 4, transport => 'fc' },
            n2 => { state => 'optimal', 'paths-active' => undef, 'paths-total' => undef },
            n3 => {
                state => 'optimal', 'paths-active' => '2', 'paths-total' => 'x', transport => ''
            },
        },
        'as reported',
    );
};

rule 11, 'a state that is none of the five is unknown' => sub {
    for my $state (qw(optimal degraded missing failed unknown)) {
        my $rows = fold([], {}, {}, { n1 => { a => entry($state) } }, { n1 => 1 });
        same(states($rows->{a}), [$state, { n1 => $state }], $state);
    }
    for my $state (
        undef, '', 0, 1, 'Optimal', 'FAILED', 'optimal ', "failed\n", 'shaky', [], {},
        JSON::XS::true
        )
    {
        my $rows = fold([], {}, {}, { n1 => { a => entry($state) } }, { n1 => 1 });
        same(states($rows->{a}), ['unknown', { n1 => 'unknown' }], 'state ' . text($state));
    }
};

rule 12, 'a node is not active for a LUN by an unknown state, or unless expected' => sub {
    my $kv = { n1 => { a => entry('shaky') }, n2 => {} };
    my $rows = fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1 }, { a => { n1 => 1 } });
    same(states($rows->{a}), ['unknown', { n1 => 'unknown' }], 'not active');
    same($rows->{a}->{nodes}->{n1}, entry('unknown'), 'its counts are told');
};

rule 13, 'a node that is online, expected, and without an entry is missing it' => sub {
    for my $entry (undef, 0, '', '0', JSON::XS::false) {
        my $kv = { n1 => { a => entry() }, n2 => { a => $entry, b => entry() } };
        my $rows =
            fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1 }, { a => { n1 => 1, n2 => 1 } });
        same($rows->{a}->{nodes}->{n2}, $MISSING, 'entry ' . text($entry));
        is($rows->{a}->{'cluster-state'}, 'missing', 'which is ranked');
    }
    my $rows = fold(['a'], {}, {}, { n1 => {} }, { n1 => 1 });
    is($rows->{a}->{'cluster-state'}, 'missing', 'and active');
};

rule 14, 'a node that is online, not expected, and without an entry has no cell' => sub {
    my $kv = { n1 => { a => entry() }, n2 => { b => entry('failed') } };
    my $rows = fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1 }, { a => { n1 => 1 } });
    same(states($rows->{a}), ['optimal', { n1 => 'optimal' }], 'on the list');
    same(states($rows->{b}), ['failed', { n2 => 'failed' }], 'off the list');
};

rule 15, 'expected and silent is missing online, unknown offline' => sub {
    my %expected = (a => { n1 => 1, up => 1, down => 1, gone => 1 });
    my $rows = fold(
        ['a'], {}, {}, { n1 => { a => entry() } }, { n1 => 1, up => 1, down => 0 },
        \%expected
    );
    same(
        $rows->{a}->{nodes},
        { n1 => entry(), up => $MISSING, down => $UNKNOWN, gone => $UNKNOWN }, 'cells',
    );
    is($rows->{a}->{'cluster-state'}, 'missing', 'rolled up');
    $rows =
        fold(['a'], {}, {}, { n1 => {} }, { n1 => 1, up => 1 }, { a => { n1 => 0, up => undef } });
    same(
        $rows->{a}->{nodes}, { n1 => $MISSING, up => $MISSING },
        'the names count, not their values'
    );
};

rule 16, 'the worst wins: failed, missing, degraded, optimal, unknown' => sub {
    my @worse = qw(unknown optimal degraded missing failed);
    for my $i (0 .. $#worse) {
        for my $j (0 .. $#worse) {
            my $kv = { n1 => { a => entry($worse[$i]) }, n2 => { a => entry($worse[$j]) } };
            my $rows = fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1 });
            is(
                $rows->{a}->{'cluster-state'}, $worse[$i > $j ? $i : $j],
                "$worse[$i], $worse[$j]"
            );
        }
    }
};

rule 17, 'without an active cell the state is unknown' => sub {
    my $rows = fold(['a', 'b'], {}, {}, { n1 => { a => entry('failed') } }, { n1 => 0 });
    is($rows->{$_}->{'cluster-state'}, 'unknown', $_) for qw(a b);
};

rule 18, 'unknown cells never change the state' => sub {
    my $kv = { map { $_ => { a => entry('failed') } } qw(n2 n3 n4) };
    my $rows = fold(['a'], {}, {}, { %$kv, n1 => { a => entry() } }, { n1 => 1 });
    same(
        states($rows->{a}),
        ['optimal', { n1 => 'optimal', map { $_ => 'unknown' } qw(n2 n3 n4) }], 'one of four',
    );
};

rule 19, 'the size is the first that is defined, by the names of the nodes' => sub {
    my $kv = {
        n1 => { a => entry('optimal', size => 1), z => entry('optimal', size => 0) },
        n10 => { a => entry() },
        n2 =>
            { a => entry('optimal', size => 3), b => entry(), z => entry('optimal', size => 9) },
        n3 => { a => entry('optimal', size => 4), c => entry('unknown', size => '5 T') },
    };
    my $rows = fold([], {}, {}, $kv, { n10 => 1, n2 => 1, n3 => 1, n1 => 0 });
    same($rows->{a}->{size}, 3, "the offline node's does not count");
    ok(!exists($rows->{b}->{size}), 'none');
    same($rows->{c}->{size}, '5 T', 'as it is');
    $rows = fold([], {}, {}, $kv, { n1 => 1, n2 => 1 });
    same($rows->{z}->{size}, 0, '0 is defined');
};

rule 20, 'alias and used-by are found by WWID, on any row' => sub {
    my $rows = fold(
        ['a'], { a => 'lun-a', b => 0, c => undef }, { b => 'san', a => undef, x => 'no' },
        { n1 => { b => entry(), c => entry() } }, {},
    );
    same(
        {
            map {
                my $w = $_;
                $w => [map { $rows->{$w}->{$_} } qw(alias used-by)]
            } keys %$rows
        },
        { a => ['lun-a', undef], b => [0, 'san'], c => [undef, undef] },
        'labels',
    );
    same(
        [sort keys $rows->{c}->%*], ['cluster-state', 'nodes', 'wwid'],
        'left out if undefined'
    );
};

rule 21, 'nodes is always there' => sub {
    same(fold(['a'])->{a}->{nodes}, {}, 'empty');
};

rule 22, 'the cells keep the states that the nodes report' => sub {
    my $kv = {
        n1 => { a => entry('failed') }, n2 => { a => entry() },
        n3 => { a => entry('degraded') }
    };
    my $rows = fold(['a'], {}, {}, $kv, { n1 => 1, n2 => 1, n3 => 1 });
    same(
        states($rows->{a})->[1], { n1 => 'failed', n2 => 'optimal', n3 => 'degraded' },
        'each its own'
    );
};

my @no_hashes = (1, 'x', '0.0', [], [{}], JSON::XS::true);

corner 'an entry that is no hash, of a node that is online, ends it' => sub {
    for my $entry (@no_hashes) {
        my $kv = { n1 => { a => $entry }, n2 => { a => entry() } };
        like(
            death(sub { fold([], {}, {}, $kv, { n1 => 1, n2 => 1 }) }), qr/\w+ \w+/,
            'entry ' . text($entry)
        );
        my $rows = fold([], {}, {}, $kv, { n2 => 1 });
        same(
            $rows->{a}->{nodes}, { n1 => $UNKNOWN, n2 => entry() },
            'but not offline: ' . 'entry ' . text($entry)
        );
        my $raw = { n1 => broadcast({ a => $entry }), n2 => broadcast({ a => entry() }) };
        like(death(sub { status($raw) }), qr/\w+ \w+/, 'in a broadcast: ' . text($entry));
        my %offline = (members => { n2 => { online => 1 } });
        is(
            (status($raw, %offline))[0]->{a}->{'cluster-state'}, 'optimal',
            'of an offline node'
        );
    }
};

corner 'what a node broadcasts is a hash or undef' => sub {
    my $with = sub ($maps) { return fold(['a'], {}, {}, { n1 => $maps }, { n1 => 1 }) };
    same($with->(undef)->{a}->{nodes}, { n1 => $MISSING }, 'undef');
    like(death(sub { $with->($_) }), qr/\w+ \w+/, 'maps ' . text($_)) for '', 0, @no_hashes;
    like(death(sub { fold([], {}, {}, { n1 => [] }, {}) }), qr/\w+ \w+/, 'of an offline node');
};

corner 'arguments of the wrong kind end it where they are looked at' => sub {
    my $kv = { n1 => { a => entry() } };
    for my $wrong ('', 0, @no_hashes) {
        my $is = text($wrong);
        like(death(sub { fold([], {}, {}, $wrong) }), qr/\w+ \w+/, "node_kv $is");
        like(death(sub { fold([], $wrong, {}, $kv) }), qr/\w+ \w+/, "aliases $is");
        like(death(sub { fold([], {}, $wrong, $kv) }), qr/\w+ \w+/, "used_by $is");
        like(death(sub { fold([], {}, {}, $kv, $wrong) }), qr/\w+ \w+/, "online $is");
        like(death(sub { fold(['a'], {}, {}, $kv, {}, $wrong) }), qr/\w+ \w+/, "expected $is");
        same(fold([], $wrong, $wrong, {}, $wrong, $wrong), {}, 'none of them looked at');
        next if !$wrong;
        like(
            death(sub { fold(['a'], {}, {}, $kv, {}, { a => $wrong }) }), qr/\w+ \w+/,
            "a set $is"
        );
        same(
            [keys fold(['a'], {}, {}, $kv, {}, { b => $wrong })->%*], ['a'],
            'a set not looked at'
        );
    }
    like(death(sub { fold($_) }), qr/\w+ \w+/, 'allow_wwids') for '', 0, 1, 'x', {};
};

corner 'what is reported is trusted' => sub {
    my $kv = {
        n1 => {
            a => entry('optimal', 'paths-active' => 1, 'paths-total' => 1, size => 1),
            A => entry()
        },
        n2 => { a => entry('optimal', 'paths-active' => 4, 'paths-total' => 4, size => 2) },
        n3 => { a => entry('optimal', 'paths-active' => 0) },
    };
    my $rows =
        fold(['a', 'A'], { a => 'same', A => 'same' }, {}, $kv, { n1 => 1, n2 => 1, n3 => 1 });
    is($rows->{a}->{'cluster-state'}, 'optimal', '1 of 1, 4 of 4, and 0 of 4');
    same($rows->{a}->{size}, 1, 'one size of two');
    same([map { $rows->{$_}->{alias} } qw(a A)], ['same', 'same'], 'one alias, two LUNs');
    is($rows->{A}->{'cluster-state'}, 'missing', 'another case is another LUN');
};

done_testing();
