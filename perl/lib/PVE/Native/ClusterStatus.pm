package PVE::Native::ClusterStatus;

use v5.36;

use JSON::XS ();

use PVE::Native;
use PVE::Native::Arguments qw(text options refuse);
use PVE::Native::ClusterStatus::Engine;

# Values as Proxmox VE broadcasts and decodes them.
my $json = JSON::XS->new->utf8->allow_nonref;

sub aggregate {
    my ($allow_wwids, $aliases, $used_by, $node_kv, $online, $expected) = @_;
    my $arguments = [$allow_wwids, $aliases, $used_by, $node_kv, $online, $expected];
    my $rows = PVE::Native::RS::ClusterStatus::aggregate($json->encode($arguments));
    return $json->decode($rows);
}

# Texts of the key-value store are bytes. What is no UTF-8 is no JSON either, as is nothing at all.
my sub characters ($raw_by_node) {
    my %texts = $raw_by_node->%*;
    for my $raw (values(%texts)) {
        $raw = '' if defined($raw) && !ref($raw) && !utf8::decode($raw);
    }
    return \%texts;
}

sub status_json {
    my ($raw_by_node, $opts) = @_;
    refuse('the broadcasts are no hash') if ref($raw_by_node) ne 'HASH';
    refuse('the options are no hash') if defined($opts) && ref($opts) ne 'HASH';
    my @broadcasts;
    for my $node (sort(keys($raw_by_node->%*))) {
        utf8::encode(my $name = $node);
        my $raw = text("the broadcast of node '$node'", $raw_by_node->{$node});
        # Bytes cannot have been decoded yet, and what is not understood harms no other.
        $raw = '' if defined($raw) && !utf8::downgrade($raw, 1);
        push @broadcasts, $name, $raw;
    }
    my %options = ($opts // {})->%*;
    $options{apply} = characters($options{apply}) if ref($options{apply}) eq 'HASH';
    return PVE::Native::RS::ClusterStatus::status(\@broadcasts, $json->encode(\%options));
}

sub status {
    my ($raw_by_node, $opts) = @_;
    return $json->decode(status_json($raw_by_node, $opts));
}

sub summarize_maps {
    my ($reply, $opts) = @_;
    my ($sizes, $transports, $sysfs, $limit, $time, $seq) =
        options('summarize_maps', $opts, qw(sizes transports sysfs limit time seq));
    $reply = text("multipathd's reply", $reply);
    return PVE::Native::RS::ClusterStatus::summarize_maps(
        $reply, $sizes, $transports, $sysfs, $limit, $time, $seq,
    );
}

1;

__END__

=head1 NAME

PVE::Native::ClusterStatus - how healthy each LUN is, across the cluster

=head1 SYNOPSIS

    use PVE::Native::ClusterStatus;

    my $reply = `multipathd show maps json`;
    my $paths = `multipathd show paths raw format '%d|%m|%P'`;
    my $broadcast = PVE::Native::ClusterStatus::summarize_maps(
        $reply,
        { transports => $paths, sysfs => '/sys', time => time() },
    );
    PVE::Cluster::broadcast_node_kv('multipath', $broadcast);

=head1 DESCRIPTION

All functions die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since
version 0.1.

=head1 FUNCTIONS

=over

=item status_json(\%raw_by_node, \%opts)

The state of each LUN of the cluster, as a JSON text in UTF-8. The broadcasts are the values of pmxcfs'
key-value store by node, as C<PVE::Cluster::get_node_kv> returns them, in any of their forms.

    {"luns":[{"wwid":"3600...","alias":"tank","used-by":["san1"],"size":1099511627776,
              "cluster-state":"degraded","coverage":"2/3",
              "nodes":{"n1":{"state":"optimal","paths-active":4,"paths-total":4,"transport":"fc"},
                       "n2":{"state":"degraded","paths-active":3,"paths-total":4,"transport":"fc"},
                       "n3":{"state":"unknown","reason":"stale"}}}],
     "nodes":{"n1":{"status":"live","age":12},"n2":{...},"n3":{"status":"stale","age":244}},
     "findings":[{"code":"node-stale","severity":"error","subject":"n3","sentence":"Node n3 is ...",
                  "luns":[],"nodes":["n3"]},{"code":"lun-degraded",...}]}

LUNs come in the order of their WWIDs. Their state is the worst of those nodes that say anything: C<optimal>,
C<degraded> (some paths are down), C<missing> (a node that should have the LUN has not assembled it),
C<failed> (no path is left); C<unknown> if nobody says anything. F<docs/cluster-status.md> has all keys.

C<findings> says what is wrong, the worst first: a C<code> that stays the same, a C<severity> (C<error>,
C<warning>, C<info>), a C<subject>, a C<sentence> for people, and the C<luns> and C<nodes> concerned. What has
one cause, such as an adapter that is down, is one finding. Compat mode has none.

Options, all of which may be left out:

=over

=item mode

C<strict>, the default, or C<compat>: the answer of the function that was proposed for Proxmox VE, bit for
bit, with all of its corners.

=item now

The time in seconds since 1970. Default: 0, and then each broadcast that has a time is one of the future.

=item allow, aliases, used-by

The WWIDs that the cluster is to use (an array); their aliases, and the storages on them (hashes by WWID).

=item members

Who is in the cluster, as C<PVE::Cluster::get_members> says it: C<< { n1 => { online => 1 } } >>. Undef or
empty: there is no cluster, and every node is there.

=item expected, expected-nodes

The nodes that are to have a LUN: a hash of arrays by WWID, and an array for allow-listed LUNs that are not
in it. If there are none, those that report.

=item apply

What nodes have broadcast of applying the configuration, by node.

=item stale-seconds, skew-seconds

A broadcast that is older than that (180) says nothing of now; a node's clock that is that far ahead (30)
is wrong.

=back

Dies in strict mode only of options that have no sensible value (C<argument>): broadcasts that are not
understood harm no node but their own. In compat mode an entry that is no object is such an error, too.

=item status(\%raw_by_node, \%opts)

The same as a Perl structure.

=item aggregate($allow_wwids, $aliases, $used_by, $node_kv, $online, $expected)

The rows of the function C<aggregate_cluster_status> that was proposed for Proxmox VE, for its arguments: the
allow-list, hashes of aliases and of storages by WWID, decoded broadcasts (C<maps>) by node, a hash of the
nodes that are online, and by WWID hashes of the nodes that are expected to have it. All may be undef. Dies
where that function dies, of an entry of an online node that is no hash, for example.

=item summarize_maps($multipathd_json, \%opts)

What a node broadcasts of its multipath maps: bytes, among which there is no NUL, for a value of pmxcfs'
key-value store. They are made of what C<multipathd show maps json> (or C<show map NAME json>) wrote, of
any version from 0.8 to 0.15.

The longest form that fits is chosen: JSON that Proxmox VE's own code reads, JSON with short keys, or that
compressed, which begins with C<z2:>. All functions here read each of them. Where none has room for all
maps, the worst are kept, and how many are missing is said in it. F<docs/cluster-status.md> has the forms.

Options, all of which may be left out:

=over

=item sizes

The sizes of maps in bytes, by WWID or name: a hash. multipathd does not tell them.

=item sysfs

The folder where sysfs is mounted, such as F</sys>: sizes that are not given are read there.

=item transports

How the paths of maps reach the storage: a hash of C<fc>, C<iscsi>, C<sas>, C<tcp>, C<rdma>, C<srp>,
C<fcoe>, C<usb> or C<ata> by the name of the map; or what C<multipathd show paths raw format '%d|%m|%P'>
wrote. Of maps that are not in there the names of their ports may tell it.

=item limit

Bytes at the most. Default: 32767, the largest value that the store takes.

=item time

When multipathd was asked, in whole seconds since 1970. Those who read a broadcast without it take it for
an old one, and the node's maps for unknown.

=item seq

A number, one more for each broadcast.

=back

Dies if that is no whole reply of multipathd (C<corrupt>), and if the limit has no room for anything, an
option is unknown or has no sensible value (C<argument>).

=back

=head1 SEE ALSO

L<PVE::Native>, L<PVE::Native::ClusterStatus::Engine>

=cut
