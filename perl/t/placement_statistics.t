use v5.36;

use lib 'perl/t/lib';

# What samples say a guest uses, and how vectors of resources compare, as Perl asks it. The numbers of the
# rows are those of the errors that this is about, each in the words of the right behaviour.

use Test::More;

use PVE::Native::Placement;
use TestImages qw(failure_of);
use TestProcess qw(growth_kib);

my $nan = 'inf' - 'inf';

sub percentile { return PVE::Native::Placement::percentile(@_) }
sub distance { return PVE::Native::Placement::euclidean_distance(@_) }
sub dotprod { return PVE::Native::Placement::dotprod(@_) }
sub normalised { return PVE::Native::Placement::normalised(@_) }

subtest 'row 1: samples are ordered as numbers' => sub {
    my @gigabytes = (8, 9, 9.5, 10, 10.5, 11);
    is(percentile(80, \@gigabytes), 10.5, 'as text, 9.5 would be the last');
    is(percentile(95, \@gigabytes), 11, 'nor is 9 the 95th');
    is(percentile(50, [100, 20, 3]), 20, 'in no order');
    is(percentile(100, ['9', '10']), 10, 'numbers that are text');
};

subtest 'row 2: the index is the nearest rank' => sub {
    my @samples = reverse(1 .. 100);
    is(percentile($_, \@samples), $_ || 1, "$_ of 100") for 0, 1, 7, 50, 95, 100;
    is(percentile(95, [1 .. 20]), 19, '95 of 20');
    is(percentile('95.1', [1 .. 20]), 20, 'and a little more');
    is(percentile(95, [7]), 7, 'one alone');
};

subtest 'row 3: no samples are no answer' => sub {
    is(percentile(95, []), undef, 'none');
    is(percentile(95, [undef, $nan]), undef, 'none that is known');
};

subtest 'row 4: unknown is not idle' => sub {
    is(percentile(50, [0, 0, 0, 4]), 0, 'idle counts');
    is(percentile(50, [undef, 3, $nan, 1, 2]), 2, 'unknown is left out');
    is(percentile(95, [0]), 0, 'idle alone');
};

subtest 'row 13: resources are fractions of the capacity' => sub {
    my ($capacity, $guest) = ([16, 64 * 2**30], [4, 8 * 2**30]);
    is_deeply(normalised($guest, $capacity), [0.25, 0.125], 'cores and bytes alike');
    my @nodes = ([4, 32 * 2**30], [12, 9 * 2**30]);
    my @raw = map { distance($guest, $_) } @nodes;
    my @fair =
        map { distance(normalised($guest, $capacity), normalised($_, $capacity)) } @nodes;
    cmp_ok($raw[1], '<', $raw[0], 'beside bytes, eight cores are nothing');
    cmp_ok($fair[0], '<', $fair[1], 'as fractions they are half of the node');
    is_deeply(normalised([0, 1], [0, 0]), [0, 1], 'of nothing, anything is all');
};

subtest 'row 15: the largest dot product is the best alignment' => sub {
    my $guest = [0.1, 0.5];
    my %rooms = (cores => [0.9, 0.1], memory => [0.1, 0.9], both => [0.5, 0.5]);
    for my $mode ('normR', '') {
        my %aligned = map { $_ => dotprod($guest, $rooms{$_}, $mode) } keys(%rooms);
        my @best = sort { $aligned{$b} <=> $aligned{$a} } keys(%aligned);
        is($best[0], 'memory', "mode '$mode': room where it is needed");
        is($best[-1], 'cores', 'and not where it is not');
    }
};

subtest 'row 16: a vector of zeros has an answer' => sub {
    for my $mode ('', 'normR', 'normC') {
        is(dotprod([1, 2], [0, 0], $mode), 0, "mode '$mode'");
        is(dotprod([0, 0], [0, 0], $mode), 0, 'both');
        is(dotprod([], [], $mode), 0, 'no dimensions');
    }
    is(dotprod([1, 0], [2, 0], 'normR'), 1, 'normR');
    is(dotprod([1, 0], [2, 0], 'normC'), 0.5, 'normC');
    is(dotprod([1, 2], [3, 4], undef), 11, 'no mode');
};

