package Nbd;

# An NBD client that can have several requests under way. After the protocol's document, proto.md:
# "Newstyle negotiation" with NBD_OPT_GO, and "Transmission phase" with simple replies.

use v5.36;

use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

use constant {
    READ => 0,
    WRITE => 1,
    DISCONNECT => 2,
    FLUSH => 3,

    OPTION_GO => 7,
    REPLY_ACK => 1,
    INFO_EXPORT => 0,
};

# Runs qemu-nbd for one client on an image; the export is called disk. Returns its process and socket.
sub serve ($image, @options) {
    state $count = 0;
    my $path = "/tmp/nbd.$$." . ++$count;
    my @argv = ('qemu-nbd', '-f', 'qcow2', '-x', 'disk', '-k', $path, @options, $image);
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    return ($pid, $path);
}

# Waits until it has ended.
sub served ($pid, $path) {
    waitpid($pid, 0);
    unlink($path);
}

sub connect ($class, $path, $export) {
    my $end = time() + 60;
    my $socket;
    until ($socket = IO::Socket::UNIX->new(Peer => $path)) {
        die "$path: nobody answers: $!\n" if time() > $end;
        sleep(0.005);
    }
    my $self = bless { socket => $socket, path => $path, handle => 0, open => {} }, $class;
    my ($magic, $option_magic, $flags) = unpack('a8a8n', $self->_get(18));
    die "$path: not a new NBD server\n" if $magic ne 'NBDMAGIC' || $option_magic ne 'IHAVEOPT';
    $self->_put(pack('N', $flags & 3));
    my $go = pack('N/a*n', $export, 0);
    $self->_put(pack('a8NN/a*', 'IHAVEOPT', OPTION_GO, $go));
    while (1) {
        my (undef, undef, $type, $length) = unpack('Q>NNN', $self->_get(20));
        my $data = $length ? $self->_get($length) : '';
        last if $type == REPLY_ACK;
        die "$path: export $export is refused: $data\n" if $type & 0x80000000;
        $self->{size} = unpack('x2Q>', $data) if unpack('n', $data) == INFO_EXPORT;
    }
    return $self;
}

sub size ($self) { return $self->{size} }
sub socket ($self) { return $self->{socket} }

sub _put ($self, $data) {
    local $SIG{PIPE} = 'IGNORE';
    while (length($data)) {
        my $written = syswrite($self->{socket}, $data) // die "the server is gone\n";
        substr($data, 0, $written, '');
    }
}

sub _get ($self, $length) {
    my $data = '';
    while (length($data) < $length) {
        my $read = sysread($self->{socket}, $data, $length - length($data), length($data));
        die "the server is gone\n" if !$read;
    }
    return $data;
}

# Sends a request and returns its handle.
sub send ($self, $type, $offset = 0, $length = 0, $data = '') {
    my $handle = ++$self->{handle};
    $self->{open}->{$handle} = [$type, $length];
    $self->_put(pack('NnnQ>Q>N', 0x25609513, 0, $type, $handle, $offset, $length) . $data);
    return $handle;
}

# Waits for one answer: its handle, the error number, and what was read.
sub receive ($self) {
    my ($magic, $error, $handle) = unpack('NNQ>', $self->_get(16));
    die "$self->{path}: not an answer\n" if $magic != 0x67446698;
    my $request = delete $self->{open}->{$handle} or die "$self->{path}: nobody asked\n";
    my $data = $request->[0] == READ && !$error ? $self->_get($request->[1]) : '';
    return ($handle, $error, $data);
}

# Reads, with nothing else under way.
sub read ($self, $offset, $length) {
    $self->send(READ, $offset, $length);
    my (undef, $error, $data) = $self->receive();
    die "$self->{path}: reading at $offset fails with $error\n" if $error;
    return $data;
}

sub disconnect ($self) {
    eval { $self->send(DISCONNECT) };
    close($self->{socket});
    return;
}

1;
