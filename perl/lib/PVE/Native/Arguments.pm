package PVE::Native::Arguments;

use v5.36;

# What the functions of PVE::Native make of their arguments before the library sees them: plain
# copies, so that a tied value has been fetched and an object has said its text when it gets there.

use Exporter qw(import);

use PVE::Native::Error;

our @EXPORT_OK = qw(refuse text options policy);

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

# Names and values in turn, as the library takes them.
my sub limits {
    my ($limits) = @_;
    return $limits if !defined($limits);
    refuse('limits are not a hash') if ref($limits) ne 'HASH';
    my %limits = $limits->%*;
    return [map { ($_, text("limit $_", $limits{$_})) } sort keys %limits];
}

# The values of @names in $opts, in this order; any other key is an error.
sub options {
    my ($function, $opts, @names) = @_;
    return if !defined($opts);
    refuse("$function: options are not a hash") if ref($opts) ne 'HASH';
    my %rest = $opts->%*;
    my @values = map {
        my $value = delete $rest{$_};
        $_ eq 'limits' ? limits($value) : text($_, $value);
    } @names;
    if (my ($unknown) = sort keys %rest) {
        refuse("$function: unknown option '$unknown'");
    }
    return @values;
}

# The time-out and the limits, which say what the call may cost, and the rest as keys and values in
# turn; a list of values stays one. Which keys there are, and what they mean, the library knows.
sub policy {
    my ($function, $policy) = @_;
    return if !defined($policy);
    refuse("$function: policy is not a hash") if ref($policy) ne 'HASH';
    my %rest = $policy->%*;
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

1;
