package PVE::Native::Placement::Source;

use v5.36;

use PVE::Native::Arguments qw(refuse);

# What can be asked, and what is answered where nobody knows better.
my %nothing = (
    nodes => {},
    guests => {},
    configs => undef,
    services => {},
    status => {},
    rules => { ids => {} },
    groups => { ids => {} },
    storages => {},
    replication => { ids => {} },
    mappings => {},
    sdn => {},
    'sdn-status' => {},
    samples => {},
);

sub new ($class, %data) {
    for my $key (sort(keys(%data))) {
        refuse("Placement::Source: there is no '$key'") if !exists($nothing{$key});
    }
    return bless { %nothing, %data }, $class;
}

# What was given may be code: it is called then, and may die.
sub given ($self, $what, @args) {
    my $data = $self->{$what};
    return ref($data) eq 'CODE' ? $data->(@args) : $data;
}

sub nodes ($self) { return $self->given('nodes') }
sub guests ($self) { return $self->given('guests') }
sub services ($self) { return $self->given('services') }
sub status ($self) { return $self->given('status') }
sub rules ($self) { return $self->given('rules') }
sub groups ($self) { return $self->given('groups') }
sub storages ($self) { return $self->given('storages') }
sub replication ($self) { return $self->given('replication') }
sub mappings ($self) { return $self->given('mappings') }
sub sdn ($self) { return $self->given('sdn') }
sub sdn_status ($self) { return $self->given('sdn-status') }

sub samples ($self, $ids, $nodes, %options) {
    return $self->given('samples', $ids, $nodes, %options);
}

sub config ($self, $guest) {
    my $configs = $self->given('configs', $guest);
    return undef if !defined($configs);
    return $configs if ref($self->{configs}) eq 'CODE';
    return $configs->{ $guest->{sid} } // die "there is no configuration of $guest->{sid}\n";
}

1;

__END__

=head1 NAME

PVE::Native::Placement::Source - what a cluster tells of itself, for those who place guests

=head1 SYNOPSIS

    use PVE::Native::Placement::Collect;
    use PVE::Native::Placement::Source;

    my $source = PVE::Native::Placement::Source->new(
        nodes => { n1 => { online => 1, cpu => 16, mem => 64 << 30 } },
        guests => { 'vm:100' => { id => 100, type => 'vm', node => 'n1', running => 1 } },
        configs => { 'vm:100' => { cores => 2, memory => 2048, scsi0 => 'san:vm-100-disk-0' } },
        services => { 'vm:100' => { state => 'started' } },
        storages => { san => { type => 'lvm', shared => 1 } },
    );
    my $problem = PVE::Native::Placement::Collect->problem(undef, source => $source);

=head1 DESCRIPTION

The one place where a cluster's own data is got at. Its methods answer in the shapes that Proxmox VE's modules
have, so that nothing has to be read twice. This class has what it was given; these have it from elsewhere:

=over

=item L<PVE::Native::Placement::Source::PVE>

from Proxmox VE's own modules, on a node.

=item L<PVE::Native::Placement::Source::HAEnv>

from the environment of the HA manager alone, which may be a simulated one.

=item L<PVE::Native::Placement::Source::Directory>

from the files of F</etc/pve>, or a copy of them.

=back

A method that cannot answer dies; what follows from that, L<PVE::Native::Placement::Collect> says.

=head1 METHODS

=over

=item new(%data)

Each of the following by its name, C<configs> and C<sdn-status> for C<config> and C<sdn_status>: what is to be
answered, or code that answers.

=item nodes

By name: C<online>, C<cpu> (cores), C<mem> (bytes), and if known C<cpu-flags> and C<bridges> (arrays),
C<used> (C<< { cpu, mem } >>, in cores and bytes, of all that runs there), C<cpu-factor>.

=item guests

All guests of the cluster, by sid (C<vm:100>, C<ct:101>): C<id>, C<type> (C<vm>, C<ct>), C<node>, and if known
C<running>, C<size> and C<usage> (both C<< { cpu, mem } >>, in cores and bytes).

=item config($guest)

Its configuration, one of the hashes above that has also C<sid>: the values of the file by their keys. undef
means that there are no configurations in this cluster, which a simulated one can do without.

=item services

The resources of HA by sid: C<state> (as wanted), C<group>.

=item status

The HA manager's status: C<node_status>, C<service_status>.

=item rules, groups

As C<PVE::HA::Rules> and C<PVE::HA::Groups> read them: C<ids> in each.

=item storages

By name, as C<PVE::Storage::config()> has them in C<ids>.

=item replication

As C<PVE::ReplicationConfig> reads it: C<ids>.

=item mappings

C<pci>, C<usb>, C<dir>: the mappings of hardware and folders, each as its module reads them: C<ids>.

=item sdn, sdn_status

The running configuration of the SDN (C<vnets>, C<zones>), and by node and zone what the node says of it:
C<status>.

=item samples(\@ids, \@nodes, %options)

C<guests> and C<nodes>: what L<PVE::Native::HA::Stats> says of them. The options are its own.

=back

=cut
