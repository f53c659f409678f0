use v5.36;

use lib 'perl/t/lib';

# Plans for volumes, and what is wrong with them: asked for from Perl, carried out with the real
# qemu-img.

use JSON::PP;
use Test::More;

use PVE::Native::SnapshotGraph;
use TestImages qw(directory qemu_img write_file failure_of);

my $class = 'PVE::Native::SnapshotGraph';
my $dir = directory();
my $volume = 'vm-100-disk-0.qcow2';

sub listing {
    my ($where) = @_;
    opendir(my $dh, $where) or die "cannot read $where: $!\n";
    my @names = map { m/^([^.].*)$/s ? $1 : () } readdir($dh);
    return [map { { name => $_, path => "$where/$_", size => -s "$where/$_" } } @names];
}

sub graph {
    my ($where, %opts) = @_;
    return $class->from_volumes(
        listing($where),
        { scheme => 'pve-dir', volname => "100/$volume", storeid => 'local', %opts },
    );
}

# A volume of its own for each test.
my $count = 0;

sub volume {
    my $where = "$dir/" . ++$count;
    mkdir($where);
    qemu_img('create', '-q', '-f', 'qcow2', "$where/$volume", '4M');
    return $where;
}

sub carry_out {
    my ($plan) = @_;
    for my $step ($plan->{steps}->@*) {
        if ($step->{kind} eq 'exec') {
            my ($program, @args) = $step->{argv}->@*;
            is($program, '/usr/bin/qemu-img', "$step->{id} is done by qemu-img");
            qemu_img(map { m/^(.*)$/s ? $1 : () } @args);
        } elsif ($step->{action} eq 'rename') {
            my ($from, $to) = map { m/^(.*)$/s ? $1 : () } $step->@{qw(from to)};
            rename($from, $to) or die "rename $from: $!\n";
        } else {
            my ($path) = $step->{path} =~ m/^(.*)$/s;
            unlink($path);
        }
    }
    return;
}

subtest 'a plan is a hash' => sub {
    my $where = volume();
    my $plan = graph($where)->plan('create', { snapshot => 'first', timeout => 5 });
    is($plan->{op}, 'create', 'what it is for');
    is($plan->{volume}, $volume, 'the volume');
    is($plan->{online}, 0, 'a boolean');
    is($plan->{'bytes-moved'}, 0, 'bytes');
    cmp_ok($plan->{'bytes-needed'}, '>', 4 << 20, 'room');
    is_deeply($plan->{result}, { notes => [] }, 'nothing is called another name');
    is_deeply([map { $_->{id} } $plan->{steps}->@*], [qw(format rename rename-2)], 'the steps');
    my ($format, $rename) = $plan->{steps}->@*;
    is($format->{kind}, 'exec', 'a process');
    is($format->{slow}, 0, 'soon over');
    is_deeply($format->{writes}, ["$volume.new"], 'what it writes');
    is_deeply($format->{pre}, { "$volume.new" => undef }, 'not there before');
    is_deeply(
        $format->{post}->{"$volume.new"},
        {
            format => 'qcow2',
            written => 1,
            backing => { name => "snap-first-$volume", format => 'qcow2' },
            'virtual-size' => 4 << 20,
        },
        'there afterwards',
    );
    is_deeply(
        $rename->{'on-failure'},
        {
            resume => 'rename',
            undo => [{ kind => 'native', action => 'unlink', path => "$where/$volume.new" }],
        },
        'what leads back',
    );
    is($rename->{from}, "$where/$volume", 'what is renamed');
};

subtest 'plans are carried out' => sub {
    my $where = volume();
    for my $snapshot (qw(first second third)) {
        carry_out(graph($where)->plan('create', { snapshot => $snapshot }));
    }
    is_deeply([graph($where)->names()], [qw(first second third)], 'taken');
    carry_out(graph($where)->plan('delete-many', { snapshots => [qw(first third)] }));
    is_deeply([graph($where)->names()], ['second'], 'removed');
    carry_out(graph($where)->plan('rollback', { snapshot => 'second' }));
    carry_out(graph($where)->plan('resize', { size => '8388608' }));
    is(graph($where)->snapshot_info()->{current}->{'virtual-size'}, 8 << 20, 'larger');
    my $plan =
        graph($where)->plan('rename', { to => '100/vm-100-disk-7.qcow2', drive => 'scsi1' });
    is($plan->{result}->{volname}, '100/vm-100-disk-7.qcow2', 'the new name');
    is($plan->{result}->{volid}, 'local:100/vm-100-disk-7.qcow2', 'the new volume ID');
    like($plan->{result}->{notes}->[0], qr/qm set 100 --scsi1 local:/, 'what to tell');
    carry_out($plan);
    my $renamed = graph($where, volname => '100/vm-100-disk-7.qcow2');
    is_deeply([$renamed->diagnose()], [], 'nothing is wrong');
    carry_out($renamed->plan('free'));
    is_deeply(listing($where), [], 'gone');
};

