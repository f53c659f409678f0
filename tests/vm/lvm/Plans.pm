package Plans;

# The command under test: plans, which it also runs, and diagnoses, which it also repairs by.

use v5.36;

use FindBin;
use JSON::PP;

use Group;

my $command = "$FindBin::Bin/pve-native";

sub arguments ($volname, $op, $args) {
    return (
        $command, qw(snapshot plan --output json), $op, ($args->{snapshots} // [])->@*,
        '--volume', Group::path($volname),
        map { defined($args->{$_}) ? ("--$_", $args->{$_}) : () } qw(size to),
    );
}

# Standard output and error apart: status, what was said on each.
sub ask (@argv) {
    my $complaint = '/dev/shm/complaint';
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open(STDERR, '>', $complaint);
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    local $/ = undef;
    my $said = <$out>;
    close($out);
    my $status = $?;
    open(my $file, '<', $complaint) or die "$complaint: $!\n";
    return ($status >> 8, $said // '', <$file> // '');
}

# What is to be done. With `run` it is done. Dies if that is refused, or fails.
sub plan ($volname, $op, $args, @run) {
    my ($status, $said, $complaint) = ask(arguments($volname, $op, $args), @run);
    die "$op of $volname: status $status: $complaint" if $status != 0;
    return decode_json($said);
}

sub run ($volname, $op, $args) { return plan($volname, $op, $args, '--run') }

sub text ($plan) {
    return join("\n", map { "#     @{$_->{argv}}" } $plan->{steps}->@*);
}

# What is wrong with a volume: [{ code, severity, volume, message, plan, certain }]; undef if nothing is
# there of it. With '--run' it is repaired before.
sub diagnose ($volname, @more) {
    my ($status, $said, $complaint) =
        ask($command, qw(snapshot diagnose --output json), @more, Group::path($volname));
    return undef if $status == 1 && $complaint =~ /No such file/ && $said eq '';
    my $found = eval { decode_json($said) };
    die "diagnosis of $volname: status $status: $said$complaint"
        if !$found || $complaint =~ /^pve-native: (?!\/)/m;
    return $found;
}

1;
