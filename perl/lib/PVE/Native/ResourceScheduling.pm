package PVE::Native::ResourceScheduling;

use v5.36;

# What ::Static and ::Dynamic have in common: all of it but the names of methods and what is told of
# nodes and guests. Objects of both are of this class as far as the library is concerned.

use JSON::XS ();
use Scalar::Util qw(looks_like_number);

use PVE::Native;
use PVE::Native::Arguments qw(options refuse text);

my $json = JSON::XS->new->utf8;

# Whether a class is the dynamic one.
sub _dynamic { return refuse('this class is neither ::Static nor ::Dynamic'); }

# What is kept belongs to one object: threads that are made later do not get it.
sub CLONE_SKIP { return 1; }

sub new {
    my ($class, $opts) = @_;
    my ($scale) = options('new', $opts, 'imbalance-scale');
    my $self = PVE::Native::RS::Scheduler::create($class->_dynamic, $scale);
    return bless($self, $class);
}

my sub checked ($self) {
    return PVE::Native::Arguments::handle($self, 'this is no scheduler, or one that is gone');
}

my sub name ($what, $name) {
    $name = text($what, $name);
    utf8::encode($name) if defined($name);
    return $name;
}

# All digits that a number has: Perl prints numbers alike that differ in their last bits.
my sub cores ($what, $cores) {
    $cores = text($what, $cores);
    return $cores if !looks_like_number($cores);
    return sprintf('%.17g', $cores);
}

# A fraction stays one, so that it is refused; but 1e15 is a whole number, too.
my sub whole ($what, $number) {
    $number = text($what, $number);
    return $number if !looks_like_number($number) || $number =~ m/\A[0-9]+\z/;
    return $number == int($number) ? sprintf('%.0f', $number) : $number;
}

my sub node_stats ($stats) {
    return [
        cores('cpu', $stats->{cpu}),
        whole('maxcpu', $stats->{maxcpu}),
        whole('mem', $stats->{mem}),
        whole('maxmem', $stats->{maxmem}),
    ];
}

my sub guest_stats ($stats) {
    refuse('the statistics are no hash') if ref($stats) ne 'HASH';
    return [
        cores('cpu', $stats->{cpu}),
        cores('maxcpu', $stats->{maxcpu}),
        whole('mem', $stats->{mem}),
        whole('maxmem', $stats->{maxmem}),
    ];
}

