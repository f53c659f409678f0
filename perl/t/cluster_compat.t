use v5.36;

use lib 'perl/t/lib';

# The cluster status in compat mode: for a great many random inputs, malformed ones too, the library
# must say what a plain model of the rules says, to the kind of each number; cluster_rules.t and
# cluster_status_rules.t have the rules one by one.
#
# PVE_NATIVE_COMPAT is the number of inputs, and PVE_NATIVE_SEED a file with the patch mail of the
# proposal that the library stands in for: the functions in the mail then have to agree, and the
# library has to pass the mail's own tests.

use JSON::XS;
use Test::More;

use ClusterBroadcasts qw(status_case);
use ClusterCases qw(aggregate_case);
use ClusterModel;
use ClusterProposal;
use ClusterText qw(text any_text same in_order no_json);
use PVE::Native::ClusterStatus;
use PVE::Native::Multipath;

my ($cases) = ($ENV{PVE_NATIVE_COMPAT} // '') =~ m/^([0-9]+)$/;
$cases //= 3000;
my ($seed) = ($ENV{PVE_NATIVE_SEED} // '') =~ m/^(.+)$/s;

# Perl grumbles about odd numbers; the answers are what counts.
$SIG{__WARN__} = sub { };

my $NOW = 1_800_000_000;

# Each spelling that the random inputs are made of, by itself.
sub spelled ($text, $time) {
    my $maps =
        "{\"a\":{\"state\":\"optimal\",\"paths-active\":$text,\"size\":$text,\"transport\":$text}}";
    return "{\"maps\":$maps,\"time\":$time}";
}

subtest 'spellings' => sub {
    my @broadcasts =
        map { ["value $_", spelled($_, $NOW)] } ClusterBroadcasts::values_spelled();
    push @broadcasts,
        map { ["time $_", spelled(1, $_)] } ClusterBroadcasts::times_spelled($NOW);
    push @broadcasts, map { ["$_ deep", spelled('[' x $_ . ']' x $_, $NOW)] } 1, 127, 128, 129,
        500 .. 515;
    for (@broadcasts) {
        my ($name, $raw) = @$_;
        my %opts = (mode => 'compat', now => $NOW);
        my $expected = text(ClusterModel::status({ n1 => $raw }, \%opts));
        next if no_json($expected);
        my $got = eval { PVE::Native::ClusterStatus::status_json({ n1 => $raw }, \%opts) };
        my $label = substr($name, 0, 60) =~ s/([^ -~])/sprintf('<%02x>', ord($1))/ger;
        is(defined($got) ? eval { in_order($got) } // $got : $@, in_order($expected), $label);
    }
};

# --- Random inputs --------------------------------------------------------------------------------

# Calls this for a case, which it makes anew; returns what comes back, and what it dies of.
sub answer ($code, $make, $number) {
    my $result = eval { $code->($make->($number)) };
    return ($result, defined($result) ? undef : "$@");
}

# Addresses differ from call to call.
sub without_address ($text) { return $text =~ s/\(0x[0-9a-f]+\)//gr }

# What is wrong with this answer, if anything; $expected is the model's text, and undef if it died.
sub wrong ($expected, $got, $death) {
    if (!defined($expected)) {
        return "does not die: $got" if defined($got);
        return "dies of '$death'" if $death !~ m/\w+ \w+/ || $death =~ m/panicked|unwrap/;
        return;
    }
    return "dies: $death" if !defined($got);
    return without_address($got) eq without_address($expected) ? undef : "is $got";
}

# JSON has no words for what is not finite, or for references to strings, and so an error in words will do
# where it was handed in.
sub has_no_words ($make, $number, $death) {
    return 0 if !defined($death) || defined(wrong(undef, undef, $death));
    return $death =~ m/^cannot encode/ || no_json(any_text([$make->($number)]));
}

# A case that went wrong, with all that is needed to look into it.
sub told ($number, $make, $expected, $why) {
    my $given = any_text([$make->($number)]);
    return "case $number $why\nexpected: " . ($expected // 'it dies') . "\ngiven: $given";
}

# Compares two functions that return structures; the first is the model.
sub agree ($what, $make, $model, $other) {
    my @wrong;
    my $died = 0;
    for my $number (1 .. $cases) {
        my ($expected) = answer($model, $make, $number);
        my ($got, $death) = answer($other, $make, $number);
        my ($text, $other_text) = map { defined($_) ? any_text($_) : undef } $expected, $got;
        $died++ if !defined($text);
        next if has_no_words($make, $number, $death);
        my $why = wrong($text, $other_text, $death) // next;
        push @wrong, told($number, $make, $text, $why);
        last if @wrong == 5;
    }
    ok(!@wrong, "$what: $cases random inputs, in $died of which it dies")
        or diag(join("\n", @wrong));
    return;
}

sub list_of ($make) {
    return sub ($number) { return $make->($number)->@* };
}

agree(
    'aggregate', list_of(\&aggregate_case), \&ClusterModel::aggregate,
    \&PVE::Native::ClusterStatus::aggregate,
);

subtest 'aggregate leaves its arguments as they are' => sub {
    my @changed;
    for my $number (1 .. $cases > 500 ? 500 : $cases) {
        my $args = aggregate_case($number);
        my $before = text(aggregate_case($number));
        eval { PVE::Native::ClusterStatus::aggregate(@$args) };
        push @changed, $number if without_address(text($args)) ne without_address($before);
    }
    same(\@changed, [], 'the same, to the kind of each number');
};

subtest 'status_json' => sub {
    my (@wrong, %count);
    for my $number (1 .. $cases) {
        my ($expected) = answer(\&ClusterModel::status, \&status_case, $number);
        my $text = defined($expected) ? text($expected) : undef;
        my ($got, $death) =
            answer(\&PVE::Native::ClusterStatus::status_json, \&status_case, $number);
        next if has_no_words(\&status_case, $number, $death);
        my $why;
        if (defined($expected) && no_json($text)) {
            # Ours is JSON, or an error in words.
            $count{'no JSON'}++;
            $why =
                 !defined($got) ? wrong(undef, undef, $death)
                : eval { JSON::XS->new->utf8->max_depth(5000)->decode($got) } ? undef
                : "is $got";
        } else {
            $count{ defined($text) ? 'the same' : 'dies' }++;
            $why = wrong(
                map({ defined($_) ? eval { in_order($_) } // $_ : undef } $text, $got),
                $death
            );
        }
        push @wrong, told($number, \&status_case, $text, $why) if defined($why);
        last if @wrong == 5;
    }
    ok(!@wrong, "$cases random inputs") or diag(join("\n", @wrong));
    cmp_ok($count{$_} // 0, '>', 0, "$_: " . ($count{$_} // 0))
        for 'the same', 'dies', 'no JSON';
};

subtest 'each rule has decided something' => sub {
    my %seen;
    $seen{ $_->[0] } += $_->[1]
        for map { [m/^([^:]+)/, $ClusterModel::fired{$_}] } keys %ClusterModel::fired;
    # 14 is what 8 and 12 leave without a cell; 23, 30 and 32 are not about these inputs.
    for my $number (grep { !m/^(?:14|23|30|32)$/ } 1 .. 32) {
        cmp_ok($seen{$number} // 0, '>', 0, "rule $number: " . ($seen{$number} // 0));
    }
    note(sprintf('%9d %s', $ClusterModel::fired{$_}, $_)) for sort keys %ClusterModel::fired;
};

# --- The proposal's own functions -----------------------------------------------------------------

if (!defined($seed)) {
    diag('skipped: PVE_NATIVE_SEED is not set: no functions of the proposal to compare with');
    done_testing();
    exit(0);
}

my $tests = ClusterProposal::load($seed);

agree(
    'the proposal: aggregate', list_of(\&aggregate_case), \&ClusterModel::aggregate,
    \&ClusterProposal::aggregate
);
agree('the proposal: status', \&status_case, \&ClusterModel::status, \&ClusterProposal::status);

subtest "rule 23: the endpoint asks for Sys.Audit on /, and takes no parameters" => sub {
    my $method = ClusterProposal::Registered::method('status');
    same($method->{permissions}, { check => ['perm', '/', ['Sys.Audit']] }, 'permission');
    same($method->{parameters}, { additionalProperties => 0, properties => {} }, 'parameters');
};

# The tests of the mail, as they are, but for the function that they call.
for my $function (
    qw(
        ClusterProposal::aggregate ClusterModel::aggregate PVE::Native::ClusterStatus::aggregate
        PVE::Native::Multipath::aggregate_cluster_status
    )
    )
{
    subtest "the mail's own tests, of $function" => sub {
        my $theirs =
            $tests =~ s/\bClusterProposal::PVE::Multipath::aggregate_cluster_status/$function/gr;
        eval(
            "package ClusterProposal::Tests; use strict; use warnings; use Test::More; $theirs; 1")
            or die $@;
        is(Test::More->builder->current_test(), 29, 'there are 29');
    };
}

done_testing();
