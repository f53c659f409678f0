#!/usr/bin/perl

# Tied variables, overloading, restricted hashes: they work, or die as they themselves wish, and no
# Rust frame is jumped over.

use v5.36;

use Test::More;

use Hash::Util qw(lock_keys lock_hash);
use CompatTest qw(Data Values Beyond Errors);

sub call ($name, @args) { no strict 'refs'; return &{"CompatTest::$name"}(@args) }

sub error ($name, @args) {
    eval { call($name, @args); 1 } and return 'no error';
    return $@;
}

package Tied::Scalar {
    sub TIESCALAR { my ($class, $fetch) = @_; return bless { fetch => $fetch, count => 0 }, $class }
    sub FETCH { my ($self) = @_; $self->{count}++; return $self->{fetch}->() }
}

package Tied::Array {

    sub TIEARRAY {
        my ($class, $size, $fetch) = @_;
        return bless { size => $size, fetch => $fetch }, $class;
    }
    sub FETCHSIZE { my ($self) = @_; return $self->{size} }
    sub FETCH { my ($self, $index) = @_; return $self->{fetch}->($index) }
}

package Tied::Hash {
    require Tie::Hash;
    our @ISA = ('Tie::StdHash');
}

package Dying::Hash {
    sub TIEHASH { return bless {}, shift }
    sub FETCH { die "no FETCH\n" }
    sub FIRSTKEY { return 'a' }
    sub NEXTKEY { return undef }
    sub EXISTS { die "no EXISTS\n" }
    sub STORE { die "no STORE\n" }
}

package Shy::Hash {
    our @ISA = ('Dying::Hash');
    sub FIRSTKEY { die { code => 5 } }
}

package Text {
    use overload '""' =>
        sub { my ($self) = @_; return ref($self->{text}) ? $self->{text}->() : $self->{text} },
        fallback => 1;
    sub new { my ($class, $text) = @_; return bless { text => $text }, $class }
}

package Compared {
    use overload '==' => sub { 1 }, fallback => 1;
}

package main;

subtest 'tied scalars' => sub {
    my $tie = tie my $tied, 'Tied::Scalar', sub { '12' };
    is(CompatTest::Data::take_u64($tied), 12, 'a number');
    is($tie->{count}, 1, 'fetched once');
    my @list = (1);
    tie $list[1], 'Tied::Scalar', sub { '12' };
    push @list, \$tied;
    is(call('Data::take_list', \@list), 25, 'within a list');
    is(CompatTest::Values::element(\@list, 1), '12', 'an element read as it is');
    is(CompatTest::Values::text($tied), '12', 'as a raw value');
    is(CompatTest::Values::is_undef($tied), 0, 'which is not undef');
    is(CompatTest::Values::pass($tied), '12', 'passed through');
    tie my $reference, 'Tied::Scalar', sub { return { a => 'b' } };
    is(CompatTest::Values::fetch($reference, 'a'), 'b', 'a reference');
    my %dying;
    tie $dying{format}, 'Tied::Scalar', sub { die "no FETCH\n" };
    is(error('Data::take_options', \%dying), "no FETCH\n", 'dying within a hash');
    is(
        error('Values::convert', [\$dying{format}]), "no FETCH\n",
        'dying in a later conversion'
    );
    is(error('Values::fetch', \%dying, 'format'), "no FETCH\n", 'dying when fetched');
    tie my $dying, 'Tied::Scalar', sub { die "no FETCH\n" };
    is((eval { CompatTest::Data::take_u64($dying); 1 } ? '' : $@), "no FETCH\n", 'dying');
    is(
        (eval { CompatTest::Values::text($dying); 1 } ? '' : $@), "no FETCH\n",
        'dying as a raw value'
    );
    my $cyclic;
    tie $cyclic, 'Tied::Scalar', sub { return \$cyclic };
    like(error('Data::take_list', [\$cyclic]), qr/deeper than 512/, 'that refers to itself');
    my ($one, $two) = tied_pair();
    is(
        CompatTest::Data::take_two($$one, $$two), '1 Some(2)',
        'one that frees another argument'
    );
};

sub tied_pair {
    my $victim = { x => 1 };
    tie my $killer, 'Tied::Scalar', sub { delete $victim->{x}; undef $victim; return 2 };
    return (\$victim->{x}, \$killer);
}

subtest 'tied arrays' => sub {
    tie my @tied, 'Tied::Array', 3, sub { $_[0] * 10 };
    is(call('Data::take_list', \@tied), 30, 'converted');
    is(call('Values::join', \@tied), '0,10,20', 'read as it is');
    is(call('Values::element', \@tied, 2), 20, 'an element');
    like(error('Values::append', \@tied, 1), qr/cannot change a tied/, 'cannot be changed');
    tie my @dying, 'Tied::Array', 3, sub { die "no FETCH of $_[0]\n" };
    is(error('Data::take_list', \@dying), "no FETCH of 0\n", 'dying');
    is(error('Values::join', \@dying), "no FETCH of 0\n", 'dying when read as it is');
    tie my @endless, 'Tied::Array', 1 << 30, sub { 1 };
    like(
        error('Data::take_list', \@endless), qr/^parameter 'value': more than 4194304 values/,
        'without an end'
    );
};

