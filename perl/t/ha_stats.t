use v5.36;

use lib 'perl/t/lib';

# What guests and nodes have used, from real RRD files of both layouts. The rows are those of the errors that
# this is about, each in the words of the right behaviour.

use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use PVE::Native::HA::Stats;
use PVE::Native::Placement;
use TestImages qw(failure_of);
use TestProcess qw(open_files);
use TestRRD qw(make_rrd write_samples start_rrdcached silent_socket);

if (!eval { require RRDs }) {
    plan(skip_all => 'reading RRD files needs RRDs (Debian: librrds-perl)');
}

my $GIB = 2**30;
my $now = 1_700_000_040 - 1_700_000_040 % 60;
my ($dir) = tempdir(CLEANUP => 1) =~ m/^(.*)\z/;

sub stats (%options) {
    return PVE::Native::HA::Stats->new(dir => $dir, socket => '', now => $now, %options);
}

# A guest of four cores and 8 GiB.
sub runs ($cpu, $mem, %more) {
    return { maxcpu => 4, cpu => $cpu, maxmem => 8 * $GIB, mem => $mem, %more };
}
sub is_down () { return { maxcpu => 4, maxmem => 8 * $GIB } }

sub guest ($id, $rows, %options) {
    my $layout = $options{layout} // 'pve-vm-9.0';
    my $path = make_rrd($dir, "$layout/$id", $now - 86400, %options);
    write_samples($path, $now, $rows);
    return $path;
}

sub p95 ($samples) { return PVE::Native::Placement::percentile(95, $samples) }

for my $layout (qw(pve2-vm pve-vm-9.0)) {
    subtest "$layout: cores and bytes" => sub {
        my $id = $layout eq 'pve2-vm' ? 100 : 101;
        guest($id, [map { runs($_ / 100, $_ * $GIB / 10) } 1 .. 30], layout => $layout);
        my $answer = stats()->guest($id);
        is($answer->{data}, 1, 'there is data');
        is($answer->{path}, "$dir/$layout/$id", 'of that file');
        is($answer->{resolution}, 60, 'by the minute');
        is($answer->{counts}->{total}, 20, 'twenty minutes');
        is(
            sprintf('%.6f', p95($answer->{samples}->{cpu})), '1.160000',
            'row 5: share times cores, once'
        );
        is(p95($answer->{samples}->{mem}), 2.9 * $GIB, 'memory in bytes');
        is_deeply($answer->{max}, { cpu => 4, mem => 8 * $GIB }, 'what is configured');
        is($answer->{latest}->{time}, $now, 'up to now');
        is($answer->{stale}, 0, 'nothing is missing');
        is($answer->{$_}, undef, "no $_") for qw(code reason);
    };
}

for my $layout (qw(pve2-node pve-node-9.0)) {
    subtest "$layout: the same units" => sub {
        my $path = make_rrd($dir, "$layout/n1", $now - 86400);
        my $row = {
            loadavg => 1, maxcpu => 32, cpu => 0.25, memtotal => 64 * $GIB,
            memused => 16 * $GIB
        };
        write_samples($path, $now, [($row) x 30]);
        my $answer = stats()->node('n1');
        is(p95($answer->{samples}->{cpu}), 8, 'row 6: cores of a node, too');
        is(p95($answer->{samples}->{mem}), 16 * $GIB, 'bytes of a node');
        is_deeply($answer->{max}, { cpu => 32, mem => 64 * $GIB }, 'what it has');
        unlink($path);
    };
}

subtest 'row 3: no data is flagged, and not zero' => sub {
    my $missing = stats()->guest(999);
    is($missing->{data}, 0, 'no file, no data');
    is($missing->{code}, 'missing', 'and why');
    is(p95($missing->{samples}->{mem}), undef, 'and no percentile');
    guest(102, []);
    my $empty = stats()->guest(102);
    is($empty->{data}, 0, 'nothing in it');
    is($empty->{code}, 'unknown', 'and why');
    is($empty->{counts}->{unknown}, 20, 'nothing is known of all of it');
    is(p95($empty->{samples}->{cpu}), undef, 'and no percentile');
};

