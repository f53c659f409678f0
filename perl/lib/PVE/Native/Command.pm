package PVE::Native::Command;

use v5.36;

# What a program prints, within a time that the caller sets. One that does not end, and cannot even be
# killed because its storage is dead, is left to the kernel: nobody waits for it.

use IO::Select;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use PVE::Native::Error;

# How many may be left behind before no other is started, and those that are, by their process.
my $MOST_LEFT = 4;
my %left;

# Bytes of standard error that are of use in a message.
my $MOST_COMPLAINTS = 4096;

my %codes = (io => [2, 5], limit => [6, 27], timeout => [10, 110], busy => [11, 16]);

my sub fail ($name, $message) {
    my ($code, $errno) = $codes{$name}->@*;
    die PVE::Native::Error->new(
        code => $code,
        name => $name,
        errno => $errno,
        message => $message,
    );
}

# Whether a process has ended; it is nobody's child if a handler of signals was faster, or if it was
# started before a fork.
my sub has_ended ($pid) {
    return waitpid($pid, WNOHANG) != 0;
}

my sub leave ($pid) {
    kill('KILL', -$pid);
    $left{$pid} = 1 if !has_ended($pid);
    return;
}

my sub become ($argv, $out, $err) {
    eval {
        POSIX::setpgid(0, 0);
        open(my $null, '<', '/dev/null') or die;
        POSIX::dup2(fileno($null), 0);
        POSIX::dup2(fileno($out), 1);
        POSIX::dup2(fileno($err), 2);
        # Taint mode runs programs only where the search path is one that it trusts.
        %ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL => 'C');
        no warnings qw(exec);
        exec { $argv->[0] } $argv->@*;
    };
    # Nothing of the parent's is to be done twice: neither its END blocks nor its destructors.
    POSIX::_exit(127);
}

# Reads both until they end, and keeps what fits.
my sub collect ($out, $err, $limit, $remaining, $what) {
    my %kept = ($out => '', $err => '');
    my $open = IO::Select->new($out, $err);
    while ($open->count()) {
        my $seconds = $remaining->();
        fail('timeout', "$what took too long") if $seconds <= 0;
        for my $handle ($open->can_read($seconds)) {
            my $count = sysread($handle, my $bytes, 65536);
            next if !defined($count) && $!{EINTR};
            if (!$count) {
                $open->remove($handle);
            } elsif ($handle == $out) {
                $kept{$out} .= $bytes;
                fail('limit', "$what had more than $limit bytes to say")
                    if length($kept{$out}) > $limit;
            } elsif (length($kept{$err}) < $MOST_COMPLAINTS) {
                $kept{$err} .= $bytes;
            }
        }
    }
    return @kept{ $out, $err };
}

# The wait status; undef if somebody else has it.
my sub status_of ($pid, $remaining, $what) {
    while (1) {
        my $ended = waitpid($pid, WNOHANG);
        return $? if $ended == $pid;
        return undef if $ended < 0;
        fail('timeout', "$what took too long") if $remaining->() <= 0;
        Time::HiRes::sleep(0.001);
    }
}

my sub first_line ($complaints) {
    my ($line) = $complaints =~ m/^\s*([^\n]*\S)/;
    return '' if !defined($line);
    $line =~ s/[^\x20-\x7e]/?/g;
    return ': ' . substr($line, 0, 200);
}

# What the program prints, in bytes. Its arguments must be clean, the first be its absolute path; $what is
# what messages call it.
sub output ($what, $argv, $timeout, $limit) {
    has_ended($_) && delete $left{$_} for keys(%left);
    fail('busy', "$what: $MOST_LEFT of its kind hang already") if keys(%left) >= $MOST_LEFT;

    my $end = clock_gettime(CLOCK_MONOTONIC) + $timeout;
    my $remaining = sub { return $end - clock_gettime(CLOCK_MONOTONIC) };
    pipe(my $out, my $out_end) && pipe(my $err, my $err_end)
        or fail('io', "$what: cannot make a pipe: $!");
    my $pid = fork() // fail('io', "$what: cannot fork: $!");
    become($argv, $out_end, $err_end) if !$pid;
    # Whoever comes first: it must be a group of its own before it can be killed as one.
    POSIX::setpgid($pid, $pid);
    close($_) for $out_end, $err_end;

    my ($said, $complaints, $status) = eval {
        my @said = collect($out, $err, $limit, $remaining, $what);
        (@said, status_of($pid, $remaining, $what));
    };
    if (my $error = $@) {
        leave($pid);
        die $error;
    }
    return $said if !$status;
    my $how = $status & 127 ? 'was killed by signal ' . ($status & 127) : 'failed';
    $how = 'cannot be run' if $status >> 8 == 127;
    fail('io', "$what $how" . first_line($complaints . $said));
}

1;
