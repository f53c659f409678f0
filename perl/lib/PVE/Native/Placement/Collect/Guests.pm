package PVE::Native::Placement::Collect::Guests;

use v5.36;

# The guests of a placement problem: what each needs, what it uses, and whether it has just been put where it is.

use PVE::Native::Placement::Flags qw(vendor_of_model);
use PVE::Native::Placement::Guest qw(needs);
use PVE::Native::Placement::Loads qw(guest_loads);

# What a container without a limit is charged if nobody knows what it uses. Cores.
my $CORES_UNLIMITED = 1;

# Tasks that move guests while they run.
my %LIVE = map { $_ => 1 } qw(rebalance pack);

# Nodes that get copies of a guest's local volumes, by the guest. What is switched off is not up to date.
my sub replicas ($state) {
    my $jobs = ($state->ask('replication') // {})->{ids} // {};
    my %targets;
    for my $id (sort(keys($jobs->%*))) {
        my $job = $jobs->{$id};
        next if $job->{disable} || $job->{remove_job} || ($job->{type} // 'local') ne 'local';
        next if !defined($job->{guest}) || !defined($job->{target});
        push $targets{ $job->{guest} }->@*, $job->{target};
    }
    return \%targets;
}

# All that one guest needs. Of one whose configuration cannot be read nobody knows which storages: it fits nowhere.
my sub needs_of ($state, $guest) {
    my $needs = eval {
        my $conf = $state->{source}->config($guest);
        if ($conf) {
            my $storages = $state->{storages} // die("nobody knows which storages there are\n");
            needs($guest, $conf, $storages);
        } else {
            +{ size => $guest->{size} // die("nobody knows its size\n"), storages => [] };
        }
    };
    if (!$needs) {
        $state->note('config-unreadable', $guest->{sid}, $@ || 'there is none');
        return { size => $guest->{size} // {}, storages => undef, unreadable => 1 };
    }
    $state->note($_->[0], $guest->{sid}, $_->[1]) for ($needs->{notes} // [])->@*;
    return $needs;
}

# What it is charged. What is configured comes first; where nobody can read that, what it had when it ran.
my sub size_of ($state, $guest, $stats) {
    my $needs = $guest->{needs};
    my %size = ($needs->{size} // {})->%*;
    my $had = $needs->{unreadable} && $stats ? $stats->{max} : {};
    $size{$_} = 0 + ($size{$_} // $had->{$_} // 0) for qw(cpu mem);
    if ($size{cpu} == 0) {
        my @samples = sort { $b <=> $a } (($guest->{samples} // {})->{cpu} // [])->@*;
        $size{cpu} = $samples[0] || $CORES_UNLIMITED;
        $state->note('no-cpu-limit', $guest->{sid}, 'it may use all cores of its node')
            if !$needs->{unreadable};
    }
    return \%size;
}

# Whether it runs, or is about to: what nobody knows counts as running.
my sub runs ($guest, $stats, $observed) {
    return 1 if $observed || ($guest->{ha} && $guest->{ha}->{wanted} eq 'started');
    return $guest->{running} ? 1 : 0 if defined($guest->{running});
    return $stats && ($stats->{code} // '') eq 'down' ? 0 : 1;
}

# Cores of a node as cores of factor 1.
my sub scale_cpu ($loads, $factor) {
    return if $factor == 1;
    $loads->{usage}->{cpu} *= $factor if $loads->{usage} && defined($loads->{usage}->{cpu});
    my $samples = ($loads->{samples} // {})->{cpu};
    $loads->{samples}->{cpu} = [map { $_ * $factor } $samples->@*] if $samples;
    return;
}

my sub add_loads ($state, $guest) {
    my $stats = $state->guest_samples($guest->{id});
    my $observed = $state->is_observed($stats);
    $guest->{stats} = $stats if $observed;
    my $loads = guest_loads($stats, delete($guest->{usage}));
    $guest->{measured} = { ($loads->{usage} // {})->%* };
    scale_cpu($loads, $state->factor($guest->{node}));
    $guest->@{ keys($loads->%*) } = values($loads->%*);
    $guest->{runs} = runs($guest, $stats, $observed);
    $state->no_samples($guest->{sid}, $stats) if $guest->{runs} && !$guest->{usage};

    # Without statistics, as in a simulated cluster, the manager's word has to do.
    my $ha = $guest->{ha};
    my $seen = $stats ? $observed : $guest->{running} // ($ha && $ha->{running});
    $guest->{arriving} = 1
        if !$seen && $ha && $ha->{wanted} eq 'started' && $ha->{state} =~ m/start/;
    $guest->{size} = size_of($state, $guest, $stats);
    # What was measured elsewhere, or before, says nothing of what it is about to take here.
    my $needs = $guest->{needs};
    $guest->{book} = 'size' if $needs->{book} || $needs->{unreadable} || $guest->{arriving};
    return;
}

# All guests that run or are HA's to place, with their loads, by name.
sub guests ($state) {
    my ($replicas, $all) = (replicas($state), $state->insist('guests'));
    my @guests;
    for my $sid (sort(grep { ref($all->{$_}) eq 'HASH' } keys($all->%*))) {
        my %guest = ($all->{$sid}->%*, sid => $sid, ha => $state->ha_of($sid));
        $guest{replicas} = $replicas->{ $guest{id} } // [];
        $guest{needs} = needs_of($state, \%guest);
        push @guests, \%guest if !$guest{needs}->{template};
    }
    $state->collect_samples(map { $_->{id} } @guests);
    add_loads($state, $_) for @guests;
    for my $sid (sort(grep { !$all->{$_} } keys($state->{services}->%*))) {
        $state->note('guest-missing', $sid, 'HA knows it, the cluster does not');
    }
    return [grep { $_->{ha} || $_->{runs} } @guests];
}

# The flags that it needs where it goes. With the host's own CPU, these are all of its node while it runs, and
# none when it is started anew.
my sub flags_for ($state, $guest) {
    my ($needs, $node) = ($guest->{needs}, $guest->{node} // '');
    my $model = $needs->{'cpu-model'} // '';
    if ($model eq 'host') {
        my $live = $LIVE{ $state->{options}->{task} } && $state->{nodes}->{$node};
        return $live ? $state->flags($node) : [];
    }
    my %flags = map { $_ => 1 } ($needs->{'cpu-flags'} // [])->@*;
    # Whose CPUs they are has to be known of all nodes before it counts.
    my ($vendor) = vendor_of_model($model);
    $flags{$vendor} = 1 if defined($vendor) && $state->knows_vendors();
    return [sort(keys(%flags))];
}

my sub is_movable ($state, $guest, $flags) {
    my ($needs, $ha) = $guest->@{qw(needs ha)};
    return 0 if $needs->{unreadable} || $needs->{lock};
    return 0 if $ha && $ha->{state} !~ m/start/;
    # What is handed through stays, and so does a CPU of which nobody knows what it can.
    return 0 if $needs->{passthrough};
    return 0
        if ($needs->{'cpu-model'} // '') eq 'host'
        && $LIVE{ $state->{options}->{task} }
        && !$flags->@*;
    return 1;
}

# What HA does not place takes what it takes, and goes with its node.
my sub state_of ($state, $guest) {
    my $ha = $guest->{ha};
    return $ha->{wanted} eq 'started' ? 'started' : 'stopped' if $ha;
    return $state->{options}->{guests} eq 'all' ? 'started' : 'ignored';
}

# What a guest needs by names: nobody knows of one whose configuration cannot be read. $common are devices that
# are there for all, as storages are.
my sub needed ($state, $guest, $flags, $common) {
    my $needs = $guest->{needs};
    my %unknown = map { $_ => undef } qw(storages volumes bridges cpu-flags devices);
    return %unknown if $needs->{unreadable};
    my @volumes = map {
        {
            $_->%*, nodes => [grep { $state->{nodes}->{$_} } $_->{nodes}->@*]
        }
    } ($needs->{volumes} // [])->@*;
    my $devices = $needs->{devices} // {};
    my ($shared, $own) = ([], []);
    push(($common->{$_} ? $shared : $own)->@*, $_) for sort(keys($devices->%*));
    return (
        storages => [sort($needs->{storages}->@*, $shared->@*)],
        volumes => \@volumes,
        bridges => $needs->{bridges} // [],
        'cpu-flags' => $flags,
        devices => { map { $_ => $devices->{$_} } $own->@* },
    );
}

sub entry ($state, $guest, $common) {
    my $ha = $guest->{ha};
    my $flags = flags_for($state, $guest);
    my %entry = (
        sid => $guest->{sid},
        state => state_of($state, $guest),
        priority => 0,
        size => $guest->{size},
        needed($state, $guest, $flags, $common),
    );
    $entry{movable} = $entry{state} ne 'ignored' && is_movable($state, $guest, $flags) ? 1 : 0;
    $entry{$_} = $guest->{$_} for grep { $guest->{$_} } qw(usage samples book);
    # Who is to be recovered has no place, also if the node is back.
    my $recovered = $ha && $ha->{state} eq 'recovery';
    $entry{node} = $guest->{node} if !$recovered && $state->{nodes}->{ $guest->{node} // '' };
    return \%entry;
}

# Of the guests that have just been put somewhere, or are on their way: what they will take there.
sub reservations ($state, $guests) {
    my @reservations;
    for my $guest (grep { $_->{ha} && $_->{ha}->{wanted} eq 'started' } $guests->@*) {
        my $ha = $guest->{ha};
        my $node = $guest->{arriving} ? $guest->{node} : undef;
        $node = $ha->{target} // $node
            if $ha->{state} =~ m/^(?:migrate|relocate|request_start_balance)\z/;
        next if !$state->is_online($node);
        push @reservations, { sid => $guest->{sid}, node => $node, size => $guest->{size} };
    }
    return \@reservations;
}

1;
