package PVE::Native::Placement::Collect::Nodes;

use v5.36;

# The nodes of a placement problem: what each has, and what is taken of it by those that are not listed.

use List::Util qw(max sum0);

use PVE::Native::Placement::Guest qw(properties is_on);
use PVE::Native::Placement::Loads qw(booking overhead);
use PVE::Native::Placement::Flags qw(flags_of_node);

# By node, how many of each mapped device it has; those that many guests can use at once count for all.
my sub mapped_devices ($state, $most) {
    my $mappings = $state->ask('mappings') // {};
    my %devices;
    for my $kind (sort(keys($mappings->%*))) {
        my $ids = $mappings->{$kind}->{ids} // {};
        for my $id (sort(keys($ids->%*))) {
            my $common = $kind eq 'dir' || $ids->{$id}->{mdev};
            for my $entry (($ids->{$id}->{map} // [])->@*) {
                my $node = properties($entry, 'node')->{node} // next;
                $devices{$node}->{"$kind:$id"} += $common ? $most : 1;
            }
        }
    }
    return \%devices;
}

# What can be handed through on each node besides the guests that are not listed.
my sub devices_of ($state, $guests) {
    my $devices = mapped_devices($state, scalar($guests->@*) || 1);
    for my $guest ($guests->@*) {
        my ($has, $needs) = ($devices->{ $guest->{node} // '' } //= {}, $guest->{needs});
        for my $own (($needs->{'own-devices'} // [])->@*) {
            # A file can serve many, a device at an address cannot.
            $has->{$own} = $own =~ m/^(?:pci|usb)/ ? 1 : ($has->{$own} // 0) + 1;
        }
    }
    for my $guest (grep { $_->{runs} && !$_->{listed} } $guests->@*) {
        my ($has, $takes) = ($devices->{ $guest->{node} // '' }, $guest->{needs}->{devices} // {});
        $has->{$_} = ($has->{$_} // 0) - $takes->{$_} for keys($takes->%*);
    }
    return $devices;
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
my sub bridges_of ($state, $name, $vnets, $guests) {
    my $told = $state->{nodes}->{$name}->{bridges};
    my @here = grep { ($_->{node} // '') eq $name && $_->{stats} } $guests->@*;
    my %bridges = map { $_ => 1 } ($told // [])->@*,
        ($vnets ? $vnets->{nodes}->{$name} // [] : [])->@*,
        map { ($_->{needs}->{bridges} // [])->@* } @here;
    if (!$told && $vnets && !$state->{options}->{'strict-bridges'}) {
        my %wanted = map { $_ => 1 } map { ($_->{needs}->{bridges} // [])->@* } $guests->@*;
        my @believed = grep { !$bridges{$_} && !$vnets->{all}->{$_} } sort(keys(%wanted));
        $state->note('bridges-believed', $name, "nobody says whether it has @believed")
            if @believed;
        $bridges{$_} = 1 for @believed;
    }
    return [sort(keys(%bridges))];
}

# What a node uses itself if there are no statistics of it, but somebody told what it uses.
my sub told_overhead ($told, $here) {
    my @seen = grep { $_->{runs} && !$_->{arriving} && $_->{usage} } $here->@*;
    my %overhead;
    for my $resource (qw(cpu mem)) {
        my $guests = sum0(map { $_->{usage}->{$resource} // 0 } @seen);
        $overhead{$resource} = max(0, ($told->{$resource} // 0) - $guests);
    }
    return \%overhead;
}

# What is on a node besides the guests that are listed: its own, and the other guests.
my sub used_on ($state, $name, $guests) {
    my $policy = $state->{options}->{policy};
    my @here = grep { ($_->{node} // '') eq $name } $guests->@*;
    my $stats = $state->node_samples($name);
    my @measured = map { $_->{stats} // () } @here;
    my $used = overhead($stats, \@measured, $policy->{percentile} // 95);
    $state->no_samples($name, $stats) if !$used;
    my $told = $state->{nodes}->{$name}->{used};
    $used //= told_overhead($told, \@here) if $told;
    $used //= { cpu => 0, mem => 0 };

    for my $guest (grep { $_->{runs} && !$_->{listed} } @here) {
        my $booked = booking($guest, $policy);
        $used->{$_} += $booked->{$_} for qw(cpu mem);
    }
    return $used;
}

sub nodes ($state, $guests) {
    my ($devices, $vnets) = (devices_of($state, $guests), vnets($state));
    my $storages = $state->{storages} // {};
    my @nodes;
    for my $name (sort(keys($state->{nodes}->%*))) {
        my $node = $state->{nodes}->{$name};
        my ($cpu, $mem) = map { $node->{$_} // 0 } qw(cpu mem);
        $state->note('no-capacity', $name, 'nobody says what it has') if !$cpu || !$mem;
        my $has = $devices->{$name} // {};
        my $factor = $state->{options}->{'cpu-factors'}->{$name} // $node->{'cpu-factor'};
        push @nodes,
            {
                name => $name,
                online => $state->is_online($name),
                maintenance => $state->node_state($name) eq 'maintenance' ? 1 : 0,
                'cpu-factor' => 0 + ($factor // 1),
                capacity => { cpu => 0 + $cpu, mem => 0 + $mem },
                used => used_on($state, $name, $guests),
                storages => [sort(grep { is_on($storages->{$_}, $name) } keys($storages->%*))],
                bridges => bridges_of($state, $name, $vnets, $guests),
                'cpu-flags' => flags_of_node($node),
                devices => { map { $has->{$_} > 0 ? ($_ => $has->{$_}) : () } keys($has->%*) },
            };
    }
    return \@nodes;
}

1;
