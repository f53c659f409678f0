#!/usr/bin/perl

# Perl values taken and given as they are.

use v5.36;

use Test::More;

use CompatTest qw(Values Beyond Data);

sub call ($name, @args) { no strict 'refs'; return &{"CompatTest::$name"}(@args) }

sub error ($name, @args) {
    eval { call($name, @args); 1 } and return 'no error';
    return $@;
}

my $code = sub { 7 };
my $object = bless({ a => [1] }, 'Some::Class');
for my $name (qw(pass pass_raw)) {
    is(call("Values::$name", $code), $code, "$name: code");
    is(call("Values::$name", $object), $object, "$name: an object");
    is(call("Values::$name", \*STDOUT), \*STDOUT, "$name: a glob");
    my $cycle = [];
    push @$cycle, $cycle;
    is(call("Values::$name", $cycle), $cycle, "$name: cyclic data");
    @$cycle = ();
}
my $kept = call('Values::keep_inside', { name => 'x', keep => $code });
is($kept->{keep}, $code, 'a value within data stays as it is');
is(
    call('Values::keep_inside', { name => 'x', keep => $object })->{keep}, $object,
    'an object, too'
);
$object->{self} = $object;
is(
    call('Values::keep_inside', { name => 'x', keep => $object })->{keep}, $object,
    'even a cyclic one'
);
delete $object->{self};
is(call('Values::keep_inside', { name => 'x', keep => undef })->{keep}, undef, 'undef');

is_deeply([call('Values::numbers', $_->[0])], [$_->[1], $_->[2]], "the numbers of '$_->[0]'")
    for [5, 5, 5], ["7", 7, 7], [2.5, 2, 2.5], ["3.75x", 3, 3.75], ["abc", 0, 0], [-1, -1, -1];
is(call('Values::text', "gr\xfcn"), "gr\xfcn", 'text');
is(call('Values::text', 12), '12', 'a number as text');
is(call('Values::byte_count', "gr\xfcn"), 4, 'bytes');
my $upgraded = "gr\xfcn";
utf8::upgrade($upgraded);
is(call('Values::byte_count', $upgraded), 4, 'bytes of an upgraded string');
ok(utf8::is_utf8($upgraded), 'which stays upgraded');
is(call('Values::byte_count', "\x{20ac}"), 3, 'bytes of a wide character');
is(call('Values::is_undef', undef), 1, 'undef');
is(call('Values::is_undef', ''), 0, 'an empty string is not undef');
is(call('Values::kind', $_->[0]), $_->[1], $_->[1]) for [1, 'scalar'], [[], 'reference'];
is_deeply(call('Values::class_of', $object), ['Some::Class', 'HASH'], 'the class of an object');
is_deeply(call('Values::class_of', []), ['ARRAY', 'ARRAY'], 'the type of an array');

my $hash = { a => 1, "k\xe4se" => 2, "\x{20ac}" => 3 };
is(call('Values::fetch', $hash, $_), $hash->{$_}, 'a value of a hash') for keys %$hash;
is(call('Values::fetch', $hash, 'x'), undef, 'a key that is not there');
is(call('Values::store', $hash, "\x{20ac}", [4]), 3, 'a value is replaced');
is_deeply($hash->{"\x{20ac}"}, [4], 'by the new one');
is(call('Values::store', $hash, 'new', $code), 4, 'a value is added');
is($hash->{new}, $code, 'as it is');
like(error('Values::fetch', [], 'x'), qr/^not a hash reference\n/, 'an array for a hash');
is(call('Values::element', [1, 2], 1), 2, 'an element');
is(call('Values::element', [1, 2], 2), undef, 'an element that is not there');
my $list = [1];
is(call('Values::append', $list, 'x'), 2, 'a value is appended');
is_deeply($list, [1, 'x'], 'to the array itself');
is(call('Values::join', [1, 'b', undef]), '1,b,', 'the elements of an array');

is_deeply(
    call('Values::build'),
    { array => [-5, 18446744073709551615, 0.5, "gr\xfcn", "\xff", undef], length => 6 },
    'a structure made by hand',
);
is_deeply(call('Values::convert', [1, "2"]), [1, 2], 'converted later');
like(error('Values::convert', ['x']), qr/^\[0\]: /, 'with an error');
is_deeply(call('Values::convert_and_back', { a => ["1"] }), { a => [1] }, 'and back');
isa_ok(call('Values::bless_into', {}, 'Some::Class'), 'Some::Class', 'blessed');
like(error('Values::bless_into', {}, 'No::Such::Class'), qr/there is no package/, 'no such class');
like(error('Values::bless_into', 'x', 'Some::Class'), qr/cannot be blessed/, 'not a reference');

# Destructors of what Rust lets go run when nothing of ours is on the stack any more.
package Died::Late {
    our $died = 0;
    sub DESTROY { $died++ }
}
{
    my $holder = { x => bless([], 'Died::Late') };
    call('Values::store', $holder, 'x', 1);
    is($Died::Late::died, 1, 'a replaced object is destroyed');
}

is(
    call('Beyond::as_json', { a => [1, "x", undef, 0.5] }), '{"a":[1,"x",null,0.5]}',
    'in another format'
);
is_deeply(
    call('Beyond::from_json', '{"a":[1,"x",null,18446744073709551615,true]}'),
    { a => [1, 'x', undef, 18446744073709551615, 1] }, 'from another format'
);
like(error('Beyond::from_json', '{"$perlmod::Value":1'), qr/EOF/, 'what is no JSON');
is(
    call('Beyond::any', [1, "1", 1.5, undef, !!1, { a => [] }]),
    '[1,"1",1.5,null,true,{"a":[]}]',
    'what is not told what to be'
);

done_testing();