subtest 'row 4: unknown, idle and down are told apart' => sub {
    my @rows = ((runs(0, $GIB)) x 5, (is_down()) x 5, (undef) x 5, (runs(0.5, 2 * $GIB)) x 5);
    guest(103, [(runs(0, $GIB)) x 2, @rows]);
    my $answer = stats()->guest(103);
    my $counts = $answer->{counts};
    is($counts->{total}, 20, 'all');
    # What was not said for less than two minutes is taken for what was said last.
    cmp_ok($counts->{idle}, '>=', 5, 'idle');
    cmp_ok($counts->{down}, '>=', 4, 'down');
    cmp_ok($counts->{unknown}, '>=', 3, 'unknown');
    is($counts->{running} + $counts->{down} + $counts->{unknown}, 20, 'each is one of them');
    is($answer->{states}->[0], 'idle', 'first');
    is($answer->{states}->[-1], 'running', 'last');
    is_deeply(
        [grep { defined } $answer->{samples}->{cpu}->@[5 .. 12]],
        [grep { defined } map { undef } 1 .. 8],
        'neither down nor unknown is a sample',
    );
    is(PVE::Native::Placement::percentile(50, $answer->{samples}->{cpu}) // -1, 0, 'idle is');
    guest(104, [(is_down()) x 30]);
    my $down = stats()->guest(104);
    is($down->{data}, 0, 'one that is down all the time has no data');
    is($down->{code}, 'down', 'and why');
    is_deeply($down->{max}, { cpu => 4, mem => 8 * $GIB }, 'but a configuration');
};

subtest 'row 7: the maximum is the one of now' => sub {
    my $small = { runs(0.5, $GIB)->%*, maxcpu => 2, maxmem => 2 * $GIB };
    guest(105, [(runs(0.5, $GIB)) x 15, ($small) x 3]);
    my $answer = stats()->guest(105);
    is_deeply($answer->{max}, { cpu => 2, mem => 2 * $GIB }, 'and no percentile');
    is(p95($answer->{samples}->{cpu}), 2, 'each sample has the cores of its own time');
};

subtest 'sources are found by their names' => sub {
    my @mixed = qw(pressurecpusome mem maxmem memhost new cpu maxcpu);
    guest(
        106, [(runs(0.5, 3 * $GIB, memhost => 4 * $GIB, new => 77)) x 30],
        sources => \@mixed
    );
    my $answer = stats()->guest(106);
    is(p95($answer->{samples}->{cpu}), 2, 'cpu');
    is(p95($answer->{samples}->{mem}), 3 * $GIB, 'mem');
    is(p95($answer->{samples}->{host}), 4 * $GIB, 'what it takes of the host');
    guest(107, [(runs(0.5, $GIB)) x 30], layout => 'pve2-vm');
    is(stats()->guest(107)->{samples}->{host}, undef, 'which old files do not have');
    guest(108, [({ mem => 5 * $GIB }) x 30], sources => ['mem']);
    my $poor = stats()->guest(108);
    is(p95($poor->{samples}->{mem}), 5 * $GIB, 'a file that lacks most');
    is(p95($poor->{samples}->{cpu}), undef, 'and what it lacks');
};

subtest 'a container is like a virtual machine' => sub {
    guest(109, [({ maxcpu => 0.5, cpu => 1, maxmem => $GIB, mem => $GIB / 4 }) x 30]);
    my $answer = stats()->guest(109);
    is(p95($answer->{samples}->{cpu}), 0.5, 'a share of half a core');
};

subtest 'the new file comes first, the old one serves where it is empty' => sub {
    guest(110, [(runs(0.5, 2 * $GIB)) x 30]);
    guest(110, [(runs(0.5, 1 * $GIB)) x 30], layout => 'pve2-vm');
    is(p95(stats()->guest(110)->{samples}->{mem}), 2 * $GIB, 'both');
    guest(111, []);
    guest(111, [(runs(0.5, 1 * $GIB)) x 30], layout => 'pve2-vm');
    is(p95(stats()->guest(111)->{samples}->{mem}), 1 * $GIB, 'the new one is empty');
    my $old = guest(112, [(runs(0.5, 3 * $GIB)) x 30], layout => 'pve2-vm');
    rename($old, "$old.old") or die $!;
    is(p95(stats()->guest(112)->{samples}->{mem}), 3 * $GIB, 'one that was put aside');
};

subtest 'window, resolution, consolidation' => sub {
    guest(113, [map { runs($_ % 2, $_ * $GIB / 100) } 1 .. 360]);
    my $short = stats(window => 300)->guest(113);
    is($short->{counts}->{total}, 5, 'five minutes');
    is($short->{start}, $now - 240, 'the last ones');
    my $long = stats()->guest(113, window => 4 * 3600, resolution => 1800);
    is($long->{resolution}, 1800, 'by half hours');
    cmp_ok($long->{counts}->{total}, '<=', 8, 'eight of them');
    is(sprintf('%.2f', $long->{samples}->{cpu}->[1]), '2.00', 'the average');
    my $most =
        stats(consolidation => 'MAX')->guest(113, window => 4 * 3600, resolution => 1800);
    is(sprintf('%.2f', $most->{samples}->{cpu}->[1]), '4.00', 'the most');
    my $early = stats()->guest(113, now => $now - 3600);
    is($early->{latest}->{time}, $now - 3600, 'an hour ago');
};

subtest 'files that are none' => sub {
    my $path = guest(114, [(runs(0.5, $GIB)) x 30]);
    guest(115, [(runs(0.5, $GIB)) x 30]);
    for my $size ((-s $path) - 1, int((-s $path) / 2), 4096, 100, 1, 0) {
        truncate($path, $size) or die $!;
        my $answers = stats()->guests([114, 115]);
        is($answers->{114}->{data}, 0, "cut off at $size: no data");
        is($answers->{114}->{code}, 'unreadable', 'and why');
        like($answers->{114}->{reason}, qr/\w+ \w+/, "in words: $answers->{114}->{reason}");
        is($answers->{115}->{data}, 1, 'the other one is read');
    }
    for my $bytes ('rubbish' x 1000, "RRD\0" . "0003\0" . "\xff" x 5000) {
        open(my $fh, '>:raw', $path) or die $!;
        print {$fh} $bytes;
        close($fh);
        my $answers = stats()->guests([114, 115]);
        is($answers->{114}->{code}, 'unreadable', 'rubbish');
        is($answers->{115}->{data}, 1, 'the other one is read');
    }
    unlink($path);
    mkdir($path);
    is(stats()->guest(114)->{code}, 'unreadable', 'a folder');
};

subtest 'values that cannot be' => sub {
    my @odd = (runs(1e30, 1e30), { runs(0.5, $GIB)->%*, maxcpu => 1e15 });
    guest(118, [(runs(0.5, $GIB)) x 10, (map { ($_) x 3 } @odd), (runs(0.5, 2 * $GIB)) x 10]);
    my $answer = stats()->guest(118);
    is(p95($answer->{samples}->{cpu}), 2, 'cores');
    cmp_ok(p95($answer->{samples}->{mem}), '<=', 2**53, 'bytes');
};

subtest 'what runs through rrdcached' => sub {
    my $daemon = start_rrdcached($dir);
    if (!$daemon) {
        diag('skipped: reading through rrdcached (Debian: rrdcached)');
        plan(skip_all => 'rrdcached is missing');
    }
    my $path = guest(116, []);
    write_samples($path, $now, [(runs(0.5, $GIB)) x 30], socket => $daemon->{socket});
    is(stats()->guest(116)->{data}, 0, 'the file does not have it yet');
    my $through = stats(socket => $daemon->{socket})->guest(116);
    is($through->{data}, 1, 'the daemon has');
    is($through->{counts}->{running}, 20, 'all of it');
    is($through->{stale}, 0, 'nothing is missing');
    kill('TERM', $daemon->{pid});
    waitpid($daemon->{pid}, 0);
    my $gone = stats(socket => $daemon->{socket})->guest(116);
    is($gone->{data}, 1, 'it has written all that before it went');
};

subtest 'a daemon that is not there, and one that does not answer' => sub {
    my $socket = "$dir/silent.sock";
    {
        my $silent = silent_socket($socket);
        my $start = time();
        my $answers = stats(socket => $socket, timeout => 2)->guests([100, 101, 999]);
        cmp_ok(time() - $start, '<', 3, 'in time');
        is($answers->{100}->{data}, 1, 'the file is read alone');
        is($answers->{100}->{stale}, 1, 'which is said');
        is($answers->{999}->{code}, 'missing', 'one that there is not');
    }
    my $answer = stats(socket => $socket)->guest(100);
    is($answer->{data}, 1, 'nobody listens');
    is($answer->{stale}, 1, 'which is said');
};

subtest 'a file that does not answer' => sub {
    my $path = "$dir/pve-vm-9.0/117";
    POSIX::mkfifo($path, 0600) or die $!;
    my $before = open_files();
    my $start = time();
    my $answer = stats(timeout => 0.5)->guest(117);
    cmp_ok(time() - $start, '<', 2, 'in time');
    is($answer->{data}, 0, 'no data');
    is($answer->{code}, 'unreadable', 'and why');
    is(open_files(), $before, 'nothing stays open');
    unlink($path);
};

subtest 'many guests, one question' => sub {
    my $start = time();
    my $answers = stats()->guests([map { ($_) x 40 } 100 .. 109, 120 .. 129]);
    is(scalar(keys($answers->%*)), 20, 'each once');
    cmp_ok(time() - $start, '<', 20, 'a program for many files');
};

subtest 'strict: it dies if wanted, in one line' => sub {
    my $err = failure_of(sub { stats(strict => 1)->guest(999) });
    is($err && $err->name, 'io', 'an error');
    is("$err", "guest 999: there is no RRD file\n", 'and why');
    is(stats(strict => 1)->guest(104)->{code}, 'down', 'a guest that is down is none');
};

subtest 'rubbish' => sub {
    my $answers = stats()->guests(['../n1', '', 'abc', "100\n", -1, '0100', 'a' x 1000]);
    is($answers->{$_}->{code}, 'name', 'no name') for keys($answers->%*);
    is(stats()->node('../../etc/passwd')->{code}, 'name', 'no node');
    is(stats()->node("n1\n")->{code}, 'name', 'no node');
    my @cases = (
        [sub { stats(windows => 1) }, qr/^HA::Stats: unknown option 'windows'/],
        [sub { stats()->guest(100, dirs => 1) }, qr/^HA::Stats: unknown option 'dirs'/],
        [sub { stats(timeout => 0) }, qr/^timeout is not above 0/],
        [sub { stats(window => 'abc') }, qr/^window is no number/],
        [sub { stats(window => -5) }, qr/^window is not above 0/],
        [sub { stats(window => 1e12) }, qr/has too many rows/],
        [sub { stats(resolution => []) }, qr/^resolution is a reference/],
        [sub { stats(consolidation => 'LAST') }, qr/^consolidation is neither/],
        [sub { stats(now => 'x')->guest(100) }, qr/^now is no number/],
        [sub { stats()->guests(100) }, qr/^guests are no array/],
        [sub { stats()->guest({}) }, qr/^guest is a reference/],
    );
    for my $case (@cases) {
        my ($code, $why) = $case->@*;
        my $err = failure_of($code);
        is($err && $err->name, 'argument', 'an argument');
        like($err, $why, 'and why');
    }
};

done_testing();
