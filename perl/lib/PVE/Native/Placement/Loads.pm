package PVE::Native::Placement::Loads;

use v5.36;

# What guests and nodes are taken to use, from what PVE::Native::HA::Stats says of them: in cores and bytes.

use Exporter qw(import);
use List::Util qw(max sum0);

use PVE::Native::Placement;

our @EXPORT_OK = qw(is_observed guest_loads overhead);

# So many samples may be missing at the end before the newest counts as old.
my $MOST_LATE = 3;

# Whether the statistics know of a guest that it runs: those of one that was just started, or has just
# arrived, do not yet.
sub is_observed ($stats, $now) {
    my $latest = $stats && $stats->{latest} or return 0;
    return 0 if $latest->{state} ne 'running' && $latest->{state} ne 'idle';
    return $now - $latest->{time} <= $MOST_LATE * $stats->{resolution} ? 1 : 0;
}

# 'usage' and 'samples' of a guest; nothing of one that nobody knows anything of.
sub guest_loads ($stats, $told) {
    my %loads;
    if ($stats && $stats->{data}) {
        for my $resource (qw(cpu mem)) {
            my @known = grep { defined($_) } $stats->{samples}->{$resource}->@*;
            next if !@known;
            $loads{samples}->{$resource} = \@known;
            $loads{usage}->{$resource} = $known[-1];
        }
    }
    $loads{usage} //= { $told->%{qw(cpu mem)} } if $told && defined($told->{mem});
    return \%loads;
}

# The samples of a column by their time.
my sub by_time ($stats, $column) {
    my %values;
    my $time = $stats->{start} // 0;
    for my $value (($stats->{samples}->{$column} // [])->@*) {
        $values{$time} = $value if defined($value);
        $time += $stats->{resolution};
    }
    return \%values;
}

# What a guest takes of its node at each time: of its memory what its host says, where it does.
my sub taken ($stats, $resource) {
    my $values = by_time($stats, $resource);
    return $values if $resource ne 'mem';
    return { $values->%*, by_time($stats, 'host')->%* };
}

# What a node uses besides its guests: at each time, what it uses without what they do. undef if nobody knows
# what it uses.
sub overhead ($node, $guests, $percentile) {
    return undef if !$node || !$node->{data};
    my %overhead;
    for my $resource (qw(cpu mem)) {
        my $uses = by_time($node, $resource);
        my @guests = map { taken($_, $resource) } grep { $_->{data} } $guests->@*;
        my @rest = map {
            my $time = $_;
            max(0, $uses->{$time} - sum0(map { $_->{$time} // 0 } @guests))
        } keys($uses->%*);
        $overhead{$resource} = PVE::Native::Placement::percentile($percentile, \@rest) // 0;
    }
    return \%overhead;
}

1;
