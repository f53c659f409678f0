package RandomValues;

# Perl data of every kind, as a string of bytes says, given to every function of the test library.
# fuzz.t runs it over seeds and mutants of its own; fuzz/ runs it under libFuzzer with an interpreter
# of its own. Only pure Perl is used, so that the interpreter need not load anything.

use v5.36;

use utf8 ();

# Nothing in here is worth a warning: numbers are texts and texts are numbers on purpose.
no warnings;

# Functions by the number of their arguments.
my @ONE = qw(
    Data::take_u64 Data::take_i64 Data::take_u8 Data::take_f64 Data::take_bool Data::take_string
    Data::take_str Data::take_char Data::take_bytes Data::take_byte_buf Data::take_option
    Data::take_list Data::take_table Data::take_options Data::take_everything Data::take_choices
    Data::take_nest Values::keep_inside Values::pass Values::pass_raw Values::numbers Values::text
    Values::byte_count Values::is_undef Values::kind Values::class_of Values::join Values::convert
    Values::convert_and_back Beyond::text_under_guard Beyond::hash_length Beyond::pairs
    Beyond::as_json Beyond::from_json Beyond::any Counter::next Shared::text
);
my @TWO = qw(
    Data::take_two Values::fetch Values::element Values::append Values::bless_into
    Beyond::read_under_guard
);
my @FUNCTIONS = ((map { [$_, 1] } @ONE), (map { [$_, 2] } @TWO), ['Values::store', 3]);

my @TEXTS = (
    '', '0', '1', '-1', '5', '+7', '1e3', '0.5', '3.7', '10G', 'abc', ' 5', "5\n", 'NaN', 'Inf',
    '18446744073709551615', '18446744073709551616', '-9223372036854775808', '1e308', '1e-320',
    'nothing', 'one-thing', 'two-things', 'named', 'size', '{"a":[1,null,"b"]}', '[[[[]]]]',
    "\0",
);

my @KEYS = (
    qw(flag signed unsigned float text nothing list table choice pair format timeout max-depth
        strict name keep one-thing two-things named size 0 1 -1 18446744073709551615),
    '', "\xe9", "\x{20ac}", "a\0b",
);

my @NUMBERS = (
    0, 1, -1, 255, 256, 65535, 65536, 4294967295, 4294967296, 9223372036854775807,
    9223372036854775808, 18446744073709551615, -9223372036854775808, 2**53, 2**63, 2**64, 1e300,
    0.5, -0.0, 3.7, 9**9**9, -9**9**9, -sin(9**9**9),
);

# Deepest nesting that is made on purpose; cycles go deeper.
my $DEPTH = 12;

# The bytes that are left, and the containers that were made.
my ($bytes, @made);

sub number ($bound) {
    return 0 if !length($bytes);
    my $byte = ord(substr($bytes, 0, 1, ''));
    return $byte % $bound;
}

sub take ($count) { return substr($bytes, 0, $count, '') }

sub pick ($list) { return $list->[number(scalar(@$list))] }

package RandomValues::Scalar {
    sub TIESCALAR { my ($class, @self) = @_; return bless [@self], $class }

    sub FETCH {
        my ($self) = @_;
        my ($value, $how, $other) = @$self;
        die "no value\n" if $how == 1;
        die { code => 5 } if $how == 2;
        # Others change what is being looked at.
        RandomValues::empty($other) if $how == 3;
        $self->[0] = [$value] if $how == 4;
        return $value;
    }
    sub STORE { return }
}

package RandomValues::Array {
    sub TIEARRAY { my ($class, @self) = @_; return bless [@self], $class }

    sub FETCHSIZE {
        my ($self) = @_;
        my $how = $self->[1];
        die "no length\n" if $how == 1;
        return $how == 2 ? -1 : $how == 3 ? 'many' : $how == 4 ? 1000 : 3;
    }

    sub FETCH {
        my ($self, $index) = @_;
        die "no element\n" if $self->[1] == 5 && $index == 2;
        return $index == 0 ? $self->[0] : $index;
    }
    sub STORE { return }
    sub STORESIZE { return }
    sub EXTEND { return }
    sub PUSH { return 1 }
    sub CLEAR { return }
}

