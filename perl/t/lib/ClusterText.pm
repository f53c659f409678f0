package ClusterText;

# Answers about the cluster status as texts that can be compared: their keys are in order, and "2"
# is not 2.

use v5.36;

use Data::Dumper;
use JSON::XS;
use Test::More;

use Exporter qw(import);
our @EXPORT_OK = qw(text any_text same in_order no_json);

my $json = JSON::XS->new->utf8->canonical->allow_nonref->allow_unknown->max_depth(5000);

# A structure as text, in which "2" is not 2; undef if it cannot be written.
sub text ($value) {
    return scalar(eval { $json->encode($value) });
}

# The same, of whatever there is in Perl.
sub any_text ($value) {
    return text($value) // Data::Dumper->new([$value])->Indent(0)->Sortkeys(1)->Useqq(1)->Dump();
}

# One test: two structures are the same, to the kind of each number.
sub same ($got, $expected, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(text($got), text($expected), $name);
}

# A number of a JSON text by its value: 1e+15 is the same number as 1000000000000000.
sub by_value ($number) {
    return $number if $number !~ m/[.e]|^-0/i;
    my $value = sprintf('%.15g', $number);
    return $value == int($value) && abs($value) < 1e20 ? sprintf('%.0f', $value + 0) : $value;
}

# A JSON text with its keys in order. Numbers and strings stay apart, and integers exact.
sub in_order ($text) {
    my $numbers = qr/-?(?:[0-9][0-9.eE+-]*|inf|nan)/;
    $text =~ s/("(?:[^"\\]++|\\.)*+")|($numbers)/$1 \/\/ '"\u0001' . by_value($2) . '"'/ge;
    return $json->encode($json->decode($text));
}

# What JSON has no words for is written by Perl all the same, or stops it: infinite numbers, single
# surrogates, characters past U+10FFFF.
sub no_json ($text) {
    return 1 if !defined($text) || $text =~ m/\xed[\xa0-\xbf]/;
    return $text =~ s/"(?:[^"\\]++|\\.)*+"//gr =~ m/inf|nan/;
}

1;
