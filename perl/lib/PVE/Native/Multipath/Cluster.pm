package PVE::Native::Multipath::Cluster;

use v5.36;

# What the library is told of a cluster: all that the nodes have broadcast, who is there, and what the
# configuration expects.

use JSON::XS ();

use PVE::Native::Multipath::Config;
use PVE::Native::Multipath::Store;

my $json = JSON::XS->new->utf8;

# What the storages expect, and of whom. Nodes that were removed from the cluster may still be in the
# configuration.
sub expectations () {
    require PVE::Cluster;
    require PVE::Storage;
    my $ids = PVE::Storage::config()->{ids} // {};
    return PVE::Native::Multipath::Config::expectations($ids, PVE::Cluster::get_nodelist());
}

my sub names_of ($set, $known) {
    return [grep { !$known || $known->{$_} } sort(keys($set->%*))];
}

# What is expected, as the library takes it; where no multipath storage is in use, of those that report.
# Compat mode has one storage for each LUN, and believes all names of nodes.
my sub expected ($strict, $members) {
    my $wanted = expectations();
    my $sets = $wanted->{'wwid-nodes'};
    my @there = $members->%* ? keys($members->%*) : PVE::Cluster::get_nodelist()->@*;
    my $known = $strict ? { map { $_ => 1 } @there } : undef;
    my $nodes = names_of($wanted->{nodes}, $known);
    return (
        'used-by' => $wanted->{ $strict ? 'used-by' : 'consumers' },
        expected => { map { $_ => names_of($sets->{$_}, $known) } keys($sets->%*) },
        $nodes->@* ? ('expected-nodes' => $nodes) : (),
    );
}

# A time that a node has written; undef if that is none.
sub seconds ($value) {
    return undef if !defined($value) || ref($value) || $value !~ m/^\d{1,15}\z/a;
    return $value + 0;
}

# Why nodes that are there cannot tell of their maps, by node.
my sub errors ($members) {
    my $raw = PVE::Native::Multipath::Store::broadcasts('multipath-error');
    my %errors;
    for my $node (keys($raw->%*)) {
        next if $members->%* && !($members->{$node} && $members->{$node}->{online});
        my $said = eval { $json->decode($raw->{$node}) };
        next if ref($said) ne 'HASH' || !defined($said->{error}) || ref($said->{error});
        $errors{$node} =
            { 'health-error' => $said->{error}, 'health-time' => seconds($said->{time}) };
    }
    return \%errors;
}

# All that is known now: { raw, apply, config, members, errors }.
sub gather ($strict) {
    my $members = PVE::Native::Multipath::Store::members();
    my %known = (
        members => $members,
        raw => PVE::Native::Multipath::Store::broadcasts('multipath'),
        apply => PVE::Native::Multipath::Store::broadcasts('multipath-apply'),
        errors => $strict ? errors($members) : {},
    );
    my %expected = expected($strict, $members);
    # The last question fails if pmxcfs ended meanwhile; the store would just have nothing to say.
    my $text = PVE::Native::Multipath::Store::file('multipath.cfg') // '';
    my $config = PVE::Native::Multipath::Config::parse($text);
    $known{config} = { $config->%*, %expected };
    return \%known;
}

1;
