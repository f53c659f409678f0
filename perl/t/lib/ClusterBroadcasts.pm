package ClusterBroadcasts;

# Random inputs for the cluster status: raw broadcasts as a key-value store gives them, and the
# options of status_json(). The texts are put together here, for what matters is how they are
# spelled. A case is made from its number alone, as in ClusterCases.

use v5.36;

use parent 'ClusterCases';

use Exporter qw(import);
our @EXPORT_OK = qw(status_case);

my @NUMBERS = qw(
    0 1 2 4 8 -1 -0 0.0 -0.0 1.0 2.50 1e0 1e3 1E+3 2e-3 12345 59000 59001 -59001 100000 4294967296
    1099511627776 2199023255552 9007199254740993 9223372036854775807 9223372036854775808
    -9223372036854775807 -9223372036854775808 -9223372036854775809 18446744073709551615
    18446744073709551616 100000000000000000000 999999999999999 1000000000000000.0
    123456789012345678.9
    1e15 1e16 1e20 1e-4 1e-5 0.1 0.30000000000000004 3.14159265358979323846 1e308

);
# Numbers that JSON::XS reads in its own way, not to the nearest value that there is.
my @EXTREMES = qw(
    5e-324 1e-400 2.2250738585072011e-308 0.741734849687487519979746e12
    546564021742382354.429501888095232648e+1 1e18446744073709551617
);

my @NO_NUMBERS =
    qw(00 01 -01 +1 .5 1. 1e 1e+ - 0x10 NaN Infinity -Infinity inf nan 1_000 True nul truex);

# Numbers that cannot be written as JSON.
my @INFINITE = qw(1e400 -1e400 1e309 0e999);

my @STRINGS = (
    '""', '"0"', '"00"', '"0.0"', '"2"', '"x"', '"iscsi"', '"\u0030"', '"a\u0000b"',
    '"\"\\\\\/\b\f\n\r\t"',
    '"\ud83d\ude00"', "\"\xf0\x9f\x98\x80\"", '"\u00e9"', '"\u00E9"', "\"\xc3\xa9\"",
    '"\uffff"', "\"\x7f\"",
    '"\u2028"', "\"\xef\xbf\xbe\"", '"' . ('long' x 3000) . '"', "\"\xf4\x8f\xbf\xbf\"",
);
my @NO_STRINGS = (
    '"\ud800"', '"\ud800x"', '"\ud800\ud800"', '"\udc00"', '"\x"', '"\u00g9"', '"\u12"',
    "\"\xe9\"",
    "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xf0\x8f\xbf\xbf\"", "\"\xf8\x87\xbf\xbf\xbf\"",
    "\"\x80\"", "\"\xc3\"",
    "\"\xe2\x82\"", "\"a\tb\"", "\"a\0b\"", "'x'", '"x', "\"\xfe\x81\xbf\xbf\xbf\xbf\xbf\"",
    "\"\xff\x80\x88\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\"",
);

my @TIMES = (
    'null', 'true', 'false', '[]', '{}', '[1]', @INFINITE, '-1', '1e10', '0',
    '18446744073709551615',
    '18446744073709551616', '-99999999999999999999', '"nan"', '"NaN"', '"-nan"', '"nanq"',
    '"nan(1)"', '"inf"',
    '"-inf"', '"+Infinity"', '"infx"', '"in"', '"1.#INF"', '"1e400"', '"-1e400"', '""', '"x"',
    '"0x7fffffff"',
    '"99999999999999999999"', '"\u0661"', '"0 but true"', '"1_8"', '"--1"', '"-"', '"."',
    '"e5"',
);

# The texts above, for tests of one by one.
sub values_spelled () {
    return (
        @NUMBERS, @EXTREMES, @NO_NUMBERS, @INFINITE, @STRINGS, @NO_STRINGS,
    );
}

# Texts of a time, most of them about 180 s before this one.
sub times_spelled ($now) {
    my $self = __PACKAGE__->new(0);
    my %texts = map { $self->time_text($now) => 1 } 1 .. 1000;
    return sort(keys(%texts), @TIMES);
}

sub space ($self) {
    return $self->chance(92) ? '' : $self->pick(' ', "\n", "\r\n\t ", '    ');
}

