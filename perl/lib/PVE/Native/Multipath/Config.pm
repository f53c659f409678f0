package PVE::Native::Multipath::Config;

use v5.36;

# What a cluster's configuration says of LUNs: which it is to use and what they are called, from
# multipath.cfg; which storages are on them and which nodes need them, from storage.cfg. It is told what
# is in the files.

# The types of storages whose volumes are LUNs, and where the WWID is in the name of a volume. The volumes of
# the first are multipath maps. Those of the second are named after /dev/disk/by-id.
my %WWID_OF = (
    multipath => qr/^(?:dm-uuid-mpath-)?(\S+)\z/,
    iscsi => qr/^\d+\.\d+\.\d+\.(?:scsi-|dm-uuid-mpath-)(\S+)\z/,
);

# The sections of multipath.cfg, which has the form of all configuration of a cluster: lines with type and
# name, indented ones with what they have, and empty ones between. The type 'wwid' is of interest here.
sub parse ($text) {
    my (@allow, %seen, %aliases, $wwid);
    utf8::decode($text);
    my $number = 0;
    for my $line (split(m/\n/, $text)) {
        $number++;
        next if $line =~ m/^\s*#/;
        if ($line =~ m/^\s*\z/) {
            $wwid = undef;
        } elsif ($line =~ m/^(\S+):\s*(\S+)\s*\z/) {
            my ($type, $name) = ($1, $2);
            $wwid = lc($type) eq 'wwid' ? $name : undef;
            push @allow, $wwid if defined($wwid) && !$seen{$wwid}++;
        } elsif ($line =~ m/^\s+(\S+)(?:\s+(.*?))?\s*\z/) {
            my ($key, $value) = ($1, $2);
            $aliases{$wwid} = $value if defined($wwid) && $key eq 'alias' && length($value // '');
        } else {
            warn "multipath.cfg: line $number is not understood\n";
        }
    }
    return { allow => \@allow, aliases => \%aliases };
}

# The storage that another one is on, and the WWID of the LUN; nothing if that is no LUN.
my sub base_of ($ids, $storage) {
    my ($base, $volume) = ($storage->{base} // '') =~ m/^([^:\s]+):(.+)\z/ or return;
    my $below = $ids->{$base} or return;
    my $pattern = $WWID_OF{ $below->{type} // '' } or return;
    my ($wwid) = $volume =~ $pattern or return;
    return ($below, $wwid);
}

# The nodes on which all of these storages are to be used.
my sub nodes_of ($all, @storages) {
    return {} if grep { $_->{disable} } @storages;
    my @sets = map { $_->{nodes} // () } @storages;
    my ($first, @others) = @sets or return { map { $_ => 1 } $all->@* };
    my @nodes = keys($first->%*);
    for my $set (@others) {
        @nodes = grep { $set->{$_} } @nodes;
    }
    return { map { $_ => 1 } @nodes };
}

# What the storages need: the nodes with any multipath storage, by WWID those that need the LUN, and the
# storages on it.
sub expectations ($ids, $all) {
    my (%nodes, %wwid_nodes, %used_by);
    for my $name (sort(keys($ids->%*))) {
        my $storage = $ids->{$name};
        if (($storage->{type} // '') eq 'multipath') {
            my $set = nodes_of($all, $storage);
            $nodes{$_} = 1 for keys($set->%*);
        }
        my ($below, $wwid) = base_of($ids, $storage) or next;
        push $used_by{$wwid}->@*, $name;
        next if $storage->{disable} || $below->{disable};
        my $set = nodes_of($all, $storage, $below);
        $wwid_nodes{$wwid}->{$_} = 1 for keys($set->%*);
        $wwid_nodes{$wwid} //= {};
    }
    return {
        nodes => \%nodes,
        'wwid-nodes' => \%wwid_nodes,
        'used-by' => \%used_by,
        consumers => { map { $_ => $used_by{$_}->[0] } keys(%used_by) },
    };
}

1;
