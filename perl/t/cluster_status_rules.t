use v5.36;

use lib 'perl/t/lib';

# The rules of the cluster status in compat mode that are about broadcasts: which are read, which
# are believed, who is alive, and what becomes of errors. See cluster_rules.t.

use JSON::XS;
use Test::More;

use ClusterRules qw(rule same entry states broadcast whole_status status $NOW);

my $UNKNOWN = { state => 'unknown' };
my $MISSING = { state => 'missing' };

rule 24, 'what is no object, or has no maps that are one, is skipped' => sub {
    my $good = broadcast({ a => entry() });
    my %bad = (
        empty => '', cut => substr($good, 0, -1), more => "$good x", array => "[$good]",
        string => '"x"',
        null => 'null', false => 'false', 'no maps' => '{}',
        'maps null' => '{"maps":null,"time":9e9}',
        'maps array' => '{"maps":[],"time":9e9}', 'maps true' => '{"maps":true,"time":9e9}',
        nothing => undef,
        'not UTF-8' => broadcast({}) =~ s/maps/maps":{},"\xe9/r,
        'a lone surrogate' => '{"maps":{"\ud800":null}}',
        'too deep' => '{"maps":{},"x":' . '[' x 512 . ']' x 512 . '}',
        'byte order mark' => "\xef\xbb\xbf$good",
    );
    for my $name (sort keys %bad) {
        my ($rows) = status({ n1 => $good, n2 => $bad{$name} }, allow => ['a']);
        same(states($rows->{a}), ['optimal', { n1 => 'optimal' }], $name);
    }
    my ($rows) = status({ n1 => $bad{cut} }, allow => ['a'], 'expected-nodes' => ['n1']);
    same(
        states($rows->{a}), ['missing', { n1 => 'missing' }],
        'if expected, the node is silent'
    );
};

rule 25, 'a broadcast is stale if older than 180 s, or without a time' => sub {
    my %fresh = (
        'now' => $NOW, '180 s' => $NOW - 180, '180.0 s' => ($NOW - 180) . '.0', future => 9e9,
        huge => '1e400',
        string => '"' . ($NOW - 180) . 'abc"', nan => '"nan"', infinite => '"infx"',
        array => '[]', object => '{}',
        'beyond 64 bits' => '18446744073709551616', 'digits and spaces' => "\" \\n$NOW \"",
    );
    my %stale = (
        '181 s' => $NOW - 181, '180.5 s' => $NOW - 181 . '.5', null => 'null', true => 'true',
        text => '"now"',
        negative => -1, 'minus infinite' => '"-inf"', empty => '""',
        hexadecimal => '"0x7fffffff"',
    );
    my $maps = '{"a":{"state":"optimal"}}';
    my $with = sub ($time) { return { n1 => "{\"maps\":$maps,\"time\":$time}" } };
    same(states((status($with->($fresh{$_})))[0]->{a})->[0], 'optimal', "fresh: $_")
        for sort keys %fresh;
    same(states((status($with->($stale{$_})))[0]->{a})->[0], 'unknown', "stale: $_")
        for sort keys %stale;
    my ($rows) = status({ n1 => '{"maps":{"a":{"state":"optimal"}}}' });
    is($rows->{a}->{'cluster-state'}, 'unknown', 'stale: absent');
};

rule 26, 'stale counts as offline: unknown, never missing' => sub {
    my ($rows) = status(
        { n1 => broadcast({ a => entry() }, 181), n2 => broadcast({ a => entry() }) },
        allow => ['a', 'b'], members => { n1 => { online => 1 }, n2 => { online => 1 } },
        'expected-nodes' => ['n1', 'n2'],
    );
    same(
        states($rows->{a}), ['optimal', { n1 => 'unknown', n2 => 'optimal' }],
        'with an entry'
    );
    same(states($rows->{b}), ['missing', { n1 => 'unknown', n2 => 'missing' }], 'without');
};