sub quote ($self, $chars) {
    my $escape = $self->below(8);
    my $quoted = '';
    for my $char (split(m//, $chars)) {
        my $code = ord($char);
        if ($code < 0x20 || $escape == 0 && $self->chance(30)) {
            my @units =
                  $code < 0x10000
                ? $code
                : (0xd800 + (($code - 0x10000) >> 10), 0xdc00 + ($code & 0x3ff));
            $quoted .= sprintf($escape % 2 ? '\u%04X' : '\u%04x', $_) for @units;
        } elsif ($char eq '"' || $char eq '\\') {
            $quoted .= "\\$char";
        } else {
            utf8::encode($char);
            $quoted .= $char;
        }
    }
    return "\"$quoted\"";
}

sub object ($self, @pairs) {
    my @members;
    while (my ($key, $value) = splice(@pairs, 0, 2)) {
        my $member = join($self->space(), '', $self->quote($key), ':', $value, '');
        splice(@members, $self->below(@members + 1), 0, $member);
    }
    return '{' . (@members ? join(',', @members) : $self->space()) . '}';
}

sub nested ($self) {
    my $levels = $self->pick(1, 2, 100, 127, 128, 129, 505 .. 513, 600);
    return '[' x $levels . ']' x $levels if $self->chance(50);
    return '{"a":' x $levels . '1' . '}' x $levels;
}

sub odd_text ($self) {
    my $which = $self->below(100);
    return $self->pick(@NUMBERS) if $which < 50;
    return $self->pick(@STRINGS) if $which < 74;
    return $self->pick(@EXTREMES) if $which < 75;
    return $self->pick('null', 'true', 'false') if $which < 85;
    return $self->pick('[]', '{}', '[1,"2",{"a":null}]', '[ ]', '{"a":1,"a":2}') if $which < 92;
    return $self->nested() if $which < 93;
    return $self->pick(@NO_NUMBERS) if $which == 93 && $self->{hostile};
    return $self->pick(@NO_STRINGS) if $which == 94 && $self->{hostile};
    return $self->pick(@INFINITE) if $which == 97 && $self->{hostile};
    return $self->below(9);
}

sub entry_text ($self) {
    return $self->pick('null', 'false', '0', '-0', '0.0', '""', '"0"', '1e-400')
        if $self->chance(4);
    return $self->pick('1', '"x"', '[]', 'true', '"0.0"', '0e999', '[{}]')
        if $self->{fatal} && $self->chance(10);
    my @pairs;
    my $add = sub ($key, $text) {
        # Of keys that come twice, the last counts.
        push @pairs, $key => $self->chance(3) ? $self->odd_text() : $text
            for 1 .. ($self->chance(1) ? 2 : 1);
    };
    $add->(
        state => $self->quote(
              $self->chance(94)
            ? $self->pick(@ClusterCases::STATES)
            : $self->pick(@ClusterCases::ODD_STATES)
        )
    ) if $self->chance(98);
    $add->('paths-active' => $self->below(9)) if $self->chance(97);
    $add->('paths-total' => $self->below(9)) if $self->chance(97);
    $add->(transport => $self->pick('"iscsi"', '"fc"', 'null')) if $self->chance(70);
    $add->(size => $self->pick('null', 1 << 40, 2 << 40)) if $self->chance(60);
    $add->(extra => $self->odd_text()) if $self->chance(5);
    return $self->object(@pairs);
}

sub time_text ($self, $now) {
    my $which = $self->below(20);
    return $now - $self->below(200) if $which < 12;
    return $now - 180 + $self->pick(-1, 0, 1) if $which == 12;
    return $now + $self->below(100000) if $which == 13;
    return $now - 180 . $self->pick('.0', '.5', 'e0', '.0000001', '.0000003e0', '.000e+0')
        if $which == 14;
    return $now - 181 . $self->pick('.5', '.9999998', '.99999999999', '.9999996') if $which == 15;
    if ($which == 16) {
        my ($before, $after) = $self->pick(
            ['', ''], [' ', ' '], ['\n', ''], ['\u000b', ''], ['\u00a0', ''], ['\u2028', ''],
            ['', 'abc'],
            ['', '.5.5'], ['', 'e'], ['', 'e+'], ['', 'e1'], ['+', ''], ['-', ''],
            ['', '\u0000'], ['', '.99999999'],
            ['\t\f\r', '-'], ['- ', ''], ['0', ''], ['0x', ''],
        )->@*;
        return '"' . $before . ($now - $self->pick(10, 179, 180, 181)) . $after . '"';
    }
    return $self->pick(@TIMES) if $which == 17;
    return $self->odd_text() if $which == 18;
    return $now;
}

# What happens to a whole text.
sub corrupt ($self, $text) {
    my $which = $self->below(14);
    my $at = $self->below(length($text) || 1);
    return [
        substr($text, 0, $at),
        $text . $self->pick('x', '{}', "\0", ' # c', ',', ']', "\xc2\xa0"),
        "\xef\xbb\xbf$text",
        substr($text, 0, $at) . chr($self->below(256)) . substr($text, $at),
        substr($text, 0, $at) . chr($self->below(256)) . substr($text, $at && $at + 1),
        "[$text]",
        $self->pick(@NUMBERS, @STRINGS, @INFINITE, 'null', 'true', '[]', '{}'),
        $self->pick('', ' ', "\f$text", "\x0b", '{', '[', 'null ', "\xff"),
        undef,
        $text . "\n" x 40,
        "\r\n\t $text \n",
        $text =~ s/,/,,/r,
        $text =~ s/\}$/,}/r,
        $text =~ s/:/=/r,
    ]->[$which];
}

