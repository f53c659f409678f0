use v5.36;

use lib 'perl/t/lib';

# The endpoint for the status of the cluster, registered and called by the PVE::RESTHandler of a stock
# pve-common: its schema is a schema, and all answers are as it says.

use JSON::XS qw(encode_json);
use Test::More;

use ClusterStandIns;
use ClusterText qw(same);
use PVE::Native::Multipath;
use StockStorage;

my $dir = $ENV{PVE_COMMON_SRC};
plan(skip_all => 'PVE_COMMON_SRC is not set: no stock PVE::RESTHandler to be called by')
    if !length($dir // '');
unshift @INC, StockStorage::source('PVE_COMMON_SRC', 'PVE/RESTHandler.pm');
plan(skip_all => "the stock PVE::RESTHandler cannot be loaded: $@")
    if !eval { require PVE::RESTHandler; 1 };
require PVE::JSONSchema;
ClusterStandIns::say_so();

require PVE::Native::API2::Multipath;

my $class = 'PVE::Native::API2::Multipath';
my $uri_param = {};
my (undef, $method) = $class->find_handler('GET', 'status', $uri_param);
is($method->{name}, 'status', 'GET status is found');
ok(eval { PVE::JSONSchema::validate_method_info($method); 1 }, 'its schema is one') or diag($@);

# Calls it as the server does, and has the answer looked at, too.
sub called {
    my (%param) = @_;
    return eval { $class->handle($method, {%param}, 1) };
}

my $now = time();

sub reports {
    my ($node, $text) = @_;
    $ClusterStandIns::store{$node}->{multipath} = $text;
    return;
}

ClusterStandIns::reset();
same(called(), { luns => [], nodes => {} }, 'a node that knows nothing') or diag($@);

ClusterStandIns::cluster(map { ("n$_" => $_ != 3) } 1 .. 9);
$ClusterStandIns::files{'multipath.cfg'} = "wwid: a\n\talias tank\n\nwwid: nowhere\n";
%ClusterStandIns::storages =
    (mp => { type => 'multipath' }, lvm => { type => 'lvm', base => 'mp:a' });
my $map = {
    state => 'degraded', 'paths-active' => 1, 'paths-total' => 2, size => 1 << 50,
    transport => 'fc',
};
my $maps = {
    a => $map,
    b => { $map->%*, state => 'weird' },
    c => { $map->%*, flags => ['suspended'], state => 'unknown' },
    d => { $map->%*, 'paths-active' => 'x', 'paths-total' => undef, size => -5 },
    e => [], f => { state => 'failed', flags => ['queueing'] },
    g => { state => 'optimal', 'paths-active' => 5, 'paths-total' => 2 },
};
reports('n1', encode_json({ maps => $maps, time => $now, truncated => 7 }));
reports('n2', encode_json({ maps => { a => $map }, time => $now - 500 }));
reports('n3', encode_json({ maps => { a => $map }, time => $now }));
reports('n4', encode_json({ maps => { a => $map }, time => $now + 500 }));
reports('n5', '{"maps":');
reports('n6', encode_json({ maps => { a => $map } }));
reports(
    'n7',
    PVE::Native::ClusterStatus::summarize_maps('{"maps":[{"uuid":"a"}]}', { time => $now })
);
$ClusterStandIns::store{n1}->{'multipath-apply'} = '{"error":"no","time":5}';
$ClusterStandIns::store{n4}->{'multipath-apply'} = '{"error":["no"],"time":"soon"}';
$ClusterStandIns::store{n6}->{'multipath-error'} = '{"error":"no","time":5}';

my $answer = called() // {};
is($@, '', 'whatever nodes say, the answer is as the schema has it');
is(scalar(($answer->{luns} // [])->@*), 8, 'it has all LUNs');
is($answer->{nodes}->{ $_->[0] }->{status}, $_->[1], "$_->[0] is $_->[1]")
    for ['n1', 'live'], ['n2', 'stale'], ['n3', 'offline'], ['n5', 'malformed'], ['n8', 'silent'];
for my $findings (0, 1) {
    called(findings => $findings);
    is($@, '', "findings $findings: as the schema has it, too");
}
srand(5);
my $cursor = '';
for my $time (map { $now + $_ * 100 } 0 .. 3) {
    reports('n1', encode_json({ maps => $maps, time => $time }));
    my $changes = called(since => $cursor, findings => 1) // {};
    is($@, '', 'so are changes');
    is($changes->{full}, $cursor eq '' ? 1 : 0, 'from one answer to the next');
    $cursor = $changes->{cursor} // '';
    # Another map each time, and one less.
    $maps = { 'a', $map, "new-$time", { $map->%*, state => 'failed', 'paths-active' => 0 } };
    ClusterStandIns::cluster(map { ("n$_" => rand() < 0.5) } 1 .. 9);
}
ok(!called(since => 'x' x 257), 'a cursor that is too long is refused');

ok(!called(other => 1), 'another parameter is refused');
like($@, qr/other/, 'by its name');

done_testing();
