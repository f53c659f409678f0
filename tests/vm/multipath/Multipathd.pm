package Multipathd;

# A multipathd of one version, with its own configuration.

use v5.36;

use POSIX ();

use Machine;

# The one in this folder, with the libraries there; the machine's own without one.
sub new ($class, $root) {
    my @in = $root eq '' ? () : ('chroot', $root);
    for my $folder ($root eq '' ? () : qw(dev proc sys run)) {
        Machine::command('mount', '--rbind', "/$folder", "$root/$folder");
    }
    return bless({ root => $root, argv => [@in, '/sbin/multipathd'] }, $class);
}

# Starts it. Further lines are of its defaults; maps have the names that are given for their WWIDs.
sub start ($self, $defaults, $names) {
    my @defaults = (
        'find_multipaths no',
        'polling_interval 1',
        'max_polling_interval 1',
        'checker_timeout 3',
        $defaults->@*,
    );
    my $config = join("\n    ", 'defaults {', @defaults) . "\n}\n";
    # By itself multipathd does not look at paths of NVMe, and 0.11.1 takes none back that has failed.
    $config .= qq(devices {\n    device {\n        vendor "NVME"\n        product ".*"\n);
    $config .= "        path_checker directio\n    }\n}\nmultipaths {\n";
    for my $wwid (sort(keys($names->%*))) {
        $config .= "    multipath {\n        wwid $wwid\n        alias $names->{$wwid}\n    }\n";
    }
    # udev asks the machine's own multipath.
    Machine::put("$_/etc/multipath.conf", "$config}\n") for '', $self->{root};
    $self->{pid} = fork() // die "fork: $!\n";
    if ($self->{pid} == 0) {
        open(STDOUT, '>>', '/run/multipathd.log') or POSIX::_exit(126);
        open(STDERR, '>&', \*STDOUT);
        exec($self->{argv}->@*, '-d', '-s') or POSIX::_exit(127);
    }
    Machine::wait_for('multipathd', sub { $self->ask('show', 'daemon') =~ m/ running| idle/ });
}

sub stop ($self) {
    $self->ask('shutdown');
    waitpid($self->{pid}, 0);
}

sub signal ($self, $signal) { kill($signal, $self->{pid}) }

# What it answers; what its client has to say about that is lost.
sub ask ($self, @words) {
    my @quiet = ('sh', '-c', 'exec timeout 20 "$@" 2>/dev/null', 'sh');
    return (Machine::attempt(@quiet, $self->{argv}->@*, @words))[1];
}

# It has to do that.
sub must ($self, @words) {
    my $said = $self->ask(@words);
    die "multipathd @words: $said" if $said ne "ok\n";
}

# Its number, such as 0.9.4.
sub version ($self) {
    my ($version) = $self->ask('help') =~ m/multipath-tools v([\d.]+)/;
    return $version // die "multipathd does not say its version\n";
}

1;