package RandomValues::Hash {
    sub TIEHASH { my ($class, @self) = @_; return bless [@self, 0], $class }
    sub FIRSTKEY { my ($self) = @_; $self->[2] = 0; return $self->next }
    sub NEXTKEY { my ($self) = @_; return $self->next }

    sub next ($self) {
        my $how = $self->[1];
        die "no key\n" if $how == 1;
        return if $self->[2]++ >= ($how == 2 ? 1000 : 3);
        return $how == 3 ? [] : $how == 4 ? 'same' : "key$self->[2]";
    }

    sub FETCH {
        my ($self, $key) = @_;
        die "no value\n" if $self->[1] == 5;
        return $self->[0];
    }
    sub EXISTS { return 1 }
    sub STORE { return }
    sub DELETE { return }
    sub CLEAR { return }
    sub SCALAR { return 1 }
}

package RandomValues::Overloaded {
    use overload
        '""' =>
        sub { my ($self) = @_; die "no text\n" if $self->{how} == 1; return $self->{value} },
        '0+' => sub { my ($self) = @_; die "no number\n" if $self->{how} == 2; return 5 },
        'bool' => sub { return 1 },
        '@{}' => sub { return [1, 2] },
        'fallback' => 1;
}

package RandomValues::Plain {
    # An object that does something when it goes.
    sub DESTROY { my ($self) = @_; $RandomValues::destroyed++; return }
}

package RandomValues;

our $destroyed = 0;

# Takes a container's content away, whatever it is.
sub empty ($container) {
    my $type = builtin_reftype($container);
    if ($type eq 'ARRAY') {
        untie(@$container);
        eval { @$container = () };
    } elsif ($type eq 'HASH') {
        untie(%$container);
        Internals::SvREADONLY(%$container, 0);
        eval { %$container = () };
    } elsif ($type eq 'REF' || $type eq 'SCALAR') {
        eval { untie($$container); $$container = undef };
    }
    return;
}

# What reftype() says, without the module that has it.
sub builtin_reftype ($reference) {
    my ($type) = overload::StrVal($reference) =~ m/([A-Z]+)\(0x[0-9a-f]+\)\z/;
    return $type // '';
}