subtest 'options' => sub {
    my $where = volume();
    my $graph = graph($where);
    my %layout = ('cluster-size' => 65536, 'extended-l2' => 0, preallocation => 'metadata');
    my $plan = $graph->plan('create', { snapshot => 'first', %layout });
    my ($format) = $plan->{steps}->@*;
    ok(
        (grep { $_ eq 'cluster_size=65536,preallocation=metadata' } $format->{argv}->@*),
        'layout'
    );
    is($format->{slow}, 1, 'that takes time');
    my %none = (size => undef, snapshots => undef, timeout => undef, limits => undef);
    is($graph->plan('create', { %none, snapshot => 'first' })->{op}, 'create', 'undef is none');
    my $true = JSON::PP::true;
    my $aside = $graph->plan('free', { 'put-aside' => $true, 'bytes-per-second' => 1 << 20 });
    is($aside->{steps}->[0]->{action}, 'rename', 'put aside');
    is($graph->plan('resize', { size => 4 << 20 })->{steps}->@*, 0, 'nothing is to be done');
    is(failure_of(sub { $graph->plan('create', { snapshot => 'a1' }) }), undef, 'and again');
    is($graph->plan('create', { snapshots => ['b1'] })->{op}, 'create', 'an array of one');
    is_deeply(
        [$graph->diagnose({ check => 0, timeout => 5, free => 0 })], [],
        'of a diagnosis'
    );
    is(scalar($graph->diagnose())->@*, 0, 'in scalar context');
};

subtest 'what is no wish is refused' => sub {
    my $where = volume();
    my $graph = graph($where);
    my @bad = (
        [[], qr/operation is undefined/],
        [['destroy'], qr/unknown operation 'destroy'/],
        [['repair'], qr/unknown operation 'repair'/],
        [[[]], qr/operation is a reference/],
        [['create'], qr/create needs the name of a snapshot/],
        [['create', 'first'], qr/plan: arguments are not a hash/],
        [['create', { snapshot => '1x' }], qr/1x/],
        [['create', { snapshot => {} }], qr/snapshot is a reference/],
        [['create', { snapshots => [[]] }], qr/snapshots is a reference/],
        [['create', { snapshots => [undef] }], qr/snapshots is undefined/],
        [['create', { snapshots => [qw(a1 b1)] }], qr/only one snapshot/],
        [['create', { snapshot => 'a1', nosuch => 1 }], qr/unknown option 'nosuch'/],
        [['create', { snapshot => 'a1', size => 5 }], qr/takes no size/],
        [['resize', { size => '10G' }], qr/size '10G' is not a number/],
        [['resize', { size => 1.5 }], qr/size '1.5' is not a number/],
        [['resize', {}], qr/resize needs a size/],
        [['rename', {}], qr/rename needs another name/],
        [['delete', { snapshot => 'nosuch' }], qr/snapshot 'nosuch' does not exist/],
        [['free', { 'put-aside' => 'yes' }], qr/put-aside 'yes' is neither 0 nor 1/],
        [['free', { 'cluster-size' => 3 }], qr/cluster-size 3/],
        [['free', { drive => "a\nb" }], qr/drive/],
        [['free', { timeout => 'x' }], qr/timeout 'x' is not a number/],
        [['free', { limits => { nosuch => 1 } }], qr/unknown limit/],
    );
    for my $case (@bad) {
        my ($args, $error) = $case->@*;
        like(failure_of(sub { $graph->plan($args->@*) }), $error, "$error");
    }
    like(
        failure_of(sub { $graph->diagnose(1) }), qr/diagnose: options are not a hash/,
        'no hash'
    );
    like(
        failure_of(sub { $graph->diagnose({ size => 1 }) }), qr/unknown option 'size'/,
        'no size'
    );
    like(failure_of(sub { $graph->diagnose({ check => 'x' }) }), qr/check 'x'/, 'no check');
    for my $object (undef, {}, bless({}, $class), 'text') {
        my $plan = $class->can('plan');
        like(failure_of(sub { $plan->($object, 'free') }), qr/no snapshot graph/, 'no graph');
    }
};

subtest 'what a crash has left is found, and repaired' => sub {
    my $where = volume();
    carry_out(graph($where)->plan('create', { snapshot => 'first' }));
    my $create = graph($where)->plan('create', { snapshot => 'second' });
    pop($create->{steps}->@*);
    carry_out($create);
    my ($found, @more) = graph($where)->diagnose();
    is_deeply(\@more, [], 'one thing is wrong');
    is($found->{code}, 'not-in-place', 'what');
    is($found->{severity}, 'error', 'how grave');
    is($found->{certain}, 1, 'what helps is certain');
    is($found->{plan}->{op}, 'repair', 'what helps');
    like(
        failure_of(sub { graph($where)->plan('rollback', { snapshot => 'second' }) }),
        qr/already|diagnosis/, 'nothing else is done meanwhile'
    );
    carry_out($found->{plan});
    is_deeply([graph($where)->diagnose()], [], 'in order');
    is_deeply([graph($where)->names()], [qw(first second)], 'the snapshot was taken');
    unlink("$where/snap-first-$volume");
    ($found) = graph($where)->diagnose();
    is($found->{code}, 'data-needed', 'what nothing helps against');
    ok(!exists($found->{plan}) && !exists($found->{certain}), 'has no plan');
};

subtest 'names are bytes' => sub {
    my $where = "$dir/gr\xc3\xb6\xc3\x9fer";
    mkdir($where);
    qemu_img('create', '-q', '-f', 'qcow2', "$where/$volume", '1M');
    my $plan = graph($where)->plan('create', { snapshot => 'first' });
    is($plan->{steps}->[1]->{from}, "$where/$volume", 'in steps');
    carry_out($plan);
    is_deeply([graph($where)->names()], ['first'], 'as given');
};

done_testing();
