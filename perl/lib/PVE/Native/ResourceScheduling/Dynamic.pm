package PVE::Native::ResourceScheduling::Dynamic;

use v5.36;

use parent qw(PVE::Native::ResourceScheduling);

sub _dynamic { return 1; }

sub add_node {
    my ($self, $name, $stats) = @_;
    return PVE::Native::ResourceScheduling::_add_node($self, $name, $stats);
}

sub add_resource {
    my ($self, $sid, $resource) = @_;
    return PVE::Native::ResourceScheduling::_add_guest($self, $sid, $resource);
}

sub remove_resource {
    my ($self, $sid) = @_;
    return PVE::Native::ResourceScheduling::_remove_guest($self, $sid);
}

sub score_nodes_to_start_resource {
    my ($self, $stats) = @_;
    return PVE::Native::ResourceScheduling::_score_nodes($self, $stats);
}

1;

__END__

=head1 NAME

PVE::Native::ResourceScheduling::Dynamic - scores of nodes by what they use now

=head1 DESCRIPTION

Takes the place of C<PVE::RS::ResourceScheduling::Dynamic>; see L<PVE::Native::Override>. Nodes are loaded with
what they use now. Guests about to start count with their maxima where the next one is to start.

=head1 METHODS

Those of L<PVE::Native::ResourceScheduling>, and:

=over

=item add_node($name, \%stats)

Adds a node: C<cpu>, the cores in use, C<maxcpu>, the cores that there are, C<mem> and C<maxmem>, the same in
bytes. Guests that run are in it. Dies if there is one of that name.

=item add_resource($sid, \%resource)

Adds a guest: C<stats>, C<< { cpu, maxcpu, mem, maxmem } >>; C<running>; C<current-node>; C<target-node>, as for
C<add_service> in L<PVE::Native::ResourceScheduling::Static>.

=item remove_resource($sid)

Removes a guest. One that is not there is no error.

=item score_nodes_to_start_resource(\%stats)

How good each node is for starting a guest with these C<< { cpu, maxcpu, mem, maxmem } >>, as
C<score_nodes_to_start_service> there.

=back

=head1 SEE ALSO

L<PVE::Native::ResourceScheduling::Static>

=cut
