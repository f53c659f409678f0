package Writer;

# Writes as a guest does, in a process of its own, and remembers what it was told about it. The disk has
# slots of 4 KiB; what is written says which slot it is for and the how-manieth write to it. A slot
# has at most one request under way. Of each slot the writer knows what was
#
#   sent      by the last write that was begun,
#   acked     by the last one that was acknowledged,
#   durable   by the last one that was acknowledged before a flush was asked for that is done.
#
# It also reads, and what it reads must be what was acknowledged last.

use v5.36;

use IO::Select;
use JSON::PP;
use List::Util qw(max);
use Socket;
use Time::HiRes qw(sleep time);

use Nbd;

use constant {
    SLOT => 4096,
    IN_FLIGHT => 6,
    RECORD => 16,
    # Between two requests, in seconds: nobody writes all the time, and a merge must get on.
    PACE => 0.003,
};

# Where the slots are: some close together, some far from each other.
sub layout ($size, $count, $seed) {
    my $places = int($size / SLOT);
    my $dense = int($count / 3);
    my %taken;
    my $state = $seed * 2654435761 + 12345;
    my $random = sub ($limit) {
        $state = ($state * 1103515245 + 12345) & 0x7fffffff;
        my $high = $state;
        $state = ($state * 1103515245 + 12345) & 0x7fffffff;
        return (($high << 31) | $state) % $limit;
    };
    my $start = $random->($places - 4 * $count);
    while (keys(%taken) < $count) {
        my $place = keys(%taken) < $dense ? $start + $random->(4 * $dense) : $random->($places);
        $taken{$place} = 1;
    }
    return [map { $_ * SLOT } sort { $a <=> $b } keys %taken];
}

sub contents ($slot, $number) {
    return pack('Q>Q>', $slot, $number) x (SLOT / RECORD);
}

# Which write to the slot these contents are of: 0 before the first, undef if it is of none.
sub number_of ($slot, $data) {
    return 0 if $data !~ /[^\0]/;
    my ($of, $number) = unpack('Q>Q>', $data);
    return if $of != $slot || $data ne contents($slot, $number);
    return $number;
}

# Begins when it is told to. $state: what an earlier writer reported, to go on from there.
sub start ($class, $path, $export, $slots, $state = undef) {
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        close($ours);
        srand($$);
        eval { _write_on($theirs, Nbd->connect($path, $export), $slots, $state); 1 }
            or warn "writer: $@";
        require POSIX;
        POSIX::_exit(0);
    }
    close($theirs);
    $ours->autoflush(1);
    return bless { pid => $pid, control => $ours, slots => $slots }, $class;
}

sub _ask ($self, $what) {
    my $control = $self->{control};
    print $control "$what\n";
    my $answer = readline($control) // die "the writer is gone\n";
    return decode_json($answer);
}

# So many more writes, and then as after "pause".
sub write ($self, $writes) { return $self->_ask("write $writes") }

# Nothing is under way afterwards, and what was written is flushed.
sub pause ($self) { return $self->_ask('pause') }
sub resume ($self) { return $self->_ask('resume') }

# Only writes to every second slot from now on, or to all: then QEMU has to make new tables.
sub narrow ($self) { return $self->_ask('narrow') }
sub wide ($self) { return $self->_ask('wide') }

# Reads all slots; nothing is written meanwhile, nor afterwards until "resume".
sub read_all ($self) { return $self->_ask('read') }

# { slots => [[sent, acked, durable]…], wrong => [texts], writes => …, gone => … }
sub report ($self) { return $self->_ask('report') }

# Until so many more writes are done.
sub more ($self, $writes) {
    my $goal = $self->report()->{writes} + $writes;
    while (1) {
        my $report = $self->report();
        return $report if $report->{writes} >= $goal || $report->{gone};
        sleep(0.02);
    }
}

# Ends the writer; what it knows at last.
sub stop ($self) {
    my $report = $self->_ask('stop');
    waitpid($self->{pid}, 0);
    return $report;
}

# --- The writer's own process --------------------------------------------------------------------

sub _write_on ($control, $nbd, $slots, $state) {
    my $self = {
        nbd => $nbd,
        slots => $slots,
        known => $state ? $state->{slots} : [map { [0, 0, 0] } @$slots],
        wrong => $state ? $state->{wrong} : [],
        writes => $state ? $state->{writes} : 0,
        reads => $state ? $state->{reads} : 0,
        open => {},
        busy => {},
        pausing => 1,
        step => 1,
        gone => 0,
    };
    $control->autoflush(1);
    my $select = IO::Select->new($control, $nbd->socket());
    my $next = 0;
    while (1) {
        my $wait;
        if (!$self->{gone} && !$self->{pausing} && keys($self->{open}->%*) < IN_FLIGHT) {
            if (time() >= $next) {
                eval { _begin($self); 1 } or $self->{gone} = 1;
                $next = time() + PACE;
            }
            $wait = max(0, $next - time());
        }
        for my $handle ($select->can_read($wait)) {
            if ($handle == $control) {
                my $asked = readline($control) // return;
                chomp($asked);
                _answer($self, $control, $asked);
                return if $asked eq 'stop';
                $select->remove($nbd->socket()) if $self->{gone};
            } elsif (!eval { _end($self); 1 }) {
                $self->{gone} = 1;
                $select->remove($nbd->socket());
            }
        }
    }
}

