#!/usr/bin/perl

# Native objects.

use v5.36;

use Test::More;

use CompatTest qw(Counter Shared Bomb Values Data);

my $C = 'CompatTest::Counter';

my $counter = CompatTest::Counter->new(5);
is($counter->next(), 6, 'a method');
is($counter->next(), 7, 'with a state');
isa_ok($counter, $C);
is(CompatTest::Counter::alive(), 1, 'one is alive');

my $not_one = qr/^not a CompatTest::Counter object, or one that is gone\n\z/;
my $no_reference = qr/^not a reference to a CompatTest::Counter object\n\z/;
my @wrong = (
    [undef, $no_reference], ['text', $no_reference], [5, $no_reference],
    [$C, $no_reference], [{}, $not_one], [[], $not_one], [sub { }, $not_one],
    [\undef, $not_one], [bless({}, $C), $not_one], [bless([], $C), $not_one],
    [bless(\my $x, $C), $not_one], [CompatTest::Shared->new('x'), $not_one],
    [\*STDOUT, $not_one],
    [qr/x/, $not_one],
);
for my $case (@wrong) {
    my ($value, $error) = @$case;
    eval { CompatTest::Counter::next($value) };
    like($@, $error, 'not one: ' . ($value // 'undef'));
}

my $copy = bless({%$counter}, $C);
eval { $copy->next() };
like($@, $not_one, 'a copy of its hash is not one');
require Storable;
my $clone = Storable::dclone($counter);
eval { $clone->next() };
like($@, $not_one, 'nor is a deep clone');
undef $clone;
is($counter->next(), 8, 'the object itself still is');

@Sub::Counter::ISA = ($C);
is(Sub::Counter->new()->next(), 1, 'a subclass');
eval { CompatTest::Counter::new('No::Such::Class') };
like($@, qr/^there is no package/, 'no such class');
eval { CompatTest::Counter::new($counter) };
like($@, qr/class name is needed/, 'an object for a class');
eval { CompatTest::Counter::new(undef) };
like($@, qr/there is no package ""/, 'undef for a class');
is(CompatTest::Counter::alive(), 1, 'failed constructors leave nothing');

undef $counter;
is(CompatTest::Counter::alive(), 0, 'gone when the last reference is');
{
    my $cycle = CompatTest::Counter->new();
    $cycle->{self} = $cycle;
    require Scalar::Util;
    Scalar::Util::weaken($cycle->{self});
    is($cycle->{self}->next(), 1, 'by a weak reference');
}
is(CompatTest::Counter::alive(), 0, 'gone, too');

$counter = CompatTest::Counter->new();
eval { $counter->explode() };
like($@, qr/^internal error: while counting \(at/, 'a panic in a method');
eval { $counter->next() };
is($@, "the counter is broken\n", 'poisons the lock');
is(CompatTest::Data::take_option(1), 'Some(1)', 'and nothing else');
undef $counter;

my $shared = CompatTest::Shared->new('kept');
is($shared->text(), 'kept', 'an object with a destructor of its own');
$shared->DESTROY();
eval { $shared->text() };
is($@, "not one of ours\n", 'destroyed by hand');
$shared->DESTROY();
undef $shared;
pass('and once more by Perl');
CompatTest::Shared::DESTROY($_) for undef, 'x', {}, [];
pass('destructors of something else');

{
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $bomb = CompatTest::Bomb->new();
    undef $bomb;
    is(scalar(@warnings), 1, 'a panic in a destructor is a warning');
    like($warnings[0], qr/^internal error: while dropping \(at \S+:\d+\)\n\z/, 'with its text');
}

ok($C->can('CLONE_SKIP') && $C->CLONE_SKIP(), 'objects are not cloned into threads');
ok(Sub::Counter->can('CLONE_SKIP'), "a subclass's neither");

done_testing();
