package PVE::Native::Placement::Collect::State;

use v5.36;

# What is known of the cluster while a problem is collected, and what there is to say of what is not: a source is
# asked once for each thing.

use Scalar::Util qw(reftype);

use PVE::Native::Error;
use PVE::Native::Placement::Flags qw(flags_of_node);
use PVE::Native::Placement::Loads;

# States of the HA manager's resources in which it decides where they run. It does not for those in an error,
# or frozen.
my %DECIDED = map { $_ => 1 } qw(
    request_start request_start_balance started migrate relocate recovery fence stopped request_stop
);

my sub one_line ($error) {
    return "$error" =~ s/[^\x20-\x7e]+/ /gr =~ s/\s+\z//r;
}

sub new ($class, $source, $options) {
    my $self = bless { source => $source, options => $options, notes => [] }, $class;
    $self->{$_} = $self->insist($_) for qw(nodes services status);
    $self->{storages} = $self->ask('storages');
    return $self;
}

sub note ($self, $code, $subject, $message) {
    push $self->{notes}->@*, { code => $code, subject => $subject, message => one_line($message) };
    return;
}

# What a source answers, and otherwise why it does not.
my sub answer ($self, $what, @args) {
    my $answer = eval { $self->{source}->$what(@args) };
    return ($answer, undef) if (reftype($answer) // '') eq 'HASH';
    return (undef, $@ || 'that is no answer');
}

# An answer without which nothing can be said.
sub insist ($self, $what) {
    my ($answer, $why) = answer($self, $what);
    return $answer if $answer;
    die PVE::Native::Error->new(
        code => 2,
        name => 'io',
        errno => 5,
        message => "collecting $what: " . one_line($why),
    );
}

# One without which less is allowed; undef if there is none.
sub ask ($self, $what, @args) {
    my ($answer, $why) = answer($self, $what, @args);
    $self->note('unreadable', $what, $why) if !$answer;
    return $answer;
}

# What the manager says of a node; of one that it has not seen yet, nothing.
sub node_state ($self, $name) {
    return ($self->{status}->{node_status} // {})->{$name} // '';
}

sub is_online ($self, $name) {
    my $node = $self->{nodes}->{ $name // '' } // return 0;
    return 0 if !$node->{online};
    return $self->node_state($name) =~ m/^(?:|online|maintenance)\z/ ? 1 : 0;
}

# The flags of a node's CPU.
sub flags ($self, $name) {
    return $self->{flags}->{$name} //= flags_of_node($self->{nodes}->{$name});
}

# Whether it is known of all nodes whose CPUs they have.
sub knows_vendors ($self) {
    $self->{strangers} //= grep {
        !grep { m/^vendor:/ }
            $self->flags($_)->@*
    } keys($self->{nodes}->%*);
    return !$self->{strangers};
}

# How fast a node's cores are; what was measured on it counts as so many of factor 1.
sub factor ($self, $name) {
    my $node = $self->{nodes}->{ $name // '' } // {};
    return 0 + ($self->{options}->{'cpu-factors'}->{ $name // '' } // $node->{'cpu-factor'} // 1);
}

# What the manager makes of a guest; undef if it leaves it alone.
sub ha_of ($self, $sid) {
    my $service = $self->{services}->{$sid} or return undef;
    # While HA is disarmed in this way, others may do with its guests what they like.
    return undef if (($self->{status}->{disarm} // {})->{mode} // '') eq 'ignore';
    my $wanted = $service->{state} // 'started';
    return undef if $wanted eq 'ignored' || $wanted eq 'disabled';
    my $entry = ($self->{status}->{service_status} // {})->{$sid} // {};
    my $now = $entry->{state} // 'request_start';
    return undef if !$DECIDED{$now};
    return { $entry->%*, state => $now, wanted => $wanted };
}

# Asks for the statistics of so many guests and of all nodes.
sub collect_samples ($self, @ids) {
    my $options = $self->{options};
    $self->{samples} = {};
    return if !$options->{samples};
    my %how = map { $_ => $options->{$_} } qw(timeout window resolution now);
    my @nodes = sort(keys($self->{nodes}->%*));
    $self->{samples} = $self->ask('samples', [sort(@ids)], \@nodes, %how) // {};
    return;
}

sub guest_samples ($self, $id) { return ($self->{samples}->{guests} // {})->{$id} }
sub node_samples ($self, $name) { return ($self->{samples}->{nodes} // {})->{$name} }

# Why there is nothing to say of what somebody uses.
sub no_samples ($self, $subject, $stats) {
    return if !$self->{options}->{samples};
    my $why = $stats ? $stats->{reason} : undef;
    $self->note('no-data', $subject, $why // 'there are no statistics');
    return;
}

sub is_observed ($self, $stats) {
    return PVE::Native::Placement::Loads::is_observed($stats, $self->{options}->{now});
}

1;
