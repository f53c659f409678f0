package PVE::Native::ImageName;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text options);

sub parse {
    my ($scheme, $name) = @_;
    return PVE::Native::RS::Names::parse(text('scheme', $scheme), text('name', $name));
}

sub form {
    my ($scheme, $volume, $opts) = @_;
    my ($snapshot, $raw, $standing) = options('form', $opts, qw(snapshot raw standing));
    return PVE::Native::RS::Names::form(
        text('scheme', $scheme), text('volume', $volume), $snapshot, $raw, $standing,
    );
}

sub removed {
    my ($scheme, $name, $taken) = @_;
    refuse('removed: taken names are not an array') if ref($taken) ne 'ARRAY';
    my @taken = map { my $name = $_; text('name', $name) } $taken->@*;
    return PVE::Native::RS::Names::removed(
        text('scheme', $scheme), text('name', $name), \@taken,
    );
}

sub check_volume {
    my ($scheme, $volume, $opts) = @_;
    my ($group) = options('check_volume', $opts, qw(group));
    return PVE::Native::RS::Names::check_volume(
        text('scheme', $scheme), text('volume', $volume), $group,
    );
}

sub check_snapshot {
    my ($scheme, $volume, $snapshot, $opts) = @_;
    my ($group) = options('check_snapshot', $opts, qw(group));
    return PVE::Native::RS::Names::check_snapshot(
        text('scheme', $scheme),
        text('volume', $volume),
        text('snapshot', $snapshot),
        $group,
    );
}

sub overlay_of {
    my ($scheme, $volume, $name) = @_;
    return PVE::Native::RS::Names::overlay_of(
        text('scheme', $scheme), text('volume', $volume), text('name', $name),
    );
}

1;

__END__

=head1 NAME

PVE::Native::ImageName - which volume and which snapshot an image is, by its name

=head1 SYNOPSIS

    use PVE::Native::ImageName;

    my $image = PVE::Native::ImageName::parse('lvmqcow2', 'vm-100-disk-0-snap-before.qcow2');
    print "$image->{snapshot} of $image->{volume}\n" if $image && $image->{part} eq 'snapshot';

    my $name = PVE::Native::ImageName::form(
        'lvmqcow2', 'vm-100-disk-0.qcow2', { snapshot => 'before' },
    );

=head1 DESCRIPTION

One function forms the name of an image, one understands it, and what one makes the other understands:
no two images have one name. F<docs/snapshots.md> has the layouts and which names are refused. Nothing
here looks at storage.

The schemes are C<lvmqcow2>, C<pve-lvm>, C<pve-dir> and C<internal>. All functions die with a
L<PVE::Native::Error>.

=head1 FUNCTIONS

=over

=item parse($scheme, $name)

Function: what the name says, or undef if it is no image's name. A hash: C<volume> (the name of the
volume that it belongs to), C<owner> (the guest's number), C<base> (1 for a template's), C<purpose>
(C<disk>, C<cloudinit>, C<state>, C<fleece>, C<other>), C<part> (C<current>, C<snapshot>, C<bottom>),
C<snapshot> (the name of the snapshot whose image it is), C<format> (which the name alone says),
C<standing> (C<kept>, C<unfinished>, C<removed>), C<number> (what keeps apart what was removed under one
name), C<snapshots> (1 if the volume can have snapshots that are images of their own).

=item form($scheme, $volume, \%opts)

Function: the name of an image of the volume: the current one, or with C<snapshot> that of a snapshot,
which is raw with C<raw>. C<standing> is C<kept> or C<unfinished>. It dies if the name would mean
anything else.

=item removed($scheme, $name, \@taken)

Function: the name that an image gets when it is about to be removed, other than those that are taken.

=item check_volume($scheme, $volume, \%opts)

Function: dies if no volume can be made under this name, or its snapshots could have none. C<group> is
the volume group, whose name counts for what device-mapper takes.

=item check_snapshot($scheme, $volume, $snapshot, \%opts)

Function: dies if no snapshot of the volume can be called so. C<group> as above.

=item overlay_of($scheme, $volume, $name)

Function: in the layout of 2024, the snapshot after which the overlay called C<$name> of the raw volume
was begun; undef if it is none.

=back

=cut
