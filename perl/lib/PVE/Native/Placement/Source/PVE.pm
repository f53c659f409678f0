package PVE::Native::Placement::Source::PVE;

use v5.36;

use parent qw(PVE::Native::Placement::Source::HAEnv);

use List::Util qw(max);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use PVE::Native::HA::Stats;

# Proxmox VE's own modules are there on a node alone, and loaded when they are asked.
my sub loaded (@modules) {
    for my $module (@modules) {
        require($module =~ s!::!/!gr . '.pm');
    }
    return;
}

# What nodes have broadcast, by node.
my sub broadcasts ($key) {
    loaded('PVE::Cluster');
    return PVE::Cluster::get_node_kv($key) // {};
}

my sub decoded ($text) {
    require JSON::XS;
    my $data = eval { JSON::XS::decode_json($text) };
    return $data;
}

# The bridges of this node; of the others nobody is told.
my sub own_bridges () {
    loaded('PVE::INotify');
    my $interfaces = (PVE::INotify::read_file('interfaces') // {})->{ifaces} // {};
    return [sort(grep { ($interfaces->{$_}->{type} // '') =~ m/bridge\z/i } keys($interfaces->%*))];
}

sub nodes ($self) {
    my $nodes = $self->SUPER::nodes();
    my $static = broadcasts('static-info');
    my $flags = broadcasts('cpuflags-kvm');
    my $own = $self->{haenv}->nodename();
    for my $name (keys($nodes->%*)) {
        my $node = $nodes->{$name};
        my $has = decoded($static->{$name} // '') // {};
        $node->{cpu} ||= $has->{cpus};
        $node->{mem} ||= $has->{memory};
        $node->{'cpu-flags'} = [split(' ', $flags->{$name})] if length($flags->{$name} // '');
        $node->{bridges} = eval { own_bridges() } if $name eq $own;
    }
    return $nodes;
}

# All guests there are, of which the environment knows which run.
sub guests ($self) {
    loaded('PVE::Cluster');
    my $known = eval { $self->SUPER::guests() } // {};
    my $all = PVE::Cluster::get_vmlist()->{ids} // {};
    my %guests;
    for my $id (keys($all->%*)) {
        my $type = { qemu => 'vm', lxc => 'ct' }->{ $all->{$id}->{type} // '' } // next;
        my $guest = $known->{"$type:$id"} // {};
        $guests{"$type:$id"} = {
            id => $id,
            type => $type,
            node => $all->{$id}->{node},
            running => $guest->{running},
            size => $guest->{size},
            usage => $guest->{usage},
        };
    }
    return \%guests;
}

sub config ($self, $guest) {
    my $module = $guest->{type} eq 'vm' ? 'PVE::QemuConfig' : 'PVE::LXC::Config';
    loaded($module);
    return $module->load_config($guest->@{qw(id node)}) // die "there is none\n";
}

sub storages ($self) {
    loaded('PVE::Storage');
    return PVE::Storage::config()->{ids};
}

sub replication ($self) {
    loaded('PVE::ReplicationConfig');
    return PVE::ReplicationConfig->new();
}

sub mappings ($self) {
    loaded(map { "PVE::Mapping::$_" } qw(PCI USB));
    my %mappings = (pci => PVE::Mapping::PCI::config(), usb => PVE::Mapping::USB::config());
    # Folders can be handed through since Proxmox VE 9.
    $mappings{dir} = PVE::Mapping::Dir::config() if eval { loaded('PVE::Mapping::Dir'); 1 };
    return \%mappings;
}

sub sdn ($self) {
    loaded('PVE::Network::SDN');
    return PVE::Network::SDN::running_config() // {};
}

sub sdn_status ($self) {
    my $told = broadcasts('sdn');
    my %status = map { $_ => decoded($told->{$_}) } keys($told->%*);
    delete($status{$_}) for grep { ref($status{$_}) ne 'HASH' } keys(%status);
    return \%status;
}

sub samples ($self, $ids, $nodes, %options) {
    my $stats = PVE::Native::HA::Stats->new(%options);
    my $end = clock_gettime(CLOCK_MONOTONIC) + $options{timeout};
    my $known = $stats->nodes($nodes, timeout => $options{timeout} / 2);
    my $rest = max($options{timeout} / 2, $end - clock_gettime(CLOCK_MONOTONIC));
    return { guests => $stats->guests($ids, timeout => $rest), nodes => $known };
}

1;

__END__

=head1 NAME

PVE::Native::Placement::Source::PVE - what a node of Proxmox VE knows of its cluster

=head1 SYNOPSIS

    my $source = PVE::Native::Placement::Source::PVE->new($haenv);

=head1 DESCRIPTION

A L<PVE::Native::Placement::Source> on Proxmox VE's own modules, which are loaded when they are needed:
C<PVE::Cluster>, C<PVE::QemuConfig>, C<PVE::LXC::Config>, C<PVE::Storage>, C<PVE::ReplicationConfig>,
C<PVE::Mapping::*>, C<PVE::Network::SDN>, C<PVE::INotify>, and the environment of the HA manager. Nothing is
written.

A node knows its own bridges only; of the others, no one tells it.

=cut
