package PVE::Native::Arguments;

use v5.36;

# What the functions of PVE::Native make of their arguments before the library sees them: plain
# copies, so that a tied value has been fetched and an object has said its text when it gets there.

use Exporter qw(import);
use Scalar::Util qw(looks_like_number reftype);

use PVE::Native::Error;

our @EXPORT_OK = qw(refuse text number doubles options settings policy create_options handle);

sub refuse {
    my ($message) = @_;
    die PVE::Native::Error->new(
        code => 1,
        name => 'argument',
        errno => 22,
        message => $message,
    );
}

# References are no arguments, save objects that are text or, as JSON's booleans, numbers: those may
# die, and do so here.
sub text {
    my ($name, $value) = @_;
    return $value if !ref($value);
    require overload;
    my $plain = overload::Method($value, '""') || overload::Method($value, '0+');
    refuse("$name is a reference") if !$plain;
    return "$value";
}

# A number, also as text; undef stays undef.
sub number {
    my ($name, $value) = @_;
    $value = text($name, $value);
    return undef if !defined($value);
    refuse("$name is no number") if !looks_like_number($value);
    return 0 + $value;
}

# A list of numbers as the library takes it: packed, for as text they would lose digits. What stands for an
# element that is undefined is the caller's to say; without it there may be none.
sub doubles {
    my ($name, $list, $unknown) = @_;
    refuse("$name is no array") if (reftype($list) // '') ne 'ARRAY';
    my @numbers = map { number("an element of $name", $_) // $unknown } $list->@*;
    refuse("$name has elements that are undefined") if grep { !defined($_) } @numbers;
    return pack('d*', @numbers);
}

# What is told how far long work is.
my sub code {
    my ($name, $code) = @_;
    return $code if !defined($code) || (reftype($code) // '') eq 'CODE';
    require overload;
    refuse("$name is no code") if !overload::Method($code, '&{}');
    return $code;
}

# Options for creating an image: a hash, a list of texts, or one text.
sub create_options {
    my ($options) = @_;
    return [] if !defined($options);
    if (ref($options) eq 'HASH') {
        my %options = $options->%*;
        return [
            map {
                my $value = text("option $_", $options{$_}) // refuse("option $_ is undefined");
                "$_=" . $value =~ s/,/,,/gr;
            } sort keys %options
        ];
    }
    return [map { text('option', $_) } $options->@*] if ref($options) eq 'ARRAY';
    return [text('options', $options)];
}

# A hash as names and values in turn, as the library takes it; what it has of each is a $what.
my sub table {
    my ($what, $hash) = @_;
    return $hash if !defined($hash);
    refuse("${what}s are not a hash") if ref($hash) ne 'HASH';
    my %hash = $hash->%*;
    return [map { ($_, text("$what $_", $hash{$_})) } sort keys %hash];
}

my sub limits { return table('limit', @_); }

# A hash, or the text from which the library finds out.
my sub transports {
    my ($transports) = @_;
    return table('transport', $transports) if ref($transports) eq 'HASH';
    return text('transports', $transports);
}

# What options are made of, where they are not plain values.
my %kinds = (
    limits => \&limits,
    options => \&create_options,
    progress => sub { code('progress', @_) },
    sizes => sub { table('size', @_) },
    transports => \&transports,
);

# The values of @names in $opts, in this order; any other key is an error.
sub options {
    my ($function, $opts, @names) = @_;
    return if !defined($opts);
    refuse("$function: options are not a hash") if ref($opts) ne 'HASH';
    my %rest = $opts->%*;
    my @values = map {
        my $value = delete $rest{$_};
        my $kind = $kinds{$_};
        $kind ? $kind->($value) : text($_, $value);
    } @names;
    if (my ($unknown) = sort keys %rest) {
        refuse("$function: unknown option '$unknown'");
    }
    return @values;
}

# The time-out and the limits, which say what the call may cost, and the rest as keys and values in
# turn; a list of values stays one. Which keys there are, and what they mean, the library knows.
sub settings {
    my ($function, $what, $given) = @_;
    return if !defined($given);
    refuse("$function: $what not a hash") if ref($given) ne 'HASH';
    my %rest = $given->%*;
    my $timeout = text('timeout', delete $rest{timeout});
    my $limits = limits(delete $rest{limits});
    my @settings;
    for my $key (sort keys %rest) {
        my $value = $rest{$key};
        my $list = ref($value) eq 'ARRAY';
        push @settings, $key, $list ? [map { text($key, $_) } $value->@*] : text($key, $value);
    }
    return ($timeout, $limits, \@settings);
}

sub policy {
    my ($function, $policy) = @_;
    return settings($function, 'policy is', $policy);
}

# An object whose data the library keeps: a hash. perlmod looks for what it has attached to a value
# without asking first whether a value of that type can have anything attached.
sub handle {
    my ($self, $otherwise) = @_;
    return $self if (reftype($self) // '') eq 'HASH';
    refuse($otherwise);
}

1;
