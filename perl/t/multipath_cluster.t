use v5.36;

use lib 'perl/t/lib';

# What PVE::Native::Multipath finds out of a cluster, and answers: the rules of the endpoint that was
# proposed for Proxmox VE in compat mode, and what is different in strict mode. The rules of the fold are
# in cluster_rules.t, the corners of strict mode in src/cluster/status/tests/.

use JSON::XS qw(encode_json);
use Test::More;

use ClusterModel;
use ClusterStandIns;
use ClusterText qw(same);
use PVE::Native::Multipath;
use TestImages qw(failure_of warnings_of);

ClusterStandIns::say_so();

my $NOW = 1_800_000_000;

sub entry {
    my ($state, %more) = @_;
    $state //= 'optimal';
    my $active = $state eq 'degraded' ? 1 : 2;
    return { state => $state, 'paths-active' => $active, 'paths-total' => 2, %more };
}

# Lets a node broadcast these maps so many seconds ago.
sub reports {
    my ($node, $maps, $age) = @_;
    $ClusterStandIns::store{$node}->{multipath} =
        encode_json({ maps => $maps, time => $NOW - ($age // 10) });
    return;
}

sub allow {
    my (@wwids) = @_;
    $ClusterStandIns::files{'multipath.cfg'} = join('', map { "wwid: $_\n\n" } @wwids);
    return;
}

sub status {
    my ($mode, %opts) = @_;
    return PVE::Native::Multipath::cluster_status({ mode => $mode, now => $NOW, %opts });
}

sub row {
    my ($mode, $wwid, %opts) = @_;
    my ($row) = grep { $_->{wwid} eq $wwid } status($mode, %opts)->{luns}->@*;
    return $row;
}

sub states {
    my ($mode, $wwid, %opts) = @_;
    my $row = row($mode, $wwid, %opts) // return undef;
    my $cells = $row->{nodes};
    return [$row->{'cluster-state'}, { map { $_ => $cells->{$_}->{state} } keys $cells->%* }];
}

sub reasons {
    my ($wwid) = @_;
    my $cells = row('strict', $wwid)->{nodes};
    return { map { $_ => $cells->{$_}->{reason} } keys $cells->%* };
}

# A subtest in a cluster that nobody has said anything in.
sub case {
    my ($title, $online, $code) = @_;
    ClusterStandIns::reset();
    ClusterStandIns::cluster($online->%*) if $online;
    return subtest($title, $code);
}

my $both = { n1 => 1, n2 => 1 };

is($PVE::Native::Multipath::KV_STALE_SECONDS, 180, 'three intervals of 60 s');

# --- The rules of the endpoint --------------------------------------------------------------------

case 'rule 24: what is no object, or has no maps that are one, is skipped' => $both => sub {
    allow('a');
    reports('n1', { a => entry() });
    for my $raw ('', 'x', '[]', '{}', '{"maps":[]}', '{"maps":null,"time":1}') {
        $ClusterStandIns::store{n2}->{multipath} = $raw;
        same(states('compat', 'a'), ['optimal', { n1 => 'optimal' }], "'$raw'");
    }
    $ClusterStandIns::store{n2}->{multipath} = '{"maps":';
    same(states('strict', 'a')->[1]->{n2}, 'unknown', 'strict mode shows it');
    is(reasons('a')->{n2}, 'undecodable', 'and says why');
};

case 'rules 25, 26: what is older than 180 s is unknown, never missing' => $both => sub {
    allow('a', 'b');
    reports('n1', { a => entry(), b => entry() });
    for my $mode (qw(compat strict)) {
        reports('n2', { a => entry() }, 180);
        same(
            states($mode, 'b'), ['missing', { n1 => 'optimal', n2 => 'missing' }],
            "180 s: $mode"
        );
        reports('n2', { a => entry() }, 181);
        same(
            states($mode, 'a'), ['optimal', { n1 => 'optimal', n2 => 'unknown' }],
            "181 s: $mode"
        );
        is(states($mode, 'b')->[1]->{n2} // 'none', 'none', "nothing is missing: $mode");
        $ClusterStandIns::store{n2}->{multipath} = '{"maps":{"a":{"state":"optimal"}}}';
        is(states($mode, 'a')->[1]->{n2}, 'unknown', "no time: $mode");
    }
    reports('n2', { a => entry() }, 1000);
    is(states('strict', 'a', 'stale-seconds' => 2000)->[1]->{n2}, 'optimal', 'another limit');
    my $now = time();
    $ClusterStandIns::store{n1}->{multipath} = encode_json({ maps => {}, time => $now });
    my $answer = PVE::Native::Multipath::cluster_status();
    is($answer->{nodes}->{n1}->{status}, 'live', 'without options it is strict, and now');
    is($answer->{nodes}->{n2}->{status}, 'live', 'a clock of the future is a wrong one');
    cmp_ok($answer->{nodes}->{n2}->{'clock-skew'}, '>', 30, 'and is told');
};

case "rule 27: expected are the nodes of the LUN's storages, or those of any" => {
    map { ("n$_" => 1) } 1 .. 4
} => sub {
    allow('a', 'b');
    %ClusterStandIns::storages = (
        mp => { type => 'multipath', nodes => { n1 => 1, n2 => 1, n3 => 1 } },
        lvm => { type => 'lvm', base => 'mp:a', nodes => { n1 => 1, n2 => 1, n4 => 1 } },
    );
    reports('n1', { a => entry(), b => entry(), c => entry() });
    for my $mode (qw(compat strict)) {
        same(
            states($mode, 'a'), ['missing', { n1 => 'optimal', n2 => 'missing' }],
            "$mode: its storages"
        );
        same(
            states($mode, 'b'),
            ['missing', { n1 => 'optimal', n2 => 'missing', n3 => 'missing' }],
            "$mode: any"
        );
        same(states($mode, 'c'), ['optimal', { n1 => 'optimal' }], "$mode: not on the list");
    }
    is(reasons('a')->{n2}, 'no-broadcast', 'the reason');
};

case 'rule 28: without a cluster all that there is is alive', undef, sub {
    allow('a');
    reports('n1', { a => entry('degraded') });
    for my $mode (qw(compat strict)) {
        same(states($mode, 'a'), ['degraded', { n1 => 'degraded' }], $mode);
    }
};

case 'rule 28: in a cluster those are that are online' => { n1 => 1, n2 => 0, n3 => 1 } => sub {
    allow('a');
    %ClusterStandIns::storages = (mp => { type => 'multipath' });
    reports($_, { a => entry() }) for qw(n1 n2);
    for my $mode (qw(compat strict)) {
        same(
            states($mode, 'a'),
            ['missing', { n1 => 'optimal', n2 => 'unknown', n3 => 'missing' }], $mode
        );
    }
    same(
        reasons('a'), { n1 => undef, n2 => 'offline', n3 => 'no-broadcast' },
        'each has its reason'
    );
};

case 'rule 29: errors of applying are told, but not of offline nodes' => {
    n1 => 1, n2 => 0, n3 => 1, n4 => 1
} => sub {
    my %said = (
        n1 => '{"error":"no multipath-tools","time":5}',
        n2 => '{"error":"gone","time":5}',
        n3 => '{"error":',
        n4 => '{"error":"","time":5}',
    );
    $ClusterStandIns::store{$_}->{'multipath-apply'} = $said{$_} for keys %said;
    my $error = { 'apply-error' => 'no multipath-tools', 'apply-time' => 5 };
    same(status('compat'), { luns => [], nodes => { n1 => $error } }, 'compat');
    my $nodes = status('strict')->{nodes};
    same($nodes->{n1}, $error, 'strict');
    ok(!exists($nodes->{$_}->{'apply-error'}), "none of $_") for qw(n2 n3 n4);
    ClusterStandIns::alone('n2');
    is(status('compat')->{nodes}->{n2}->{'apply-error'}, 'gone', 'kept without a cluster');
};

case 'rule 30: the error of one node is seen by the others' => $both => sub {
    PVE::Cluster::cfs_update();
    PVE::Native::Multipath::broadcast_apply_status("cannot reload\n");
    is(status('compat')->{nodes}->{n1}->{'apply-error'}, 'cannot reload', 'told');
    PVE::Native::Multipath::broadcast_apply_status();
    same(status('compat')->{nodes}, {}, 'taken back');
};

case 'rule 31: the answer has LUNs and nodes, as the model has them' => $both => sub {
    allow('b', 'a', 'z', 'b');
    $ClusterStandIns::files{'multipath.cfg'} .= "wwid: a\n\talias tank\n";
    %ClusterStandIns::storages = (
        mp => { type => 'multipath', nodes => { n1 => 1, gone => 1 } },
        lvm => { type => 'lvm', base => 'mp:b' },
    );
    reports(
        'n1',
        { a => entry('degraded', size => 42), b => entry('weird', transport => 'fc') }
    );
    reports('n2', { hand => entry(), a => undef }, 500);
    $ClusterStandIns::store{n2}->{'multipath-apply'} = '{"error":"no"}';
    my $opts = {
        allow => ['b', 'a', 'z'],
        aliases => { a => 'tank' },
        'used-by' => { b => 'lvm' },
        expected => { b => ['n1', 'gone'] },
        'expected-nodes' => ['gone', 'n1'],
        members => PVE::Cluster::get_members() // {},
        apply => PVE::Cluster::get_node_kv('multipath-apply'),
        now => $NOW,
    };
    my $answer = status('compat');
    $opts->{members} = PVE::Cluster::get_members();
    $opts->{apply} = PVE::Cluster::get_node_kv('multipath-apply');
    same([sort keys $answer->%*], ['luns', 'nodes'], 'nothing else');
    same(
        $answer, ClusterModel::status(PVE::Cluster::get_node_kv('multipath'), $opts),
        'the same'
    );
};

case 'findings are left out unless asked for' => $both => sub {
    reports('n1', { a => entry() });
    ok(!exists(status('strict')->{findings}), 'by default');
    ok(!exists(status('strict', findings => 0)->{findings}), 'and if not wanted');
};

# --- Corners --------------------------------------------------------------------------------------

case 'whatever a node says, the others have their answer' => $both => sub {
    allow('a');
    reports('n1', { a => entry() });
    for my $maps ({ a => 'x' }, { a => [1] }, { a => JSON::XS::true }, { a => 5 }) {
        reports('n2', $maps);
        same(
            states('strict', 'a'), ['optimal', { n1 => 'optimal', n2 => 'unknown' }],
            encode_json($maps)
        );
        is(reasons('a')->{n2}, 'malformed', 'with a reason');
        like(failure_of(sub { status('compat') }), qr/\w/, 'compat mode dies, as the proposal');
    }
};

case 'pmxcfs that is down is an error, in whatever moment' => $both => sub {
    allow('a');
    reports('n1', { a => entry() });
    my $all = 0;
    for my $members ('a cluster', 'none') {
        ClusterStandIns::alone('n1') if $members eq 'none';
        for my $mode (qw(strict compat)) {
            # So many questions are answered, until one answer has come.
            my $answers = 0;
            while (1) {
                ($ClusterStandIns::down, $ClusterStandIns::calls_left) = (0, $answers);
                my $answer = eval { status($mode) };
                my $err = $@;
                last if $answer;
                ok(
                    ref($err) && $err->isa('PVE::Native::Error') && $err->name eq 'io',
                    "$members, $mode: down after $answers questions"
                );
                like(
                    $err, qr/^cannot (?:ask|read) .*Connection refused\n\z/,
                    'with the reason'
                );
                die "there is no answer at all\n" if $answers++ > 20;
            }
            $all += $answers;
        }
    }
    cmp_ok($all, '>=', 16, 'at least four questions each');
};

case 'a cluster whose members are not known is not a node without a cluster', undef, sub {
    allow('a');
    reports('n1', { a => entry() });
    %ClusterStandIns::storages = (mp => { type => 'multipath' });
    $ClusterStandIns::files{'corosync.conf'} = "totem {\n}\n";
    for my $mode (qw(strict compat)) {
        my $err = failure_of(sub { status($mode) });
        is($err && $err->name, 'io', "$mode: an error");
        like($err, qr/^the members of the cluster are not known/, 'with the reason');
    }
};

case 'two storages on one LUN' => $both => sub {
    allow('a');
    %ClusterStandIns::storages = (
        mp => { type => 'multipath' },
        zoo => { type => 'lvm', base => 'mp:a', nodes => { n2 => 1 } },
        ark => { type => 'lvmqcow2', base => 'mp:a', nodes => { n1 => 1 } },
        old => { type => 'lvm', base => 'mp:a', disable => 1 },
        dir => { type => 'dir', path => '/x' },
    );
    reports('n1', { a => entry() });
    same(row('strict', 'a')->{'used-by'}, ['ark', 'old', 'zoo'], 'strict mode has a list');
    same(row('compat', 'a')->{'used-by'}, 'ark', 'compat mode the first');
    same(
        states('strict', 'a'), ['missing', { n1 => 'optimal', n2 => 'missing' }],
        'each of them is expected on its nodes'
    );
};

case 'nodes that are no more' => { n1 => 1, n2 => 0 } => sub {
    allow('a');
    %ClusterStandIns::storages =
        (mp => { type => 'multipath', nodes => { n1 => 1, n2 => 1, gone => 1 } });
    reports('n1', { a => entry() });
    same(
        states('strict', 'a'), ['optimal', { n1 => 'optimal', n2 => 'unknown' }],
        'an offline one is expected, one that was removed is not'
    );
    is(row('strict', 'a')->{coverage}, '1/2', 'and is told of');
    is(states('compat', 'a')->[1]->{gone}, 'unknown', 'compat mode has it, too');
    $ClusterStandIns::storages{lvm} =
        { type => 'lvm', base => 'mp:a', nodes => { gone => 1 } };
    same(states('strict', 'a'), ['optimal', { n1 => 'optimal' }], 'expected by nobody');
};

case 'nodes that cannot tell of their maps' => { n1 => 1, n2 => 1, n3 => 0 } => sub {
    allow('a');
    reports('n1', { a => entry() });
    $ClusterStandIns::store{$_}->{'multipath-error'} =
        '{"error":"asking multipathd took too long","time":7}'
        for qw(n2 n3);
    my $nodes = status('strict')->{nodes};
    is($nodes->{n2}->{'health-error'}, 'asking multipathd took too long', 'why');
    is($nodes->{n2}->{'health-time'}, 7, 'and since when');
    ok(!exists($nodes->{n3}->{'health-error'}), 'not of offline nodes');
    same(status('compat')->{nodes}, {}, 'not in compat mode');

    for my $raw ('x', '[]', '{}', '{"error":{}}', '{"error":null}') {
        $ClusterStandIns::store{n2}->{'multipath-error'} = $raw;
        ok(!exists(status('strict')->{nodes}->{n2}->{'health-error'}), "'$raw' says nothing");
    }
    $ClusterStandIns::store{n2}->{'multipath-error'} = '{"error":"x","time":"soon"}';
    same(
        status('strict')->{nodes}->{n2},
        { 'health-error' => 'x', 'health-time' => undef },
        'nor does such a time'
    );
};

case 'a thousand nodes' => {
    map { ("n$_" => 1) } 1 .. 1000
} => sub {
    allow('a');
    reports("n$_", { a => entry() }) for 1 .. 1000;
    is(row('strict', 'a')->{coverage}, '1000/1000', 'answered');
};

subtest 'arguments' => sub {
    ClusterStandIns::reset();
    my @cases = (
        ['x', qr/^cluster_status: options are not a hash/],
        [{ since => 1 }, qr/^cluster_status: unknown option 'since'/],
        [{ mode => 'lax' }, qr/^mode is not compat or strict/],
        [{ 'stale-seconds' => 'x' }, qr/stale-seconds/],
        [{ now => [] }, qr/^now is a reference/],
    );
    for my $case (@cases) {
        my ($opts, $why) = $case->@*;
        my $err = failure_of(sub { PVE::Native::Multipath::cluster_status($opts) });
        is($err && $err->name, 'argument', 'refused');
        like($err, $why, 'with the reason');
    }
};

# --- The configuration ----------------------------------------------------------------------------

subtest 'multipath.cfg' => sub {
    my $parse = \&PVE::Native::Multipath::Config::parse;
    same($parse->(''), { allow => [], aliases => {} }, 'empty');
    my $text = <<~"CFG";
        # a comment
        defaults: defaults
        \tpolling-interval 5
        \talias none

        wwid: 3600b
        \talias tank
        \tno-path-retry queue

          # indented
        WWID:   3600a  \r
            alias  two words\x20\x20
        wwid: 3600c
        wwid: 3600b

        other: x
        \talias y
        CFG
    same(
        $parse->($text),
        {
            allow => [qw(3600b 3600a 3600c)],
            aliases => { '3600b' => 'tank', '3600a' => 'two words' }
        },
        'sections of LUNs, once each'
    );
    same(
        $parse->("wwid: a\n\talias K\xc3\xbcche"),
        { allow => ['a'], aliases => { a => "K\x{fc}che" } }, 'UTF-8'
    );
    my ($warnings, $config) =
        warnings_of(sub { $parse->("wwid: a\nwhat?\nwwid: b\n\talias\n") });
    same($config, { allow => ['a', 'b'], aliases => {} }, 'the rest of a broken one');
    same($warnings, ["multipath.cfg: line 2 is not understood\n"], 'and a warning');
};

subtest 'cluster_storage_expectations' => sub {
    my $expectations = sub {
        my (%storages) = @_;
        ClusterStandIns::reset();
        ClusterStandIns::cluster(n1 => 1, n2 => 0, n3 => 1);
        PVE::Cluster::cfs_update();
        %ClusterStandIns::storages = %storages;
        return PVE::Native::Multipath::cluster_storage_expectations();
    };
    my $mp = { type => 'multipath' };
    my $all = { map { $_ => 1 } qw(n1 n2 n3) };
    my $nothing = { nodes => {}, 'wwid-nodes' => {}, consumers => {}, 'used-by' => {} };
    same($expectations->(), $nothing, 'without storages');
    same($expectations->(mp => $mp), { $nothing->%*, nodes => $all }, 'on all nodes');
    my $n12 = { n1 => 1, n2 => 1 };
    same($expectations->(mp => { $mp->%*, nodes => $n12 })->{nodes}, $n12, 'on some');
    same(
        $expectations->(
            mp => { $mp->%*, nodes => $n12 }, mq => { $mp->%*, nodes => { n3 => 1 } }
        )->{nodes},
        $all,
        'of two storages'
    );
    same($expectations->(mp => { $mp->%*, disable => 1 }), $nothing, 'a disabled one');

    my $lvm = sub { return { type => 'lvm', vgname => 'vg', @_ } };
    my $found = sub {
        my ($base, %storages) = @_;
        my $answer = $expectations->(mp => $mp, lvm => $lvm->(base => $base), %storages);
        return [
            map { join(' ', $_, sort keys $answer->{'wwid-nodes'}->{$_}->%*) }
            sort keys $answer->{'wwid-nodes'}->%*
        ];
    };
    same($found->('mp:3600a'), ['3600a n1 n2 n3'], 'a LUN');
    same($found->('mp:dm-uuid-mpath-3600a'), ['3600a n1 n2 n3'], 'by the name of its device');
    same($found->("mp:$_"), [], "no LUN: '$_'") for '', 'a b';
    same($found->($_), [], "no storage: '$_'") for 'x:3600a', '3600a', '', ':3600a';
    my $iscsi = { type => 'iscsi', nodes => { n2 => 1 } };
    same($found->('is:0.0.1.scsi-3600a', is => $iscsi), ['3600a n2'], 'a LUN of iSCSI');
    same($found->("is:$_", is => $iscsi), [], "no WWID: '$_'") for '3600a', '0.0.1.eui-3600a';
    same($found->('dir:3600a', dir => { type => 'dir' }), [], 'another type');

    my $chain = sub {
        my ($below, $above) = @_;
        return $expectations->(
            mp => { $mp->%*, $below->%* },
            lvm => $lvm->(base => 'mp:a', $above->%*)
        );
    };
    my $sets = sub { return $chain->(@_)->{'wwid-nodes'} };
    same($sets->({}, { nodes => $n12 }), { a => $n12 }, 'where the upper one is');
    same($sets->({ nodes => $n12 }, {}), { a => $n12 }, 'where the lower one is');
    same(
        $sets->({ nodes => $n12 }, { nodes => { n2 => 1, n3 => 1 } }),
        { a => { n2 => 1 } }, 'where both are'
    );
    same($sets->({ nodes => { n1 => 1 } }, { nodes => { n3 => 1 } }), { a => {} }, 'nowhere');
    for my $disabled ([{ disable => 1 }, {}], [{}, { disable => 1 }]) {
        my $answer = $chain->($disabled->@*);
        same($answer->{'wwid-nodes'}, {}, 'disabled: nothing is expected');
        same($answer->{consumers}, { a => 'lvm' }, 'but it is there');
    }
    ClusterStandIns::reset();
    ClusterStandIns::alone('solo');
    PVE::Cluster::cfs_update();
    %ClusterStandIns::storages = (mp => $mp);
    same(
        PVE::Native::Multipath::cluster_storage_expectations()->{nodes},
        { solo => 1 }, 'without a cluster'
    );
};

done_testing();
