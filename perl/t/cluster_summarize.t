use v5.36;

use lib 'perl/t/lib';

# What a node broadcasts of its maps. The forms are tried in src/cluster/broadcast/tests/.

use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use PVE::Native::ClusterStatus;
use TestImages qw(failure_of);

my $summarize = \&PVE::Native::ClusterStatus::summarize_maps;

sub captured {
    my ($name) = @_;
    my $path = "src/cluster/multipathd/captured/$name.json";
    open(my $file, '<:raw', $path) or die "cannot open $path: $!\n";
    local $/ = undef;
    return scalar <$file>;
}

sub decoded { return JSON::PP->new->utf8->decode($_[0]); }

my $wwid = '1Linux_scsi_debug_2000';
my $degraded = captured('one-failed');

subtest 'what the daemon says becomes a broadcast' => sub {
    my $plain = decoded($summarize->($degraded));
    my $map = { state => 'degraded', 'paths-active' => 3, 'paths-total' => 4 };
    is_deeply($plain->{maps}, { $wwid => $map }, 'a map');
    like($plain->{digest}, qr/^[0-9a-f]{16}\z/, 'a digest');
    ok(!exists($plain->{time}) && !exists($plain->{seq}), 'neither time nor number');

    my $full = {
        sizes => { mpatha => 1 << 40, other => 5 },
        transports => { mpatha => 'fc' },
        time => 1_700_000_000,
        seq => 7,
    };
    my $more = decoded($summarize->($degraded, $full));
    is_deeply(
        $more->{maps}->{$wwid}, { $map->%*, transport => 'fc', size => 1 << 40 },
        'all of it'
    );
    is($more->{time}, 1_700_000_000, 'the time');
    is($more->{seq}, 7, 'the number');
    isnt($more->{digest}, $plain->{digest}, 'another health');

    my $failed = decoded($summarize->(captured('all-failed')))->{maps}->{$wwid};
    is($failed->{state}, 'failed', 'failed');
    is_deeply($failed->{flags}, ['queueing'], 'and waiting');
};

subtest 'values may be text, and undef is none' => sub {
    my $opts =
        { sizes => { $wwid => '1024', x => undef }, time => '5', seq => undef, limit => undef };
    my $read = decoded($summarize->($degraded, $opts));
    is($read->{maps}->{$wwid}->{size}, 1024, 'a size by WWID');
    is($read->{time}, 5, 'a time');
    my $none = { map { $_ => undef } qw(sizes transports sysfs limit time seq) };
    is($summarize->($degraded, $none), $summarize->($degraded), 'no options at all');
    my $raw = "sdb|mpatha|scsi:iscsi\nsdc|mpatha|scsi:iscsi\n";
    $read = decoded($summarize->($degraded, { transports => $raw }));
    is($read->{maps}->{$wwid}->{transport}, 'iscsi', 'transports as multipathd says them');
    my $upgraded = $degraded;
    utf8::upgrade($upgraded);
    is($summarize->($upgraded), $summarize->($degraded), 'an upgraded text is the same');
};

subtest 'sizes in sysfs' => sub {
    my $sysfs = tempdir(CLEANUP => 1);
    make_path("$sysfs/block/dm-0");
    open(my $file, '>', "$sysfs/block/dm-0/size") or die "cannot write: $!\n";
    print {$file} "2048\n";
    close($file) or die "cannot write: $!\n";
    my $size = sub {
        my (%more) = @_;
        my $opts = { sysfs => $sysfs, %more };
        return decoded($summarize->($degraded, $opts))->{maps}->{$wwid}->{size};
    };
    is($size->(), 1 << 20, 'read');
    is($size->(sizes => { mpatha => 3 }), 3, 'what is given counts');
    is($size->(sysfs => '/nowhere'), undef, 'what cannot be read is not known');
};

subtest 'a limit is kept' => sub {
    my @maps = map { sprintf('{"uuid":"3%032d"}', $_ * 7919) } 1 .. 500;
    my $reply = '{"maps":[' . join(',', @maps) . ']}';
    my $all = $summarize->($reply, { limit => 1 << 20 });
    my $first = substr($summarize->($reply), 0, 5);
    is($first, '{"v":', 'the short form where the other is too long');
    for my $limit (100, 2000, 10_000, length($all)) {
        my $payload = $summarize->($reply, { limit => $limit });
        cmp_ok(length($payload), '<=', $limit, "$limit bytes");
        ok(!utf8::is_utf8($payload) && $payload !~ m/\0/, 'bytes without NUL');
    }
    my $few = decoded($summarize->($reply, { limit => 100 }));
    is($few->{x} + keys($few->{m}->%*), 500, 'what is left out is told');
};

subtest 'what makes no sense is refused' => sub {
    my @cases = (
        [[undef], 'argument', qr/^multipathd's reply is undefined/],
        [[[]], 'argument', qr/^multipathd's reply is a reference/],
        [["\x{263a}"], 'argument', qr/characters that are not bytes/],
        [["timeout\n"], 'corrupt', qr/busy for too long/],
        [["fail\n"], 'corrupt', qr/could not do it/],
        [[substr($degraded, 0, 500)], 'corrupt', qr/cut off/],
        [[$degraded, []], 'argument', qr/^summarize_maps: options are not a hash/],
        [[$degraded, { size => 1 }], 'argument', qr/^summarize_maps: unknown option 'size'/],
        [[$degraded, { sizes => 5 }], 'argument', qr/^sizes are not a hash/],
        [
            [$degraded, { sizes => { a => '1G' } }], 'argument',
            qr/^size of 'a' '1G' is not a number/
        ],
        [[$degraded, { sizes => { a => [] } }], 'argument', qr/^size a is a reference/],
        [
            [$degraded, { transports => { a => 'ip' } }], 'argument',
            qr/^unknown transport 'ip' of 'a'/
        ],
        [[$degraded, { transports => [] }], 'argument', qr/^transports is a reference/],
        [[$degraded, { time => 1.5 }], 'argument', qr/^time '1.5' is not a number/],
        [[$degraded, { seq => -1 }], 'argument', qr/^seq '-1' is not a number/],
        [[$degraded, { limit => '32k' }], 'argument', qr/^limit '32k' is not a number/],
        [[$degraded, { limit => 30 }], 'argument', qr/^a limit of 30 bytes has no room/],
    );
    for my $case (@cases) {
        my ($args, $name, $why) = $case->@*;
        my $err = failure_of(sub { $summarize->($args->@*) });
        is($err && $err->name, $name, $name);
        like($err, $why, 'and why');
    }
};

done_testing();
