package Machine;

# Commands and files of the virtual machine.

use v5.36;

use POSIX ();
use Time::HiRes qw(sleep time);

# A command that must succeed; what it says on standard output.
sub command (@argv) {
    my ($status, $said) = attempt(@argv);
    die "@argv: exit status $status\n$said" if $status != 0;
    return $said;
}

# A command that may fail: its status as the shell has it, and what it said on standard output.
sub attempt (@argv) {
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        no warnings 'exec';
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    local $/ = undef;
    my $said = <$out> // '';
    close($out);
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $said);
}

sub get ($path) {
    open(my $file, '<:raw', $path) or die "cannot open $path: $!\n";
    local $/ = undef;
    return scalar <$file>;
}

sub put ($path, $text) {
    open(my $file, '>:raw', $path) or die "cannot open $path: $!\n";
    # The kernel's files say what they think of it at once.
    syswrite($file, $text) // die "cannot write to $path: $!\n";
    close($file) or die "cannot write to $path: $!\n";
}

# Waits until that is so.
sub wait_for ($what, $is) {
    my $end = time() + 30;
    while (!$is->()) {
        die "in vain: waited for $what\n" if time() > $end;
        sleep(0.1);
    }
}

1;