rule 27, "expected are the nodes of the LUN's storage, or those of any multipath storage" => sub {
    my $raw = { n1 => broadcast({ map { $_ => entry() } qw(a b c) }), n2 => broadcast({}) };
    my ($rows) = status(
        $raw, allow => ['a', 'b', 'd'], expected => { a => ['n1'], c => ['n1', 'n2'], d => [] },
        'expected-nodes' => ['n2'],
    );
    same(states($rows->{a}), ['optimal', { n1 => 'optimal' }], 'of its storage');
    same(states($rows->{b}), ['missing', { n1 => 'optimal', n2 => 'missing' }], 'of any');
    same(states($rows->{c}), ['optimal', { n1 => 'optimal' }], 'not on the list');
    same(
        states($rows->{d}), ['missing', { n1 => 'missing', n2 => 'missing' }],
        'none: all active'
    );
};

rule 28, 'alive is asked of broadcasters and of nodes that are expected anywhere' => sub {
    my $raw = { n1 => broadcast({ a => entry() }), n2 => broadcast({ a => entry() }) };
    my %opts = (
        allow => ['a'], expected => { a => ['n1', 'n2', 'n3', 'n4'] },
        'expected-nodes' => ['n3'],
        members => { map { $_ => { online => $_ ne 'n2' ? 1 : 0 } } qw(n1 n2 n3 n4) },
    );
    my ($rows) = status($raw, %opts);
    same($rows->{a}->{nodes}->{n2}, $UNKNOWN, 'a member that is offline');
    same($rows->{a}->{nodes}->{n3}, $MISSING, 'expected anywhere');
    same($rows->{a}->{nodes}->{n4}, $UNKNOWN, "expected for a LUN alone: nobody asked");
    for my $members (undef, {}) {
        ($rows) = status($raw, %opts, members => $members);
        same($rows->{a}->{nodes}->{n2}->{state}, 'optimal', 'without members all are alive');
    }
    ($rows) = status($raw, %opts, members => { n1 => undef, n2 => { online => '' } });
    is($rows->{a}->{'cluster-state'}, 'unknown', 'members that are not known to be online');
};

rule 29, 'errors of applying are told, but not of offline nodes' => sub {
    my $apply = {
        n1 => '{"error":"no","time":5}', n2 => '{"error":{"a":1.50}}',
        n3 => '{"error":"0","time":5}', n4 => '{"time":5}',
        n5 => '{"error":', n6 => '["error"]', n7 => '{"error":"off","time":5}',
        n8 => '{"error":""}', n9 => undef,
    };
    my %seen = (
        n1 => { 'apply-error' => 'no', 'apply-time' => 5 },
        n2 => { 'apply-error' => { a => 1.5 }, 'apply-time' => undef },
    );
    my %members = map { $_ => { online => 1 } } grep { $_ ne 'n7' } keys %$apply;
    same((status({}, apply => $apply, members => \%members))[1], \%seen, 'members');
    $seen{n7} = { 'apply-error' => 'off', 'apply-time' => 5 };
    same((status({}, apply => $apply))[1], \%seen, 'alone');
};

rule 30, 'an error is text; where it was cleared there is nothing' => sub {
    my ($rows, $nodes) =
        status({}, apply => { n1 => encode_json({ error => "500 \x{e9}\n", time => $NOW }) });
    same($nodes, { n1 => { 'apply-error' => "500 \x{e9}\n", 'apply-time' => $NOW } }, 'text');
    same((status({}, apply => {}))[1], {}, 'nothing');
};

rule 31, 'the answer is luns and nodes' => sub {
    same(
        whole_status({}, { mode => 'compat', now => $NOW }), { luns => [], nodes => {} },
        'of nothing',
    );
};

rule 32, '100 maps fit into the 32 KiB of a value' => sub {
    my %maps = map {
        (
            sprintf('36001405%025x', $_) =>
                entry('optimal', transport => 'iscsi', size => 1 << 43))
    } 1 .. 100;
    my $raw = broadcast(\%maps);
    cmp_ok(length($raw), '<', 32 * 1024, 'bytes');
    my ($rows) = status({ n1 => $raw });
    is(scalar(keys %$rows), 100, 'all are read');
};

done_testing();
