#!/usr/bin/perl -T

# Under taint mode.

use v5.36;

use Test::More;
use Scalar::Util qw(tainted);

use CompatTest qw(Data Values Counter Returns Errors);

ok(${^TAINT}, 'taint mode is on');
my $taint = substr($ENV{PATH} // $0, 0, 0);
ok(tainted($taint), 'there is something tainted');

ok(!tainted(CompatTest::Data::take_string('clean')), 'clean in, clean out');
my @mixed = ("tainted$taint", CompatTest::Data::take_string('clean'));
ok(!tainted($mixed[1]), 'whatever else is in the statement');
ok(tainted($mixed[0]), 'which stays tainted');
my $tainted = "text$taint";
ok(tainted(CompatTest::Data::take_string($tainted)), 'tainted in, tainted out');
is(CompatTest::Data::take_string($tainted), 'text', 'with the right text');
is(CompatTest::Data::take_u64("5$taint"), 5, 'a tainted number');
is(CompatTest::Data::take_str($ENV{PATH}), $ENV{PATH}, 'the environment');
my $hash = CompatTest::Data::take_table({ 1 => $tainted });
is_deeply($hash, { 1 => 'text' }, 'tainted data');
ok(tainted($hash->{1}), 'stays tainted');
ok(!tainted(CompatTest::Data::take_table({ 1 => 'x' })->{1}), 'clean data stays clean');
is_deeply([CompatTest::Returns::five()], [1, 'two', undef, [4], 1], 'lists');
is(CompatTest::Values::text($tainted), 'text', 'a raw value');
is(CompatTest::Counter->new("4$taint")->next(), 5, 'an object');
eval { CompatTest::Data::take_u64("abc$taint") };
like($@, qr/"abc"/, 'an error');
eval { CompatTest::Errors::panic_with_text() };
like($@, qr/^internal error/, 'a panic');
ok(!tainted(CompatTest::Data::take_string('clean')), 'clean after all that');

done_testing();
