package PVE::Native::Image::Extents;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(text);

# The open files belong to one object: threads that are made later do not get them.
sub CLONE_SKIP { return 1; }

my sub checked {
    my ($self) = @_;
    return PVE::Native::Arguments::handle(
        $self, 'these are no extents, or some that are gone',
    );
}

# What the library finds comes in parts of some milliseconds, so that Perl's signal handlers run
# between two of them, and whoever wants to know how far it is can be asked whether to go on.
my sub parts {
    my ($self, $function, $n) = @_;
    my $extents = checked($self);
    $n = text('number of extents', $n);
    my $more = 0;
    while (1) {
        my $part = $function->($extents, $n, $more);
        my ($done, $total) = PVE::Native::RS::Extents::progress($extents);
        if (my $progress = $self->{progress}) {
            $progress->($done, $total) or PVE::Native::RS::Extents::cancel($extents);
        }
        return $part if $done == $total || (ref($part) ? $part->@* : length($part));
        $more = 1;
    }
}

sub next {
    my ($self, $n) = @_;
    return parts($self, \&PVE::Native::RS::Extents::next, $n);
}

sub packed {
    my ($self, $n) = @_;
    return parts($self, \&PVE::Native::RS::Extents::packed, $n);
}

sub progress {
    my ($self) = @_;
    return PVE::Native::RS::Extents::progress(checked($self));
}

sub chain {
    my ($self) = @_;
    return PVE::Native::RS::Extents::chain(checked($self));
}

1;

__END__

=head1 NAME

PVE::Native::Image::Extents - which image of a chain serves which part of a disk

=head1 SYNOPSIS

    use PVE::Native::Image;

    my $extents = PVE::Native::Image::extents($path, { format => 'qcow2', timeout => 5 });
    my $names = [map { $_->{filename} } $extents->chain()->@*];
    while ((my $part = $extents->next(1000))->@*) {
        for my $extent ($part->@*) {
            printf "%d bytes from %d in %s\n", $extent->@{qw(length start)},
                $names->[$extent->{depth}] if $extent->{present};
        }
    }

    while (length(my $records = $extents->packed(65536))) {
        my @numbers = unpack('Q<*', $records);
        while (my ($start, $length, $offset, $flags) = splice(@numbers, 0, 4)) {
            my ($present, $depth) = ($flags & 1, $flags >> 32);
        }
    }

=head1 DESCRIPTION

Made by L<PVE::Native::Image/extents>. It reads the tables of the images as it goes: the extents come in
the order of the disk, without a gap or an overlap from its start to its end, and what is alike and
adjoins is one of them. Memory depends on how many are asked for at a time, not on the disk.

Each method dies with a L<PVE::Native::Error>. C<timeout> holds for each call by itself, and handlers of
signals run while it goes on. The C<progress> that it was made with is called every few milliseconds with
what L</progress()> says; a false return gives the extents up with the error C<cancelled>. If something goes wrong, what was found before is handed out first, and each
further call dies with the same.

The files stay open while the object lives. A forked child has the object as well: what it asks changes
nothing for its parent, but where only the parent's helper has a file open, as it does with a time-out
where storage has to be waited for, the child gets the error C<io>. Threads that are made later do not
have it. What are no extents, or some that are gone, make each method die.

=head1 METHODS

=over

=item next($n)

A reference to an array of the next C<$n> extents at the most (1 to 1048576), empty at the end: hashes
with the keys and values of C<qemu-img map --output=json>. C<start> and C<length> are bytes of the disk;
C<depth> is which image of the chain serves them, the top one is 0; C<present> whether any does;
C<zero>, C<data> and C<compressed> how; C<offset>, where there is one, where in that image's (or its data)
file. An empty disk, for which C<qemu-img> prints an entry without a byte, has none.

=item packed($n)

The same as a byte string of C<$n> records at the most, empty at the end: much faster, and 32 bytes for
each in place of a hash. There may be fewer before the end, too:
a string holds 16384 of them. A record is four little-endian numbers of 64 bits: start, length, offset (all
ones: there is none) and flags (bit 0 present, 1 zero, 2 data, 3 compressed, 32 to 63 the depth).

=item progress()

A list: bytes of the disk that were looked at, and all of them.

=item chain()

A reference to an array of the images, the top one first, as L<PVE::Native::Image/chain> gives it.

=back

=head1 SEE ALSO

L<PVE::Native::Image>, L<PVE::Native::Error>

=cut
