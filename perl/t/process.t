use v5.36;

use lib 'perl/t/lib';

# Life inside a daemon: forked children, threads, many calls.

use Config;
use POSIX ();
use Test::More;

use PVE::Native::ClusterStatus;
use PVE::Native::Image;
use PVE::Native::SnapshotGraph;
use TestImages qw(directory qemu_img qemu_io);
use TestProcess qw(in_child open_files growth_kib);

my $dir = directory();
my $path = "$dir/a.qcow2";
my $over = "$dir/over.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', $path, '1M');
qemu_img('create', '-q', '-f', 'qcow2', '-b', $path, '-F', 'qcow2', $over);
qemu_io($over, 'write 0 64k', 'write 256k 64k');
my @volumes = map { { name => $_, path => "$dir/$_" } } qw(vm-1-x.qcow2 snap-aa-vm-1-x.qcow2);
qemu_img('create', '-q', '-f', 'qcow2', $volumes[1]->{path}, '1M');
qemu_img(
    'create', '-q', '-f', 'qcow2', '-b', $volumes[1]->{name}, '-F', 'qcow2',
    $volumes[0]->{path},
);
my %volume = (scheme => 'pve-dir', volname => '1/vm-1-x.qcow2', storeid => 'dir');

sub works {
    my ($timeout) = @_;
    my $opts = { timeout => $timeout };
    my $info = PVE::Native::Image::info($path, $opts);
    my $chain = PVE::Native::Image::chain($path, $opts);
    my $many = PVE::Native::Image::inspect_many([$path, "$path.none"], $opts);
    my $size = PVE::Native::Image::file_size_info($path, $timeout, 'qcow2');
    my $extents = PVE::Native::Image::extents($over, $opts);
    my $check = PVE::Native::Image::check($over, $opts);
    my $changed = PVE::Native::Image::changed_extents($over, $path, $opts);
    my $graph = PVE::Native::SnapshotGraph->from_volumes(\@volumes, { %volume, %$opts });
    return
           $info->{'virtual-size'} == $size
        && @$chain == 1
        && keys(%$many) == 2
        && length($extents->packed(100)) == 4 * 32
        && $check->{'allocated-clusters'} == 2
        && @$changed == 2
        && @{ [$graph->names()] } == 1;
}

ok(works(), 'here');
ok(works(5), 'here, with a time-out');
ok(in_child(\&works), 'in a forked child');
ok(in_child(sub { works(5) }), 'in a forked child, with a time-out');
ok(in_child(sub { in_child(\&works) }), "in a forked child's child");

SKIP: {
    if (!$Config{useithreads}) {
        diag('SKIPPED threads: this perl has none');
        skip('this perl has no threads', 2);
    }
    require threads;
    ok(threads->create(sub { works() && works(5) })->join(), 'in a second thread');
    ok(works(), 'here, after the thread');
}

my $files = open_files();
works($_) for undef, 5;
is(open_files(), $files, 'no descriptor is left behind');
is(waitpid(-1, POSIX::WNOHANG()), -1, 'no child is left behind');

my %calls = (
    info => sub { PVE::Native::Image::info($path) },
    chain => sub { PVE::Native::Image::chain($path) },
    'info, time-out' => sub { PVE::Native::Image::info($path, { timeout => 5 }) },
    many => sub { PVE::Native::Image::inspect_many([$path, "$path.none"]) },
    check => sub { PVE::Native::Image::check($path) },
    extents => sub {
        my $extents = PVE::Native::Image::extents($path);
        $extents->next(10);
        $extents->packed(10);
        $extents->chain();
    },
    graph => sub {
        my $graph = PVE::Native::SnapshotGraph->from_volumes(\@volumes, {%volume});
        $graph->$_() for qw(snapshot_info current names findings to_text to_dot as_hash);
        $graph->blockers('aa');
    },
    'graph, time-out' => sub {
        my $path = $volumes[0]->{path};
        PVE::Native::SnapshotGraph->from_chain($path, { %volume, timeout => 5 });
    },
    'graph, error' => sub {
        eval { PVE::Native::SnapshotGraph->from_volumes([{ name => 'x' }], {%volume}) };
    },
    measure => sub {
        my %target = (format => 'qcow2', options => { cluster_size => '4k' });
        PVE::Native::Image::measure($path, { %target, timeout => 5 });
    },
    size => sub { PVE::Native::Image::qemu_img_measure(1024, 'qcow2', 5, ['refcount_bits=1']) },
    ranges => sub { PVE::Native::Image::changed_extents($over, $path) },
    costs => sub { PVE::Native::Image::merge_costs($over) },
    cancelled => sub {
        eval {
            PVE::Native::Image::check($path, { progress => sub { 0 } });
        };
        die "not cancelled: $@" if !$@ || $@->name ne 'cancelled';
    },
    text => sub { PVE::Native::Image::qemu_img_info($path, 'qcow2') },
    sizes => sub { my @answer = PVE::Native::Image::file_size_info($path, undef, 'qcow2') },
    broadcast => sub {
        my $opts = { sizes => { w => 5 }, transports => 'sda|w|scsi:fcp', limit => 99 };
        PVE::Native::ClusterStatus::summarize_maps('{"maps":[{"uuid":"w"}]}', $opts);
    },
    'broadcast, error' => sub {
        eval { PVE::Native::ClusterStatus::summarize_maps('timeout', { seq => 5 }) };
    },
    errors => sub {
        eval { PVE::Native::Image::info("$path.none") }
    },
);
for my $name (sort keys %calls) {
    my $grown = growth_kib(100_000, $calls{$name});
    cmp_ok($grown, '<', 1024, "$name: 100,000 calls, $grown KiB");
}

done_testing();
