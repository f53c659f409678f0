package PVE::Native::Image::Pin;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments;

# What is open belongs to one object: threads that are made later do not get it.
sub CLONE_SKIP { return 1; }

my sub checked {
    my ($self) = @_;
    return PVE::Native::Arguments::handle($self, 'this is no pin, or one that is gone');
}

# What a call gave, to a caller that wants a list, and to one that wants one value.
my sub several {
    my ($wantarray, $array) = @_;
    return $wantarray ? $array->@* : $array;
}

sub fds {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::Pin::fds(checked($self)));
}

sub chain {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::Pin::audit(checked($self))->{chain});
}

sub findings {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::Pin::audit(checked($self))->{findings});
}

sub qemu_img_args {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::Pin::qemu_img_args(checked($self)));
}

sub fdset_args {
    my ($self, $first) = @_;
    $first = PVE::Native::Arguments::text('fdset', $first);
    return several(wantarray, PVE::Native::RS::Pin::fdset_args(checked($self), $first));
}

sub blockdev {
    my ($self, $opts) = @_;
    my ($prefix, $fdset) = PVE::Native::Arguments::options('blockdev', $opts, qw(prefix fdset));
    my $nodes = PVE::Native::RS::Pin::blockdev(checked($self), $prefix, $fdset);
    # JSON modules write a 1 as a number, which QEMU does not take for true; they write \1 so.
    $_->{'read-only'} = $_->{'read-only'} ? \1 : \0 for $nodes->@*;
    return several(wantarray, $nodes);
}

sub blockdev_json {
    my ($self, $opts) = @_;
    my ($prefix, $fdset) =
        PVE::Native::Arguments::options('blockdev_json', $opts, qw(prefix fdset));
    return several(wantarray, PVE::Native::RS::Pin::blockdev_json(checked($self), $prefix, $fdset));
}

1;

__END__

=head1 NAME

PVE::Native::Image::Pin - an audited chain of disk images that is kept open

=head1 SYNOPSIS

    use PVE::Native::Image;

    my $pin = PVE::Native::Image::pin($path, { preset => 'upload', timeout => 5 });
    run('qemu-img', 'convert', '-O', 'raw', $pin->qemu_img_args(), $target);

    my @blockdev = map { ('--blockdev', $_) } $pin->blockdev_json({ prefix => 'disk0' });
    run('qemu-storage-daemon', @blockdev, '--export', 'type=nbd,id=e,node-name=disk0-image0,...');

=head1 DESCRIPTION

Between the check of an image and its use somebody may exchange it. A pin leaves no such gap: the
very files that were audited stay open, and QEMU is told to use those, described one by one with
format, data file and backing image, so that it follows no name in any header and guesses no
format. L<PVE::Native::Image/pin> makes one.

The files stay open until the last reference to the object is gone. They are open for reading only,
which keeps nobody from writing to them, and takes none of QEMU's locks.

A forked child has the pin as well; what it does with it, or that it ends, changes nothing for its
parent. Threads that are made later do not have it. What is no pin, or one that is gone, makes each
method die with a L<PVE::Native::Error>.

Closing a file on storage that does not answer may have to wait for it, wherever that happens: when
the object goes, when the process ends or runs another program.

=head1 METHODS

Each gives a list in list context and a reference to an array in scalar context.

=over

=item fds()

The open file descriptors, the top image first, each data file behind its image. They belong to the
pin: do not close them.

=item chain(), findings()

What L<PVE::Native::Image/audit> says of them. None of the findings has severity C<error>.

=item qemu_img_args()

The arguments that stand for the image on a command line of C<qemu-img> (one: a description of the
whole chain). They hold while this process lives and keeps the pin. C<qemu-img info> does not take
them for an image that has a backing image.

=item blockdev(\%opts), blockdev_json(\%opts)

Block nodes for QMP's C<blockdev-add>, as hashes, or for C<--blockdev>, as JSON texts, in the order in
which to add them. The last one is the top image; its name ends in C<-image0>. In the hashes true is
C<\1>, which is what JSON modules write as C<true>.

Options: C<prefix>, with which the names of the nodes begin (C<pin>): a letter, then letters,
digits, C<->, C<.>, C<_>, 16 characters at the most. C<fdset>: for a system emulator, the number of
the descriptor set that has the first file; without it the nodes name files under F</proc>, which
hold while this process lives and keeps the pin.

=item fdset_args($first_set)

The arguments C<-add-fd> that put the descriptors into a system emulator's sets, from this number on.
The emulator must inherit them under their numbers, but the files are marked to be closed when
another program is run; so between C<fork> and C<exec>:

    my @keep;
    for my $fd ($pin->fds()) {
        open(my $fh, '<&=', $fd) or die "cannot keep $fd: $!\n";
        fcntl($fh, F_SETFD, 0) or die "cannot keep $fd: $!\n";
        push @keep, $fh;
    }
    my @nodes = map { ('-blockdev', $_) } $pin->blockdev_json({ fdset => 1 });
    exec('qemu-system-x86_64', $pin->fdset_args(1), @nodes, ...);

=back

=head1 SEE ALSO

L<PVE::Native::Image>, L<PVE::Native::Error>

=cut
