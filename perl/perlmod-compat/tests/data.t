#!/usr/bin/perl

# Conversions of data, both ways.

use v5.36;

use Test::More;

use CompatTest qw(Data);

sub call ($name, @args) { no strict 'refs'; return &{"CompatTest::Data::$name"}(@args) }

sub error ($name, @args) {
    eval { call($name, @args); 1 } and return 'no error';
    return $@;
}

subtest 'integers' => sub {
    is(call(take_u64 => 5), 5, 'an integer');
    is(call(take_u64 => "5"), 5, 'a numeric string');
    is(call(take_u64 => "+7"), 7, 'a sign');
    is(call(take_u64 => 5.0), 5, 'a float without a fraction');
    is(call(take_u64 => "1e3"), 1000, 'a string with an exponent');
    is(call(take_u64 => 18446744073709551615), '18446744073709551615', '2^64-1');
    is(call(take_u64 => "18446744073709551615"), '18446744073709551615', '2^64-1 as a string');
    is(call(take_u64 => 9223372036854775808), '9223372036854775808', '2^63');
    is(call(take_u64 => 2**63), '9223372036854775808', '2^63 as a float');
    is(call(take_i64 => -9223372036854775808), '-9223372036854775808', '-2^63');
    is(call(take_i64 => "-9223372036854775808"), '-9223372036854775808', '-2^63 as a string');
    is(call(take_i64 => -3.0), -3, 'a negative float without a fraction');
    my $used = "12";
    my $sum = $used + 1;
    is(call(take_u64 => $used), 12, 'a string that was used as a number');
    my $number = 12;
    my $text = "$number";
    is(call(take_u64 => $number), 12, 'a number that was used as a string');
    is(call(take_u64 => !!1), 1, "Perl's true");

    my $junk = "abc";
    { no warnings; $sum = $junk + 1; }
    like(
        error(take_u64 => $junk), qr/invalid value: string "abc"/,
        'junk that was used as a number'
    );
    my $unit = "10G";
    { no warnings; $sum = $unit + 1; $sum = $unit | 1; }
    like(error(take_u64 => $unit), qr/"10G"/, 'a number with junk behind, used as a number');
    my $fraction = "3.7";
    $sum = int($fraction) | 3;
    like(error(take_u64 => $fraction), qr/3\.7/, 'a fraction that was used as an integer');

    for my $bad (
        "abc", "10G", "", " ", "5 ", " 5", "5\n", "0x10", "1_000", "--1", "+", "NaN", "Inf",
        "3.7", 3.7, "1e-1", -1, "-1", 2**64, "18446744073709551616", 1e300, 9**9**9,
        -sin(9**9**9)
        )
    {
        my $shown = $bad =~ s/\n/\\n/r;
        like(
            error(take_u64 => $bad), qr/^parameter 'value': invalid value: .*\n\z/,
            "refused: '$shown'"
        );
    }
    like(error(take_u8 => 256), qr/integer `256`, expected u8/, 'too large for the type');
    like(error(take_i64 => "9223372036854775808"), qr/expected i64/, 'too large for signed');
    like(error(take_u64 => undef), qr/undef, expected u64/, 'undef');
    like(error(take_u64 => {}), qr/hash, expected u64/, 'a hash');
    like(error(take_u64 => []), qr/array, expected u64/, 'an array');
    like(error(take_u64 => sub { }), qr/code where data is expected/, 'code');
    like(error(take_u64 => \*STDOUT), qr/file handle/, 'a glob');
    like(error(take_u64 => qr/x/), qr/invalid value|pattern/, 'a pattern');
    is(call(take_u64 => \5), 5, 'references are followed');
};

subtest 'floats' => sub {
    is(call(take_f64 => 0.5), 0.5, 'a float');
    is(call(take_f64 => "0.25"), 0.25, 'a numeric string');
    is(call(take_f64 => 3), 3, 'an integer');
    is(call(take_f64 => 18446744073709551615), 18446744073709551615.0, 'a large integer');
    like(error(take_f64 => $_), qr/invalid value/, "refused: '$_'")
        for ("abc", "1.5s", "", "inf", "nan");
};

subtest 'booleans' => sub {
    for my $pair (
        [1, 1], [0, 0], ["1", 1], ["0", 0], ["", 0], [!!1, 1], [!!0, 0], [undef, 0],
        [2, 1]
        )
    {
        my ($in, $out) = @$pair;
        my $shown = defined($in) ? "'$in'" : 'undef';
        is(call(take_bool => $in), $out, "$shown is $out");
    }
    is(call(take_bool => 0) . '', '0', 'false is 0, not an empty string');
    like(error(take_bool => $_), qr/boolean/, "refused: '$_'") for ("yes", "true", "off");
};

