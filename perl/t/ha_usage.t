use v5.36;

use lib 'perl/t/lib';

# The solver behind the HA manager's interface: who asks in which order is no matter, and each guest
# leaves room for the others.

use Test::More;

use PVE::Native::HA::Usage;
use TestImages qw(failure_of);

my $GIB = 2**30;

package Env {
    sub new ($class, %env) { return bless { log => [], %env }, $class }
    sub get_static_node_stats ($self) { return $self->{nodes} }
    sub get_dynamic_node_stats ($self) { return $self->{nodes} }
    sub log ($self, @line) { push $self->{log}->@*, "@line"; return }
}

# Two survivors with 8 GiB each, and three guests that only fit one way.
sub usage (%more) {
    my %stats =
        map { $_ => { maxcpu => 16, maxmem => 8 * $GIB, cpu => 1, mem => $GIB } } qw(n1 n2 n3);
    my %size = ('vm:1' => 2, 'vm:2' => 6, 'vm:3' => 7);
    delete(@size{ ($more{without} // [])->@* });
    my %services =
        map { $_ => { usage => { maxcpu => 2, maxmem => $size{$_} * $GIB }, node => 'n1' } }
        keys(%size);
    my $problem = {
        task => 'recover',
        nodes =>
            [map { { name => $_, capacity => { cpu => 16, mem => 8 * $GIB } } } qw(n1 n2 n3)],
        guests => [
            map { { sid => $_, node => 'n1', size => { cpu => 2, mem => $size{$_} * $GIB } } }
            sort(keys(%size))
        ],
        rules => $more{rules} // [],
    };
    my $env = Env->new(nodes => \%stats);
    my $usage = PVE::Native::HA::Usage->new(
        $env, \%services,
        { problem => $problem, ($more{opts} // {})->%* }
    );
    $usage->add_node($_) for qw(n2 n3);
    return ($usage, $env);
}

sub best ($scores) {
    return (sort { $scores->{$a} <=> $scores->{$b} || $a cmp $b } keys($scores->%*))[0];
}

subtest 'whoever asks first leaves room for the others' => sub {
    for my $order ([qw(vm:1 vm:2 vm:3)], [qw(vm:3 vm:1 vm:2)], [qw(vm:2 vm:3 vm:1)]) {
        my ($usage, $env) = usage();
        my %load;
        for my $sid ($order->@*) {
            my $node = best($usage->score_nodes_to_start_service($sid));
            push $load{$node}->@*, $sid;
            $usage->add_service($sid, $node, undef, 1);
        }
        my @together = sort(map { join(' ', sort($_->@*)) } values(%load));
        is_deeply(\@together, ['vm:1 vm:2', 'vm:3'], "$order->@*");
        is_deeply($env->{log}, [], 'nothing to complain of');
    }
};

subtest 'what will not do is far behind, and told' => sub {
    my $rules = [
        {
            id => 'home', type => 'node-affinity', sids => ['vm:1'], nodes => { n1 => 1 },
            strict => 1,
        }
    ];
    my ($usage, $env) = usage(rules => $rules);
    my $scores = $usage->score_nodes_to_start_service('vm:1');
    cmp_ok($scores->{$_}, '>=', 1000, "$_ will not do") for qw(n2 n3);
    like(
        $env->{log}->[0], qr/no node for service 'vm:1' \(n1: offline, n2: node-affinity/,
        'and why'
    );
    $usage->remove_node('n3');
    is_deeply([$usage->list_nodes()], ['n2'], 'nodes go');
    ok($usage->contains_node('n2') && !$usage->contains_node('n3'), 'and are no longer there');
};

subtest 'whoever has found no node is not tried again, and one that runs is not taken away' => sub {
    my ($usage, $env) = usage();
    $usage->remove_node('n3');
    my $solved = 0;
    my $solve = \&PVE::Native::Placement::solve;
    no warnings 'redefine';
    local *PVE::Native::Placement::solve = sub { $solved++; return $solve->(@_) };
    my @unfit =
        grep { $usage->score_nodes_to_start_service($_)->{n2} >= 1000 } qw(vm:1 vm:2 vm:3);
    is_deeply(\@unfit, ['vm:3'], 'two of three fit');
    is($solved, 1, 'one answer for all three');
    is(scalar($env->{log}->@*), 1, 'told once');
    $usage->add_service('vm:1', 'n2', undef, 1);
    is($usage->score_nodes_to_start_service('vm:1')->{n2}, 0, 'where it is it can be');
    cmp_ok(
        $usage->score_nodes_to_start_service('vm:3')->{n2}, '>=', 1000,
        'and its room is taken'
    );
};

subtest 'preferences and loads' => sub {
    my $rules = [
        {
            id => 'near', type => 'node-affinity', sids => ['vm:1'], nodes => { n2 => 1 },
            strict => 0
        },
    ];
    my ($usage) = usage(rules => $rules, without => ['vm:3']);
    $usage->add_service('vm:2', 'n3', undef, 1);
    my $scores = $usage->score_nodes_to_start_service('vm:1');
    is($scores->{n2}, 0, 'the preferred one');
    cmp_ok($scores->{n3}, '>=', 100, 'the other one would do');
    cmp_ok($scores->{n3}, '<', 1000, 'if need be');
};

subtest 'the rest is as in Proxmox VE' => sub {
    my ($usage, $env) = usage();
    is($usage->calculate_node_imbalance(), 0, 'empty nodes are even');
    $usage->add_service('vm:1', 'n2', 'n3', 1);
    $usage->add_service('vm:2', undef, 'n2', 0);
    $usage->add_service('vm:3', undef, undef, 0);
    cmp_ok($usage->calculate_node_imbalance(), '>', 0, 'no longer');
    $usage->remove_service_usage('vm:1');
    my $candidates = [{ leader => 'vm:2', resources => ['vm:2'], nodes => ['n3'] }];
    is(ref($usage->$_($candidates, 5)), 'ARRAY', $_)
        for qw(score_best_balancing_migrations score_best_balancing_migrations_topsis);
    is_deeply($env->{log}, [], 'nothing to complain of');
};

subtest 'rubbish' => sub {
    isa_ok(
        failure_of(sub { usage(opts => { polciy => 1 }) }), 'PVE::Native::Error',
        'an unknown option'
    );
    my ($usage, $env) = usage();
    like(failure_of(sub { $usage->add_node('n9') }), qr/n9/, 'a node without statistics');
    my $scores = $usage->score_nodes_to_start_service('vm:99');
    is_deeply([sort(keys($scores->%*))], [qw(n2 n3)], 'a guest that nobody knows has scores');
    like($env->{log}->[0], qr/unable to place service 'vm:99'/, 'and the log says so');
};

done_testing();
