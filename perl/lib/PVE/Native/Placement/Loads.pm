package PVE::Native::Placement::Loads;

use v5.36;

# What guests and nodes are taken to use, from what PVE::Native::HA::Stats says of them: in cores and bytes.

use Exporter qw(import);
use List::Util qw(max);

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

# Adds what somebody uses at each time to the sums by time: of the memory of a guest what its host says, where it
# does.
my sub add_by_time ($sums, $stats, $resource) {
    my $samples = $stats->{samples};
    my $values = $samples->{$resource} // [];
    my $host = $resource eq 'mem' ? $samples->{host} // [] : [];
    my ($time, $step) = $stats->@{qw(start resolution)};
    for my $index (0 .. $values->$#*) {
        my $value = $host->[$index] // $values->[$index];
        $sums->{ $time + $index * $step } += $value if defined($value);
    }
    return;
}

# What a node uses besides its guests: at each time, what it uses without what they do. undef if nobody knows
# what it uses.
sub overhead ($node, $guests, $percentile) {
    return undef if !$node || !$node->{data};
    my %overhead;
    for my $resource (qw(cpu mem)) {
        my (%uses, %taken);
        add_by_time(\%uses, $node, $resource);
        add_by_time(\%taken, $_, $resource) for grep { $_->{data} } $guests->@*;
        my @rest = map { max(0, $uses{$_} - ($taken{$_} // 0)) } keys(%uses);
        $overhead{$resource} = PVE::Native::Placement::percentile($percentile, \@rest) // 0;
    }
    return \%overhead;
}

1;
