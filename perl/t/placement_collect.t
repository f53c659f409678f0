use v5.36;

use lib 'perl/t/lib';

# The placement problem of a cluster, from a source that is given. The rows are those of the errors that this is
# about, each in the words of the right behaviour.

use JSON::XS;
use Test::More;

use PVE::Native::Placement;
use PVE::Native::Placement::Collect;
use PVE::Native::Placement::Source;
use TestImages qw(failure_of);

my $GIB = 2**30;
my $now = 1_700_000_040;

# Twenty minutes of a guest or node, as the statistics have them, up to a few minutes ago.
sub stats ($cpu, $mem, %more) {
    my $late = delete($more{late}) // 0;
    return {
        data => 1,
        resolution => 60,
        start => $now - 60 * (19 + $late),
        samples => { cpu => [($cpu) x 20], mem => [($mem) x 20] },
        latest => { time => $now - 60 * $late, state => 'running' },
        max => { cpu => 4, mem => 8 * $GIB },
        %more,
    };
}

# Three nodes and three guests of HA, and what a test changes of them.
sub cluster (%changes) {
    my %data = (
        nodes => { map { $_ => { online => 1, cpu => 16, mem => 64 * $GIB } } qw(n1 n2 n3) },
        guests => {
            'vm:100' => { id => 100, type => 'vm', node => 'n1', running => 1 },
            'vm:101' => { id => 101, type => 'vm', node => 'n2', running => 1 },
            'ct:102' => { id => 102, type => 'ct', node => 'n3', running => 1 },
        },
        configs => {
            'vm:100' => {
                cores => 4, memory => 8192, scsi0 => 'san:vm-100-disk-0',
                net0 => 'virtio,bridge=vmbr0'
            },
            'vm:101' => { cores => 2, memory => 4096, scsi0 => 'local:101/vm-101-disk-0.raw' },
            'ct:102' => { cores => 1, memory => 1024, rootfs => 'san:vm-102-disk-0' },
        },
        services => { map { $_ => { state => 'started' } } qw(vm:100 vm:101 ct:102) },
        status => {
            node_status => { map { $_ => 'online' } qw(n1 n2 n3) },
            service_status => {
                'vm:100' => { state => 'started', node => 'n1', running => 1 },
                'vm:101' => { state => 'started', node => 'n2', running => 1 },
                'ct:102' => { state => 'started', node => 'n3', running => 1 },
            },
        },
        storages => { san => { type => 'lvm', shared => 1 }, local => { type => 'dir' } },
        samples => {
            guests => {
                100 => stats(1, 4 * $GIB),
                101 => stats(0.5, $GIB),
                102 => stats(0.25, $GIB / 2),
            },
            nodes => { map { $_ => stats(2, 6 * $GIB) } qw(n1 n2 n3) },
        },
    );
    for my $path (sort(keys(%changes))) {
        my @steps = split(m/\//, $path);
        my $last = pop(@steps);
        my $where = \%data;
        $where = $where->{$_} //= {} for @steps;
        $where->{$last} = $changes{$path};
    }
    return PVE::Native::Placement::Source->new(%data);
}

sub collect ($source, %options) {
    return PVE::Native::Placement::Collect->problem(
        undef,
        source => $source,
        now => $now,
        %options,
    );
}

sub problem_of ($changes = {}, %options) {
    my ($problem, $notes) = collect(cluster($changes->%*), %options);
    my %nodes = map { $_->{name} => $_ } $problem->{nodes}->@*;
    my %guests = map { $_->{sid} => $_ } $problem->{guests}->@*;
    my @notes = map { "$_->{code} $_->{subject}" } $notes->@*;
    return {
        problem => $problem, nodes => \%nodes, guests => \%guests, notes => \@notes,
        said => $notes
    };
}

sub has_note ($found, $note) {
    return scalar(grep { $_ eq $note } $found->{notes}->@*);
}

subtest 'the whole of it' => sub {
    my $found = problem_of({}, task => 'recover', policy => { objective => 'spread' });
    my $problem = $found->{problem};
    is($problem->{task}, 'recover', 'task');
    is_deeply($problem->{policy}, { objective => 'spread' }, 'policy');
    is_deeply([map { $_->{name} } $problem->{nodes}->@*], [qw(n1 n2 n3)], 'nodes in order');
    is_deeply(
        [map { $_->{sid} } $problem->{guests}->@*], [qw(ct:102 vm:100 vm:101)],
        'guests too'
    );
    is_deeply(
        $found->{nodes}->{n1},
        {
            name => 'n1',
            online => 1,
            maintenance => 0,
            'cpu-factor' => 1,
            capacity => { cpu => 16, mem => 64 * $GIB },
            used => { cpu => 1, mem => 2 * $GIB },
            storages => [qw(local san)],
            bridges => ['vmbr0'],
            'cpu-flags' => [],
            devices => {},
        },
        'a node, with what it uses besides its guest',
    );
    is_deeply(
        $found->{guests}->{'vm:100'},
        {
            sid => 'vm:100',
            node => 'n1',
            state => 'started',
            priority => 0,
            movable => 1,
            size => { cpu => 4, mem => 8 * $GIB },
            usage => { cpu => 1, mem => 4 * $GIB },
            samples => { cpu => [(1) x 20], mem => [(4 * $GIB) x 20] },
            storages => ['san'],
            volumes => [],
            bridges => ['vmbr0'],
            'cpu-flags' => [],
            devices => {},
        },
        'a guest',
    );
    is_deeply($problem->{reservations}, [], 'nobody has just been placed');
    is_deeply(
        $found->{notes}, [map { "bridges-believed $_" } qw(n2 n3)],
        'what was not certain'
    );
};

subtest 'row 3: a guest without data is charged its size' => sub {
    my $none =
        { data => 0, code => 'missing', reason => 'there is no RRD file', samples => {} };
    my $found = problem_of({ 'samples/guests/100' => $none });
    my $guest = $found->{guests}->{'vm:100'};
    ok(!exists($guest->{usage}) && !exists($guest->{samples}), 'nothing is made up');
    is($guest->{size}->{mem}, 8 * $GIB, 'it has a size');
    ok(has_note($found, 'no-data vm:100'), 'and it is said');
    my $without = problem_of({ samples => sub { die "rrdcached hangs\n" } });
    ok(has_note($without, 'unreadable samples'), 'no statistics at all');
    is_deeply($without->{nodes}->{n1}->{used}, { cpu => 0, mem => 0 }, 'are no reason to stop');
};

subtest 'row 4: idle is a sample, unknown is none' => sub {
    my $stats = stats(0, $GIB);
    $stats->{samples}->{cpu}->@[0 .. 9] = (undef) x 10;
    my $guest = problem_of({ 'samples/guests/100' => $stats })->{guests}->{'vm:100'};
    is_deeply($guest->{samples}->{cpu}, [(0) x 10], 'samples');
    is($guest->{usage}->{cpu}, 0, 'usage');
};

subtest 'row 7: the size is the one that is configured now' => sub {
    my $stats = stats(1, $GIB, max => { cpu => 32, mem => 99 * $GIB });
    my $guest = problem_of({ 'samples/guests/100' => $stats })->{guests}->{'vm:100'};
    is_deeply($guest->{size}, { cpu => 4, mem => 8 * $GIB }, 'whatever was recorded');
};

subtest 'row 9: Windows is charged all its memory' => sub {
    my $found = problem_of({ 'configs/vm:100/ostype' => 'win11' });
    is($found->{guests}->{'vm:100'}->{book}, 'size', 'Windows');
    ok(!exists($found->{guests}->{'vm:101'}->{book}), 'others by the policy');
};

subtest 'row 18: a configuration that cannot be read fits nowhere' => sub {
    my $configs = sub ($guest) {
        die "cannot parse\x{0} \x{263a}\n" if $guest->{id} == 100;
        return { cores => 1, memory => 1024 };
    };
    my $found = problem_of({ configs => $configs });
    my $guest = $found->{guests}->{'vm:100'};
    for my $key (qw(storages volumes bridges cpu-flags devices)) {
        ok(exists($guest->{$key}) && !defined($guest->{$key}), "nobody knows its $key");
    }
    is($guest->{movable}, 0, 'it stays');
    is_deeply($guest->{size}, { cpu => 4, mem => 8 * $GIB }, 'it has what it had when it ran');
    is($guest->{book}, 'size', 'all of it');
    my ($note) = grep { $_->{code} eq 'config-unreadable' } $found->{said}->@*;
    is_deeply(
        $note,
        { code => 'config-unreadable', subject => 'vm:100', message => 'cannot parse' }, 'why'
    );
    is_deeply($found->{guests}->{'vm:101'}->{storages}, [], 'the others are read');

    my $rubbish = problem_of({ 'configs/vm:100/memory' => 'lots' });
    is($rubbish->{guests}->{'vm:100'}->{storages}, undef, 'one that makes no sense');
    my $blind = problem_of({ storages => sub { die "no storage.cfg\n" } });
    is($blind->{guests}->{$_}->{storages}, undef, "no storages: $_") for qw(vm:100 ct:102);
    is_deeply($blind->{nodes}->{n1}->{storages}, [], 'nor have nodes any');
    ok(has_note($blind, 'unreadable storages'), 'which is said');
};

subtest 'row 19: storages of containers count, and where a volume lies' => sub {
    my $found = problem_of(
        {
            'storages/san/nodes' => { n1 => 1, n3 => 1 },
            'storages/local-zfs' => { type => 'zfspool' },
            'configs/ct:102' =>
                { memory => 1024, cores => 1, rootfs => 'local-zfs:subvol-102-disk-0,size=8G' },
            'replication/ids' => {
                '102-0' => { type => 'local', guest => 102, target => 'n1' },
                '102-1' => { type => 'local', guest => 102, target => 'n2', disable => 1 },
                '101-0' => { type => 'local', guest => 101, target => 'n9' },
            },
        }
    );
    is_deeply(
        $found->{guests}->{'ct:102'}->{volumes},
        [{ storage => 'local-zfs', nodes => [qw(n1 n3)], bytes => 8 * $GIB }],
        'with its copies, if they are up to date',
    );
    is_deeply(
        $found->{guests}->{'vm:101'}->{volumes}->[0]->{nodes}, ['n2'],
        'not on a node that is no more'
    );
    is_deeply(
        $found->{nodes}->{n2}->{storages}, [qw(local local-zfs)],
        'a node has what it is to use'
    );
    my $unread = problem_of({ replication => sub { die "no\n" } });
    ok(has_note($unread, 'unreadable replication'), 'without copies if nobody knows');
};

subtest 'row 20: bridges, virtual networks' => sub {
    my %sdn = (
        sdn => {
            vnets => { ids => { blue => { zone => 'z1' }, red => { zone => 'z2' } } },
            zones => { ids => { z1 => { nodes => { n1 => 1, n2 => 1 } }, z2 => {} } },
        },
        'sdn-status' =>
            { n2 => { z1 => { status => 'pending' }, z2 => { status => 'available' } } },
        'configs/vm:101/net0' => 'virtio,bridge=blue',
        'nodes/n3/bridges' => [qw(vmbr9)],
    );
    my $found = problem_of(\%sdn);
    is_deeply($found->{nodes}->{n1}->{bridges}, [qw(blue red vmbr0)], 'all of a node');
    is_deeply(
        $found->{nodes}->{n2}->{bridges}, [qw(blue red vmbr0)],
        'one that is not ready is there all the same where a guest uses it',
    );
    is_deeply(
        $found->{nodes}->{n3}->{bridges}, [qw(red vmbr9)],
        'one whose bridges are known has no others'
    );
    my $strict = problem_of({ %sdn, 'samples/guests' => {} }, 'strict-bridges' => 1);
    is_deeply($strict->{nodes}->{n2}->{bridges}, ['red'], 'nothing is believed');
    my $unread = problem_of({ %sdn, sdn => sub { die "no\n" } });
    is_deeply($unread->{nodes}->{n1}->{bridges}, ['vmbr0'], 'what guests use is there');
    is_deeply(
        $unread->{nodes}->{n2}->{bridges}, ['blue'],
        'nothing else, if nobody knows what is virtual'
    );
};

subtest 'row 20: flags of CPUs' => sub {
    my %flags = (
        'nodes/n1/cpu-flags' => [qw(aes sse4_2 svm)],
        'nodes/n2/cpu-flags' => [qw(aes svm avx)],
        'nodes/n3/cpu-flags' => [qw(aes vmx)],
        'configs/vm:100/cpu' => 'host',
        'configs/vm:101/cpu' => 'EPYC,flags=+aes',
    );
    my $found = problem_of(\%flags);
    is_deeply(
        $found->{nodes}->{n1}->{'cpu-flags'},
        [qw(aes nested-virt sse4.2 svm vendor:amd)], 'a node'
    );
    is_deeply(
        $found->{guests}->{'vm:100'}->{'cpu-flags'}, [],
        'one that is started anew takes what there is'
    );
    is_deeply(
        $found->{guests}->{'vm:101'}->{'cpu-flags'}, [qw(aes vendor:amd)],
        'a model of one vendor'
    );
    my $live = problem_of(\%flags, task => 'rebalance');
    is_deeply(
        $live->{guests}->{'vm:100'}->{'cpu-flags'}, $found->{nodes}->{n1}->{'cpu-flags'},
        'one that runs goes where there are all of its node',
    );
    is($live->{guests}->{'vm:100'}->{movable}, 1, 'if that is known');
    my $unknown = problem_of({ %flags, 'nodes/n1/cpu-flags' => undef }, task => 'rebalance');
    is($unknown->{guests}->{'vm:100'}->{movable}, 0, 'and stays if not');
    is_deeply(
        $unknown->{guests}->{'vm:101'}->{'cpu-flags'}, ['aes'],
        'whose CPUs they are does not count then'
    );
};

subtest 'row 20: devices' => sub {
    my @map = map { "$_,id=10de:1234" } 'node=n1,path=0000:01:00', 'node=n1,path=0000:02:00',
        'node=n2,path=0000:01:00';
    my %pci = (
        gpu => { map => \@map },
        vgpu => { mdev => 1, map => [@map[0, 2]] },
        unused => { map => [@map] },
    );
    my %devices = (
        'mappings/pci' => { ids => \%pci },
        'mappings/dir' => { ids => { share => { map => ['node=n3,path=/srv'] } } },
        'configs/vm:100/hostpci0' => 'mapping=gpu',
        'configs/vm:100/hostpci1' => 'mapping=vgpu,mdev=nvidia-5',
        'configs/vm:101/serial0' => '/dev/ttyS0',
        'configs/vm:101/virtiofs0' => 'share',
    );
    my $found = problem_of(\%devices);
    is_deeply($found->{nodes}->{n1}->{devices}, { 'pci:gpu' => 2 }, 'two of them');
    is_deeply($found->{nodes}->{n2}->{devices}, { 'pci:gpu' => 1 }, 'one');
    is_deeply(
        $found->{nodes}->{n2}->{storages}, [qw(local pci:vgpu san)],
        'what many can use is like a storage'
    );
    is_deeply($found->{nodes}->{n3}->{storages}, [qw(dir:share local san)], 'so is a folder');
    my ($first, $second) = $found->{guests}->@{qw(vm:100 vm:101)};
    is_deeply($first->{devices}, { 'pci:gpu' => 1 }, 'what a guest needs');
    is_deeply($first->{storages}, [qw(pci:vgpu san)], 'of all kinds');
    is($first->{movable}, 0, 'it does not migrate');
    is($first->{book}, 'size', 'and all its memory is pinned');
    is_deeply(
        [map { $_->{storage} } $second->{volumes}->@*], [qw(/dev/ttyS0 local)],
        'a thing of its node'
    );
};

subtest 'row 21: what was just placed is reserved until it is seen' => sub {
    my %placed = (
        'status/service_status/vm:100' => { state => 'started', node => 'n1' },
        'guests/vm:100/running' => 0,
        'samples/guests/100' => stats(1, 4 * $GIB, late => 10),
    );
    my $found = problem_of(\%placed);
    my $size = { cpu => 4, mem => 8 * $GIB };
    is_deeply(
        $found->{problem}->{reservations}, [{ sid => 'vm:100', node => 'n1', size => $size }],
        'a guest whose statistics are of before',
    );
    is($found->{guests}->{'vm:100'}->{book}, 'size', 'it is charged all that it may take');
    is(
        $found->{nodes}->{n1}->{used}->{mem}, 6 * $GIB,
        'and nothing of it is in what was measured'
    );
    my $seen = problem_of({ %placed, 'samples/guests/100' => stats(1, 4 * $GIB) });
    is_deeply($seen->{problem}->{reservations}, [], 'until it is observed');

    for my $state (qw(migrate relocate request_start_balance)) {
        my %entry = (state => $state, node => 'n1', target => 'n3');
        my $moving = problem_of({ 'status/service_status/vm:100' => \%entry });
        is_deeply(
            $moving->{problem}->{reservations},
            [{ sid => 'vm:100', node => 'n3', size => $size }],
            "$state: where it goes",
        );
        is($moving->{guests}->{'vm:100'}->{node}, 'n1', 'it is where it was');
    }
    my %lost = (state => 'migrate', node => 'n1', target => 'n3');
    my $offline =
        problem_of({ 'status/service_status/vm:100' => \%lost, 'nodes/n3/online' => 0 });
    is_deeply($offline->{problem}->{reservations}, [], 'none on a node that is gone');
};

subtest 'row 23: nothing is written into what the manager has' => sub {
    my $source = cluster();
    my $before =
        JSON::XS->new->canonical->encode({ map { $_ => $source->$_() } qw(status services) });
    collect($source);
    my $after =
        JSON::XS->new->canonical->encode({ map { $_ => $source->$_() } qw(status services) });
    is($after, $before, 'the status is as it was');
};

subtest 'states of nodes' => sub {
    my $found = problem_of(
        {
            'status/node_status' => { n1 => 'maintenance', n2 => 'fence' },
            'nodes/n3/online' => 0,
        }
    );
    is_deeply([$found->{nodes}->{n1}->@{qw(online maintenance)}], [1, 1], 'maintenance');
    is_deeply([$found->{nodes}->{n2}->@{qw(online maintenance)}], [0, 0], 'one that is fenced');
    is_deeply([$found->{nodes}->{n3}->@{qw(online maintenance)}], [0, 0], 'one that is off');
    my $new = problem_of({ status => {} });
    is($new->{nodes}->{n1}->{online}, 1, 'the manager has not seen it yet');
    my $poor = problem_of({ 'nodes/n1' => { online => 1 } });
    is_deeply(
        $poor->{nodes}->{n1}->{capacity}, { cpu => 0, mem => 0 },
        'what nobody knows is nothing'
    );
    ok(has_note($poor, 'no-capacity n1'), 'which is said');
    my $factor = problem_of({}, 'cpu-factors' => { n2 => 2 });
    my $fast = $factor->{nodes}->{n2};
    is_deeply(
        [$fast->@{qw(cpu-factor used)}], [2, { cpu => 3, mem => 5 * $GIB }],
        'a fast node'
    );
    is(
        $factor->{guests}->{'vm:101'}->{usage}->{cpu}, 1,
        'half of its core is a core elsewhere'
    );
    is($factor->{guests}->{'vm:101'}->{size}->{cpu}, 2, 'but no other virtual one');
};

subtest 'states of guests' => sub {
    my $found = problem_of(
        {
            'status/service_status/vm:100/state' => 'recovery',
            'services/vm:101/state' => 'stopped',
            'status/service_status/vm:101' => { state => 'stopped', node => 'n2' },
            'status/service_status/ct:102/state' => 'error',
        }
    );
    ok(!exists($found->{guests}->{'vm:100'}->{node}), 'who is to be recovered has no place');
    is($found->{guests}->{'vm:101'}->{state}, 'stopped', 'stopped');
    is($found->{guests}->{'ct:102'}->{state}, 'ignored', 'one in an error is left alone');
    for my $state (qw(ignored disabled)) {
        my $off = problem_of({ 'services/vm:100/state' => $state });
        is($off->{guests}->{'vm:100'}->{state}, 'ignored', "$state: HA leaves it alone");
    }
    is(
        problem_of({ 'configs/vm:100/lock' => 'backup' })->{guests}->{'vm:100'}->{movable}, 0,
        'locked'
    );
    my $disarmed = problem_of({ 'status/disarm' => { mode => 'ignore', state => 'disarmed' } });
    is(
        $disarmed->{guests}->{'vm:100'}->{state}, 'ignored',
        'while HA is disarmed, it places nobody'
    );
    my $gone = problem_of({ 'services/vm:999' => { state => 'started' } });
    ok(has_note($gone, 'guest-missing vm:999'), 'one that there is not');
};

subtest 'guests that HA does not manage' => sub {
    my %other = ('services/vm:100' => undef);
    my $guest = problem_of(\%other)->{guests}->{'vm:100'};
    is($guest->{state}, 'ignored', 'take what they take');
    is($guest->{movable}, 0, 'and stay');
    is($guest->{node}, 'n1', 'where they are');
    my $off =
        { data => 0, code => 'down', reason => 'it did not run in that time', samples => {} };
    my %known = (%other, 'guests/vm:100/running' => undef);
    ok($off = problem_of({ %known, 'samples/guests/100' => $off }), 'one that does not run');
    ok(!$off->{guests}->{'vm:100'}, 'is none');
    ok(
        problem_of({ %known, 'samples/guests/100' => undef })->{guests}->{'vm:100'},
        'one of which nobody knows is'
    );
    my $stopped =
        problem_of({ %other, 'guests/vm:100/running' => 0, 'samples/guests/100' => undef });
    ok(!$stopped->{guests}->{'vm:100'}, 'one that is known not to run is none');
    my $all = problem_of(\%other, guests => 'all')->{guests}->{'vm:100'};
    is($all->{state}, 'started', 'all are like those of HA, if wanted');
    is($all->{movable}, 1, 'and can be moved');
    my $template = problem_of({ %other, 'configs/vm:100/template' => 1 }, guests => 'all');
    ok(!$template->{guests}->{'vm:100'}, 'a template is no guest');
};

subtest 'what a node uses itself' => sub {
    my $stats = stats(1, 2 * $GIB);
    $stats->{samples}->{host} = [(5 * $GIB) x 20];
    my $found = problem_of({ 'samples/guests/100' => $stats });
    is($found->{nodes}->{n1}->{used}->{mem}, $GIB, 'without what its guests take of it');
    my $more = problem_of({ 'samples/guests/100' => stats(9, 9 * $GIB) });
    is_deeply($more->{nodes}->{n1}->{used}, { cpu => 0, mem => 0 }, 'never less than nothing');
    my $none = { data => 0, reason => 'there is no RRD file' };
    my $blind = problem_of({ 'samples/nodes/n1' => $none });
    ok(has_note($blind, 'no-data n1'), 'if that is known');
    my %told = ('nodes/n1/used' => { cpu => 3, mem => 5 * $GIB });
    my $told = problem_of({ 'samples/nodes/n1' => $none, %told });
    is_deeply($told->{nodes}->{n1}->{used}, { cpu => 2, mem => $GIB }, 'or somebody told');
    my $off = problem_of({}, samples => 0);
    is_deeply(
        $off->{notes}, [map { "bridges-believed $_" } qw(n1 n2 n3)],
        'nobody asked for statistics'
    );
};

subtest 'a container without a limit' => sub {
    my %free = ('configs/ct:102/cores' => undef);
    my $found = problem_of({%free});
    is($found->{guests}->{'ct:102'}->{size}->{cpu}, 0.25, 'is charged the most that it used');
    ok(has_note($found, 'no-cpu-limit ct:102'), 'which is said');
    my $new = problem_of({ %free, 'samples/guests/102' => undef });
    is($new->{guests}->{'ct:102'}->{size}->{cpu}, 1, 'or one core');
};

subtest 'rules and groups' => sub {
    my %rules = (
        'rules/ids' => {
            near => {
                type => 'resource-affinity', affinity => 'positive',
                resources => { 'vm:100' => 1, 'vm:101' => 1 }
            },
            apart => {
                type => 'resource-affinity', affinity => 'negative',
                resources => { 'vm:100' => 1, 'ct:102' => 1 }
            },
            alone => {
                type => 'resource-affinity', affinity => 'negative',
                resources => { 'vm:100' => 1, 'vm:999' => 1 }
            },
            here => {
                type => 'node-affinity', resources => { 'vm:100' => 1 }, strict => 1,
                nodes =>
                    { n1 => { priority => 2 }, n2 => { priority => 0 }, n9 => { priority => 5 } }
            },
            off => {
                type => 'node-affinity', disable => 1, resources => { 'vm:100' => 1 },
                nodes => {}
            },
            new => { type => 'time-affinity', resources => { 'vm:100' => 1 } },
        },
        'groups/ids' => {
            old => { nodes => { 'n1:3' => 1, n2 => 1 }, restricted => 1 },
            unused => { nodes => {} }
        },
        'services/vm:101/group' => 'old',
        'services/ct:102/group' => 'lost',
    );
    my $found = problem_of(\%rules);
    is_deeply(
        $found->{problem}->{rules},
        [
            {
                id => 'apart', type => 'resource-affinity', sids => [qw(ct:102 vm:100)],
                affinity => 'negative'
            },
            {
                id => 'here', type => 'node-affinity', sids => ['vm:100'],
                nodes => { n1 => 2, n2 => 0 }, strict => 1
            },
            {
                id => 'near', type => 'resource-affinity', sids => [qw(vm:100 vm:101)],
                affinity => 'positive'
            },
            {
                id => 'ha-group-old', type => 'node-affinity', sids => ['vm:101'],
                nodes => { n1 => 3, n2 => 0 }, strict => 1
            },
        ],
        'those that say something of the guests that there are',
    );
    ok(has_note($found, $_), $_) for 'rule-unknown new', 'group-unknown lost';
    my $err = failure_of(
        sub {
            problem_of({ rules => sub { die "rules.cfg: line 3\n" } });
        }
    );
    is("$err", "collecting rules: rules.cfg: line 3\n", 'without them, nothing');
};

subtest 'a document that others read' => sub {
    my $json =
        PVE::Native::Placement::Collect->problem_json(undef, source => cluster(), now => $now);
    my $document = JSON::XS::decode_json($json);
    is(ref($document->{nodes}->[0]->{online}), 'JSON::PP::Boolean', 'flags are flags');
    like($json, qr/"mem":8589934592/, 'numbers are numbers');
    my $again =
        PVE::Native::Placement::Collect->problem_json(undef, source => cluster(), now => $now);
    is($again, $json, 'the same, byte for byte');
};

subtest 'it can be solved' => sub {
    my %policy = (policy => { basis => 'percentile', failed => [['n1', 'n2']] });
    my $solve = sub (%changes) {
        return PVE::Native::Placement::solve(problem_of({%changes}, %policy)->{problem});
    };
    my $answer = $solve->();
    is_deeply($answer->{placements}, { 'vm:100' => 'n3' }, 'who can go elsewhere does');
    is_deeply($answer->{unplaced}, ['vm:101'], 'who cannot does not');
    is($answer->{why}->{'vm:101'}->{n3}->{code}, 'volume', 'row 19: its disk is not there');
    is($answer->{why}->{'vm:101'}->{n3}->{need}, 'local', 'which one');
    my %job = (type => 'local', guest => 101, target => 'n3');
    $answer = $solve->('replication/ids' => { '101-0' => \%job });
    is_deeply($answer->{unplaced}, [], 'but for a copy');
    $answer = $solve->(configs => sub { die "cannot be read\n" });
    is_deeply($answer->{unplaced}, [qw(vm:100 vm:101)], 'row 18: nobody knows what they need');
    is($answer->{why}->{'vm:100'}->{n3}->{code}, 'unknown', 'and that is why');
    $answer =
        $solve->('configs/vm:100/net0' => 'virtio,bridge=vmbr7', 'nodes/n3/bridges' => ['vmbr0']);
    is($answer->{why}->{'vm:100'}->{n3}->{code}, 'bridge', 'row 20: a bridge');
    $answer = $solve->('configs/vm:100/hostpci0' => 'mapping=gpu');
    is($answer->{why}->{'vm:100'}->{n3}->{code}, 'device', 'a device');
    $answer = $solve->('configs/vm:100/cores' => 32);
    is($answer->{why}->{'vm:100'}->{n3}->{code}, 'cores', 'more than the node has');
    $answer =
        $solve->('configs/vm:100' => { cores => 4, memory => 64 * 1024, ostype => 'win11' });
    is(
        $answer->{why}->{'vm:100'}->{n3}->{code}, 'capacity',
        'row 9: all the memory of Windows'
    );
    $answer = $solve->('samples/guests/100' => undef, 'configs/vm:100/memory' => 60 * 1024);
    is($answer->{why}->{'vm:100'}->{n3}->{code}, 'capacity', 'row 3: all of what nobody knows');
    $answer = $solve->('services/vm:100' => undef);
    ok(
        !exists($answer->{placements}->{'vm:100'}),
        'what HA does not manage goes with its node'
    );
    my %moving = (state => 'migrate', node => 'n1', target => 'n3');
    $answer = $solve->('status/service_status/vm:100' => \%moving);
    is($answer->{placements}->{'vm:100'}, 'n3', 'row 21: counted once where it is reserved');
};

subtest 'what stops it' => sub {
    for my $what (qw(nodes guests services status rules groups)) {
        my $err = failure_of(
            sub {
                problem_of({ $what => sub { die "no quorum\n" } });
            }
        );
        is("$err", "collecting $what: no quorum\n", $what);
        is($err->name, 'io', 'an error');
    }
    my $err = failure_of(sub { problem_of({ nodes => [] }) });
    is("$err", "collecting nodes: that is no answer\n", 'what is no answer');
    my $odd = problem_of({ 'guests/vm:100' => 'rubbish', storages => [], replication => 'x' });
    ok(!$odd->{guests}->{'vm:100'}, 'a guest that is none');
    ok(has_note($odd, "unreadable $_"), "$_ that are none") for qw(storages replication);
    my @cases = (
        [sub { PVE::Native::Placement::Collect->problem() }, qr/^there is neither/],
        [sub { problem_of({}, tasks => 1) }, qr/^problem: unknown option 'tasks'/],
        [sub { problem_of({}, guests => 'some') }, qr/^guests are neither/],
        [sub { problem_of({}, policy => []) }, qr/^policy is not a hash/],
        [sub { problem_of({}, now => 'x') }, qr/^now is no number/],
        [sub { problem_of({}, task => {}) }, qr/^task is a reference/],
        [sub { PVE::Native::Placement::Source->new(node => {}) }, qr/there is no 'node'/],
    );
    for my $case (@cases) {
        my ($code, $why) = $case->@*;
        my $err = failure_of($code);
        is($err && $err->name, 'argument', 'an argument');
        like($err, $why, 'and why');
    }
};

done_testing();
