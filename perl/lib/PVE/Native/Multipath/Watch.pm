package PVE::Native::Multipath::Watch;

use v5.36;

# What this process knows of the cluster since it was asked first: an engine that is told what is new each
# time, and answers with what that has changed.

use JSON::XS ();

use PVE::Native::ClusterStatus::Engine;

my $json = JSON::XS->new->utf8->canonical;

# The engine, whose it is, and what it has been told: the broadcasts by node, the configuration.
my ($engine, $owner, %broadcasts, $config);

# A process that was forked shares nothing of it: its answers would be taken for the other's.
my sub begin () {
    $engine = PVE::Native::ClusterStatus::Engine->new({ mode => 'strict' });
    ($owner, $config) = ($$, '');
    %broadcasts = ();
    return;
}

my sub is_online ($member) { return $member && $member->{online} ? 1 : 0 }

# What has changed since the answer that this cursor is from, as the engine says it.
sub changes ($known, $cursor, $now) {
    begin() if !$engine || $owner != $$;
    # Whatever goes wrong below, the next one to ask has an engine that was told everything.
    my $current = $engine;
    undef $engine;

    my $members = $known->{members};
    $current->set_members(
        $members->%* ? { map { $_ => is_online($members->{$_}) } keys($members->%*) } : undef,
    );
    my $wanted = $json->encode($known->{config});
    if ($wanted ne $config) {
        $current->set_config($known->{config});
        $config = $wanted;
    }
    my $raw = $known->{raw};
    for my $node (grep { !defined($raw->{$_}) } keys(%broadcasts)) {
        $current->remove_node($node);
        delete $broadcasts{$node};
    }
    $current->advance($now);
    for my $node (sort(keys($raw->%*))) {
        my $bytes = $raw->{$node} // next;
        next if defined($broadcasts{$node}) && $broadcasts{$node} eq $bytes;
        $current->update_node($node, $bytes, $now);
        $broadcasts{$node} = $bytes;
    }
    my $changes = $current->changes($cursor);
    $engine = $current;
    return $changes;
}

1;
