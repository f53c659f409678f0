package TestProcess;

# What a test can say of its own process.

use v5.36;

use Exporter qw(import);
use POSIX ();

our @EXPORT_OK = qw(in_child open_files resident_kib growth_kib);

# Whether code gives something true in a forked child.
sub in_child {
    my ($code) = @_;
    my $pid = fork() // die "cannot fork: $!\n";
    POSIX::_exit(eval { $code->() } ? 0 : 1) if !$pid;
    waitpid($pid, 0);
    return $? == 0;
}

sub open_files {
    opendir(my $dh, '/proc/self/fd') or die "cannot read /proc: $!\n";
    return scalar(grep { !m/^\./ } readdir($dh));
}

sub resident_kib {
    open(my $fh, '<', '/proc/self/status') or die "cannot read /proc: $!\n";
    my ($kib) = map { m/^VmRSS:\s+(\d+)/ } <$fh>;
    return $kib;
}

# By how much the process grows when code runs so many times, after a while to get used to it.
sub growth_kib {
    my ($times, $code) = @_;
    $code->() for 1 .. 1000;
    my $before = resident_kib();
    $code->() for 1 .. $times;
    return resident_kib() - $before;
}

1;
