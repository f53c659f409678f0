use v5.36;

use lib 'perl/t/lib';

# The schedulers of Proxmox VE as Perl sees them: arguments and answers of PVE::RS::ResourceScheduling.
# What the scores are is tested in src/placement/scoring/tests.rs.

use Config;
use JSON::XS ();
use Test::More;

use PVE::Native::ResourceScheduling::Dynamic;
use PVE::Native::ResourceScheduling::Static;
use TestImages qw(failure_of);
use TestProcess qw(in_child growth_kib);

my $GIB = 1 << 30;

sub static { return PVE::Native::ResourceScheduling::Static->new(@_) }
sub dynamic { return PVE::Native::ResourceScheduling::Dynamic->new(@_) }

# Three nodes of 16 cores and 64 GiB; on the first a guest of 8 cores and 32 GiB.
sub three {
    my $scheduler = static(@_);
    $scheduler->add_node("n$_", 16, 64 * $GIB) for 1 .. 3;
    $scheduler->add_service('vm:1', service('n1'));
    return $scheduler;
}

sub service ($node, $target = undef) {
    return {
        stats => { maxcpu => 8, maxmem => 32 * $GIB }, running => 1,
        'current-node' => $node, 'target-node' => $target,
    };
}

sub best ($scores) {
    my ($best) = sort { $b->[1] <=> $a->[1] || $a->[0] cmp $b->[0] } $scores->@*;
    return $best->[0];
}

my $guest = { maxcpu => 2, maxmem => 4 * $GIB };

subtest 'static' => sub {
    my $scheduler = three();
    is_deeply($scheduler->list_nodes(), [qw(n1 n2 n3)], 'nodes');
    is($scheduler->contains_node('n2'), 1, 'one of them');
    is($scheduler->contains_node('n4'), 0, 'none of them');
    my $scores = $scheduler->score_nodes_to_start_service($guest);
    is_deeply([map { $_->[0] } @$scores], [qw(n1 n2 n3)], 'a score for each');
    is(best($scores), 'n2', 'the first of those without load');
    is($scores->[1]->[1], $scores->[2]->[1], 'which are equal');

    $scheduler->add_service('vm:2', service('n1', 'n2'));
    is(
        best($scheduler->score_nodes_to_start_service($guest)), 'n3',
        'a guest that moves counts twice'
    );
    $scheduler->remove_service_usage('vm:2');
    is_deeply($scheduler->score_nodes_to_start_service($guest), $scores, 'and leaves no trace');
    $scheduler->add_service_usage_to_node('n2', 'vm:2', { maxcpu => 8, maxmem => 32 * $GIB });
    $scheduler->add_service_usage_to_node('n3', 'vm:2', { maxcpu => 0, maxmem => 0 });
    is($scheduler->calculate_node_imbalance(), 0, 'the second node is the target');
    $scheduler->remove_service_usage($_) for qw(vm:2 vm:2 none);
    $scheduler->remove_node($_) for qw(n3 n3 none);
    is_deeply($scheduler->list_nodes(), [qw(n1 n2)], 'a node that is gone');
    is_deeply(static()->score_nodes_to_start_service($guest), [], 'no nodes, no scores');
};

subtest 'dynamic' => sub {
    my $scheduler = dynamic();
    my $node = { cpu => 0.5, maxcpu => 16, mem => 8 * $GIB, maxmem => 64 * $GIB, uptime => 77 };
    $scheduler->add_node('n1', { %$node, cpu => 8 });
    $scheduler->add_node('n2', $node);
    my $stats = { cpu => 1.5, maxcpu => 4, mem => 2 * $GIB, maxmem => 8 * $GIB };
    is(best($scheduler->score_nodes_to_start_resource($stats)), 'n2', 'where less is used');
    my $imbalance = $scheduler->calculate_node_imbalance();
    cmp_ok($imbalance, '>', 0.3, 'how uneven it is');

    my $resource = { stats => $stats, 'current-node' => 'n1' };
    $scheduler->add_resource('vm:1', { %$resource, running => 1 });
    $scheduler->add_resource(
        "vm:2$_",
        { %$resource, running => JSON::XS::false, 'current-node' => 'n2' }
    ) for 1 .. 4;
    is(
        $scheduler->calculate_node_imbalance(), $imbalance,
        'guests are in what their nodes use'
    );
    is(
        best($scheduler->score_nodes_to_start_resource($stats)), 'n1',
        'those about to start are not'
    );
    my $candidates = [{ leader => 'vm:1', resources => ['vm:1'], nodes => ['n2'] }];
    my $best = $scheduler->score_best_balancing_migration_candidates($candidates, 5);
    is_deeply(
        $best->[0]->{migration},
        { sid => 'vm:1', 'source-node' => 'n1', 'target-node' => 'n2' },
        'a migration',
    );
    cmp_ok($best->[0]->{imbalance}, '<', $imbalance, 'that makes it more even');
    is_deeply(
        $scheduler->score_best_balancing_migration_candidates_topsis($candidates, 5),
        $best, 'by TOPSIS',
    );
    is_deeply(
        $scheduler->score_best_balancing_migration_candidates($candidates, 0), [],
        'none is wanted'
    );
    $scheduler->remove_resource('vm:1');
    my $failure =
        failure_of(sub { $scheduler->score_best_balancing_migration_candidates($candidates, 5) });
    is("$failure", "guest 'vm:1' is not known\n", 'one that is gone');
};

