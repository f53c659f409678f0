package PVE::Native::ClusterStatus;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(text options);

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

L<PVE::Native>

=cut
