#!/usr/bin/perl

# Nothing grows: 100,000 calls of each kind, less than 1 MiB.

use v5.36;

use Test::More;

use CompatTest qw(Data Values Errors Returns Counter Shared Speed);

package Tied::Dying {
    sub TIESCALAR { return bless [], shift }
    sub FETCH { die "no FETCH\n" }
}

package Text {
    use overload '""' => sub { 'abc' }, fallback => 1;
}

package main;

sub rss {
    open(my $file, '<', '/proc/self/statm') or die "cannot read /proc: $!\n";
    my $pages = (split(' ', readline($file)))[1];
    return $pages * 4096;
}

my $everything = {
    flag => 1, signed => -5, unsigned => 5, float => 0.5, text => "gr\xfcn", nothing => undef,
    list => [1, 2], table => { a => 1 }, choice => { named => { size => 9 } }, pair => [1, 'x'],
};
my %dying = (x => 'before');
tie $dying{a}, 'Tied::Dying';
my $cycle = [];
push @$cycle, $cycle;
my $text = bless([], 'Text');
my $upgraded = "gr\xfcn";
utf8::upgrade($upgraded);
my $hash = {};
my $object = CompatTest::Counter->new();

my %calls = (
    'data there and back' => sub { CompatTest::Data::take_everything($everything) },
    'bad data' => sub {
        eval { CompatTest::Data::take_everything({ %$everything, list => ['x'] }) }
    },
    'upgraded bytes' => sub { CompatTest::Data::take_bytes($upgraded) },
    'errors' => sub {
        eval { CompatTest::Errors::fail() }
    },
    'structured errors' => sub {
        eval { CompatTest::Errors::fail_structured() }
    },
    'panics' => sub {
        eval { CompatTest::Errors::panic_with_text() }
    },
    'panics in arguments' => sub {
        eval { CompatTest::Errors::panic_in_argument(['x']) }
    },
    'panics in results' => sub {
        eval { CompatTest::Errors::panic_in_result() }
    },
    'errors in results' => sub {
        eval { CompatTest::Errors::fail_in_result() }
    },
    'dying FETCH' => sub {
        eval { CompatTest::Data::take_list([1, \%dying]) }
    },
    'dying FETCH of a raw value' => sub {
        eval { CompatTest::Values::convert([\%dying]) }
    },
    'overloaded text' =>
        sub { CompatTest::Values::text($text); CompatTest::Data::take_string($text) },
    'cyclic data' => sub {
        eval { CompatTest::Data::take_nest($cycle) }
    },
    'lists' =>
        sub { my @list = CompatTest::Returns::five(); @list = CompatTest::Returns::long_tuple() },
    'objects' =>
        sub { CompatTest::Counter->new()->next(); CompatTest::Shared->new('x')->text() },
    'wrong objects' => sub {
        eval { CompatTest::Counter::next({}) }
    },
    'methods' => sub { $object->next() },
    'values' => sub {
        CompatTest::Values::store($hash, 'x', [1]);
        CompatTest::Values::fetch($hash, 'x');
        CompatTest::Values::build();
        CompatTest::Values::keep_inside({ name => 'x', keep => $object });
    },
    'wrong calls' => sub {
        eval { CompatTest::Data->can('take_two')->() }
    },
    'nested results' => sub { CompatTest::Speed::info() },
);

for my $name (sort keys %calls) {
    my $call = $calls{$name};
    # Buffers reach their size, and the allocator its arenas.
    $call->() for 1 .. 2000;
    my $before = rss();
    $call->() for 1 .. 100_000;
    my $growth = rss() - $before;
    cmp_ok($growth, '<', 1 << 20, "$name: grew by " . int($growth / 1024) . ' KiB');
}
@$cycle = ();

done_testing();