subtest 'scales of imbalance' => sub {
    my ($mean, $unit) =
        map { three({ 'imbalance-scale' => $_ })->calculate_node_imbalance() } qw(mean unit);
    cmp_ok(abs($mean - sqrt(2)), '<', 1e-12, 'of the mean');
    cmp_ok(abs($unit - 1), '<', 1e-12, 'of the most');
    is(three()->calculate_node_imbalance(), $mean, 'the mean is the default');
};

subtest 'numbers in any form' => sub {
    my $expected = three()->score_nodes_to_start_service($guest);
    my $scheduler = static();
    # As texts, as floating-point numbers, as numbers that have been texts.
    $scheduler->add_node('n1', '16', '68719476736');
    $scheduler->add_node('n2', 16.0, 6.8719476736e10);
    my $cores = '16';
    is($cores + 0, 16, 'a number and a text');
    $scheduler->add_node('n3', $cores, 64 * $GIB);
    $scheduler->add_service(
        'vm:1',
        { service('n1')->%*, stats => { maxcpu => '8.0', maxmem => '34359738368' } }
    );
    is_deeply(
        $scheduler->score_nodes_to_start_service({ maxcpu => '2.0', maxmem => '4294967296' }),
        $expected, 'are the same'
    );
    $scheduler->add_node('vast', 1, 18446744073709551615);
    ok($scheduler->contains_node('vast'), 'all of 64 bits');
    my $third = 1 / 3;
    my @thirds =
        map { $scheduler->score_nodes_to_start_service({ maxcpu => $_, maxmem => 0 })->[0]->[1] }
        ($third, sprintf('%.17g', $third));
    is($thirds[0], $thirds[1], 'to the last digit');
    tie my $tied, 'TiedValue', 16;
    $scheduler->add_node('tied', $tied, 64 * $GIB);
    ok($scheduler->contains_node('tied'), 'tied');
};

subtest 'names of any kind' => sub {
    my $scheduler = static();
    for my $name ("n\xf6de", "\x{100}", '17', 'a b', '') {
        $scheduler->add_node($name, 4, $GIB);
        my $upgraded = $name;
        utf8::upgrade($upgraded);
        is($scheduler->contains_node($upgraded), 1, 'a node');
        $scheduler->add_service("vm:$name", service($name));
        my $candidates =
            [{ leader => "vm:$name", resources => ["vm:$name"], nodes => [$name] }];
        my $best = $scheduler->score_best_balancing_migration_candidates($candidates, 1);
        is($best->[0]->{migration}->{'source-node'}, $name, 'comes back as it was');
    }
    is_deeply(
        $scheduler->list_nodes(), ['', '17', 'a b', "n\xf6de", "\x{100}"],
        'in their order'
    );
    $scheduler->add_service(17, service('17'));
    my $numbers = [{ leader => 17, resources => [17], nodes => [17] }];
    is(
        $scheduler->score_best_balancing_migration_candidates($numbers, 1)->@*, 1,
        'numbers are names, too'
    );
};

