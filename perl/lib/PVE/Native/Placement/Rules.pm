package PVE::Native::Placement::Rules;

use v5.36;

# The rules of HA, and the groups of versions that had none, as a placement problem has them.

# The guests of a rule that there are.
my sub known ($names, $is_there) {
    return [grep { $is_there->{$_} } sort(keys(($names // {})->%*))];
}

my sub node_affinity ($id, $sids, $nodes, $strict, $all) {
    # A node that is no more counts for nothing, but leaves the rule: what is strict stays so.
    my %nodes =
        map { $_ => 0 + ($nodes->{$_}->{priority} // 0) } grep { $all->{$_} } keys($nodes->%*);
    return {
        id => $id,
        type => 'node-affinity',
        sids => $sids,
        nodes => \%nodes,
        strict => $strict ? 1 : 0,
    };
}

my sub from_rule ($id, $rule, $is_there, $all) {
    my $sids = known($rule->{resources}, $is_there);
    if ($rule->{type} eq 'node-affinity') {
        return undef if !$sids->@*;
        return node_affinity($id, $sids, $rule->{nodes} // {}, $rule->{strict}, $all);
    }
    return undef if $sids->@* < 2;
    return {
        id => $id,
        type => 'resource-affinity',
        sids => $sids,
        affinity => $rule->{affinity},
    };
}

# A group's nodes are named with their priority: 'node:2'.
my sub from_group ($id, $group, $sids, $all) {
    my %nodes;
    for my $entry (keys(($group->{nodes} // {})->%*)) {
        my ($node, $priority) = $entry =~ m/^([^:]+)(?::([0-9]+))?\z/ or next;
        $nodes{$node} = { priority => $priority };
    }
    return node_affinity("ha-group-$id", $sids, \%nodes, $group->{restricted}, $all);
}

# All rules, in the order of their names, and what there is to say of them. $is_there has the guests of the
# problem, $all its nodes.
sub rules ($rules, $groups, $services, $is_there, $all) {
    my (@rules, @notes);
    my $ids = $rules->{ids} // {};
    for my $id (sort(keys($ids->%*))) {
        my $rule = $ids->{$id};
        next if $rule->{disable};
        if (($rule->{type} // '') !~ m/^(?:node|resource)-affinity\z/) {
            push @notes, ['rule-unknown', $id, 'there is no such type of rule'];
            next;
        }
        push @rules, from_rule($id, $rule, $is_there, $all) // next;
    }
    my %members;
    for my $sid (sort(grep { $is_there->{$_} } keys($services->%*))) {
        my $group = $services->{$sid}->{group};
        push $members{$group}->@*, $sid if length($group // '');
    }
    for my $id (sort(keys(%members))) {
        my $group = ($groups->{ids} // {})->{$id};
        push @rules, from_group($id, $group, $members{$id}, $all) if $group;
        push @notes, ['group-unknown', $id, 'there is no such group'] if !$group;
    }
    return (\@rules, \@notes);
}

1;
