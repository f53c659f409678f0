#!/usr/bin/perl

# Measures the way between Perl and Rust. Not a test: COMPAT_TESTLIB=… perl -Itests tests/speed.pl

use v5.36;

use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID);

use CompatTest qw(Speed Data Counter);

# The best of several rounds, in microseconds of CPU time per call.
sub measure ($name, $call) {
    my $best;
    for (1 .. 7) {
        my $count = 30_000;
        my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
        $call->() for 1 .. $count;
        my $each = (clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start) / $count * 1e6;
        $best = $each if !defined($best) || $each < $best;
    }
    printf("%-44s %7.3f\n", $name, $best);
    return;
}

my $counter = CompatTest::Counter->new();
my $options = { format => 'qcow2', timeout => 5, 'max-depth' => 3, strict => 1 };
my $info = CompatTest::Speed::info();
my $path = '/var/lib/vz/images/100/vm-100-disk-0.qcow2';
my @numbers = (1 .. 1000);

measure('a Perl call of nothing' => sub { });
measure('call of nothing' => sub { CompatTest::Speed::empty() });
measure('u64 there and back' => sub { my $x = CompatTest::Data::take_u64(5) });
measure('method of an object' => sub { $counter->next() });
measure('object made and destroyed' => sub { CompatTest::Counter->new() });
measure('bytes in, list of five out' => sub { my @x = CompatTest::Speed::five($path) });
measure('four options in' => sub { CompatTest::Data::take_options($options) });
measure('1000 integers in' => sub { CompatTest::Speed::sum(\@numbers) });
measure('flat hash of 15 keys' => sub { my $x = CompatTest::Speed::flat() });
measure('nested info of 25 keys' => sub { my $x = CompatTest::Speed::info() });
{
    my $start = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
    for (1 .. 2000) { my $x = CompatTest::Speed::infos() }
    my $each = (clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $start) / 2000 / 64 * 1e6;
    printf("%-44s %7.3f\n", '64 of those, each', $each);
}
measure(
    'the flat hash as a literal in Perl' => sub {
        my $x = {
            filename => $path, format => 'qcow2', 'virtual-size' => 34359738368,
            'actual-size' => 1234567168,
            'cluster-size' => 65536, 'dirty-flag' => 0, encrypted => 0,
            'backing-filename' => 'x',
            'full-backing-filename' => $path, 'backing-filename-format' => 'qcow2',
            snapshots => 3,
            depth => 12, inode => 1234567, device => 64769, parent => undef,
        };
    }
);
