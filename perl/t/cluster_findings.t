use v5.36;

# What there is to say of the cluster's LUNs besides the matrix. Each code is tried in
# src/cluster/findings/tests/.

use JSON::PP ();
use Test::More;

use PVE::Native::ClusterStatus;

my $now = 1_800_000_000;
my $json = JSON::PP->new->utf8;

sub broadcast (%more) { return $json->encode({ time => $now, %more }) }

sub paths ($active, %more) {
    my $state = $active == 4 ? 'optimal' : $active ? 'degraded' : 'failed';
    return { state => $state, 'paths-active' => $active, 'paths-total' => 4, %more };
}

sub findings ($raw, %opts) {
    my $status = PVE::Native::ClusterStatus::status($raw, { now => $now, %opts });
    return $status->{findings};
}

subtest 'where all is well there are none' => sub {
    my %raw = map { $_ => broadcast(maps => { w => paths(4) }) } qw(n1 n2);
    is_deeply(findings(\%raw), [], 'an empty list');
    is_deeply(findings({}), [], 'nor without nodes');
};

subtest 'an adapter that is down is one finding' => sub {
    my %maps = map { $_ => paths(2, down => [0]) } qw(u v w);
    my $down = broadcast(maps => \%maps, ports => [['hba', '0000:02:00.0', 6, 6]]);
    my $well = broadcast(maps => { map { $_ => paths(4) } qw(u v w) });
    my $found = findings({ n1 => $down, n2 => $well, n3 => $well });
    is(scalar($found->@*), 1, 'and nothing else is');
    my $finding = $found->[0];
    like(
        delete($finding->{sentence}), qr/^Adapter 0000:02:00\.0 of node n1 has lost all/,
        'why'
    );
    is_deeply(
        $finding,
        {
            code => 'hba-down', severity => 'warning', subject => 'n1/0000:02:00.0',
            luns => [qw(u v w)], nodes => ['n1'],
        },
        'with its LUNs',
    );
};

subtest 'the worst comes first' => sub {
    my %raw = (
        n1 => broadcast(maps => { v => paths(0), w => paths(3) }),
        n2 => 'rubbish',
        n3 => broadcast(maps => {}, time => $now - 999),
    );
    my $found = findings(
        \%raw,
        members => { map { $_ => { online => 1 } } qw(n1 n2 n3) },
        allow => [qw(v w)],
        'expected-nodes' => [qw(n1 n2 n4)],
        apply => { n1 => $json->encode({ error => 'no', time => 5 }) },
    );
    my @found = map { "$_->{severity} $_->{code} $_->{subject}" } $found->@*;
    my @expected = (
        'error apply-error n1', 'error lun-failed v', 'error node-malformed n2',
        'error node-stale n3',
        'warning lun-degraded w', 'info coverage n2,n4', 'info node-offline n4',
    );
    is_deeply(\@found, \@expected, 'and each thing once');
};

subtest 'compat mode has none' => sub {
    my $raw = { n1 => broadcast(maps => { w => paths(0) }) };
    my $status = PVE::Native::ClusterStatus::status($raw, { now => $now, mode => 'compat' });
    is_deeply([sort keys $status->%*], [qw(luns nodes)], 'LUNs and nodes only');
};

done_testing();
