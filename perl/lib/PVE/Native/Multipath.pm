package PVE::Native::Multipath;

use v5.36;

use JSON::XS ();

use PVE::Native;
use PVE::Native::Arguments qw(text options refuse);
use PVE::Native::ClusterStatus;
use PVE::Native::Multipath::Cluster;
use PVE::Native::Multipath::Daemon;
use PVE::Native::Multipath::Store;

# A broadcast that is older says nothing of now: three came too late.
our $KV_STALE_SECONDS = 3 * $PVE::Native::Multipath::Store::INTERVAL;

our $MULTIPATHD = '/sbin/multipathd';
our $SYSFS = '/sys';

# Seconds that multipathd has for its answers.
my $TIMEOUT = 5;

my $json = JSON::XS->new->utf8;

# What one map is for others.
my @SUMMARY = qw(state paths-active paths-total transport size);

# When multipathd has last answered, and how many broadcasts there were.
my ($answered, $seq);

# --- This node ------------------------------------------------------------------------------------

my sub summary_of ($map) {
    return { map { defined($map->{$_}) ? ($_ => $map->{$_}) : () } @SUMMARY };
}

my sub summaries ($reply) {
    my $whole = PVE::Native::ClusterStatus::summarize_maps($reply, { limit => 1 << 30 });
    my $maps = $json->decode($whole)->{maps};
    return { map { $_ => summary_of($maps->{$_}) } keys($maps->%*) };
}

sub summarize_maps_for_broadcast {
    my ($maps) = @_;
    return summaries($maps) if !ref($maps) && defined($maps);
    refuse('the maps are not an array') if ref($maps) ne 'ARRAY';
    refuse('a map is not a hash') if grep { ref($_) ne 'HASH' } $maps->@*;
    my @raw = grep { $_->{path_groups} } $maps->@*;
    my $summaries = @raw ? summaries($json->encode({ maps => \@raw })) : {};
    for my $map (grep { !$_->{path_groups} && defined($_->{wwid}) } $maps->@*) {
        $summaries->{ $map->{wwid} } = summary_of($map);
    }
    return $summaries;
}

my sub say_error ($error, $now) {
    my $text = defined($error) ? PVE::Native::Multipath::Store::plain_text($error) : undef;
    my $make = sub {
        return PVE::Native::Multipath::Store::encoded({ error => $text, time => $now });
    };
    return PVE::Native::Multipath::Store::broadcast('multipath-error', $text, $make, $now);
}

my sub say_maps ($about, $make, $now) {
    return PVE::Native::Multipath::Store::broadcast('multipath', $about, $make, $now);
}

# The state of maps that nobody watches is not known, whatever the last broadcast said; so long as that
# was no longer ago than any other, it may stay.
my sub unwatched ($error, $now) {
    my @wwids = PVE::Native::Multipath::Daemon::assembled($SYSFS);
    if (!@wwids) {
        my $sent = say_maps(undef, undef, $now);
        return say_error($error, $now) || $sent;
    }
    my $age = defined($answered) ? $now - $answered : -1;
    if ($age < 0 || $age >= $PVE::Native::Multipath::Store::INTERVAL) {
        my $maps = PVE::Native::Multipath::Daemon::unknown(@wwids);
        say_maps($maps, sub { $maps }, $now);
        say_error($error, $now);
    }
    die $error;
}

my sub health ($timeout) {
    my ($reply, $paths) = PVE::Native::Multipath::Daemon::ask($MULTIPATHD, $timeout);
    my %opts = (sysfs => $SYSFS, transports => $paths);
    # Without time and number it is the same as long as the health is.
    my $about = PVE::Native::ClusterStatus::summarize_maps($reply, \%opts);
    return (
        $about,
        sub (%more) {
            return PVE::Native::ClusterStatus::summarize_maps($reply, { %opts, %more });
        }
    );
}

