#!/usr/bin/perl

# Measures graphs of volumes in Perl: snapshot_graph.pl DIRECTORY SNAPSHOTS ROUNDS makes a volume with
# so many snapshots in the directory and reads it; beside it the least that reading so many headers
# takes. Prints the least times in nanoseconds: on a busy machine they say more than medians.

use v5.36;

use PVE::Native::Image;
use PVE::Native::SnapshotGraph;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($dir, $snapshots, $rounds) = @ARGV;
die "usage: snapshot_graph.pl DIRECTORY SNAPSHOTS ROUNDS\n" if !$rounds;

my $volume = 'vm-100-disk-0.qcow2';

sub name_of {
    my ($number) = @_;
    return $number ? "vm-100-disk-0-snap-s$number.qcow2" : $volume;
}

# One image by the real qemu-img, then copies that stand on another one: the names have one length.
sub create {
    my $base = name_of(1000 + $snapshots);
    my $top = "$dir/" . name_of(1000);
    my $size = '4G';
    for my $args ([$size, "$dir/$base"], [$size, '-b', name_of(1001), '-F', 'qcow2', $top]) {
        my ($size, @rest) = $args->@*;
        my $path = pop(@rest);
        system('qemu-img', 'create', '-q', '-f', 'qcow2', '-u', @rest, $path, $size) == 0
            or die "qemu-img failed\n";
    }
    open(my $fh, '<:raw', $top) or die "cannot read $top: $!\n";
    my $image = do { local $/ = undef; readline($fh) };
    my $was = name_of(1001);
    for my $number (0 .. $snapshots - 1) {
        my $below = name_of(1001 + $number);
        my $copy = $image =~ s/\Q$was\E/$below/r;
        my $path = "$dir/" . name_of($number ? 1000 + $number : 0);
        open(my $to, '>:raw', $path) or die "cannot write $path: $!\n";
        print {$to} $copy;
        close($to) or die "cannot write $path: $!\n";
    }
    unlink($top);
    my @names = map { name_of($_ ? 1000 + $_ : 0) } 0 .. $snapshots;
    return [map { { name => $_, path => "$dir/$_" } } @names];
}

sub least {
    my ($work) = @_;
    my @times;
    for (1 .. $rounds) {
        my $start = clock_gettime(CLOCK_MONOTONIC);
        $work->();
        push @times, clock_gettime(CLOCK_MONOTONIC) - $start;
    }
    return int(1e9 * (sort { $a <=> $b } @times)[0]);
}

my $volumes = create();
my %opts = (scheme => 'lvmqcow2', volname => $volume, storeid => 'san');
my $graph = PVE::Native::SnapshotGraph->from_volumes($volumes, {%opts});
my @names = $graph->names();
die "not all snapshots are seen\n" if @names != $snapshots || $graph->findings()->@*;

say 'perl-graph ', least(sub { PVE::Native::SnapshotGraph->from_volumes($volumes, {%opts}) });
say 'perl-graph-timeout ',
    least(sub { PVE::Native::SnapshotGraph->from_volumes($volumes, { %opts, timeout => 5 }) });
say 'perl-graph-info ',
    least(
        sub {
            PVE::Native::SnapshotGraph->from_volumes($volumes, {%opts})->snapshot_info();
        }
    );
