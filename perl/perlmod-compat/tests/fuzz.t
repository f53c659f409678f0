#!/usr/bin/perl

# Random data into every function of the test library: no crash, no panic, no leak. The same module
# runs under libFuzzer (fuzz/); here its seeds, what once failed, and mutants, the same in each run.

use v5.36;

use Test::More;

use File::Basename qw(dirname);
use CompatTest qw(Data Values Beyond Counter Shared);
use RandomValues;

my $fuzz = dirname(__FILE__) . '/../../../fuzz';

sub inputs ($folder) {
    my @inputs;
    for my $file (sort(glob("$fuzz/$folder/perl_values/*"))) {
        open(my $handle, '<:raw', $file) or die "$file: $!\n";
        local $/ = undef;
        push @inputs, readline($handle);
    }
    return @inputs;
}

sub resident () {
    open(my $handle, '<', '/proc/self/statm') or die "statm: $!\n";
    return (split(/ /, readline($handle)))[1] * 4096;
}

sub fails ($input) {
    return eval { RandomValues::run($input); 1 } ? undef : $@;
}

my @seeds = inputs('seeds');
cmp_ok(scalar(@seeds), '>=', 10, 'there are seeds');
is(fails($_), undef, 'a seed') for @seeds, inputs('regressions');

my $state = 1;

sub number ($bound) {
    $state = ($state * 1103515245 + 12345) % 2**31;
    return ($state >> 8) % $bound;
}

sub mutant () {
    my $input = $seeds[number(scalar(@seeds))];
    substr($input, number(length($input)), 1) = chr(number(256)) for 0 .. number(12);
    $input = substr($input, number(length($input))) . $seeds[number(scalar(@seeds))] if !number(4);
    return substr($input, 0, 400);
}

my ($failed, @last) = (0);
for my $count (1 .. 20_000) {
    my $input = mutant();
    push @last, $input if $count > 17_000;
    my $error = fails($input);
    next if !defined($error);
    diag("mutant $count: $error", unpack('H*', $input)) if $failed++ < 5;
}
is($failed, 0, 'mutants');

# What is lost comes on top each time; what malloc gives back to the system and takes again does not.
my $least;
for (1 .. 5) {
    my $before = resident();
    fails($_) for @last;
    my $growth = resident() - $before;
    $least = $growth if !defined($least) || $growth < $least;
}
cmp_ok($least, '<', 4 << 20, 'memory does not grow');

done_testing();