subtest 'row 17: all check the lengths' => sub {
    for my $function (\&distance, \&dotprod, \&normalised) {
        my $err = failure_of(sub { $function->([1, 2], [1]) });
        is($err && $err->name, 'argument', 'an argument');
        like($err, qr/2 and 1 dimensions/, 'and why');
    }
};

subtest 'a number keeps all its digits' => sub {
    my $bytes = 4503599627370497;
    ok(percentile(50, [$bytes]) == $bytes, 'bytes');
    my $third = 1 / 3;
    ok(percentile(50, [$third]) == $third, 'fractions');
};

package Samples {
    use overload '0+' => sub { 3 }, fallback => 1;
}

package Tied {
    sub TIEARRAY { return bless [] }
    sub FETCHSIZE { return 3 }
    sub FETCH { return $_[1] + 1 }
}

subtest 'values of many kinds' => sub {
    tie(my @tied, 'Tied');
    is(percentile(100, \@tied), 3, 'a tied array');
    is(percentile(50, [bless {}, 'Samples']), 3, 'an object that is a number');
    is(percentile(50, bless([1], 'Anything')), 1, 'a blessed array');
    is(percentile(50, ["1e3", " 1"]), 1, 'as Perl has numbers');
    my $wide = "12\x{263a}";
    chop($wide);
    is(percentile($wide, [4]), 4, 'an upgraded text');
};

subtest 'rubbish is refused' => sub {
    my @cases = (
        [sub { percentile(undef, [1]) }, qr/^p is undefined/],
        [sub { percentile('abc', [1]) }, qr/^p is no number/],
        [sub { percentile([], [1]) }, qr/^p is a reference/],
        [sub { percentile(100.1, [1]) }, qr/^percentile 100.1 is not between/],
        [sub { percentile($nan, [1]) }, qr/is not between/],
        [sub { percentile(50) }, qr/^samples is no array/],
        [sub { percentile(50, 'abc') }, qr/^samples is no array/],
        [sub { percentile(50, { 1 => 2 }) }, qr/^samples is no array/],
        [sub { percentile(50, ['10G']) }, qr/^an element of samples is no number/],
        [sub { percentile(50, ['']) }, qr/^an element of samples is no number/],
        [sub { percentile(50, [[1]]) }, qr/^an element of samples is a reference/],
        [sub { percentile(50, ["\x{263a}"]) }, qr/^an element of samples is no number/],
        [sub { distance([undef], [1]) }, qr/^a has elements that are undefined/],
        [sub { distance([1], ['x']) }, qr/^an element of b is no number/],
        [sub { distance([$nan], [1]) }, qr/is not a number/],
        [sub { distance([9**9**9], [1]) }, qr/is not a number/],
        [sub { dotprod([1], [1], 'normX') }, qr/^dot product mode 'normX' is not/],
        [sub { dotprod([1], [1], {}) }, qr/^mode is a reference/],
        [sub { dotprod([1], [1], "\x{263a}") }, qr/^mode has characters that are not bytes/],
        [sub { dotprod([1e300], [1e300]) }, qr/^vectors too large/],
        [sub { normalised([1], [-1]) }, qr/^capacity -1 is negative/],
    );
    for my $case (@cases) {
        my ($code, $why) = $case->@*;
        my $err = failure_of($code);
        is($err && $err->name, 'argument', 'an argument');
        like($err, $why, 'and why');
    }
};

subtest 'many calls take no memory' => sub {
    my @samples = map { $_ / 3 } 1 .. 20;
    my $grown = growth_kib(20_000, sub { percentile(95, \@samples) });
    cmp_ok($grown, '<', 1024, "KiB: $grown");
};

done_testing();
