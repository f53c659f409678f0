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

# A JSON text with its keys in order; numbers stay spelled as they are.
sub in_order ($text) {
    $text =~ s/("(?:[^"\\]++|\\.)*+")|(-?(?:[0-9][0-9.eE+-]*|inf|nan))/$1 \/\/ "\"\\u0001$2\""/ge;
    return $json->encode($json->decode($text));
}

# What JSON has no words for is written by Perl all the same, or stops it: infinite numbers, single
# surrogates, characters past U+10FFFF.
sub no_json ($text) {
    return 1 if !defined($text) || $text =~ m/\xed[\xa0-\xbf]/;
    return $text =~ s/"(?:[^"\\]++|\\.)*+"//gr =~ m/inf|nan/;
}

1;