my sub names ($what, $names) {
    refuse("$what are no array") if ref($names) ne 'ARRAY';
    # Texts, so that none becomes a number in JSON.
    return [map { '' . (text($what, $_) // refuse("one of $what is undefined")) } $names->@*];
}

my sub candidates ($candidates) {
    refuse('candidates are no array') if ref($candidates) ne 'ARRAY';
    my @candidates = map {
        refuse('a candidate is no hash') if ref($_) ne 'HASH';
        {
            leader => (names('leaders', [$_->{leader}]))->[0],
            resources => names('resources', $_->{resources}),
            nodes => names('nodes', $_->{nodes}),
        };
    } $candidates->@*;
    return $json->encode(\@candidates);
}

sub _add_node {
    my ($self, $name, $stats) = @_;
    refuse('the statistics are no hash') if ref($stats) ne 'HASH';
    $name = name('name of a node', $name);
    PVE::Native::RS::Scheduler::add_node(checked($self), $name, node_stats($stats));
    return;
}

sub remove_node {
    my ($self, $name) = @_;
    PVE::Native::RS::Scheduler::remove_node(checked($self), name('name of a node', $name));
    return;
}

sub list_nodes {
    my ($self) = @_;
    return PVE::Native::RS::Scheduler::list_nodes(checked($self));
}

sub contains_node {
    my ($self, $name) = @_;
    $name = name('name of a node', $name);
    return PVE::Native::RS::Scheduler::contains_node(checked($self), $name);
}

sub _add_guest {
    my ($self, $sid, $guest) = @_;
    refuse('the guest is no hash') if ref($guest) ne 'HASH';
    my $target = $guest->{'target-node'};
    PVE::Native::RS::Scheduler::add_guest(
        checked($self),
        name('name of a guest', $sid),
        guest_stats($guest->{stats}),
        $guest->{running} ? 1 : 0,
        name('current-node', $guest->{'current-node'}),
        name('target-node', $target),
    );
    return;
}

sub _add_guest_to_node {
    my ($self, $node, $sid, $stats) = @_;
    PVE::Native::RS::Scheduler::add_guest_to_node(
        checked($self),
        name('name of a node', $node),
        name('name of a guest', $sid),
        guest_stats($stats),
    );
    return;
}

sub _remove_guest {
    my ($self, $sid) = @_;
    PVE::Native::RS::Scheduler::remove_guest(checked($self), name('name of a guest', $sid));
    return;
}

sub calculate_node_imbalance {
    my ($self) = @_;
    return PVE::Native::RS::Scheduler::imbalance(checked($self));
}

my sub best_migrations ($self, $candidates, $limit, $topsis) {
    $candidates = candidates($candidates);
    $limit = whole('limit', $limit);
    return PVE::Native::RS::Scheduler::best_migrations(
        checked($self), $candidates, $limit, $topsis,
    );
}

sub score_best_balancing_migration_candidates {
    my ($self, $candidates, $limit) = @_;
    return best_migrations($self, $candidates, $limit, 0);
}

sub score_best_balancing_migration_candidates_topsis {
    my ($self, $candidates, $limit) = @_;
    return best_migrations($self, $candidates, $limit, 1);
}

sub _score_nodes {
    my ($self, $stats) = @_;
    return PVE::Native::RS::Scheduler::score_start(checked($self), guest_stats($stats));
}

1;

__END__

=head1 NAME

PVE::Native::ResourceScheduling - where Proxmox VE would start a guest, and what it would migrate

=head1 SYNOPSIS

    use PVE::Native::ResourceScheduling::Static;

    my $scheduler = PVE::Native::ResourceScheduling::Static->new();
    $scheduler->add_node('n1', 16, 64 << 30);
    $scheduler->add_node('n2', 32, 128 << 30);
    $scheduler->add_service('vm:100', {
        stats => { maxcpu => 4, maxmem => 8 << 30 }, running => 1, 'current-node' => 'n1',
    });
    my $scores = $scheduler->score_nodes_to_start_service({ maxcpu => 2, maxmem => 4 << 30 });
    my ($best) = sort { $b->[1] <=> $a->[1] || $a->[0] cmp $b->[0] } $scores->@*;

=head1 DESCRIPTION

What L<PVE::Native::ResourceScheduling::Static> and L<PVE::Native::ResourceScheduling::Dynamic> have in
common. They have the methods of C<PVE::RS::ResourceScheduling::Static> and C<::Dynamic>, with the same
arguments and answers, and give the same scores, in time that grows with the nodes and not with their
square. F<docs/placement.md> says what they are made of, and what is different.

Cores are numbers, fractions allowed; memory is in bytes. Numbers may be texts. Names are texts. Unknown keys
of hashes are passed over, as there.

All methods die with a L<PVE::Native::Error>, a line that begins with what failed; nothing has changed then.
All are there since version 0.1.

=head1 METHODS

=over

=item new(\%opts)

A scheduler without nodes. Options: C<imbalance-scale>, what 1 means as an imbalance: C<mean>, the standard
deviation is as large as the mean (the default, and so in proxmox-resource-scheduling 2.0), or C<unit>, one node
has all the load (2.1).

=item remove_node($name)

Removes a node, and the guests that are on it alone. One that is not there is no error.

=item list_nodes()

The names of all nodes in their order: an array.

=item contains_node($name)

1 if there is a node of that name, 0 if not.

=item calculate_node_imbalance()

How unevenly the nodes are loaded, from 0.

=item score_best_balancing_migration_candidates(\@candidates, $limit)

The best migrations, at most C<$limit>, by the imbalance that they leave; ties by guest, source and target:

    [{ migration => { sid => 'vm:100', 'source-node' => 'n1', 'target-node' => 'n2' }, imbalance => 0.1 }]

A candidate is C<< { leader => $sid, resources => \@sids, nodes => \@names } >>: guests that move together, the
leader among them, and the nodes they could move to. Dies if one of the guests is not known, is moving, or is
not on the leader's node.

=item score_best_balancing_migration_candidates_topsis(\@candidates, $limit)

The same, best first by TOPSIS over CPU and memory apart; ties in the order given.

=back

=head1 SEE ALSO

L<PVE::Native::Override>, F<docs/placement.md>

=cut