sub _answer ($self, $control, $asked) {
    if ($asked =~ /^(?:pause|read|stop|write (\d+))$/) {
        my $goal = $self->{writes} + ($1 // 0);
        $self->{pausing} = 1;
        my $done = eval {
            while ($self->{writes} < $goal) {
                _begin($self) while keys($self->{open}->%*) < IN_FLIGHT;
                _end($self);
            }
            _end($self) while keys $self->{open}->%*;
            _flush($self);
            _end($self) while keys $self->{open}->%*;
            if ($asked eq 'read') {
                for my $slot (keys $self->{slots}->@*) {
                    _read($self, $slot);
                    _end($self);
                }
            }
            1;
        };
        $self->{gone} = 1 if !$done;
    } elsif ($asked eq 'resume') {
        $self->{pausing} = 0;
    } elsif ($asked eq 'narrow' || $asked eq 'wide') {
        $self->{step} = $asked eq 'wide' ? 1 : 2;
    }
    my %report = map { $_ => $self->{$_} } qw(wrong writes reads gone);
    $report{slots} = $self->{known};
    print $control encode_json(\%report), "\n";
}

sub _flush ($self) {
    my $acked = [map { $_->[1] } $self->{known}->@*];
    my $handle = $self->{nbd}->send(Nbd::FLUSH);
    $self->{open}->{$handle} = { flush => $acked };
}

sub _begin ($self) {
    my $what = rand();
    return _flush($self) if $what < 0.04;
    my $slot;
    my $step = $self->{step};
    do { $slot = $step * int(rand($self->{slots}->@* / $step)) } while $self->{busy}->{$slot};
    $self->{busy}->{$slot} = 1;
    return _read($self, $slot) if $what < 0.25;
    my $number = ++$self->{known}->[$slot]->[0];
    my $data = contents($slot, $number);
    my $handle = $self->{nbd}->send(Nbd::WRITE, $self->{slots}->[$slot], SLOT, $data);
    $self->{open}->{$handle} = { slot => $slot, number => $number };
}

sub _read ($self, $slot) {
    my $handle = $self->{nbd}->send(Nbd::READ, $self->{slots}->[$slot], SLOT);
    $self->{open}->{$handle} = { slot => $slot, read => 1 };
}

sub _end ($self) {
    my ($handle, $error, $data) = $self->{nbd}->receive();
    my $request = delete $self->{open}->{$handle};
    if (my $acked = $request->{flush}) {
        return push $self->{wrong}->@*, "a flush fails with $error" if $error;
        for my $slot (keys @$acked) {
            my $known = $self->{known}->[$slot];
            $known->[2] = $acked->[$slot] if $known->[2] < $acked->[$slot];
        }
        return;
    }
    my $slot = $request->{slot};
    delete $self->{busy}->{$slot};
    my $known = $self->{known}->[$slot];
    if ($error) {
        push $self->{wrong}->@*, "slot $slot: a request fails with $error";
    } elsif ($request->{read}) {
        $self->{reads}++;
        my $number = number_of($slot, $data) // 'something else';
        push $self->{wrong}->@*, "slot $slot: reads $number, acknowledged is $known->[1]"
            if $number ne $known->[1];
    } else {
        $self->{writes}++;
        $known->[1] = $request->{number};
    }
}

# --- Looking at what is left ---------------------------------------------------------------------

# What is wrong with the disk behind this export, as texts: each slot must hold a write between these
# two numbers.
sub compare ($path, $export, $slots, $lowest, $highest) {
    my $nbd = Nbd->connect($path, $export);
    my @wrong;
    for my $slot (keys @$slots) {
        my $number = number_of($slot, $nbd->read($slots->[$slot], SLOT));
        my ($low, $high) = ($lowest->[$slot], $highest->[$slot]);
        if (!defined($number)) {
            push @wrong, "slot $slot holds something else";
        } elsif ($number < $low || $number > $high) {
            push @wrong, "slot $slot holds write $number, not $low to $high";
        }
    }
    $nbd->disconnect();
    return @wrong;
}

1;