subtest 'what makes no sense' => sub {
    my ($static, $dynamic) = (three(), dynamic());
    my $imbalance = $static->calculate_node_imbalance();
    my $cycle = {};
    $cycle->{stats} = $cycle;
    tie my $dying, 'TiedDeath';
    my $migrate = sub { $static->score_best_balancing_migration_candidates(@_) };
    for (
        ['a node twice', sub { $static->add_node('n1', 1, 1) }],
        ['no node', sub { $static->add_node(undef, 1, 1) }],
        ['no cores', sub { $static->add_node('x', undef, 1) }],
        ['cores and junk', sub { $static->add_node('x', '1x', 1) }],
        ['half a core', sub { $static->add_node('x', 1.5, 1) }],
        ['fewer than none', sub { $static->add_node('x', -1, 1) }],
        ['a unit', sub { $static->add_node('x', 1, '10G') }],
        ['endless memory', sub { $static->add_node('x', 1, 9**9**9) }],
        ['too much memory', sub { $static->add_node('x', 1, '18446744073709551616') }],
        ['a reference', sub { $static->add_node('x', [], 1) }],
        ['a reference as a name', sub { $static->add_node({}, 1, 1) }],
        ['statistics that are none', sub { $dynamic->add_node('x', 1) }],
        ['statistics that lack', sub { $dynamic->add_node('x', { maxcpu => 1, maxmem => 1 }) }],
        [
            'cpu that is none',
            sub {
                $dynamic->add_node('x', { cpu => 'NaN', maxcpu => 1, mem => 1, maxmem => 1 });
            }
        ],
        ['a guest twice', sub { $static->add_service('vm:1', service('n2')) }],
        ['a guest nowhere', sub { $static->add_service('x', service(undef)) }],
        ['a guest elsewhere', sub { $static->add_service('x', service('n9')) }],
        ['a target elsewhere', sub { $static->add_service('x', service('n1', 'n9')) }],
        ['a target at home', sub { $static->add_service('x', service('n1', 'n1')) }],
        ['a guest without a name', sub { $static->add_service(undef, service('n1')) }],
        ['no guest', sub { $static->add_service('x') }],
        ['a guest of itself', sub { $static->add_service('x', $cycle) }],
        [
            'a guest without statistics',
            sub { $static->add_service('x', { 'current-node' => 'n1' }) }
        ],
        [
            'endless cores',
            sub { $static->score_nodes_to_start_service({ maxcpu => 9**9**9, maxmem => 1 }) }
        ],
        [
            'NaN cores',
            sub {
                $static->score_nodes_to_start_service({ maxcpu => -sin(9**9**9), maxmem => 1 });
            }
        ],
        ['nothing to start', sub { $static->score_nodes_to_start_service() }],
        ['a third move', sub { $static->add_service_usage_to_node('n1', 'vm:1', $guest) }],
        ['candidates', sub { $migrate->('x', 1) }],
        ['candidates that are none', sub { $migrate->(['x'], 1) }],
        ['a candidate that lacks', sub { $migrate->([{ leader => 'vm:1' }], 1) }],
        [
            'guests without their leader',
            sub { $migrate->([{ leader => 'vm:1', resources => [], nodes => [] }], 1) }
        ],
        [
            'a leader that is none',
            sub { $migrate->([{ leader => undef, resources => [], nodes => [] }], 1) }
        ],
        ['no limit', sub { $migrate->([], undef) }],
        ['a limit below 0', sub { $migrate->([], -1) }],
        ['an option', sub { static({ odd => 1 }) }],
        ['options', sub { static('odd') }],
        ['a scale', sub { static({ 'imbalance-scale' => 'odd' }) }],
        ['no mode', sub { PVE::Native::ResourceScheduling->new() }],
        ['no scheduler', sub { PVE::Native::ResourceScheduling::list_nodes({}) }],
        ['undef', sub { PVE::Native::ResourceScheduling::list_nodes(undef) }],
        ['no object', sub { PVE::Native::ResourceScheduling::Static::add_node({}, 'x', 1, 1) }],
        ['a class', sub { PVE::Native::ResourceScheduling::Static->list_nodes() }],
        [
            'an empty object',
            sub { bless({}, 'PVE::Native::ResourceScheduling::Static')->list_nodes() }
        ],
        ['a glob', sub { PVE::Native::ResourceScheduling::list_nodes(\*STDOUT) }],
        )
    {
        my ($name, $code) = @$_;
        my $failure = failure_of($code);
        isa_ok($failure, 'PVE::Native::Error', $name) or diag($failure);
        is(eval { $failure->name() }, 'argument', "$name: its name");
        like("$failure", qr/\A[^\n]+\n\z/, "$name: one line");
    }
    is(
        failure_of(sub { $static->add_node('x', $dying, 1) }), "fetched\n",
        'a tied value that dies'
    );
    is_deeply($static->list_nodes(), [qw(n1 n2 n3)], 'no node has come');
    is($static->calculate_node_imbalance(), $imbalance, 'no guest has');
};

subtest 'in a daemon' => sub {
    my $scheduler = three();
    my $forked = sub {
        $scheduler->add_node('n4', 16, 64 * $GIB);
        return $scheduler->list_nodes()->@* == 4;
    };
    ok(in_child($forked), 'a forked child has one of its own');
    is($scheduler->list_nodes()->@*, 3, 'ours is what it was');
    SKIP: {
        if (!$Config{useithreads}) {
            diag('SKIPPED threads: this perl has none');
            skip('this perl has no threads', 1);
        }
        require threads;
        my $code = sub {
            eval { $scheduler->list_nodes(); 1 } ? 'lived' : 'died';
        };
        is(threads->create($code)->join(), 'died', 'a thread does not have it');
    }
    is($scheduler->list_nodes()->@*, 3, 'it is still ours');
    my $candidates = [{ leader => 'vm:1', resources => ['vm:1'], nodes => [qw(n2 n3)] }];
    my $growth = growth_kib(
        20_000,
        sub {
            $scheduler->add_service('vm:2', service('n2', 'n3'));
            $scheduler->score_nodes_to_start_service($guest);
            $scheduler->score_best_balancing_migration_candidates($candidates, 2);
            $scheduler->remove_service_usage('vm:2');
            eval { $scheduler->add_node('n1', 1, 1) };
        },
    );
    cmp_ok($growth, '<', 1024, 'it does not grow');
    my $made = growth_kib(5000, sub { three()->list_nodes() });
    cmp_ok($made, '<', 500, 'nor do schedulers that are gone');
};

done_testing();

package TiedValue {
    sub TIESCALAR { my ($class, $value) = @_; return bless(\$value, $class) }
    sub FETCH { my ($self) = @_; return $$self }
}

package TiedDeath {
    sub TIESCALAR { my ($class) = @_; return bless({}, $class) }
    sub FETCH { die "fetched\n" }
}
