use v5.36;

use lib 'perl/t/lib';

# Pins: what QEMU is given is what was audited, whatever the names lead to by then.

use B ();
use Config;
use JSON::PP qw(decode_json);
use POSIX ();
use Storable ();
use Test::More;

use PVE::Native::Image;
use TestDaemon;
use TestImages qw(directory qemu_img read_file write_file failure_of);
use TestProcess qw(in_child open_files growth_kib);

my $dir = directory();

# Writes 64 KiB of a letter at an offset of as many KiB.
sub scribble {
    my ($path, $at, $letter) = @_;
    my $write = sprintf('write -q -P %d %dk 64k', ord($letter), $at);
    system('qemu-io', '-f', 'qcow2', '-c', $write, $path) == 0 or die "qemu-io failed\n";
}

# base.raw, and over it middle.qcow2 and top.qcow2, with data in each.
my ($base, $middle, $top) = ("$dir/base.raw", "$dir/middle.qcow2", "$dir/top.qcow2");
write_file($base, 'b' x (256 << 10));
qemu_img('create', '-q', '-f', 'qcow2', '-b', $base, '-F', 'raw', $middle);
qemu_img('create', '-q', '-f', 'qcow2', '-b', $middle, '-F', 'qcow2', $top);
scribble($middle, 64, 'm');
scribble($top, 128, 't');
my $content = join('', map { $_ x (64 << 10) } qw(b m t b));

# One whose data lies in another file.
my $split = "$dir/split.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', '-o', "data_file=$dir/split.data", $split, '64k');
scribble($split, 0, 's');

sub pin {
    my ($path, %policy) = @_;
    return PVE::Native::Image::pin($path, \%policy);
}

# What QEMU reads from an image.
sub content {
    my (@image) = @_;
    qemu_img('convert', '-O', 'raw', @image, "$dir/out.raw");
    return read_file("$dir/out.raw");
}

subtest 'qemu-img' => sub {
    for my $policy ({}, { timeout => 5 }) {
        my $pin = pin($top, %$policy);
        isa_ok($pin, 'PVE::Native::Image::Pin');
        my @args = $pin->qemu_img_args();
        is(scalar(@args), 1, 'one argument');
        ok(content(@args) eq $content, 'stands for the image');
    }
    my $pin = pin($split, 'allow-data-file' => 1);
    ok(content($pin->qemu_img_args()) eq 's' x (64 << 10), 'with its data file');
};

subtest 'qemu-storage-daemon' => sub {
    my $pin = pin($top);
    my @options = map { ('--blockdev', $_) } $pin->blockdev_json({ prefix => 'disk' });
    my $daemon = TestDaemon->start("$dir/socket", @options);
    my @export = (type => 'nbd', id => 'e', 'node-name' => 'disk-image0', name => 'e');
    $daemon->qmp('block-export-add', {@export});
    ok(content('-f', 'raw', $daemon->url('e')) eq $content, 'by --blockdev');

    # The same daemon, another pin: its nodes have names of their own.
    my $other = pin($split, 'allow-data-file' => 1);
    $daemon->qmp('blockdev-add', $_) for $other->blockdev();
    my $added = { @export, id => 'f', name => 'f', 'node-name' => 'pin-image0' };
    $daemon->qmp('block-export-add', $added);
    ok(content('-f', 'raw', $daemon->url('f')) eq 's' x (64 << 10), 'by blockdev-add');
    $daemon->stop();
};

