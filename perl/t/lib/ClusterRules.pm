package ClusterRules;

# Asks the library and the plain model the same, one after the other, and reads what they say about
# the cluster's LUNs in few words. For tests that tell by hand what is to be said.

use v5.36;

use JSON::XS;
use Test::More;

use ClusterModel;
use ClusterText qw(text same);
use PVE::Native::ClusterStatus;

use Exporter qw(import);
our @EXPORT_OK = qw(
    rule corner same text aggregate fold entry states broadcast whole_status status death $NOW
);

# Perl grumbles about odd numbers; the answers are what counts.
$SIG{__WARN__} = sub { };

our $NOW = 1_800_000_000;

my %faces = (
    model => { aggregate => \&ClusterModel::aggregate, status => \&ClusterModel::status },
    library => {
        aggregate => \&PVE::Native::ClusterStatus::aggregate,
        status => sub (@args) { decode_json(PVE::Native::ClusterStatus::status_json(@args)) },
    },
);

# Which of the two is asked now.
my $face;

sub ask_both ($title, $code) {
    for my $name (sort keys %faces) {
        $face = $faces{$name};
        subtest("$title ($name)", $code);
    }
    return;
}

sub rule ($number, $says, $code) { return ask_both("rule $number: $says", $code) }

sub corner ($says, $code) { return ask_both("corner: $says", $code) }

sub aggregate (@args) { return $face->{aggregate}->(@args) }

# The rows by WWID.
sub fold (@args) {
    return { map { $_->{wwid} => $_ } aggregate(@args)->@* };
}

sub whole_status (@args) { return $face->{status}->(@args) }

# The rows by WWID, and what is said about nodes.
sub status ($raw, %opts) {
    my $status = whole_status($raw, { mode => 'compat', now => $NOW, %opts });
    return ({ map { $_->{wwid} => $_ } $status->{luns}->@* }, $status->{nodes});
}

# What a call dies of, or nothing.
sub death ($code) {
    return eval { $code->(); 1 } ? '' : $@;
}

# What a node says about a LUN.
sub entry ($state = 'optimal', %more) {
    return { state => $state, 'paths-active' => 2, 'paths-total' => 4, %more };
}

sub broadcast ($maps, $age = 10) { return encode_json({ maps => $maps, time => $NOW - $age }) }

# The states in a row: of the cluster, and by node.
sub states ($row) {
    my $cells = $row->{nodes};
    return [$row->{'cluster-state'}, { map { $_ => $cells->{$_}->{state} } keys %$cells }];
}

1;
