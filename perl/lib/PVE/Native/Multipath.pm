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
    my @raw = grep { !defined($_->{wwid}) && defined($_->{uuid}) } $maps->@*;
    my $summaries = @raw ? summaries($json->encode({ maps => \@raw })) : {};
    for my $map (grep { defined($_->{wwid}) } $maps->@*) {
        $summaries->{ $map->{wwid} } = summary_of($map);
    }
    return $summaries;
}

# Broadcasts an error, or takes it back if there is none.
my sub say_error ($key, $error, $now) {
    my $text = defined($error) ? PVE::Native::Multipath::Store::plain_text($error) : undef;
    my $make = sub {
        return PVE::Native::Multipath::Store::encoded({ error => $text, time => $now });
    };
    return PVE::Native::Multipath::Store::broadcast($key, $text, $make, $now);
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
        return say_error('multipath-error', $error, $now) || $sent;
    }
    my $age = defined($answered) ? $now - $answered : -1;
    if ($age < 0 || $age >= $PVE::Native::Multipath::Store::INTERVAL) {
        my $maps = PVE::Native::Multipath::Daemon::unknown(@wwids);
        say_maps($maps, sub { $maps }, $now);
        say_error('multipath-error', $error, $now);
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
        return say_error('multipath-error', undef, $now) || $sent;
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
    return say_error('multipath-error', undef, $now) || $sent;
}

sub broadcast_apply_status {
    my ($error) = @_;
    return say_error('multipath-apply', $error || undef, time());
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
    my ($now, $findings) = options('cluster_changes', $opts, qw(now findings));
    $cursor = text('cursor', $cursor);
    utf8::encode($cursor) if defined($cursor);
    require PVE::Native::Multipath::Watch;
    my $known = PVE::Native::Multipath::Cluster::gather(1);
    my $changes = PVE::Native::Multipath::Watch::changes(
        $known, $cursor, $now // time(), $findings,
    );
    # Of nodes there are so few that all are told. The engine knows nothing of the configuration's errors.
    my $nodes = $changes->{nodes};
    my %question = (members => $known->{members}, apply => $known->{apply});
    my $failed = PVE::Native::ClusterStatus::status({}, \%question)->{nodes};
    for my $name (keys($failed->%*)) {
        $nodes->{$name}->{$_} = $failed->{$name}->{$_} for keys($failed->{$name}->%*);
    }
    complete($nodes, $known->{errors});
    $changes->{luns} = delete $changes->{rows};
    return $changes;
}

1;

__END__

=head1 NAME

PVE::Native::Multipath - how healthy the LUNs of a cluster of Proxmox VE are

=head1 SYNOPSIS

    use PVE::Native::Multipath;

    # on each node, with each update of its status
    eval { PVE::Native::Multipath::broadcast_health() };
    warn "multipath: $@" if $@;

    # on any node
    my $status = PVE::Native::Multipath::cluster_status();
    for my $lun ($status->{luns}->@*) {
        say "$lun->{wwid}: $lun->{'cluster-state'} ($lun->{coverage})";
    }

=head1 DESCRIPTION

Nodes tell each other of their multipath maps through the key-value store of pmxcfs, and any of them can
say what they are all together. The functions are named as those that were proposed for Proxmox VE, and
stand on L<PVE::Native::ClusterStatus>, which needs no Proxmox VE. F<docs/cluster-status.md> says what the
answers mean, and how a cluster is made to use this.

They use C<PVE::Cluster> and C<PVE::Storage>, which are loaded when they are needed first. All functions
die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since version 0.1.

C<$PVE::Native::Multipath::KV_STALE_SECONDS> is 180: a broadcast that is older says nothing of now.

=head1 FUNCTIONS OF A NODE

=over

=item broadcast_health(\%opts)

Asks multipathd for the maps of this node, and broadcasts how they are under the key C<multipath>. What has
not changed is broadcast again after 60 seconds, or when pmxcfs has forgotten it, and so this may be called
more often. A node that has no maps, or no multipathd, takes back what it has said: it is none of those that
have maps. Returns whether anything was broadcast.

multipathd is asked by a process of its own, which is killed when its time is over, and not waited for if it
cannot be killed.

If multipathd does not answer, or what it answers is none, this dies. What it has said less than a minute
ago stands so long; then all maps that the kernel has are broadcast without a time, which makes them
C<unknown> for every reader at once, and the reason is broadcast under the key C<multipath-error>. Where the
kernel has no maps, only the reason is broadcast, and that is no error.

Options, all of which may be left out: C<timeout>, the seconds that multipathd has (5), and C<now>, the time
in seconds since 1970.

=item broadcast_apply_status($error)

Broadcasts under the key C<multipath-apply> that this node could not apply the configuration of the cluster,
and why: the error as text, of which 5,000 characters are kept. What is false takes back what was
said. Returns whether anything was broadcast.

=item summarize_maps_for_broadcast($maps)

What the others want to know of maps, by WWID: C<< { state, 'paths-active', 'paths-total', transport, size } >>,
of which those keys are there that are known. Takes an array of maps that have these keys and C<wwid> (those
without a WWID are left out), or of maps as multipathd writes them, or the text of C<multipathd show maps
json>. L<PVE::Native::ClusterStatus/summarize_maps> says more, and makes it fit.

=back

=head1 FUNCTIONS OF THE CLUSTER

Where pmxcfs does not answer, or does not know yet who is in the cluster, these die (C<io>): it would look
like a node without a cluster, or like a cluster in which all is missing.

=over

=item cluster_status(\%opts)

How healthy each LUN is, from all that the nodes have broadcast, from who is in the cluster, and from its
configuration: C<< { luns, nodes } >>, as L<PVE::Native::ClusterStatus/status> has it. In strict mode a node
that cannot tell of its maps also has C<health-error> and C<health-time>.

Options, all of which may be left out:

=over

=item mode

C<strict>, the default, or C<compat>: the answer of the endpoint that was proposed for Proxmox VE.

=item findings

Whether to leave C<findings> in the answer, where there are any.

=item now

The time in seconds since 1970. Default: now.

=item stale-seconds, skew-seconds

See L<PVE::Native::ClusterStatus/status_json>.

=back

=item cluster_changes($cursor, \%opts)

What has changed since the answer that the cursor is from, in strict mode: C<< { cursor, full, luns, removed,
events, 'passed-over', nodes } >>. C<luns> are the rows that are new or have changed, C<removed> the WWIDs of
those that are gone, C<events> what has happened. Without a cursor, and with one of another process or one
that is too old, C<full> is 1 and C<luns> are all rows. C<nodes> are those with errors. Each process keeps what
it knows for itself: see L<PVE::Native::ClusterStatus::Engine>. The options C<findings> and C<now> are as above.

=item cluster_storage_expectations()

Which nodes are to have which LUNs, from the configuration of the storages:

    {
        nodes => { n1 => 1, n2 => 1 },              # those with any storage of the type multipath
        'wwid-nodes' => { '3600...' => { n1 => 1 } },   # those that use a storage on this LUN
        'used-by' => { '3600...' => ['san1', 'san2'] }, # the storages on it
        consumers => { '3600...' => 'san1' },           # the first of them
    }

A storage is on a LUN if its C<base> is a volume of a storage of the type C<multipath>, or of C<iscsi> that is
named by WWID. What is disabled expects nothing.

=item aggregate_cluster_status($allow_wwids, $aliases, $used_by, $node_kv, $online, $expected)

See L<PVE::Native::ClusterStatus/aggregate>.

=back

=head1 SEE ALSO

L<PVE::Native::API2::Multipath>, L<PVE::Native>

=cut