subtest 'the example' => sub {
    my @command = qw(perl -T -Ibuild/perl examples/perl/import.pl);
    my $alone = "$dir/alone.qcow2";
    qemu_img('convert', '-O', 'qcow2', $top, $alone);
    open(my $pipe, '-|', @command, $alone, "$dir/copy.raw") or die "cannot run perl: $!\n";
    is(readline($pipe), (256 << 10) . " bytes copied\n", 'copies what may be used');
    ok(close($pipe), 'and says so');
    ok(read_file("$dir/copy.raw") eq $content, 'all of it');
    open(my $null, '>', '/dev/null') or die "cannot write: $!\n";
    my $pid = fork() // die "cannot fork: $!\n";

    if (!$pid) {
        open(STDERR, '>&', $null);
        exec(@command, $top, "$dir/none.raw");
    }
    waitpid($pid, 0);
    is($? >> 8, 3, 'refuses what may not');
    ok(!-e "$dir/none.raw", 'and copies nothing');
};

subtest 'block nodes' => sub {
    my $pin = pin($top);
    my @nodes = $pin->blockdev();
    is(
        join(' ', map { $_->{'node-name'} } @nodes),
        'pin-file2 pin-image2 pin-file1 pin-image1 pin-file0 pin-image0',
        'in the order of blockdev-add'
    );
    is_deeply(
        [map { decode_json($_) } $pin->blockdev_json()],
        [
            map {
                { %$_, 'read-only' => JSON::PP::true() }
            } @nodes
        ],
        'the texts say the same'
    );
    is_deeply([map { $_->{'read-only'} } @nodes], [map { \1 } @nodes], 'true as JSON has it');
    ok(!exists($nodes[1]->{backing}), 'raw images have no backing');
    is($nodes[5]->{backing}, 'pin-image1', 'others have the one below');
    my ($single) =
        grep { $_->{driver} eq 'qcow2' } pin($split, 'allow-data-file' => 1)->blockdev();
    ok(exists($single->{backing}) && !defined($single->{backing}), 'or none, explicitly');
    is($single->{'data-file'}, 'pin-data0', 'and a data file');

    my @sets = grep { defined } map { $_->{filename} } $pin->blockdev({ fdset => '7' });
    is_deeply(\@sets, [map { "/dev/fdset/$_" } 9, 8, 7], 'by descriptor sets');
    my @fds = $pin->fds();
    my @args = map { ('-add-fd', "fd=$fds[$_],set=" . (7 + $_)) } 0 .. 2;
    is_deeply([$pin->fdset_args(7)], \@args, 'and how the emulator gets them');
    is(($pin->fdset_args(0))[1], "fd=$fds[0],set=0", 'from 0 on, too');
};

subtest 'context' => sub {
    my $pin = pin($top);
    for my $call (
        [fds => 3],
        [blockdev => 6],
        [blockdev_json => 6, { prefix => 'x' }],
        [qemu_img_args => 1],
        [fdset_args => 6, 1],
        [chain => 3],
        [findings => 0],
        )
    {
        my ($method, $count, @args) = @$call;
        my @list = $pin->$method(@args);
        is(scalar(@list), $count, "$method: a list");
        is_deeply(scalar($pin->$method(@args)), \@list, 'or a reference to it');
    }
    my $fd = $pin->fds()->[0];
    ok(B::svref_2object(\$fd)->FLAGS & B::SVf_IOK, 'descriptors are numbers');
    my $audit = PVE::Native::Image::audit($top);
    is_deeply(scalar($pin->chain()), $audit->{chain}, 'the chain as audit() has it');
};

subtest 'names do not matter any more' => sub {
    my ($own, $bait) = ("$dir/own.qcow2", "$dir/bait.qcow2");
    qemu_img('create', '-q', '-f', 'qcow2', $own, '64k');
    scribble($own, 0, 'o');
    symlink($own, "$dir/link.qcow2") or die "cannot link: $!\n";
    my $over = "$dir/over.qcow2";
    qemu_img('create', '-q', '-f', 'qcow2', '-b', 'link.qcow2', '-F', 'qcow2', $over);
    qemu_img('create', '-q', '-f', 'qcow2', $bait, '64k');
    scribble($bait, 0, 'X');

    my $pin = pin($over);
    unlink("$dir/link.qcow2");
    symlink($bait, "$dir/link.qcow2") or die "cannot link: $!\n";
    unlink($own);
    rename($bait, $over) or die "cannot rename: $!\n";
    ok(content($pin->qemu_img_args()) eq 'o' x (64 << 10), 'the files are those of the audit');
    my ($fd) = $pin->fds();
    is((stat("/proc/$$/fd/$fd"))[3], 0, 'one is not even there any more');
    undef $pin;
    ok(!-e "/proc/$$/fd/$fd", 'and gone with the pin');
};

