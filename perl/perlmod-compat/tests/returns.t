#!/usr/bin/perl

# Lists, scalars and nothing.

use v5.36;

use Test::More;

use CompatTest;

BEGIN { CompatTest::load('Returns') }

my @list = CompatTest::Returns::nothing();
is_deeply(\@list, [], 'nothing is an empty list');
my $scalar = CompatTest::Returns::nothing();
is($scalar, undef, 'and undef as a scalar');
@list = CompatTest::Returns::nothing_or_error(0);
is_deeply(\@list, [], 'the same in a Result');
is(eval { CompatTest::Returns::nothing_or_error(1); 1 }, undef, 'or an error');
is($@, "asked to fail\n", 'which has a text');

is_deeply([CompatTest::Returns::five()], [1, 'two', undef, [4], 1], 'a tuple is a list');
is(scalar(CompatTest::Returns::five()), 1, 'of which a scalar is the last');
is_deeply([CompatTest::Returns::pair()], [17, 32], 'a tuple in a Result');
is_deeply([CompatTest::Returns::raw_pair()], [-1, []], 'a tuple of values');
is_deeply([CompatTest::Returns::long_tuple()], [0 .. 9], 'a long tuple');

is_deeply([CompatTest::Returns::by_context(3)], [0, 1, 2], 'a list in list context');
is(scalar(CompatTest::Returns::by_context(3)), 3, 'a number in scalar context');
is_deeply([CompatTest::Returns::by_context(0)], [], 'an empty list');
is_deeply([CompatTest::Returns::by_context(100_000)], [0 .. 99_999], 'a long list');
is_deeply([CompatTest::Returns::by_context_aliased(0)], ['a'], 'under another name of the type');
is(scalar(CompatTest::Returns::by_context_aliased(1)), 'one', 'in scalar context');
is(
    eval { @list = CompatTest::Returns::by_context_aliased(1); 1 }, undef,
    'an error in list context'
);

is(scalar(CompatTest::Returns::context()), 'scalar', 'scalar context');
is_deeply([CompatTest::Returns::context()], ['list'], 'list context');
is(scalar(CompatTest::Returns::wants_list()), 0, 'wantarray');
is_deeply([CompatTest::Returns::wants_list()], [1], 'wantarray in a list');

is(CompatTest::Returns::renamed(), 1, 'another name');
ok(!defined(&CompatTest::Returns::original_name), 'instead of the first');
is(prototype('CompatTest::Returns::by_context'), '$', "a parameter's prototype");
is(prototype('CompatTest::Returns::nothing'), '', 'no parameter');
is(prototype('CompatTest::Returns::with_prototype'), '\@;$', 'a prototype as given');
my @array = (1, 2, 3);
is(CompatTest::Returns::with_prototype(@array), 3, 'which Perl follows');

is(CompatTest::Returns::times_loaded(), 1, 'the boot function ran once');
{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    local $^W = 1;
    CompatTest::load('Returns');
    is_deeply([grep { !m/bootstrap/ } @warnings], [], 'loading again says nothing');
}
is(CompatTest::Returns::times_loaded(), 1, 'nor does it run again');

done_testing();
