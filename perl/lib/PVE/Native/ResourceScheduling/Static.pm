package PVE::Native::ResourceScheduling::Static;

use v5.36;

use parent qw(PVE::Native::ResourceScheduling);

sub _dynamic { return 0; }

sub add_node {
    my ($self, $name, $maxcpu, $maxmem) = @_;
    return PVE::Native::ResourceScheduling::_add_node(
        $self, $name,
        { maxcpu => $maxcpu, maxmem => $maxmem }
    );
}

sub add_service {
    my ($self, $sid, $service) = @_;
    return PVE::Native::ResourceScheduling::_add_guest($self, $sid, $service);
}

sub add_service_usage_to_node {
    my ($self, $name, $sid, $stats) = @_;
    return PVE::Native::ResourceScheduling::_add_guest_to_node($self, $name, $sid, $stats);
}

sub remove_service_usage {
    my ($self, $sid) = @_;
    return PVE::Native::ResourceScheduling::_remove_guest($self, $sid);
}

sub score_nodes_to_start_service {
    my ($self, $stats) = @_;
    return PVE::Native::ResourceScheduling::_score_nodes($self, $stats);
}

1;

__END__

=head1 NAME

PVE::Native::ResourceScheduling::Static - scores of nodes by what their guests may use at most

=head1 DESCRIPTION

Takes the place of C<PVE::RS::ResourceScheduling::Static>; see L<PVE::Native::Override>. Guests count with their
configured maxima, whatever they use.

=head1 METHODS

Those of L<PVE::Native::ResourceScheduling>, and:

=over

=item add_node($name, $maxcpu, $maxmem)

Adds a node of so many cores and bytes. Dies if there is one of that name.

=item add_service($sid, \%service)

Adds a guest: C<stats>, C<< { maxcpu, maxmem } >>, where 0 cores are no limit and count as the whole node;
C<running>, true unless it is about to start; C<current-node>; and, if it is moving, C<target-node>. It counts
on both. Dies if it is there already, or its nodes are not.

=item add_service_usage_to_node($name, $sid, \%stats)

Adds a guest that runs to a node. Of one that is on a node already this says that it is moving to this one.

=item remove_service_usage($sid)

Removes a guest. One that is not there is no error.

=item score_nodes_to_start_service(\%stats)

How good each node is for starting a guest with these C<< { maxcpu, maxmem } >>: an array of C<[$name, $score]>
in the order of names. Scores are from 0 to 1, more is better; -1 if the node has no cores or no memory.

=back

=head1 SEE ALSO

L<PVE::Native::ResourceScheduling::Dynamic>

=cut