subtest 'what may not be used is not pinned' => sub {
    my $files = open_files();
    my $err = failure_of(sub { pin($top, preset => 'upload') });
    is($err->name, 'denied', 'a finding');
    like($err, qr/stands on a backing file/, 'says which');
    is(failure_of(sub { pin("$dir/none") })->name, 'io', 'what is not there');
    my $vmdk = "$dir/split.vmdk";
    my @subformat = ('-o', 'subformat=twoGbMaxExtentFlat');
    qemu_img('create', '-q', '-f', 'vmdk', @subformat, $vmdk, '1M');
    is(failure_of(sub { pin($vmdk) })->name, 'unsupported', 'extents that QEMU opens itself');
    qemu_img(
        'create', '-q', '-u', '-f', 'qcow2', '-b', 'nbd://x/y', '-F', 'raw',
        "$dir/nbd.qcow2", '1M'
    );
    $err = failure_of(sub { pin("$dir/nbd.qcow2", protocols => ['nbd']) });
    is($err->name, 'unsupported', 'what is no file');
    is(open_files(), $files, 'nothing stays open');
};

subtest 'arguments' => sub {
    my $pin = pin($top);
    my $failure = sub {
        my ($method, @args) = @_;
        return failure_of(sub { $pin->$method(@args) });
    };
    for my $method (qw(blockdev blockdev_json)) {
        is($failure->($method, $_), undef, "$method takes nothing") for undef, {};
        like($failure->($method, []), qr/$method: options are not a hash/, 'no hash');
        like($failure->($method, { prefx => 1 }), qr/unknown option 'prefx'/, 'a wrong key');
        for my $prefix ('', '1a', 'a' x 17, 'a b', "a\0", "\xff", '-file', ',file=x') {
            like($failure->($method, { prefix => $prefix }), qr/block node/, 'a bad prefix');
        }
        like($failure->($method, { fdset => $_ }), qr/fdset/, "fdset $_")
            for qw(-1 1.5 x 2147483647 99999999999999999999);
        like($failure->($method, { fdset => [] }), qr/fdset is a reference/, 'a reference');
    }
    like($failure->('fdset_args', $_), qr/fdset/, 'fdset_args') for undef, '', -1, 'x', [];
    isa_ok($failure->('fdset_args', 'x'), 'PVE::Native::Error');
};