sub text () {
    my $how = number(8);
    return pick(\@TEXTS) if $how < 3;
    my $text = take(number(32));
    utf8::upgrade($text) if $how == 3;
    utf8::decode($text) if $how == 4;
    return join('', map { chr(ord($_) * 300) } split(//, $text)) if $how == 5;
    return $text x 500 if $how == 6;
    # Characters that Unicode does not have.
    return $text . chr(0xd800 + number(256)) . chr(0x110000 + number(256)) if $how == 7;
    return $text;
}

sub key () { return number(4) ? pick(\@KEYS) : text() }

sub array ($depth) {
    my $array = [];
    push @made, $array;
    $array->[$_] = value($depth + 1) for 0 .. number(5) - 1;
    my $how = number(16);
    $array->[$#$array + 3] = 1 if $how == 0;
    @$array = (@$array, (0) x 3000) if $how == 1;
    return $array;
}

sub hash ($depth) {
    my $hash = {};
    push @made, $hash;
    for (1 .. number(6)) {
        my $key = key();
        $hash->{$key} = value($depth + 1);
    }
    my $how = number(16);
    each(%$hash) if $how == 1;
    $hash->{"many$_"} = $_ for 1 .. ($how == 2 ? 500 : 0);
    if ($how == 0) {
        # Restricted, with a key that may be there and is not.
        $hash->{gone} = 1;
        Internals::SvREADONLY(%$hash, 1);
        delete($hash->{gone});
    }
    return $hash;
}

# What take_everything wants, with one thing in it changed.
sub everything ($depth) {
    my $hash = {
        flag => 1, signed => -5, unsigned => 18446744073709551615, float => 0.5, text => 'a',
        nothing => undef, list => [1, '2', 3.0], table => { a => 1, b => '-2' },
        choice => { named => { size => 7 } }, pair => [1, 'x'],
    };
    push @made, $hash;
    my @keys = sort(keys(%$hash));
    $hash->{ $keys[number(scalar(@keys))] } = value($depth + 1) if number(4);
    return $hash;
}

sub tied ($depth) {
    my ($kind, $how) = (number(3), number(6));
    my $inner = value($depth + 1);
    my $other = @made ? pick(\@made) : [];
    my ($scalar, @array, %hash);
    tie($scalar, 'RandomValues::Scalar', $inner, $how, $other) if $kind == 0;
    tie(@array, 'RandomValues::Array', $inner, $how) if $kind == 1;
    tie(%hash, 'RandomValues::Hash', $inner, $how) if $kind == 2;
    my $tied = $kind == 0 ? \$scalar : $kind == 1 ? \@array : \%hash;
    push @made, $tied;
    return $tied;
}

# Values that Perl itself treats in ways of their own.
sub odd ($depth) {
    my $how = number(14);
    return sub { return 1 }
        if $how == 0;
    return \*STDOUT if $how == 1;
    return *STDOUT if $how == 2;
    return qr/a(b)/i if $how == 3;
    return v1.22.333 if $how == 4;
    return \substr(my $text = text(), 1, 2) if $how == 5;
    return \pos(my $text = 'abc') if $how == 6;
    return *STDOUT{IO} if $how == 7;
    return \\\value($depth + 1) if $how == 8;
    return \undef if $how == 9;
    return !!number(2) if $how == 10;

    if ($how == 11) {
        local $! = number(40);
        return $!;
    }
    # A text that was used as a number, and the other way round.
    my ($text, $number) = (text(), pick(\@NUMBERS));
    my @used = ($text + 0, $text | 0, "$number");
    return $how == 12 ? $text : $number;
}

sub object ($depth) {
    my $how = number(6);
    my $inner = $how % 2 ? hash($depth + 1) : array($depth + 1);
    # A restricted hash cannot be blessed.
    return eval { bless($inner, 'RandomValues::Plain') } // $inner if $how < 2;
    return eval { bless($inner, 'No::Such::Class') } // $inner if $how == 2;
    return CompatTest::Counter->new(5) if $how == 3;
    return CompatTest::Shared->new('text') if $how == 4;
    my $object =
        bless({ value => value($depth + 1), how => number(4) }, 'RandomValues::Overloaded');
    push @made, $object;
    return $object;
}

sub nest ($depth) {
    my $value = value($depth + 1);
    my $count = 3 * number(256);
    $value = $count % 2 ? [$value] : { a => $value } for 1 .. $count;
    return $value;
}

sub value ($depth) {
    my $how = $depth > $DEPTH ? number(8) : number(22);
    return undef if $how == 0;
    return number(256) if $how == 1;
    return pick(\@NUMBERS) if $how == 2;
    return unpack('q', take(8) . "\0" x 8) if $how == 3;
    return unpack('d', take(8) . "\0" x 8) if $how == 4;
    return text() if $how < 8;
    return array($depth) if $how < 11;
    return hash($depth) if $how < 14;
    return everything($depth) if $how == 14;
    return tied($depth) if $how == 15;
    return odd($depth) if $how < 18;
    return object($depth) if $how == 18;
    return nest($depth) if $how == 19;
    # Something that is there already: shared, or a circle.
    return @made ? pick(\@made) : undef if $how == 20;
    my $scalar = value($depth + 1);
    push @made, \$scalar;
    return \$scalar;
}

# An exception of the library's is one line; what a tied variable dies with is its own affair.
sub check_error ($name, $error) {
    return if ref($error);
    die "$name: a strange exception: $error" if $error !~ m/\A[^\n]+\n\z/;
    die "$name: $error" if $error =~ m/panic|internal error/i;
    return;
}

# What was taken in must come out as the same text, but for the order of keys, and for the last digit
# of fractions, which the parser that the test library uses does not keep.
sub check_result ($name, @result) {
    return if $name ne 'Beyond::as_json' || !defined($result[0]);
    # What is no Unicode becomes the same character everywhere, also in keys.
    return if $result[0] =~ m/\x{fffd}/;
    my $again = eval { CompatTest::Beyond::as_json(CompatTest::Beyond::from_json($result[0])) };
    return if !defined($again);
    my ($first, $second) = map { s/-?\d+\.\d+(?:e[+-]?\d+)?/0/gr } $result[0], $again;
    die "$name: '$first' became '$second'" if length($first) != length($second);
    return;
}

# Makes the calls that the bytes describe. Dies if something is wrong.
sub run ($input) {
    $bytes = $input;
    @made = ();
    my $failed = '';
    for (1 .. 8) {
        last if !length($bytes);
        my ($name, $count) = pick(\@FUNCTIONS)->@*;
        $count += number(3) - 1 if number(16) == 0;
        my @arguments = map { value(0) } 1 .. $count;
        # Keys and indices are usually strings and numbers.
        $arguments[1] = key() if @arguments > 1 && number(4);
        my $function = \&{"CompatTest::$name"};
        my @result = eval { number(2) ? $function->(@arguments) : scalar($function->(@arguments)) };
        my $error = $@;
        eval { $error ne '' ? check_error($name, $error) : check_result($name, @result); 1 }
            or $failed = $@;
    }
    # Circles would stay for ever.
    my @containers = splice(@made);
    empty($_) for @containers;
    die $failed if $failed ne '';
    return;
}

1;
