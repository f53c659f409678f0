package PVE::Native::Placement::Collect::Nodes;

use v5.36;

# The nodes of a placement problem: what each has, and what it uses itself.

use List::Util qw(max sum0);

use PVE::Native::Placement::Guest qw(properties is_on);
use PVE::Native::Placement::Loads qw(overhead);

# By node, how many it has of each mapped device that guests need, and what is there for all of them: folders, and
# devices that are divided.
my sub mapped ($state, $guests) {
    my %needed = map { $_ => 1 } map { keys(($_->{needs}->{devices} // {})->%*) } $guests->@*;
    my $mappings = $state->ask('mappings') // {};
    my (%devices, %common);
    for my $kind (sort(keys($mappings->%*))) {
        my $ids = $mappings->{$kind}->{ids} // {};
        for my $id (grep { $needed{"$kind:$_"} } sort(keys($ids->%*))) {
            for my $entry (($ids->{$id}->{map} // [])->@*) {
                my $node = properties($entry, 'node')->{node} // next;
                $devices{$node}->{"$kind:$id"}++;
            }
            $common{"$kind:$id"} = 1 if $kind eq 'dir' || $ids->{$id}->{mdev};
        }
    }
    return (\%devices, \%common);
}

# The virtual networks of each node, and all there are; undef if nobody knows, which is not the same as none.
my sub vnets ($state) {
    my $config = $state->ask('sdn') // return undef;
    my $status = $state->ask('sdn_status') // {};
    my ($vnets, $zones) = map { ($config->{$_} // {})->{ids} // {} } qw(vnets zones);
    my %known = (all => { map { $_ => 1 } keys($vnets->%*) }, nodes => {});
    for my $vnet (sort(keys($vnets->%*))) {
        my $zone = $vnets->{$vnet}->{zone} // next;
        my $where = ($zones->{$zone} // next)->{nodes};
        for my $node (keys($state->{nodes}->%*)) {
            next if $where && !$where->{$node};
            # A node that says of the zone that it is not ready is believed.
            my $told = ($status->{$node} // {})->{$zone};
            next if $told && ($told->{status} // '') ne 'available';
            push $known{nodes}->{$node}->@*, $vnet;
        }
    }
    return \%known;
}

# The bridges of a node. What nobody tells of it is taken from the guests that run there; for the rest, it is
# believed to have what guests are connected to elsewhere, unless the caller wants proof.
my sub bridges_of ($state, $name, $vnets, $here, $wanted) {
    my $told = $state->{nodes}->{$name}->{bridges};
    my %bridges = map { $_ => 1 } ($told // [])->@*,
        ($vnets ? $vnets->{nodes}->{$name} // [] : [])->@*,
        map { ($_->{needs}->{bridges} // [])->@* } grep { $_->{stats} } $here->@*;
    if (!$told && $vnets && !$state->{options}->{'strict-bridges'}) {
        my @believed = grep { !$bridges{$_} && !$vnets->{all}->{$_} } $wanted->@*;
        $state->note('bridges-believed', $name, "nobody says whether it has @believed")
            if @believed;
        $bridges{$_} = 1 for @believed;
    }
    return [sort(keys(%bridges))];
}

# What a node uses itself if there are no statistics of it, but somebody told what it uses.
my sub told_overhead ($told, $here) {
    my @seen = grep { $_->{runs} && !$_->{arriving} && $_->{measured} } $here->@*;
    my %overhead;
    for my $resource (qw(cpu mem)) {
        my $guests = sum0(map { $_->{measured}->{$resource} // 0 } @seen);
        $overhead{$resource} = max(0, ($told->{$resource} // 0) - $guests);
    }
    return \%overhead;
}

# What is on a node besides its guests.
my sub used_on ($state, $name, $here) {
    my $percentile = $state->{options}->{policy}->{percentile} // 95;
    my $stats = $state->node_samples($name);
    my $used = overhead($stats, [map { $_->{stats} // () } $here->@*], $percentile);
    return $used if $used;
    $state->no_samples($name, $stats);
    my $told = $state->{nodes}->{$name}->{used};
    return $told ? told_overhead($told, $here) : { cpu => 0, mem => 0 };
}

# All nodes, and the names of devices that are there for all guests of a node: these count as its storages.
sub nodes ($state, $guests) {
    my ($devices, $common) = mapped($state, $guests);
    my $vnets = vnets($state);
    my $storages = $state->{storages} // {};
    my (%on, %bridges);
    for my $guest ($guests->@*) {
        push $on{ $guest->{node} // '' }->@*, $guest;
        $bridges{$_} = 1 for ($guest->{needs}->{bridges} // [])->@*;
    }
    my @wanted = sort(keys(%bridges));
    my @nodes;
    for my $name (sort(keys($state->{nodes}->%*))) {
        my $node = $state->{nodes}->{$name};
        my ($cpu, $mem) = map { $node->{$_} // 0 } qw(cpu mem);
        $state->note('no-capacity', $name, 'nobody says what it has') if !$cpu || !$mem;
        my $has = $devices->{$name} // {};
        my @storages = grep { is_on($storages->{$_}, $name) } keys($storages->%*);
        push @storages, grep { $has->{$_} } keys($common->%*);
        my $factor = $state->factor($name);
        my $used = used_on($state, $name, $on{$name} // []);
        push @nodes,
            {
                name => $name,
                online => $state->is_online($name),
                maintenance => $state->node_state($name) eq 'maintenance' ? 1 : 0,
                'cpu-factor' => $factor,
                capacity => { cpu => 0 + $cpu, mem => 0 + $mem },
                used => { $used->%*, cpu => $used->{cpu} * $factor },
                storages => [sort(@storages)],
                bridges => bridges_of($state, $name, $vnets, $on{$name} // [], \@wanted),
                'cpu-flags' => $state->flags($name),
                devices => { map { $common->{$_} ? () : ($_ => $has->{$_}) } keys($has->%*) },
            };
    }
    return (\@nodes, $common);
}

1;
