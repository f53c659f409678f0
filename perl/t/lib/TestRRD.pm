package TestRRD;

# RRD files as nodes of Proxmox VE have them, made by librrd itself: of both layouts, for guests and nodes.

use v5.36;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(make_rrd write_samples start_rrdcached silent_socket);

my @guest = qw(maxcpu cpu maxmem mem maxdisk disk netin netout diskread diskwrite);
my @node = qw(
    loadavg maxcpu cpu iowait memtotal memused swaptotal swapused roottotal rootused netin netout
);
my @guest_9 = qw(
    memhost pressurecpusome pressurecpufull pressureiosome pressureiofull pressurememorysome
    pressurememoryfull
);
my @node_9 = qw(
    memavailable arcsize pressurecpusome pressureiosome pressureiofull pressurememorysome
    pressurememoryfull
);

my %sources = (
    'pve2-vm' => \@guest,
    'pve2-node' => \@node,
    'pve-vm-9.0' => [@guest, @guest_9],
    'pve-node-9.0' => [@node, @node_9],
);

# How many minutes a row has, and how many rows there are.
my %archives = (
    old => [[1, 70], [30, 70], [180, 70], [720, 70], [10080, 70]],
    new => [[1, 1440], [30, 1440], [360, 1440], [10080, 570]],
);

# An empty file under $dir, named LAYOUT/NAME, that begins some time before $start.
sub make_rrd ($dir, $name, $start, %options) {
    require RRDs;
    my ($layout) = $name =~ m!^([^/]+)/!;
    my $sources = $options{sources} // $sources{$layout};
    my @sources = map {
        my $type = m/^(?:net|disk(?:read|write))/ ? 'DERIVE' : 'GAUGE';
        "DS:$_:$type:120:0:U"
    } $sources->@*;
    my $archives = $archives{ $layout =~ m/-9/ ? 'new' : 'old' };
    my @archives = map {
        my $function = $_;
        map { "RRA:$function:0.5:$_->[0]:$_->[1]" } $archives->@*
    } qw(AVERAGE MAX);
    make_path(dirname("$dir/$name"));
    RRDs::create("$dir/$name", '--start', $start - 3600, '--step', 60, @sources, @archives);
    if (my $error = RRDs::error()) {
        die "cannot create $name: $error\n";
    }
    return "$dir/$name";
}

# One row a minute, up to and with $end: hashes by source; what is missing is unknown, undef is no update at all.
sub write_samples ($path, $end, $rows, %options) {
    my $time = $end - 60 * $rows->@*;
    my @daemon = $options{socket} ? ('--daemon', "unix:$options{socket}") : ();
    for my $row ($rows->@*) {
        $time += 60;
        next if !defined($row);
        my @names = sort(keys($row->%*));
        my @values = map { $_ // 'U' } $row->@{@names};
        RRDs::update($path, @daemon, '-t', join(':', @names), join(':', $time, @values));
        if (my $error = RRDs::error()) {
            die "cannot update $path: $error\n";
        }
    }
    return;
}

# Daemons go with the test, however it ends.
my %daemons;

END {
    my @mine = grep { $daemons{$_} == $$ } keys(%daemons);
    kill('KILL', @mine) if @mine;
}

# A daemon that keeps what it is told for an hour; undef if there is none on this machine.
sub start_rrdcached ($dir) {
    my ($program) = grep { -x } map { "$_/rrdcached" } qw(/usr/bin /usr/sbin /bin);
    return undef if !defined($program);
    my $socket = "$dir/rrdcached.sock";
    my @argv = (
        $program, '-g', '-l', "unix:$socket", '-b', $dir, '-p', "$dir/rrdcached.pid",
        '-w', 3600, '-f', 7200,
    );
    my $pid = fork() // die "cannot fork: $!\n";
    if (!$pid) {
        local $ENV{PATH} = '/usr/bin:/bin';
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    $daemons{$pid} = $$;
    for (1 .. 200) {
        return { pid => $pid, socket => $socket } if IO::Socket::UNIX->new(Peer => $socket);
        sleep(0.05);
    }
    kill('KILL', $pid);
    die "rrdcached does not come up\n";
}

# A daemon that takes every question and answers none.
sub silent_socket ($path) {
    return IO::Socket::UNIX->new(Local => $path, Listen => 100) // die "cannot listen: $!\n";
}

1;
