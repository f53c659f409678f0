package TestDaemon;

# A qemu-storage-daemon of the test's own, spoken to by QMP over its standard input and output.

use v5.36;

use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json encode_json);

# Starts one that serves NBD on the socket $socket.
sub start {
    my ($class, $socket, @args) = @_;
    my $pid = open2(
        my $out, my $in, 'qemu-storage-daemon',
        '--chardev', 'stdio,id=qmp', '--monitor', 'chardev=qmp',
        '--nbd-server', "addr.type=unix,addr.path=$socket", @args,
    );
    my $self = bless { pid => $pid, in => $in, out => $out, socket => $socket }, $class;
    defined(readline($out)) or die "qemu-storage-daemon does not start\n";
    $self->qmp('qmp_capabilities');
    return $self;
}

sub qmp {
    my ($self, $command, $arguments) = @_;
    my $request = { execute => $command, $arguments ? (arguments => $arguments) : () };
    syswrite($self->{in}, encode_json($request) . "\n") or die "cannot write: $!\n";
    while (defined(my $line = readline($self->{out}))) {
        my $answer = decode_json($line);
        die "$answer->{error}->{desc}\n" if $answer->{error};
        return $answer->{return} if exists($answer->{return});
    }
    die "qemu-storage-daemon has ended\n";
}

# The name under which qemu-img reads an exported node.
sub url {
    my ($self, $export) = @_;
    return "nbd+unix:///$export?socket=$self->{socket}";
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    local ($?, $@, $!);
    close($self->{in});
    kill('TERM', $pid);
    waitpid($pid, 0);
}

sub DESTROY {
    my ($self) = @_;
    $self->stop();
}

1;