sub broadcast_health {
    my ($opts) = @_;
    my ($timeout, $now) = options('broadcast_health', $opts, qw(timeout now));
    for ([timeout => $timeout, qr/^(?:\d+\.?\d*|\.\d+)\z/a], [now => $now, qr/^\d+\z/a]) {
        my ($name, $seconds, $pattern) = $_->@*;
        refuse("broadcast_health: $name '$seconds' is not a number of seconds")
            if defined($seconds) && $seconds !~ $pattern;
    }
    $now //= time();
    if (!-x $MULTIPATHD && !(() = PVE::Native::Multipath::Daemon::assembled($SYSFS))) {
        my $sent = say_maps(undef, undef, $now);
        return say_error(undef, $now) || $sent;
    }
    my ($about, $with) = eval { health($timeout // $TIMEOUT) };
    return unwatched($@, $now) if !defined($about);
    $answered = $now;
    # Who has no maps is not among those that have any.
    my $none = $about =~ m/^\{"maps":\{\}/;
    my $make = sub {
        $seq = defined($seq) ? $seq + 1 : $now;
        return $with->(time => $now, seq => $seq);
    };
    my $sent = say_maps($none ? undef : $about, $make, $now);
    return say_error(undef, $now) || $sent;
}

sub broadcast_apply_status {
    my ($error) = @_;
    my $now = time();
    my $text = $error ? PVE::Native::Multipath::Store::plain_text($error) : undef;
    my $make = sub {
        return PVE::Native::Multipath::Store::encoded({ error => $text, time => $now });
    };
    return PVE::Native::Multipath::Store::broadcast('multipath-apply', $text, $make, $now);
}

# --- The cluster ----------------------------------------------------------------------------------

sub aggregate_cluster_status {
    return PVE::Native::ClusterStatus::aggregate(@_);
}

sub cluster_storage_expectations {
    return PVE::Native::Multipath::Cluster::expectations();
}

# Nodes may write whatever they like for a time.
my sub complete ($nodes, $errors) {
    for my $node (grep { defined($_->{'apply-time'}) } values($nodes->%*)) {
        $node->{'apply-time'} = PVE::Native::Multipath::Cluster::seconds($node->{'apply-time'});
    }
    for my $name (keys($errors->%*)) {
        $nodes->{$name}->{$_} = $errors->{$name}->{$_} for keys($errors->{$name}->%*);
    }
    return;
}

sub cluster_status {
    my ($opts) = @_;
    my ($mode, $now, $findings, $stale, $skew) =
        options('cluster_status', $opts, qw(mode now findings stale-seconds skew-seconds));
    $mode //= 'strict';
    my $known = PVE::Native::Multipath::Cluster::gather($mode ne 'compat');
    my %question = (
        $known->{config}->%*,
        mode => $mode,
        now => $now // time(),
        members => $known->{members},
        apply => $known->{apply},
        defined($stale) ? ('stale-seconds' => $stale) : (),
        defined($skew) ? ('skew-seconds' => $skew) : (),
    );
    my $answer = PVE::Native::ClusterStatus::status($known->{raw}, \%question);
    complete($answer->{nodes}, $known->{errors}) if $mode ne 'compat';
    delete $answer->{findings} if !$findings;
    return $answer;
}

sub cluster_changes {
    my ($cursor, $opts) = @_;
    my ($now) = options('cluster_changes', $opts, qw(now));
    require PVE::Native::Multipath::Watch;
    my $known = PVE::Native::Multipath::Cluster::gather(1);
    my $changes = PVE::Native::Multipath::Watch::changes(
        $known, text('cursor', $cursor), $now // time(),
    );
    # Of nodes there are so few that all are told.
    my %question = (members => $known->{members}, apply => $known->{apply});
    my $nodes = PVE::Native::ClusterStatus::status({}, \%question)->{nodes};
    complete($nodes, $known->{errors});
    $changes->{luns} = delete $changes->{rows};
    $changes->{nodes} = $nodes;
    return $changes;
}

1;
