#!/usr/bin/perl

# Measures the Perl side: a chain with full hashes, and file_size_info beside a function that runs
# qemu-img and decodes its JSON, as a storage plugin has to: image.pl IMAGE ROUNDS. Prints median
# times in nanoseconds.

use v5.36;

use IPC::Open3 qw(open3);
use JSON::PP ();
use PVE::Native::Image;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($image, $rounds) = @ARGV;
die "usage: image.pl IMAGE ROUNDS\n" if !$rounds;

my $json = eval { require JSON::XS; JSON::XS->new } // JSON::PP->new;

sub median {
    my ($rounds, $batch, $work) = @_;
    my @times;
    for (1 .. $rounds) {
        my $start = clock_gettime(CLOCK_MONOTONIC);
        $work->() for 1 .. $batch;
        push @times, (clock_gettime(CLOCK_MONOTONIC) - $start) / $batch;
    }
    return int(1e9 * (sort { $a <=> $b } @times)[$#times / 2]);
}

# What asking qemu-img costs at the least in Perl: fork, exec, read, decode, within a time-out.
sub forked_size {
    my ($path) = @_;
    local $SIG{ALRM} = sub { die "got timeout\n" };
    alarm(5);
    my $pid =
        open3(my $in, my $out, undef, 'qemu-img', 'info', '--output=json', '-f', 'qcow2', $path);
    my $text = do { local $/ = undef; <$out> };
    waitpid($pid, 0);
    alarm(0);
    return $json->decode($text)->{'virtual-size'};
}

my $chain = PVE::Native::Image::chain($image);
my $bottom = $chain->[-1]->{filename};
forked_size($bottom) == PVE::Native::Image::file_size_info($bottom, 5, 'qcow2')
    or die "answers differ\n";

say 'perl-chain ', median($rounds, 1, sub { PVE::Native::Image::chain($image) });
say 'perl-info ', median($rounds, 100, sub { PVE::Native::Image::info($bottom) });
say 'perl-size ',
    median($rounds, 100, sub { PVE::Native::Image::file_size_info($bottom, undef, 'qcow2') });
say 'perl-size-timeout ',
    median($rounds, 100, sub { PVE::Native::Image::file_size_info($bottom, 5, 'qcow2') });
say 'forked-size ', median($rounds > 50 ? 50 : $rounds, 1, sub { forked_size($bottom) });
