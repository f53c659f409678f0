package PVE::Native::Placement;

use v5.36;

use JSON::XS ();

use PVE::Native;
use PVE::Native::Arguments qw(doubles number refuse text);

my $json = JSON::XS->new->utf8->boolean_values(0, 1);

# What stands for a sample that is not known.
my $UNKNOWN = 'nan';

sub percentile {
    my ($p, $samples) = @_;
    $p = number('p', $p) // refuse('p is undefined');
    return PVE::Native::RS::Placement::percentile($p, doubles('samples', $samples, $UNKNOWN));
}

sub euclidean_distance {
    my ($first, $second) = @_;
    return PVE::Native::RS::Placement::euclidean_distance(
        doubles('a', $first), doubles('b', $second),
    );
}

sub dotprod {
    my ($first, $second, $mode) = @_;
    return PVE::Native::RS::Placement::dotprod(
        doubles('a', $first), doubles('b', $second), text('mode', $mode),
    );
}

sub normalised {
    my ($vector, $capacity) = @_;
    return PVE::Native::RS::Placement::normalised(
        doubles('vector', $vector), doubles('capacity', $capacity),
    );
}

my sub answer ($what, $problem, $all) {
    return PVE::Native::RS::Placement::solve(
        text($what, $problem) // refuse("$what is undefined"),
        $all
    );
}

my sub decoded ($problem, $all) {
    refuse('the problem is no hash') if ref($problem) ne 'HASH';
    my $document = eval { $json->encode($problem) }
        // refuse("the problem: $@" =~ s/ at \S+ line \d+\.?\n.*\z//rs);
    return $json->decode(answer('the problem', $document, $all));
}

sub solve_json { return answer('the problem', $_[0], 0) }
sub explain_json { return answer('the problem', $_[0], 1) }
sub solve { return decoded($_[0], 0) }
sub explain { return decoded($_[0], 1) }

1;

__END__

=head1 NAME

PVE::Native::Placement - which node a guest is put on

=head1 SYNOPSIS

    use PVE::Native::Placement;

    my $bytes = PVE::Native::Placement::percentile(95, \@samples);
    $bytes //= $configured;    # nobody knows what it uses: that is not nothing

    my ($need, $room) = map { PVE::Native::Placement::normalised($_, \@capacity) } \@need, \@free;
    my $alignment = PVE::Native::Placement::dotprod($need, $room, 'normR');

    my $answer = PVE::Native::Placement::solve({
        task => 'recover',
        nodes => \@nodes,
        guests => \@guests,
        rules => \@rules,
        policy => { 'hard-limit' => { mem => 0.95 }, failed => [['n1']] },
    });
    for my $sid (sort(keys($answer->{placements}->%*))) {
        print "$sid starts on $answer->{placements}->{$sid}\n";
    }

=head1 DESCRIPTION

Where each guest should run; what samples say a guest uses, and how vectors of resources compare. Units are
the same everywhere in this library: cores and bytes.

All functions die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since
version 0.1. Numbers may be text, as Perl has it (C<"1e9">); what is no number is an error.

=head1 FUNCTIONS

=over

=item solve(\%problem)

The answer to a problem of placement. What both of them hold is in F<docs/placement.md>: nodes, guests, rules
and a policy in; C<status>, C<placements>, C<moves>, C<unplaced>, C<why>, C<conflict> and more out. That
nothing fits is an answer (C<< $answer->{status} eq 'infeasible' >>) and no error. Truth values are 1 and 0.

It takes as long as C<work-limit> and C<time-limit> of the policy allow.

=item solve_json($json)

The same for a document as a JSON text in UTF-8; so is the answer.

=item explain(\%problem), explain_json($json)

The same with the reasons of all guests for all nodes in C<why>, as long as these are at most a
million pairs.

=item percentile($p, \@samples)

The percentile C<$p>, from 0 to 100, by nearest rank: the smallest sample that at least so many per cent of
all do not exceed. It is always one of the samples, and their order does not matter.

Samples that are undef or NaN are not known and left out; 0 is a sample like any other, for a running guest
may be idle. Without any that is known the answer is undef: then take what is configured.

=item euclidean_distance(\@a, \@b)

The distance between two points, of any but the same number of dimensions. Where these are of different
units, L</"normalised(\@vector, \@capacity)"> comes first. The nearest node packs, the farthest spreads.

=item dotprod(\@a, \@b, $mode)

The dot product. Of what a guest needs and what nodes have free, the largest is the best aligned. The mode is
C<''> or undef, which divides by nothing, C<normR>, which divides by both lengths, or C<normC>, which divides
by the square of the second one's. Where that is 0, so is the answer.

=item normalised(\@vector, \@capacity)

Each resource as a fraction of the capacity: an array. Of a capacity of 0, nothing is 0 and anything more
is 1.

=back

=head1 SEE ALSO

L<PVE::Native::HA::Stats>, L<PVE::Native::Placement::Collect>, L<PVE::Native>

=cut