subtest 'what is no pin' => sub {
    my $pin = pin($top);
    my $class = 'PVE::Native::Image::Pin';
    my @wrong = (
        undef, '', 'x', 5, $class, {}, [], sub { }, \1, \*STDOUT, qr/x/,
        bless({}, $class),
        bless([], $class),
        bless(\my $scalar, $class),
        bless({%$pin}, $class),
        Storable::dclone($pin),
        bless({}, 'Other'),
    );
    for my $method (qw(fds chain findings blockdev blockdev_json qemu_img_args fdset_args)) {
        for my $value (@wrong) {
            my $err =
                failure_of(sub { $class->can($method)->($value, $method eq 'fdset_args' ? 1 : ()) }
                );
            is($err->name, 'argument', "$method of " . ($value // 'undef'));
        }
        like(
            failure_of(sub { $class->can($method)->() }), qr/no pin|fdset/,
            "$method of nothing"
        );
    }
    bless($pin, 'Other');
    is(scalar(PVE::Native::Image::Pin::fds($pin)->@*), 3, 'another name changes nothing');
    ok(in_child(sub { @{ pin($top)->fds() } == 3 }), 'and all others work');
};

subtest 'fork' => sub {
    my $pin = pin($top);
    ok(in_child(sub { content($pin->qemu_img_args()) eq $content }), 'the child has it');
    ok(in_child(sub { undef $pin; 1 }), 'the child may drop it');
    ok(content($pin->qemu_img_args()) eq $content, 'the parent still has it');
    my ($args) = $pin->qemu_img_args();
    like($args, qr!/proc/$$/fd/!, 'it names its own process');
    ok(in_child(sub { ($pin->qemu_img_args())[0] =~ m!/proc/$$/fd/! }), 'so does the child');
    pipe(my $read, my $write) or die "cannot make a pipe: $!\n";
    my $pid = fork() // die "cannot fork: $!\n";

    if (!$pid) {
        undef $pin;
        my $own = pin($top);
        syswrite($write, join(' ', $own->qemu_img_args()));
        POSIX::pause();
    }
    sysread($read, my $description, 4096);
    ok(content($description) eq $content, "a child's own is used from outside");
    kill('KILL', $pid);
    waitpid($pid, 0);
    ok(
        in_child(
            sub {
                exec('/bin/sh', '-c', 'test ! -e /proc/self/fd/' . $pin->fds()->[0]);
            }
        ),
        'other programs do not get it'
    );
};

SKIP: {
    if (!$Config{useithreads}) {
        diag('SKIPPED threads: this perl has none');
        skip('this perl has no threads', 2);
    }
    require threads;
    my $pin = pin($top);
    my $in_thread = threads->create(
        sub {
            eval { $pin->fds(); 1 } ? 'lived' : 'died';
        }
    )->join();
    is($in_thread, 'died', 'a thread does not have it');
    ok(content($pin->qemu_img_args()) eq $content, 'and takes nothing from us');
}

subtest 'descriptors' => sub {
    my $files = open_files();
    for my $timeout (undef, 5) {
        my $pin = pin($top, timeout => $timeout);
        is(open_files(), $files + 3, 'one for each file');
        undef $pin;
        is(open_files(), $files, 'gone with the pin');
        PVE::Native::Image::audit($top, { timeout => $timeout });
        eval {
            PVE::Native::Image::audit_or_die($top, { preset => 'upload', timeout => $timeout });
        };
        eval { pin($top, preset => 'upload', timeout => $timeout) };
        is(open_files(), $files, 'none is left behind');
    }
    ok(
        in_child(
            sub {
                POSIX::close($_) for 0 .. 2;
                my $pin = pin($top);
                return !grep { $_ < 3 } $pin->fds();
            }
        ),
        'never standard input, output or error'
    );
};

# What is asked for most has one image; all together there are three.
my $refusing = { preset => 'upload', roots => [$dir] };
my %calls = (
    audit => [100_000, sub { PVE::Native::Image::audit($base) }],
    'audit, time-out' => [10_000, sub { PVE::Native::Image::audit($top, { timeout => 5 }) }],
    audit_or_die => [
        10_000,
        sub {
            eval { PVE::Native::Image::audit_or_die($top, $refusing) }
        },
    ],
    pin => [10_000, sub { pin($top) }],
    'pin, time-out' => [10_000, sub { pin($top, timeout => 5) }],
    'pin, refused' => [
        10_000,
        sub {
            eval { pin($top, %$refusing) }
        },
    ],
    'pin, used' => [
        5000,
        sub {
            my $pin = pin($top);
            $pin->blockdev();
            $pin->blockdev_json({ fdset => 1 });
            $pin->qemu_img_args();
            $pin->fdset_args(1);
            eval { $pin->fdset_args('x') };
        },
    ],
);
for my $name (sort keys %calls) {
    my ($times, $code) = $calls{$name}->@*;
    my $grown = growth_kib($times, $code);
    cmp_ok($grown, '<', 1024, "$name: $times calls, $grown KiB");
}

done_testing();