# Perl has two ways to keep the same bytes, and characters that are no bytes.
sub stored ($self, $text) {
    return $text if !defined($text) || $self->chance(95);
    utf8::upgrade($text);
    return $self->chance(70) ? $text : $text . "\x{263a}";
}

sub broadcast ($self, $now, $wwids) {
    my @pairs = map { $_ => $self->entry_text() } $self->some($self->{well} ? 95 : 60, @$wwids);
    splice(@pairs, 0, 0, $pairs[-2] => $self->entry_text()) if @pairs && $self->chance(2);
    my $maps = $self->object(@pairs);
    $maps = $self->pick('null', '[]', '"x"', 'true', '0', '[{}]') if $self->chance(3);
    my @members = $self->chance(98) ? (maps => $maps) : ();
    push @members, time => $self->time_text($now) if $self->chance(97);
    push @members, time => $self->time_text($now) if $self->chance(1);
    push @members, maps => '{}' if $self->chance(1);
    push @members, $self->pick(qw(seq digest other)) => $self->odd_text() if $self->chance(5);
    my $text = $self->object(@members);
    return $self->stored($self->chance($self->{hostile} ? 30 : 4) ? $self->corrupt($text) : $text);
}

sub apply_broadcast ($self, $now) {
    my @pairs;
    push @pairs, error => $self->chance(75) ? '"multipathd: cannot apply\n"' : $self->odd_text()
        if $self->chance(90);
    push @pairs, time => $self->chance(85) ? $now - $self->below(300) : $self->odd_text()
        if $self->chance(90);
    my $text = $self->object(@pairs);
    return $self->stored($self->chance(15) ? $self->corrupt($text) : $text);
}

sub members ($self, @nodes) {
    return undef if $self->chance(12);
    return {} if $self->chance(8);
    my %members = map { $_ => { id => 1, ip => '192.0.2.1', online => $self->truth() } }
        $self->some(93, @nodes), $self->some(10, @ClusterCases::NODES);
    for my $node (sort keys %members) {
        delete $members{$node}->{online} if $self->chance(3);
        $members{$node} = $self->falsy() if $self->chance(3);
        $members{$node} = $self->true_scalar() if $self->{fatal} && $self->chance(5);
    }
    return \%members;
}

# The arguments of status_json(): the broadcasts by node, and the options.
sub status_case ($number) {
    my $self = __PACKAGE__->new($number);
    $self->@{qw(hostile fatal well)} = ($self->chance(25), $self->chance(5), $self->chance(30));
    my $now = 1_800_000_000 + $self->below(1000);
    my @nodes = $self->names(\@ClusterCases::NODES, \@ClusterCases::ODD_NODES, 6);
    my @wwids = $self->names(\@ClusterCases::WWIDS, \@ClusterCases::ODD_WWIDS, 6);

    my %raw = map { $_ => $self->broadcast($now, \@wwids) } $self->some(80, @nodes);
    my %apply = map { $_ => $self->apply_broadcast($now) } $self->some(40, @nodes, 'silent');
    my %expected;
    for my $wwid ($self->some(40, @wwids)) {
        $expected{$wwid} =
            [$self->some(60, @nodes), $self->some(8, @ClusterCases::NODES, 'silent')];
        $expected{$wwid} = undef if $self->chance(5);
    }
    my %opts = (
        mode => 'compat', now => $now,
        allow => [$self->some(65, @wwids), $self->chance(10) ? ('unseen', 'unseen') : ()],
        aliases => $self->labels(@wwids), 'used-by' => $self->labels(@wwids),
        members => $self->members(@nodes),
        expected => \%expected,
        'expected-nodes' =>
            [$self->some(60, @nodes), $self->some(20, 'silent', @ClusterCases::NODES)],
        apply => \%apply,
    );
    $opts{'expected-nodes'} = [] if $self->chance(25);
    $self->chance(4) and delete $opts{$_}
        for qw(allow aliases used-by members expected expected-nodes apply);
    return (\%raw, \%opts);
}

1;
