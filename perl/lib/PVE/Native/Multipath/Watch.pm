package PVE::Native::Multipath::Watch;

use v5.36;

# What this process knows of the cluster since it was asked first: an engine that is told everything each
# time, to which only that costs anything which is new, and that answers with what has changed.

use PVE::Native::ClusterStatus::Engine;

# The engine, whose it is, and which nodes have broadcast anything.
my ($engine, $owner, %reporting);

# What has changed since the answer that this cursor is from, as the engine says it, with all nodes; and if
# asked for what there is to say of all.
sub changes ($known, $cursor, $now, $findings) {
    # A process that was forked has other askers, and shares nothing with its parent.
    my $current = defined($owner) && $owner == $$ ? $engine : undef;
    # Whatever goes wrong below, the next to ask has an engine that was told all of it.
    undef $engine;
    if (!$current) {
        $current = PVE::Native::ClusterStatus::Engine->new({ mode => 'strict' });
        ($owner, %reporting) = ($$);
    }
    $current->set_members($known->{members});
    $current->set_config($known->{config});
    $current->advance($now);
    my $raw = $known->{raw};
    $current->remove_node($_) for grep { !defined($raw->{$_}) } keys(%reporting);
    %reporting = map { $_ => 1 } grep { defined($raw->{$_}) } keys($raw->%*);
    $current->update_node($_, $raw->{$_}, $now) for sort(keys(%reporting));
    my $changes = $current->changes($cursor);
    $changes->{nodes} = $current->nodes();
    $changes->{findings} = $current->findings() if $findings;
    $engine = $current;
    return $changes;
}

1;
