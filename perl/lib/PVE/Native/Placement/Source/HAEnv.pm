package PVE::Native::Placement::Source::HAEnv;

use v5.36;

use parent qw(PVE::Native::Placement::Source);

# What the environment of the HA manager tells: the same for a real cluster and for a simulated one. Nothing
# is written to it.

sub new ($class, $haenv) {
    my $self = $class->SUPER::new();
    $self->{haenv} = $haenv;
    return $self;
}

# What the environment says to a question that older versions of it do not know.
my sub asked ($haenv, $question) {
    return {} if !$haenv->can($question);
    return $haenv->$question() // {};
}

sub nodes ($self) {
    my $haenv = $self->{haenv};
    my ($info) = $haenv->get_node_info();
    my $static = asked($haenv, 'get_static_node_stats');
    my $dynamic = eval { asked($haenv, 'get_dynamic_node_stats') } // {};
    my %nodes;
    for my $name (keys($info->%*)) {
        # What it has is told by one of the two.
        my ($has, $uses) = ($static->{$name} // {}, $dynamic->{$name} // {});
        $nodes{$name} = {
            online => $info->{$name}->{online} ? 1 : 0,
            cpu => $has->{maxcpu} || $uses->{maxcpu},
            mem => $has->{maxmem} || $uses->{maxmem},
        };
        $nodes{$name}->{used} = { cpu => $uses->{cpu}, mem => $uses->{mem} }
            if defined($uses->{mem}) && $uses->{maxmem};
    }
    return \%nodes;
}

sub guests ($self) {
    my $haenv = $self->{haenv};
    my $static = asked($haenv, 'get_static_service_stats');
    my $dynamic = eval { asked($haenv, 'get_dynamic_service_stats') } // {};
    my %guests;
    for my $sid (keys($static->%*)) {
        my ($type, $id) = $sid =~ m/^([a-z]+):(\S+)\z/ or next;
        my ($guest, $uses) = ($static->{$sid}, $dynamic->{$sid}->{usage} // {});
        my ($cpu, $mem) = ($guest->{usage} // {})->@{qw(maxcpu maxmem)};
        $guests{$sid} = {
            id => $id,
            type => $type,
            node => $guest->{node},
            running => $guest->{running} ? 1 : 0,
            defined($mem) ? (size => { cpu => $cpu, mem => $mem }) : (),
            $uses->{mem} ? (usage => { cpu => $uses->{cpu} // 0, mem => $uses->{mem} }) : (),
        };
    }
    return \%guests;
}

sub services ($self) { return $self->{haenv}->read_service_config() // {} }
sub status ($self) { return $self->{haenv}->read_manager_status() // {} }

sub rules ($self) {
    my $rules = asked($self->{haenv}, 'read_rules_config');
    return { ids => $rules->{ids} // {} };
}

sub groups ($self) {
    my $groups = asked($self->{haenv}, 'read_group_config');
    return { ids => $groups->{ids} // {} };
}

1;

__END__

=head1 NAME

PVE::Native::Placement::Source::HAEnv - what the environment of the HA manager tells of a cluster

=head1 SYNOPSIS

    my $source = PVE::Native::Placement::Source::HAEnv->new($haenv);

=head1 DESCRIPTION

A L<PVE::Native::Placement::Source> on C<PVE::HA::Env> alone: nodes, guests with what is configured and used, the
wanted and the manager's state, rules and groups. It knows of no storages, bridges or devices, and of no
configurations: it is for simulated clusters, which have none. On a node take
L<PVE::Native::Placement::Source::PVE>.

=cut