subtest 'strings' => sub {
    for my $name (qw(take_string take_str)) {
        is(call($name, "abc"), "abc", "$name: ASCII");
        is(call($name, "gr\xfcn"), "gr\xfcn", "$name: characters of one byte");
        is(call($name, "\x{20ac}"), "\x{20ac}", "$name: wide characters");
        my $upgraded = "gr\xfcn";
        utf8::upgrade($upgraded);
        is(call($name, $upgraded), "gr\xfcn", "$name: an upgraded string is the same string");
        is(call($name, 100), "100", "$name: a number");
        is(call($name, -1.5), "-1.5", "$name: a float as Perl prints it");
        is(call($name, 0.1), "0.1", "$name: another");
        is(call($name, ""), "", "$name: empty");
        is(call($name, "a\0b"), "a\0b", "$name: with a NUL");
        like(error($name, undef), qr/undef, expected a (borrowed )?string/, "$name: undef");
        like(error($name, {}), qr/hash/, "$name: a hash");
    }
    my $broken = "\xff\xfe";
    Encode::_utf8_on($broken) if eval { require Encode };
    like(error(take_string => $broken), qr/not valid Unicode/, 'a malformed string');
    {
        no warnings;
        like(error(take_string => chr(0xd800)), qr/not valid Unicode/, 'a surrogate');
    }
    is(call(take_char => "x"), "x", 'a character');
    is(call(take_char => "\xfc"), "\xfc", 'a character of one byte');
    like(error(take_char => "xy"), qr/"xy"/, 'more than a character');
};

subtest 'bytes' => sub {
    my $bytes = join('', map { chr } 0 .. 255);
    my $upgraded = $bytes;
    utf8::upgrade($upgraded);
    is(call(take_bytes => $bytes), $bytes, 'all bytes');
    is(call(take_bytes => $upgraded), $bytes, 'all bytes, upgraded');
    ok(utf8::is_utf8($upgraded), 'the argument was not changed');
    is_deeply(call(take_byte_buf => $upgraded), [0 .. 255], 'as owned bytes');
    like(error(take_bytes => "\x{20ac}"), qr/wide character/, 'a wide character');
    is(call(take_bytes => 42), "42", 'a number');
    my $given = call('give_bytes');
    is($given, "\0\xe4\xffa", 'bytes given');
    ok(!utf8::is_utf8($given), 'bytes are not flagged as characters');
};

subtest 'the arguments stay as they are' => sub {
    require B;
    my ($number, $string) = (5, "5");
    my @flags = map { B::svref_2object($_)->FLAGS } \$number, \$string;
    call(take_string => $number);
    call(take_u64 => $string);
    is_deeply([map { B::svref_2object($_)->FLAGS } \$number, \$string], \@flags, 'flags');
    my %hash = (a => 1, b => 2, c => 3);
    my ($key) = each %hash;
    eval { call(take_options => \%hash) };
    my %rest = ($key => 1);
    while (my ($k) = each %hash) { $rest{$k}++ }
    is_deeply(\%rest, { a => 1, b => 1, c => 1 }, "a hash's iterator");
};

subtest 'optional parameters' => sub {
    is(call('take_option'), 'None', 'left out');
    is(call(take_option => undef), 'None', 'undef');
    is(call(take_option => 3), 'Some(3)', 'given');
    is(call(take_two => 1), '1 None', 'the second left out');
    like(error('take_two'), qr/^missing required parameter: 'first'\n\z/, 'the first left out');
    like(
        error(take_two => 1, 2, 3), qr/^too many parameters for function 'take_two'/,
        'one too many'
    );
    my $param = {};
    is(call(take_option => $param->{x}), 'None', 'an element that is not there');
    is(CompatTest::Data::take_option($param->{x}), 'None', 'the same, called directly');
    ok(!exists($param->{x}), 'it is still not there');
};