subtest 'tied hashes' => sub {
    tie my %tied, 'Tied::Hash';
    %tied = (format => 'raw', 'max-depth' => 5);
    like(call('Data::take_options', \%tied), qr/Some\("raw"\).*max_depth: 5/, 'converted');
    is(call('Values::fetch', \%tied, 'format'), 'raw', 'a value');
    is(call('Beyond::hash_length', \%tied), 2, 'the number of keys');
    is_deeply(
        call('Beyond::pairs', \%tied), [['format', 'raw'], ['max-depth', 5]],
        'all of it'
    );
    like(error('Values::store', \%tied, 'x', 1), qr/cannot change a tied/, 'cannot be changed');
    tie my %dying, 'Dying::Hash';
    is(error('Data::take_options', \%dying), "no FETCH\n", 'dying');
    tie my %shy, 'Shy::Hash';
    is_deeply(error('Data::take_options', \%shy), { code => 5 }, 'dying with a structure');
    my $before = CompatTest::Beyond::guards_dropped();
    $@ = 'kept';
    is_deeply(
        error('Beyond::read_under_guard', \%shy, 'x'), { code => 5 },
        'dying when read as it is'
    );
    is(CompatTest::Beyond::guards_dropped(), $before + 1, 'Rust destructors ran');
};

subtest 'overloading' => sub {
    is(call('Data::take_string', Text->new('abc')), 'abc', 'text');
    is(call('Data::take_u64', Text->new('12')), 12, 'a number');
    is(call('Data::take_list', [Text->new('1'), 2]), 3, 'within data');
    is(call('Values::text', Text->new('abc')), 'abc', 'as a raw value');
    is(call('Values::pass', Text->new('abc'))->{text}, 'abc', 'a value is not converted');
    my $dying = Text->new(sub { die "no text\n" });
    is(error('Data::take_string', $dying), "no text\n", 'dying');
    is(error('Data::take_list', [$dying]), "no text\n", 'dying within data');
    my $before = CompatTest::Beyond::guards_dropped();
    is(error('Beyond::text_under_guard', $dying), "no text\n", 'dying as a raw value');
    is(CompatTest::Beyond::guards_dropped(), $before + 1, 'Rust destructors ran');
    my $nested = Text->new(sub { return Text->new('inner') });
    is(call('Data::take_string', $nested), 'inner', 'text that is an object again');
    my $loop;
    $loop = Text->new(sub { return Text->new($loop->{text}) });
    ok(error('Data::take_string', $loop) ne 'no error', 'text without an end');
    $loop->{text} = '';
    like(
        call('Data::take_options', bless({ format => 'raw' }, 'Compared')), qr/raw/,
        'an object without a text is its data'
    );
    like(
        call('Data::take_options', bless({ format => 'raw' }, 'Plain')), qr/raw/,
        'as is any other'
    );
    require JSON::PP;
    is(call('Data::take_bool', JSON::PP::true()), 1, "JSON's true");
    is(call('Data::take_bool', JSON::PP::false()), 0, "JSON's false");
    require Math::BigInt;
    is(
        call('Data::take_u64', Math::BigInt->new('18446744073709551615')),
        '18446744073709551615',
        'a big integer'
    );
};

subtest 'special variables' => sub {
    "abc" =~ m/(b)/;
    is(call('Data::take_string', $1), 'b', 'a match');
    is(CompatTest::Data::take_str($1), 'b', 'a match, called directly');
    local $! = 2;
    is(CompatTest::Data::take_i64($!), 2, 'errno');
    local $ENV{COMPAT_X} = 'x';
    is(CompatTest::Data::take_str($ENV{COMPAT_X}), 'x', 'the environment');
    my $text = 'abcdef';
    is(CompatTest::Data::take_str(substr($text, 2, 2)), 'cd', 'a substring');
    is(CompatTest::Data::take_u64(scalar(@{ [1, 2] })), 2, 'a count');
};

subtest 'restricted and read-only data' => sub {
    my %locked = (a => 1);
    lock_keys(%locked, 'a', 'b');
    is(call('Values::fetch', \%locked, 'a'), 1, 'a key');
    is(call('Values::fetch', \%locked, 'b'), undef, 'a key that is allowed');
    is(call('Values::fetch', \%locked, 'c'), undef, 'a key that is not');
    is(call('Beyond::hash_length', \%locked), 1, 'the number of keys');
    like(error('Values::store', \%locked, 'a', 2), qr/cannot change/, 'cannot be changed');
    my %options = (format => 'raw', strict => 1);
    lock_hash(%options);
    like(call('Data::take_options', \%options), qr/raw.*strict: true/, 'converted');
    my @constant = (1);
    Internals::SvREADONLY(@constant, 1);
    like(error('Values::append', \@constant, 1), qr/cannot change/, 'a read-only array');
    is(call('Data::take_u64', 5), 5, 'constants');
};

subtest 'tied variables inside of objects' => sub {
    tie my $tied, 'Tied::Scalar', sub { 'raw' };
    tie my %hash, 'Tied::Hash';
    my $object = bless({ format => \$tied }, 'Plain');
    like(
        error('Data::take_options', $object), qr/format: a tied variable inside of an object/,
        'a scalar'
    );
    like(
        error('Data::take_options', bless({ format => \%hash }, 'Plain')),
        qr/a tied variable/, 'a hash'
    );
};

is($@, '', 'reading left no exception behind')
    if eval { call('Values::text', Text->new('abc')); 1 };

done_testing();
