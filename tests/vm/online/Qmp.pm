package Qmp;

# A client for the monitor of QEMU and of its storage daemon, just large enough for the tests.

use v5.36;

use IO::Socket::UNIX;
use JSON::PP;
use Time::HiRes qw(sleep time);

my $seconds = 60;    # for an answer

sub connect ($class, $path) {
    my $end = time() + $seconds;
    my $socket;
    until ($socket = IO::Socket::UNIX->new(Peer => $path)) {
        die "$path: nobody answers: $!\n" if time() > $end;
        sleep(0.02);
    }
    my $self = bless { socket => $socket, events => [], text => '' }, $class;
    $self->_read();    # the greeting
    $self->execute('qmp_capabilities');
    return $self;
}

# The next document.
sub _read ($self) {
    local $SIG{ALRM} = sub { die "the monitor does not answer\n" };
    alarm($seconds);
    while ($self->{text} !~ /\n/) {
        my $read = sysread($self->{socket}, $self->{text}, 65536, length($self->{text}));
        die "the monitor is gone\n" if !$read;
    }
    alarm(0);
    $self->{text} =~ s/^(.*?)\r?\n//;
    return decode_json($1);
}

# What the command returns; dies with "COMMAND: CLASS: DESCRIPTION".
sub execute ($self, $command, $arguments = {}) {
    my $text = encode_json({ execute => $command, arguments => $arguments });
    local $SIG{PIPE} = 'IGNORE';
    syswrite($self->{socket}, "$text\n") // die "the monitor is gone\n";
    while (1) {
        my $answer = $self->_read();
        if ($answer->{event}) {
            push $self->{events}->@*, $answer;
        } elsif (my $error = $answer->{error}) {
            die "$command: $error->{class}: $error->{desc}\n";
        } else {
            return $answer->{return};
        }
    }
}

# Waits until the job is in one of these states, and returns it. undef: there is no such job (any more).
sub wait_for_job ($self, $id, @states) {
    my $end = time() + $seconds;
    while (1) {
        my ($job) = grep { $_->{id} eq $id } $self->execute('query-jobs')->@*;
        return $job if !$job || grep { $job->{status} eq $_ } @states;
        die "job $id is still $job->{status}\n" if time() > $end;
        sleep(0.01);
    }
}

# The nodes by their names. The storage daemon does not know who is whose child.
sub nodes ($self) {
    return { map { $_->{'node-name'} => $_ } $self->execute('query-named-block-nodes')->@* };
}

1;