subtest 'containers' => sub {
    is(call(take_list => [1, "2", 3.0]), 6, 'a list');
    is(call(take_list => []), 0, 'an empty list');
    my @sparse;
    $sparse[2] = 1;
    like(error(take_list => \@sparse), qr/\[0\]: .*undef/, 'a missing element');
    like(
        error(take_list => [1, [2]]), qr/^parameter 'value': \[1\]: .*array/,
        'the place of an error'
    );
    like(error(take_list => "abc"), qr/string "abc", expected an array/, 'a string for a list');
    is_deeply(
        call(take_table => { 1 => 'a', 20 => undef }), { 1 => 'a', 20 => undef },
        'integer keys'
    );
    like(error(take_table => { x => 'a' }), qr/"x"/, 'a key that is no integer');
    is(
        call(take_options => {}),
        'Options { format: None, timeout: None, max_depth: 0, strict: false }',
        'defaults'
    );
    is(
        call(
            take_options =>
                { format => 'qcow2', timeout => "1.5", 'max-depth' => "3", strict => 1 }
        ),
        'Options { format: Some("qcow2"), timeout: Some(1.5), max_depth: 3, strict: true }',
        'options'
    );
    like(
        error(take_options => { fromat => 'x' }), qr/unknown field `fromat`/,
        'an unknown option'
    );
    like(
        error(take_options => { 'max-depth' => 'x' }), qr/^parameter 'options': max-depth: /,
        'the name of a bad option'
    );
    my $everything = {
        flag => 1,
        signed => -5,
        unsigned => 18446744073709551615,
        float => 0.5,
        text => "gr\xfcn \x{20ac}",
        nothing => undef,
        list => [1, 65535],
        table => { "k\xe4se" => -128, plain => 127 },
        choice => { named => { size => 9 } },
        pair => [255, 'two'],
    };
    is_deeply(call(take_everything => $everything), $everything, 'there and back');
    ok(exists(call(take_everything => $everything)->{nothing}), 'None is there, as undef');
    my $other = { %$everything, flag => 0, nothing => 7 };
    is_deeply(call(take_everything => $other), $other, 'there and back again');
    like(
        error(take_everything => { %$everything, list => [1, 70000] }),
        qr/list\[1\]: .*`70000`/,
        'a place in a list in a hash'
    );
    like(
        error(take_everything => { %$everything, pair => [1] }), qr/pair: invalid length 1/,
        'a short tuple'
    );
    delete $everything->{text};
    like(error(take_everything => $everything), qr/missing field `text`/, 'a missing field');
    my $choices =
        ['nothing', { 'one-thing' => 4 }, { 'two-things' => [4, 'x'] }, { named => { size => 1 } }];
    is_deeply(call(take_choices => $choices), $choices, 'enums');
    like(error(take_choices => ['none']), qr/unknown variant `none`/, 'an unknown variant');
    like(
        error(take_choices => [{ nothing => undef, named => 1 }]), qr/one key/,
        'two variants'
    );
    like(error(take_choices => ['named']), qr/needs a hash/, 'a variant without content');
    is_deeply(
        call('give_text'), { "schl\xfcssel" => "gr\xfcn \x{20ac}" },
        'characters in keys and values'
    );
    is_deeply(call('give_map_of_bytes'), { 1 => "\xfc" }, 'integer keys and bytes given');
};

subtest 'deep and cyclic data' => sub {
    my $nest = [];
    $nest = [$nest] for 1 .. 300;
    is(call(take_nest => $nest), 301, 'deep');
    $nest = [$nest] for 1 .. 200_000;
    like(
        error(take_nest => $nest), qr/^parameter 'value': .*nested deeper than 512/,
        'too deep'
    );
    # Perl's own destructor recurses; take it apart by hand.
    while (my $inner = $nest->[0]) { $nest = $inner }
    my $cycle = [];
    push @$cycle, $cycle;
    like(error(take_nest => $cycle), qr/or cyclic/, 'a cycle');
    push @$cycle, $cycle, $cycle;
    like(error(take_nest => $cycle), qr/or cyclic/, 'many cycles');
    @$cycle = ();
    my $self;
    $self = \$self;
    like(error(take_u64 => $self), qr/or cyclic/, 'a reference to itself');
    undef $self;
    my $hash = {};
    $hash->{format} = $hash;
    like(error(take_options => $hash), qr/or cyclic/, 'a cyclic hash');
    %$hash = ();
    my $shared = [];
    $shared = [$shared, $shared] for 1 .. 40;
    like(
        error(take_nest => $shared), qr/more than 4194304 values/,
        'shared data that unfolds without end'
    );
    ok(call(give_nest => 500), 'deep data given');
    like(error(give_nest => 600), qr/nested deeper than 512/, 'too deep data given');
};

done_testing();
