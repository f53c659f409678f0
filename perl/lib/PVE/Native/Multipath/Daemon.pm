package PVE::Native::Multipath::Daemon;

use v5.36;

# What multipathd and the kernel know of the maps of this node.

use JSON::XS ();
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use PVE::Native::ClusterStatus;
use PVE::Native::Command;

# The library reads no more of it.
my $MOST_BYTES = 64 << 20;

# Its maps as it writes them, and the transports of its paths; without the latter the names of ports have
# to tell them.
sub ask ($program, $timeout) {
    my $end = clock_gettime(CLOCK_MONOTONIC) + $timeout;
    my $output = sub (@words) {
        my $left = $end - clock_gettime(CLOCK_MONOTONIC);
        return PVE::Native::Command::output(
            'asking multipathd', [$program, @words], $left, $MOST_BYTES,
        );
    };
    my $maps = $output->(qw(show maps json));
    my $paths = eval { $output->(qw(show paths raw format), '%d|%m|%P') };
    return ($maps, $paths);
}

my sub first_line ($path) {
    open(my $file, '<', $path) or return '';
    return readline($file) // '';
}

# The WWIDs of the maps that the kernel has, whatever becomes of multipathd.
sub assembled ($sysfs) {
    opendir(my $dir, "$sysfs/block") or return ();
    my @devices = grep { m/^dm-\d+\z/ } readdir($dir);
    my @wwids = map { first_line("$sysfs/block/$_/dm/uuid") =~ m/^mpath-(.+?)\s*\z/ } @devices;
    return sort(@wwids);
}

# A broadcast of these maps that says nothing of how they are: it has no time.
sub unknown (@wwids) {
    my $maps = JSON::XS->new->latin1->encode({ maps => [map { { uuid => $_ } } @wwids] });
    return PVE::Native::ClusterStatus::summarize_maps($maps);
}

1;
