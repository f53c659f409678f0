use v5.36;

use lib 'perl/t/lib';

# Plans of snapshot graphs that are carried out on files, without anything of the caller's.

use Test::More;

use PVE::Native::Plan;
use PVE::Native::SnapshotGraph;
use TestImages qw(directory qemu_img qemu_io failure_of);

my $dir = directory();
my $disk = 'vm-100-disk-0.qcow2';
qemu_img('create', '-q', '-f', 'qcow2', "$dir/$disk", '8M');
qemu_io("$dir/$disk", 'write -P 1 0 1M');

sub graph {
    opendir(my $handle, $dir) or die "cannot open $dir: $!\n";
    my @names = map { m/^([^.].*)$/ } readdir($handle);
    return PVE::Native::SnapshotGraph->from_volumes(
        [map { { name => $_, path => "$dir/$_" } } sort @names],
        { scheme => 'pve-dir', volname => "100/$disk", storeid => 'local' },
    );
}

sub carry_out {
    my ($op, %options) = @_;
    return PVE::Native::Plan::run(graph()->plan($op, \%options));
}

sub names {
    return join(' ', graph()->names());
}

subtest 'plans that are carried out' => sub {
    carry_out('create', snapshot => 'one');
    qemu_io("$dir/$disk", 'write -P 2 0 64k');
    carry_out('create', snapshot => 'two');
    carry_out('create', snapshot => 'three');
    is(names(), 'one two three', 'snapshots');
    qemu_io("$dir/$disk", 'write -P 3 0 64k');
    carry_out('rollback', snapshot => 'three');
    qemu_io("$dir/$disk", 'read -P 2 0 64k');
    carry_out('delete', snapshot => 'two');
    is(names(), 'one three', 'without one of them');
    carry_out('resize', size => 16 * 1024 * 1024);
    is(graph()->current()->{'virtual-size'}, 16 * 1024 * 1024, 'size');
    carry_out('delete-many', snapshots => ['one', 'three']);
    is(names(), '', 'without any');
    qemu_io("$dir/$disk", 'read -P 2 0 64k', 'read -P 1 64k 64k');
    carry_out('rename', to => '100/vm-100-disk-1.qcow2');
    ok(-e "$dir/vm-100-disk-1.qcow2" && !-e "$dir/$disk", 'another name');
    $disk = 'vm-100-disk-1.qcow2';
};

subtest 'room' => sub {
    cmp_ok(graph()->room($disk, 1 << 30), '>', 1 << 30, 'of an image with its tables');
    like(failure_of(sub { graph()->room('none', 1 << 30) }), qr/cannot be read/, 'of no image');
};

subtest 'diagnoses' => sub {
    is_deeply([graph()->diagnose()], [], 'nothing is wrong');
    my $plan = graph()->plan('create', { snapshot => 'one' });
    # All but the last step.
    pop $plan->{steps}->@*;
    PVE::Native::Plan::run($plan);
    my @found = graph()->diagnose({ check => 0 });
    ok(@found, 'a plan that was cut off is found');
    is($found[0]->{certain}, 1, 'and what to do');
    like($found[0]->{message}, qr/^\S.*[^.]$/, 'and said');
    PVE::Native::Plan::run($found[0]->{plan});
    is_deeply([graph()->diagnose()], [], 'then nothing is wrong');
    is(names(), 'one', 'and the snapshot is there');
};

done_testing();
