use v5.36;

use lib 'perl/t/lib';

# The endpoint for the status of the cluster. perl/t/stock_multipath.t has it registered and called by
# Proxmox VE's own PVE::RESTHandler.

use JSON::XS qw(encode_json);
use Test::More;

use ClusterStandIns;
use ClusterText qw(same);
use PVE::Native::Multipath;
use TestImages qw(failure_of);

ClusterStandIns::stand_in_for_rest();
ClusterStandIns::say_so();
diag('PVE::RESTHandler is stood in for, too');

require PVE::Native::API2::Multipath;

my $method = $ClusterStandIns::methods{status};
same([keys %ClusterStandIns::methods], ['status'], 'one method is registered');

subtest 'rule 23: it asks for Sys.Audit on /, and needs no parameters' => sub {
    same($method->{permissions}, { check => ['perm', '/', ['Sys.Audit']] }, 'permission');
    same([$method->@{qw(method path)}], ['GET', 'status'], 'GET status');
    my $parameters = $method->{parameters};
    is($parameters->{additionalProperties}, 0, 'no other parameters');
    same([sort keys $parameters->{properties}->%*], ['findings', 'since'], 'those there are');
    ok($parameters->{properties}->{$_}->{optional}, "$_ is optional") for qw(findings since);
    ok(!$method->{$_}, "not $_: www-data may read all of it") for qw(protected proxyto);
};

subtest 'the answer' => sub {
    ClusterStandIns::reset();
    ClusterStandIns::cluster(n1 => 1, n2 => 0);
    $ClusterStandIns::files{'multipath.cfg'} = "wwid: a\n\talias tank\n";
    my $map = { state => 'optimal', 'paths-active' => 2, 'paths-total' => 2 };
    $ClusterStandIns::store{n1}->{multipath} =
        encode_json({ maps => { a => $map }, time => time() });
    my $answer = $method->{code}->({});
    same([sort keys $answer->%*], ['luns', 'nodes'], 'LUNs and nodes');
    is($answer->{luns}->[0]->{alias}, 'tank', 'as PVE::Native::Multipath says');
    is($answer->{nodes}->{n1}->{status}, 'live', 'in strict mode');
    same(
        [sort keys $method->{code}->({ findings => 0 })->%*], ['luns', 'nodes'],
        'no findings'
    );

    my $first = $method->{code}->({ since => '' });
    is($first->{full}, 1, 'whoever begins is told all LUNs');
    same([map { $_->{wwid} } $first->{luns}->@*], ['a'], 'under the same key');
    my $second = $method->{code}->({ since => $first->{cursor}, findings => 1 });
    same([$second->@{qw(full luns removed events)}], [0, [], [], []], 'and then what is new');
    is(ref($second->{findings}), 'ARRAY', 'with findings, if wanted');

    $ClusterStandIns::down = 1;
    my $err = failure_of(sub { $method->{code}->({}) });
    is(ref($err), '', 'an error is text');
    like($err, qr/^cannot ask the cluster's file system: .*\n\z/, 'with the reason');
};

done_testing();
