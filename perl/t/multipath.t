use v5.36;

use lib 'perl/t/lib';

# What a node of Proxmox VE tells the others of its maps, and when. The forms are tried in
# cluster_summarize.t and in src/cluster/broadcast/tests/.

use JSON::XS qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(time);

use ClusterStandIns;
use ClusterText qw(same);
use FakeMultipathd;
use PVE::Native::Multipath;
use TestImages qw(failure_of);

ClusterStandIns::say_so();

my $NOW = 1_800_000_000;
my $wwid = '1Linux_scsi_debug_2000';
my $ok = FakeMultipathd::captured('ok');
my $degraded = FakeMultipathd::captured('one-failed');

sub health {
    my ($seconds, %opts) = @_;
    return PVE::Native::Multipath::broadcast_health({ now => $NOW + $seconds, %opts });
}

sub said {
    my ($key, $node) = @_;
    my $bytes = PVE::Cluster::get_node_kv($key)->{ $node // 'n1' } // return undef;
    return decode_json($bytes);
}

# A node that was just started, with a process that has not said anything yet; the process is this one,
# and so the time goes on.
sub fresh {
    ClusterStandIns::reset();
    FakeMultipathd::install();
    $NOW += 1000;
    return;
}

sub map_of { return said('multipath')->{maps}->{$wwid} }

# --- Summaries ------------------------------------------------------------------------------------

subtest 'summarize_maps_for_broadcast' => sub {
    my $summarize = \&PVE::Native::Multipath::summarize_maps_for_broadcast;
    my $map = { wwid => 'a', state => 'optimal', 'paths-active' => 2, 'paths-total' => 2 };
    my $lun = { $map->%*, transport => 'fc', size => 42, name => 'mpatha', paths => [{}, {}] };
    my $none = { name => 'mpathb', state => 'failed' };
    same(
        $summarize->([$lun, $none]),
        {
            a => {
                state => 'optimal',
                'paths-active' => 2,
                'paths-total' => 2,
                transport => 'fc',
                size => 42
            }
        },
        'of maps, those that have a WWID'
    );
    same($summarize->([]), {}, 'of none');
    my $summary = { $wwid => { state => 'degraded', 'paths-active' => 3, 'paths-total' => 4 } };
    same($summarize->($degraded), $summary, 'of what multipathd writes');
    same($summarize->(decode_json($degraded)->{maps}), $summary, 'of the maps in it');
    like(failure_of(sub { $summarize->(undef) }), qr/^the maps are not an array/, 'of nothing');
    like(
        failure_of(sub { $summarize->(['a']) }), qr/^a map is not a hash/,
        'of something else'
    );
};

subtest 'rule 32: a summary of 100 maps fits into the store' => sub {
    my @maps = map {
        {
            wwid => sprintf('3600%029d', $_),
            state => 'degraded',
            'paths-active' => 4,
            'paths-total' => 8,
            transport => 'iscsi',
            size => 10 * 2**40
        }
    } 1 .. 100;
    my $summary = PVE::Native::Multipath::summarize_maps_for_broadcast(\@maps);
    is(scalar(keys($summary->%*)), 100, 'all of them');
    cmp_ok(length(encode_json({ maps => $summary, time => $NOW })), '<', 32 * 1024, 'fits');
};

# --- Health ---------------------------------------------------------------------------------------

subtest 'the health of the maps is broadcast' => sub {
    fresh();
    FakeMultipathd::says($degraded, "sdb|mpatha|scsi:iscsi\n");
    FakeMultipathd::assembles($wwid => 131072);
    is(health(0), 1, 'sent');
    my $said = said('multipath');
    same(
        map_of(),
        {
            state => 'degraded',
            'paths-active' => 3,
            'paths-total' => 4,
            transport => 'iscsi',
            size => 1 << 26
        },
        'with transport and size'
    );
    is($said->{time}, $NOW, 'and the time');
    like($said->{seq}, qr/^\d+\z/, 'and a number');
    is(said('multipath-error'), undef, 'no error');
};

subtest 'what has not changed is broadcast once a minute' => sub {
    fresh();
    FakeMultipathd::says($ok);
    health(0);
    my ($sent, $seq) = ($ClusterStandIns::sent, said('multipath')->{seq});
    is(health($_), 0, "not after $_ s") for 10, 59;
    is($ClusterStandIns::sent, $sent, 'nothing was sent');
    is(health(60), 1, 'after 60 s');
    is(said('multipath')->{time}, $NOW + 60, 'with the time of now');
    is(said('multipath')->{seq}, $seq + 1, 'and the next number');
    FakeMultipathd::says($degraded);
    is(health(61), 1, 'what has changed is broadcast at once');
    is(map_of()->{state}, 'degraded', 'as it is');
    delete $ClusterStandIns::store{n1};
    is(health(62), 1, 'and what pmxcfs has forgotten');
    is(health(50), 1, 'and if the clock was put back');
};

subtest 'a node without maps says nothing' => sub {
    fresh();
    FakeMultipathd::says($ok);
    health(0);
    FakeMultipathd::says('{"maps":[]}');
    is(health(1), 1, 'it takes back what it has said');
    is(said('multipath'), undef, 'nothing is left');
    is(health(2), 0, 'once');
    FakeMultipathd::says($ok);
    health(3);
    FakeMultipathd::is_missing();
    health(4);
    is(said('multipath'), undef, 'nor does one without multipathd');
    is(said('multipath-error'), undef, 'and that is no error');
};

subtest 'more than 255 maps' => sub {
    for my $count (256, 1000, 5000) {
        fresh();
        my @maps = map { sprintf('{"uuid":"3%032d"}', $_ * 7919) } 1 .. $count;
        FakeMultipathd::says('{"maps":[' . join(',', @maps) . ']}');
        health(0);
        my $bytes = PVE::Cluster::get_node_kv('multipath')->{n1};
        cmp_ok(length($bytes), '<=', 32767, "$count maps fit, whatever it takes");
        my $answer = PVE::Native::ClusterStatus::status({ n1 => $bytes }, { now => $NOW });
        my $left_out = $answer->{nodes}->{n1}->{truncated} // 0;
        is($answer->{luns}->@* + $left_out, $count, 'and all of them are told or counted');
    }
};

# --- When multipathd does not answer --------------------------------------------------------------

my %silences = (
    'is not running' => [
        "echo 'error -1 connecting to multipathd' >&2; exit 1",
        qr/^asking multipathd failed: error -1 connecting to multipathd\n\z/,
    ],
    'hangs, and ends for no signal that can be ignored' =>
        ["trap '' TERM INT HUP; sleep 100", qr/^asking multipathd took too long\n\z/],
    'takes too long' => ['printf "timeout\n"', qr/busy for too long/],
    'cannot do it' => ['printf "fail\n"; exit 1', qr/^asking multipathd failed: fail\n\z/],
    'cannot do it, and says so only' => ['printf "fail\n"', qr/could not do it/],
    'writes rubbish' => ['printf "\\001\\377}{][\"\\000\\n"', qr/./],
    'writes half of it' => ['printf \'{"maps":[{"uuid":"a",\'', qr/cut off/],
    'writes nothing' => ['exit 0', qr/./],
    'crashes' => ['kill -SEGV $$', qr/^asking multipathd was killed by signal 11\n\z/],
);

for my $how (sort keys %silences) {
    my ($script, $why) = $silences{$how}->@*;
    subtest "multipathd $how" => sub {
        fresh();
        FakeMultipathd::says($ok);
        FakeMultipathd::assembles($wwid => 8);
        health(0);
        FakeMultipathd::does($script);
        my $since = time();
        my $err = failure_of(sub { health(30, timeout => 0.5) });
        cmp_ok(time() - $since, '<', 3, 'nobody waits for it');
        ok(ref($err) && $err->isa('PVE::Native::Error'), 'it is an error');
        like($err, $why, 'with the reason');
        is(map_of()->{state}, 'optimal', 'for less than a minute the last answer stands');

        is(failure_of(sub { health(60, timeout => 0.5) }), $err, 'still');
        ok(exists(said('multipath')->{maps}->{$wwid}), 'then the map is named');
        is(said('multipath')->{time}, undef, 'and the broadcast is an old one');
        my $raw = PVE::Cluster::get_node_kv('multipath');
        for my $mode (qw(strict compat)) {
            my %opts =
                (mode => $mode, now => $NOW + 60, allow => ['x'], 'expected-nodes' => ['n1']);
            my $answer = PVE::Native::ClusterStatus::status($raw, \%opts);
            same(
                [map { $_->{nodes}->{n1}->{state} } $answer->{luns}->@*],
                ['unknown', 'unknown'],
                "nothing is known, of what is expected either ($mode)"
            );
        }
        my $said = said('multipath-error');
        is("$said->{error}\n", "$err", 'the others are told why');
        is($said->{time}, $NOW + 60, 'and since when');

        FakeMultipathd::install();
        FakeMultipathd::says($ok);
        health(70);
        is(map_of()->{state}, 'optimal', 'it is back');
        is(said('multipath-error'), undef, 'and there is no error any more');
    };
}

subtest 'a process that has not heard of multipathd yet' => sub {
    fresh();
    # The process before this one has said so.
    $ClusterStandIns::store{n1}->{multipath} =
        "{\"maps\":{\"$wwid\":{\"state\":\"optimal\"}},\"time\":$NOW}";
    FakeMultipathd::assembles($wwid => 8, other => 8);
    FakeMultipathd::does('exit 1');
    like(failure_of(sub { health(0) }), qr/^asking multipathd failed/, 'cannot know');
    is(said('multipath')->{time}, undef, 'what was said is old');
    same([sort keys said('multipath')->{maps}->%*], [$wwid, 'other'], 'of all maps there are');

    FakeMultipathd::assembles();
    is(health(1), 1, 'where there are no maps nothing is wrong');
    is(said('multipath'), undef, 'and nothing is said of any');
    like(said('multipath-error')->{error}, qr/^asking multipathd failed/, 'but for the reason');
    FakeMultipathd::is_missing();
    FakeMultipathd::assembles($wwid => 8);
    like(
        failure_of(sub { health(2) }), qr/cannot be run/,
        'maps without multipathd are an error'
    );
};

subtest 'transports are not worth an error' => sub {
    fresh();
    FakeMultipathd::says($ok);
    my $show = "cat '" . FakeMultipathd::file('maps') . "'";
    FakeMultipathd::does("case \"\$2\" in maps) $show;; *) sleep 100;; esac");
    health(0, timeout => 1);
    is(map_of()->{state}, 'optimal', 'the state is known without');
};

# --- When pmxcfs does not answer ------------------------------------------------------------------

subtest 'pmxcfs does not take it' => sub {
    fresh();
    FakeMultipathd::says($ok);
    $ClusterStandIns::down = 1;
    my $err = failure_of(sub { health(0) });
    is($err->name, 'io', 'an error');
    like($err, qr/^cannot broadcast 'multipath': .*Connection refused\n\z/, 'with the reason');
    $ClusterStandIns::down = 0;
    is(health(1), 1, 'it is sent as soon as it is back');
};

# --- Applying the configuration -------------------------------------------------------------------

subtest 'rule 30: the error is made a string, and success takes it back' => sub {
    fresh();
    my $apply = \&PVE::Native::Multipath::broadcast_apply_status;
    my $text = sub { return (said('multipath-apply') // {})->{error} };
    my $native = PVE::Native::Error->new(message => 'no room');
    is($apply->($native), 1, 'sent');
    is($text->(), 'no room', 'an object');
    cmp_ok(abs(said('multipath-apply')->{time} - time()), '<', 60, 'with the time');
    is($apply->($native), 0, 'the same one is not sent again');
    $apply->("cannot write: Datei nicht gef\xc3\xbcnden\n");
    is($text->(), "cannot write: Datei nicht gef\x{fc}nden", "the system's bytes");
    $apply->("\x{263a}");
    is($text->(), "\x{263a}", 'characters');
    like(do { $apply->([]); $text->() }, qr/^ARRAY\(0x/, 'whatever it is');
    $apply->("\1" x 100_000);
    is($text->(), "\1" x 5000, 'a long one is cut');
    $apply->();
    is(said('multipath-apply'), undef, 'success');

    for my $none (undef, '', 0, '0') {
        $apply->('an error');
        $apply->($none);
        is(said('multipath-apply'), undef, 'what is false is success');
    }
};

subtest 'arguments' => sub {
    my @cases = (
        [[5], qr/^broadcast_health: options are not a hash/],
        [{ time => 5 }, qr/^broadcast_health: unknown option 'time'/],
        [{ timeout => '5s' }, qr/^broadcast_health: timeout '5s' is not a number of seconds/],
        [{ now => 'x' }, qr/^broadcast_health: now 'x' is not a number of seconds/],
    );
    for my $case (@cases) {
        my ($opts, $why) = $case->@*;
        my $err = failure_of(sub { PVE::Native::Multipath::broadcast_health($opts) });
        is($err && $err->name, 'argument', 'refused');
        like($err, $why, 'with the reason');
    }
};

done_testing();
