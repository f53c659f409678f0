package PVE::Native::Storage;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text);

sub capabilities {
    my ($type, $format) = @_;
    $type = text('type', $type) // refuse('type is undefined');
    return PVE::Native::RS::Storage::capabilities($type, text('format', $format));
}

sub all_capabilities {
    return PVE::Native::RS::Storage::capabilities(undef, undef);
}

sub types {
    return PVE::Native::RS::Storage::types();
}

sub content_types {
    return PVE::Native::RS::Storage::content_types();
}

1;

__END__

=head1 NAME

PVE::Native::Storage - what a storage of Proxmox VE can do

=head1 SYNOPSIS

    use PVE::Native::Storage;

    my $volume = PVE::Native::Storage::capabilities('lvm', 'qcow2');
    die "no snapshots\n" if $volume->{snapshots}->{method} eq 'none';
    print "can be cloned as it is now\n" if grep { $_ eq 'current' } $volume->{'full-clone-from'}->@*;

    for my $type (PVE::Native::Storage::types()->@*) {
        print "$type: @{ PVE::Native::Storage::capabilities($type)->{'content-types'} }\n";
    }

=head1 DESCRIPTION

Tells what may be assumed of a volume, by the type of its storage and its format: the types of Proxmox VE
9.1, and those that come with this library. Nothing is looked at; what the entry of a storage in
F<storage.cfg> decides is told as a condition, such as C<when-shared>.

All functions die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since
version 0.1. Booleans are 1 and 0, and what there is none of is undef.

=head1 FUNCTIONS

=over

=item capabilities($type, $format)

What may be assumed of a volume of this format (C<raw>, C<qcow2>, C<vmdk>, C<subvol>) on a storage of
this type: a hash.

=over

=item type, format

What was asked for.

=item level

What the guest is given: C<file> or C<block>.

=item shared

Whether all nodes see the same: C<always>, C<never>, or C<option>, if the storage's entry says so.

=item content-types

What such a volume can be used for: an array of C<images>, C<rootdir>, C<import>.

=item allocation

Whether Proxmox VE makes and removes such volumes; the LUNs of a target, for instance, are just there.

=item needs-volume-chain

Whether there are such volumes only where the storage's entry sets C<snapshot-as-volume-chain>.

=item provisioning

Whether space is taken when it is written to: C<thin>, C<thin-unless-preallocated>, C<thin-if-sparse>,
C<thick>; C<elsewhere> where others make the volumes.

=item initially-zero

Whether a new volume reads as zeros, so that copying need not write zeros.

=item snapshots, snapshots-with-volume-chain

The snapshots, without and with C<snapshot-as-volume-chain>: each a hash. The second is undef where the
type has no such option. C<method> is C<none>, C<internal> (in the qcow2 image), C<volume-chain> (each an
image of its own) or C<native> (the storage's); C<rollback>, to which of them the volume can go back, is
C<none>, C<newest> or C<any>; C<running>, who takes one while the guest runs, is C<qemu>, C<storage>,
C<mixed>, C<qemu-unless-krbd>, or undef where there are none.

=item linked-clone-from, full-clone-from

From which states a clone can be made: arrays of C<base>, C<current>, C<snap>.

=item linked-clone-format

The format of a linked clone; undef where there are none.

=item template, rename, replication

Whether the volume can become a template, can be given to another guest, can be replicated.

=item live-migration-without-copying

Whether a running virtual machine can change the node while the volume stays where it is: C<always>,
C<when-shared>, C<never>.

=back

Unknown types and formats are errors, and so is a format that such a storage does not have.

=item capabilities($type)

What is true of the type: C<type>, C<title>, C<level> (also C<both>), C<shared>, C<maturity> (C<stable>,
C<technology-preview>), C<content-types> and C<default-content-types>, C<formats> and
C<formats-with-volume-chain> (each C<{ default, valid }>, the second undef where that is no option),
C<volume-chain> (C<never>, C<option>, C<always>), and C<volumes>: an array with the hash of each format.

=item all_capabilities()

The same of all types: an array.

=item types()

All types, as F<storage.cfg> calls them: an array.

=item content_types()

All content types: an array of C<{ 'content-type', description }>.

=back

=head1 SEE ALSO

L<PVE::Native>

=cut
