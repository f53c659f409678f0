use v5.36;

use lib 'perl/t/lib';

# Plans that are carried out, without a graph that made them.

use Test::More;

use PVE::Native::Plan;
use TestImages qw(directory read_file write_file failure_of);

my $dir = directory();

sub step {
    my ($id, @argv) = @_;
    return { id => $id, kind => 'exec', argv => \@argv, slow => 0, 'on-failure' => {}, post => {} };
}

sub plan_of {
    return { op => 'test', online => 0, steps => [@_] };
}

# Runs a plan whose programs are only noted, and some of which fail.
sub run_with {
    my ($plan, %opts) = @_;
    my $fails = delete $opts{fails} // 'none';
    my @done;
    my $died = failure_of(
        sub {
            PVE::Native::Plan::run(
                $plan,
                {
                    command => sub {
                        my ($argv) = @_;
                        push @done, join(' ', $argv->@*);
                        die "it failed\n" if $argv->[0] eq $fails;
                    },
                    lock => sub { push @done, 'lock'; $_[0]->(); push @done, 'unlock' },
                    %opts,
                },
            );
        },
    );
    return (join(', ', @done), $died);
}

subtest 'the lock' => sub {
    my @steps = map { step($_, $_) } qw(a b c d e);
    $steps[2]->{slow} = 1;
    my ($done, $died) = run_with(plan_of(@steps));
    is($died, undef, 'done');
    is(
        $done, 'lock, a, b, unlock, c, lock, d, e, unlock',
        'quick steps together, slow ones without'
    );
};

subtest 'going back' => sub {
    my @steps = map { step($_, $_) } qw(a b c);
    $steps[1]->{'on-failure'} = {
        resume => 'b',
        undo => [{ kind => 'exec', argv => ['x'] }, { kind => 'exec', argv => ['y'] }],
    };
    my ($done, $died) = run_with(plan_of(@steps), fails => 'b');
    is($done, 'lock, a, b, x, y', 'what undoes it, in this order');
    is($died, "it failed; nothing has changed\n", 'and what it says');

    $steps[1]->{slow} = 1;
    ($done) = run_with(plan_of(@steps), fails => 'b');
    is($done, 'lock, a, unlock, b, lock, x, y, unlock', 'under the lock again');

    $steps[1]->{'on-failure'}->{undo}->[0]->{argv} = ['b'];
    ($done, $died) = run_with(plan_of(@steps), fails => 'b', diagnose => 'diagnose it');
    is($done, 'lock, a, unlock, b, lock, b, unlock', 'and no further than what can be undone');
    is(
        $died, "it failed; this was step 'b': 'diagnose it' says how to go on\n",
        'so it may not be'
    );
    $steps[1]->{task} = 'allocate';
    ($done) = run_with(plan_of(@steps), fails => 'b');
    is(
        $done, 'lock, a, unlock, b, lock, b, y, unlock',
        'what was not allocated cannot be removed'
    );
    (undef, $died) = run_with(plan_of(@steps), fails => 'b', unchanged => sub { 1 });
    is($died, "it failed; nothing has changed\n", 'unless somebody knows that it is');

    ($done, $died) = run_with(plan_of(@steps), fails => 'c');
    is($done, 'lock, a, unlock, b, lock, c', 'where there is no way back');
    is($died, "it failed; this was step 'c'\n", 'it says where it is');
};

subtest 'programs' => sub {
    write_file("$dir/file", 'x');
    my $run = sub {
        my (@argv) = @_;
        return failure_of(sub { PVE::Native::Plan::run(plan_of(step('a', @argv))) });
    };
    local $ENV{PATH} = '/tmp';
    is($run->('/bin/sh', '-c', "echo y > $dir/file"), undef, 'run as they are');
    is(read_file("$dir/file"), "y\n", 'and do what they should');
    like(
        $run->('/bin/sh', '-c', 'exit 3'), qr/^'\S+sh -c exit 3' failed: exit code 3;/,
        'fail'
    );
    like($run->('/bin/sh', '-c', 'kill -9 $$'), qr/was killed by signal 9/, 'are killed');
    like($run->("$dir/none"), qr/cannot run '\S+none'/, 'are not there');
    is($ENV{PATH}, '/tmp', 'the environment is as it was');
};

subtest 'files' => sub {
    my $rename = {
        id => 'rename', kind => 'native', action => 'rename', from => "$dir/from",
        to => "$dir/to",
        slow => 0, 'on-failure' => {}, post => {},
    };
    my $unlink = {
        id => 'remove', kind => 'native', action => 'unlink', path => "$dir/to", slow => 0,
        'on-failure' => {}, post => {},
    };
    my $run = sub {
        my (@steps) = @_;
        return failure_of(sub { PVE::Native::Plan::run(plan_of(@steps)) });
    };
    write_file("$dir/from", 'a');
    is($run->($rename), undef, 'renamed');
    ok(!-e "$dir/from", 'it has no other name');
    write_file("$dir/from", 'b');
    like($run->($rename), qr/File exists/, 'names that are taken stay');
    is(read_file("$dir/to"), 'a', 'with what they are of');
    is($run->($unlink), undef, 'removed');
    is($run->($unlink), undef, 'what is gone is no error');
};

subtest 'a running guest' => sub {
    my $qmp = { id => 'stop', kind => 'qmp', execute => 'stop', arguments => {}, slow => 0 };
    my ($done, $died) = run_with(plan_of(step('a', 'a'), $qmp));
    is($done, '', 'nothing is begun without its QEMU');
    like($died, qr/QEMU of the running guest/, 'and said');
    my @said;
    run_with(plan_of($qmp), qmp => sub { push @said, $_[0] });
    is("@said", 'stop', 'it is told');
};

subtest 'arguments' => sub {
    like(failure_of(sub { PVE::Native::Plan::run([]) }), qr/no plan/, 'no plan');
    my $bad = sub { PVE::Native::Plan::run(plan_of(), { dry => 1 }) };
    like(failure_of($bad), qr/unknown option 'dry'/, 'unknown option');
};

subtest 'what is left for the caller' => sub {
    my @steps = map { step($_, $_) } qw(a b);
    $steps[0]->{post} = {
        'vm-100-disk-0.qcow2' => undef,
        'del-0-vm-100-disk-0.qcow2' => {},
        'del-1-vm-100-disk-0.qcow2' => {},
    };
    $steps[1]->{post} = { 'del-0-vm-100-disk-0.qcow2' => undef, 'vm-100-disk-0.qcow2' => {} };
    my @left = PVE::Native::Plan::leftovers(plan_of(@steps));
    is("@left", 'del-1-vm-100-disk-0.qcow2', 'what is called removed in the end');
};

done_testing();
