package PVE::Native::HA::Usage;

use v5.36;

use PVE::Native::Arguments qw(refuse);
use PVE::Native::Placement;
use PVE::Native::Placement::Collect;
use PVE::Native::ResourceScheduling::Dynamic;
use PVE::Native::ResourceScheduling::Static;

# Without the HA manager there is nobody to ask for the rest of its interface.
our @ISA = eval { require PVE::HA::Usage; 1 } ? ('PVE::HA::Usage') : ();

# Scores of nodes that would do but are not the best, of those that a rule would rather not have, and of
# those that will not do. Less is better.
my ($FITS, $UNLOVED, $UNFIT) = (1, 100, 1000);

# What is charged for guests and how full nodes may be, unless the caller says otherwise.
my %policy = (
    basis => 'size',
    overcommit => { cpu => 4 },
    relax => [qw(hard-limit usage)],
    # The HA manager has more to do in its ten seconds.
    'time-limit' => 2,
);

sub new ($class, $haenv, $service_stats, $opts = undef) {
    my %opts = ($opts // {})->%*;
    my ($policy, $problem) = delete(@opts{qw(policy problem)});
    if (my ($odd) = sort(keys(%opts))) {
        refuse("HA::Usage: unknown option '$odd'");
    }
    my $dynamic = grep { defined($_->{usage}->{cpu}) } values($service_stats->%*);
    my $kind = $dynamic ? 'Dynamic' : 'Static';
    my $node_stats = $dynamic ? $haenv->get_dynamic_node_stats() : $haenv->get_static_node_stats();
    $policy = { %policy, ($policy // {})->%* };
    $problem = $problem->() if ref($problem) eq 'CODE';
    $problem //= PVE::Native::Placement::Collect->problem(
        $haenv,
        task => 'place',
        policy => $policy,
        guests => 'all',
        samples => ($policy->{basis} ne 'size' ? 1 : 0),
    );
    return bless {
        haenv => $haenv,
        dynamic => $dynamic ? 1 : 0,
        'node-stats' => $node_stats,
        'service-stats' => $service_stats,
        scheduler => "PVE::Native::ResourceScheduling::$kind"->new(),
        problem => { $problem->%*, task => 'place', policy => { $policy->%*, failed => [] } },
        nodes => {},
        # Where a guest is and where it goes, by its id.
        services => {},
        answer => undef,
    }, $class;
}

my sub warning ($self, $what) {
    $self->{haenv}->log('warning', $what =~ s/\n\z//r);
    return;
}

sub add_node ($self, $node) {
    my $stats = $self->{'node-stats'}->{$node}
        or die "did not get usage information for node '$node'\n";
    my @stats = $self->{dynamic} ? $stats : map { int($_ // 0) } $stats->@{qw(maxcpu maxmem)};
    $self->{scheduler}->add_node($node, @stats);
    $self->{nodes}->{$node} = 1;
    $self->{answer} = undef;
    return;
}

sub remove_node ($self, $node) {
    $self->{scheduler}->remove_node($node);
    delete($self->{nodes}->{$node});
    $self->{answer} = undef;
    return;
}

sub list_nodes ($self) { return sort(keys($self->{nodes}->%*)) }
sub contains_node ($self, $node) { return $self->{nodes}->{$node} ? 1 : 0 }

sub add_service ($self, $sid, $current, $target, $running) {
    return if !defined($current) && !defined($target);
    ($current, $target) = ($target, undef) if !defined($current);
    $self->{services}->{$sid} = { current => $current, target => $target };
    $self->{answer} = undef;
    my $usage = $self->{'service-stats'}->{$sid}->{usage};
    my $add = $self->{dynamic} ? 'add_resource' : 'add_service';
    my $service = {
        stats => $usage, running => $running, 'current-node' => $current,
        'target-node' => $target
    };
    eval { $self->{scheduler}->$add($sid, $service) };
    warning($self, "unable to add service '$sid' - $@") if $@;
    return;
}

sub remove_service_usage ($self, $sid) {
    delete($self->{services}->{$sid});
    $self->{answer} = undef;
    my $remove = $self->{dynamic} ? 'remove_resource' : 'remove_service_usage';
    eval { $self->{scheduler}->$remove($sid) };
    warning($self, "unable to remove service '$sid' usage - $@") if $@;
    return;
}

sub calculate_node_imbalance ($self) {
    my $imbalance = eval { $self->{scheduler}->calculate_node_imbalance() };
    warning($self, "unable to calculate node imbalance - $@") if $@;
    return $imbalance // 0.0;
}

my sub migrations ($self, $score, @args) {
    my $migrations = eval { $self->{scheduler}->$score(@args) };
    warning($self, "unable to score migrations - $@") if $@;
    return $migrations;
}

sub score_best_balancing_migrations ($self, $candidates, $limit) {
    return migrations(
        $self, 'score_best_balancing_migration_candidates', $candidates, $limit,
    );
}

sub score_best_balancing_migrations_topsis ($self, $candidates, $limit) {
    return migrations(
        $self, 'score_best_balancing_migration_candidates_topsis', $candidates, $limit,
    );
}

# The problem as it is now: nodes that were added are there, and guests where they were added.
my sub problem_now ($self, $asked) {
    my $problem = $self->{problem};
    my @nodes = map {
        { $_->%*, online => $self->{nodes}->{ $_->{name} } ? 1 : 0 }
    } $problem->{nodes}->@*;
    my (@guests, @moving, %listed);
    for my $guest ($problem->{guests}->@*) {
        my $sid = $guest->{sid};
        my $service = $self->{services}->{$sid};
        my %now = ($guest->%*, $service ? (node => $service->{current}) : ());
        %now = (%now, node => undef, state => 'started') if $sid eq $asked;
        push @guests, \%now;
        $listed{$sid} = 1;
        push @moving, { sid => $sid, node => $service->{target}, size => $guest->{size} }
            if $service && defined($service->{target}) && $sid ne $asked;
    }
    if (!$listed{$asked}) {
        my $usage = $self->{'service-stats'}->{$asked}->{usage}
            or die "did not get usage information for '$asked'\n";
        my $size = { cpu => $usage->{maxcpu}, mem => $usage->{maxmem} };
        push @guests, { sid => $asked, size => $size };
    }
    my @reservations = (($problem->{reservations} // [])->@*, @moving);
    return { $problem->%*, nodes => \@nodes, guests => \@guests, reservations => \@reservations };
}

# The highest load of a node after all that is to be placed has been.
my sub highest ($load) {
    my $highest = 0;
    for my $one (values(($load // {})->%*)) {
        my $share = $one->{limit} > 0 ? $one->{after} / $one->{limit} : 0;
        $highest = $share if $share > $highest;
    }
    return $highest;
}

my sub score ($answer, $sid, $node) {
    return 0 if ($answer->{placements}->{$sid} // '') eq $node;
    my $reason = ($answer->{why}->{$sid} // {})->{$node} // { code => 'not-chosen' };
    my $share = highest($answer->{loads}->{$node});
    return $FITS + $share if $reason->{code} eq 'not-chosen';
    return ($reason->{code} eq 'less-preferred' ? $UNLOVED : $UNFIT) + $share;
}

sub score_nodes_to_start_service ($self, $sid, @) {
    # One answer holds for all guests that wait for a node: each leaves room for the others.
    my $answer = $self->{answer};
    if (!$answer || !$answer->{asked}->{$sid}) {
        $answer = eval { PVE::Native::Placement::solve(problem_now($self, $sid)) };
        warning($self, "unable to place service '$sid' - $@") if !$answer;
        # Whoever has found no node in it need not be tried again.
        my @asked = $answer ? (keys($answer->{placements}->%*), $answer->{unplaced}->@*) : ();
        $answer->{asked} = { map { $_ => 1 } $sid, @asked };
        # One that is somewhere was taken away from there for the question.
        $self->{answer} = $self->{services}->{$sid} ? undef : $answer;
    }
    if (!exists($answer->{placements}->{$sid})) {
        my $why = ($answer->{why} // {})->{$sid} // {};
        my @each = map { "$_: $why->{$_}->{code}" } sort(keys($why->%*));
        warning($self, "there is no node for service '$sid' (" . join(', ', @each) . ")");
    }
    return { map { $_ => score($answer, $sid, $_) } $self->list_nodes() };
}

1;

__END__

=head1 NAME

PVE::Native::HA::Usage - the solver of placements behind the interface of the HA manager

=head1 SYNOPSIS

    use PVE::Native::HA::Usage;

    my $usage = PVE::Native::HA::Usage->new($haenv, $haenv->get_static_service_stats());
    $usage->add_node($_) for $online_nodes->@*;
    my $scores = $usage->score_nodes_to_start_service('vm:100');

=head1 DESCRIPTION

A C<PVE::HA::Usage> that knows what fits where. Instead of the static or dynamic scheduler it is put behind a loaded
HA manager by C<< PVE::Native::Override->install('placement') >>.

The problem is collected once, when an object is made (L<PVE::Native::Placement::Collect>): with storages, volumes,
bridges, CPU flags, devices and rules. All guests that wait for a node are placed together, so that each leaves room
for the others, biggest first, whatever the order in which the HA manager asks.

Objects die with a L<PVE::Native::Error> if the problem cannot be had; the HA manager falls back to its basic mode
then. All is there since version 0.1.

=head1 METHODS

=over

=item new($haenv, \%service_stats, \%opts)

C<policy>: keys of the problem's policy. Without them, guests are charged their size, CPU is overcommitted four
times, and if there is no room, hard limits and then sizes are given up (C<relax>); an answer may take two seconds. C<problem>: the problem, or
code that gives it.

=item add_node, remove_node, list_nodes, contains_node, add_service, add_service_usage, remove_service_usage

As in C<PVE::HA::Usage>.

=item score_nodes_to_start_service($sid)

The score of each node, less is better: 0 for the node of the answer, 1 and its highest load for others that would
do, from 100 for those that rules would rather not have, from 1000 for those that will not do. The HA manager takes
the least in any case; where no node will do, the log says so and why.

=item calculate_node_imbalance, score_best_balancing_migrations, score_best_balancing_migrations_topsis, select_*

As those of Proxmox VE's static or dynamic mode, whichever the statistics are of.

=back

=head1 SEE ALSO

L<PVE::Native::Placement>, L<PVE::Native::Override>

=cut
