package ClusterModel;

# A plain model of what the cluster status says in compat mode, to hold the library against. It asks
# of each pair of a LUN and a node what is known, and takes the answer from there; the numbers are
# those of the 32 rules in cluster_compat.t. It is slow, and hides nothing: it counts in %fired how
# often which rule has decided something, so that no rule can go untried.

use v5.36;
no warnings qw(numeric uninitialized);

use JSON::XS ();
use Scalar::Util qw(reftype);

our %fired;

# Broadcasts come every 60 s; after three that did not come, the last is not believed any more.
my $STALE_AFTER = 180;

my %BADNESS = (optimal => 1, degraded => 2, missing => 3, failed => 4);

sub rule ($name) { $fired{$name}++ }

sub is_hash ($value) { return ref($value) && reftype($value) eq 'HASH' }

# Where Perl looks into something that is no hash, it dies.
sub need_hash ($value, $what) {
    die "$what is not a hash\n" if !is_hash($value);
    return $value;
}

# --- A cell ---------------------------------------------------------------------------------------

# What a node's entry for a LUN is: nothing, something, or nothing that could be read.
sub has_entry ($maps, $wwid) { return $maps->{$wwid} ? 1 : 0 }

sub clamped ($state) {
    return $state if defined($state) && ($BADNESS{$state} || $state eq 'unknown');
    rule('11: another state');
    return 'unknown';
}

sub reported ($entry, $where) {
    need_hash($entry, "the entry $where");
    rule('10: cell as reported');
    rule('22: real state beside others');
    my $cell = { state => clamped($entry->{state}) };
    for my $count (qw(paths-active paths-total)) {
        $cell->{$count} = $entry->{$count};
        rule('10: a count is null') if !defined($entry->{$count});
    }
    if (defined($entry->{transport})) {
        $cell->{transport} = $entry->{transport};
    } else {
        rule('10: no transport');
    }
    return $cell;
}

# The cell of a node for a LUN, or nothing. The node broadcasts these maps or (undef) none; it is
# among those that should carry the LUN, or not.
sub cell ($wwid, $node, $maps, $live, $named, $listed) {
    my $entry = $maps && has_entry($maps, $wwid);
    if ($live) {
        return reported($maps->{$wwid}, "for '$wwid' from '$node'") if $entry;
        rule('corner: a false entry') if $maps && exists($maps->{$wwid});
        if ($named) {
            rule($maps ? '13: expected, no entry' : '15: expected, silent, online');
            return { state => 'missing' };
        }
        if ($maps) {
            rule($listed ? '12: not expected, no entry' : '8: off the list, no entry');
        }
        return;
    }
    if ($entry) {
        rule('9: offline with an entry');
    } elsif ($named) {
        rule($maps ? '9: offline without an entry, expected' : '15: expected, silent, offline');
    } else {
        rule('9: offline without an entry') if $maps;
        return;
    }
    return { state => 'unknown' };
}

# --- A row ----------------------------------------------------------------------------------------

# The worst of what is known.
sub rolled_up ($cells) {
    my @states = map { $_->{state} } values(%$cells);
    my @known = sort { $BADNESS{$b} <=> $BADNESS{$a} } grep { $BADNESS{$_} } @states;
    if (!@known) {
        rule('17: no active cell');
        rule('12: an unknown that was reported')
            if grep { exists($_->{'paths-active'}) } values(%$cells);
        rule('21: no cell at all') if !@states;
        return 'unknown';
    }
    rule('18: unknown beside others') if @known < @states;
    rule("16: $known[0] wins over $_") for grep { $_ ne $known[0] } @known;
    return $known[0];
}

# The size of the first node, by name, that is online and has one.
sub size_of ($wwid, $kv, $live) {
    my @sizes = grep { defined } map { $kv->{$_}->{$wwid}->{size} }
        grep { $live->{$_} && has_entry($kv->{$_}, $wwid) } sort(keys(%$kv));
    rule(@sizes ? '19: a size' : '19: no size');
    # A copy is compared: a number that was looked at as a string would be written as one.
    my ($first, @others) = @sizes;
    rule('19: the first of several') if grep { my $other = $_; $other ne $first } @others;
    return $sizes[0];
}

# The names of those that should carry a LUN; undef if nobody is said to.
sub named_for ($wwid, $expected, $active) {
    need_hash($expected, 'expected');
    my $set = $expected->{$wwid};
    need_hash($set, "the set expected for '$wwid'") if $set;
    if ($set && %$set) {
        rule('7: expected set');
        rule('corner: a false name in the expected set') if grep { !$_ } values(%$set);
        return $set;
    }
    rule($set ? 'corner: the expected set is {}' : '7: all active nodes');
    return $active;
}

# --- aggregate() ----------------------------------------------------------------------------------

sub aggregate (@args) {
    rule('1: an argument is missing') if grep { !defined } @args[0 .. 5];
    my ($allow, $aliases, $used_by, $kv, $live, $expected) = @args;
    $allow //= [];
    $_ //= {} for $aliases, $used_by, $kv, $live, $expected;

    die "allow_wwids is not an array\n" if !ref($allow) || reftype($allow) ne 'ARRAY';
    my %listed;
    for my $wwid (@$allow) {
        rule('2: twice on the list') if $listed{$wwid}++;
    }
    need_hash($kv, 'node_kv');
    my %reports = map { $_ => need_hash($kv->{$_} // {}, "what '$_' broadcasts") } keys(%$kv);
    rule('corner: a node broadcasts undef') if grep { !defined } values(%$kv);
    need_hash($live, 'online') if %reports;
    my %active = map { $_ => 1 } grep { $live->{$_} } keys(%reports);
    rule('5: a broadcaster is not in online') if grep { !exists($live->{$_}) } keys(%reports);
    rule('6: active nodes') if %active;

    my %rows = %listed;
    for my $node (keys(%reports)) {
        for my $wwid (grep { !$listed{$_} } keys($reports{$node}->%*)) {
            rule(
                $live->{$node}
                ? '3: seen off the list'
                : '3: seen off the list by an offline node'
            );
            $rows{$wwid} = 1;
        }
    }
    rule('4: rows in order') if keys(%rows) > 1;

    return [
        map { row($_, $listed{$_}, $aliases, $used_by, \%reports, $live, $expected, \%active) }
        sort(keys(%rows))
    ];
}

sub row ($wwid, $listed, $aliases, $used_by, $reports, $live, $expected, $active) {
    my $named = $listed ? named_for($wwid, $expected, $active) : {};
    rule('7: a set off the list') if !$listed && is_hash($expected) && $expected->{$wwid};
    my %cells;
    for my $node (keys({ %$reports, %$named }->%*)) {
        need_hash($live, 'online');
        my $cell = cell(
            $wwid, $node, $reports->{$node}, $live->{$node}, exists($named->{$node}), $listed,
        ) // next;
        $cells{$node} = $cell;
    }
    my $row = { wwid => $wwid, nodes => \%cells, 'cluster-state' => rolled_up(\%cells) };
    rule('8: off the list, rolled up') if !$listed && $row->{'cluster-state'} ne 'unknown';
    my $size = size_of($wwid, $reports, $live);
    $row->{size} = $size if defined($size);
    for my $label ([alias => $aliases], ['used-by' => $used_by]) {
        my ($key, $names) = @$label;
        need_hash($names, $key);
        $row->{$key} = $names->{$wwid} if defined($names->{$wwid});
        rule(defined($names->{$wwid}) ? "20: $key" : "20: no $key");
    }
    return $row;
}

# --- status_json() --------------------------------------------------------------------------------

# A JSON object from the key-value store, or nothing.
sub object_of ($raw) {
    my $object = eval { JSON::XS::decode_json($raw) };
    return ref($object) eq 'HASH' ? $object : undef;
}

sub is_stale ($time, $now) {
    if (!defined($time)) {
        rule('25: no time');
        return 1;
    }
    my $age = $now - $time;
    rule('25: exactly 180 s') if $age == $STALE_AFTER;
    rule('25: a time that is no number') if ref($time) || $time !~ m/^[0-9.]+$/;
    rule('25: from the future') if $age < 0;
    # An age that is no number at all is not greater than anything.
    return 0 if !($age > $STALE_AFTER);
    rule('26: stale');
    return 1;
}

sub is_live ($members, $node) {
    if (!%$members) {
        rule('28: no members, all live');
        return 1;
    }
    my $member = $members->{$node} || return 0;
    return need_hash($member, "the member '$node'")->{online} ? 1 : 0;
}

# What status_json() writes, as a structure.
sub status ($raw, $opts) {
    my $now = $opts->{now};
    my (%maps, %stale);
    for my $node (keys(%$raw)) {
        my $object = object_of($raw->{$node});
        if (!$object || ref($object->{maps}) ne 'HASH') {
            rule($object ? '24: maps is no object' : '24: not decodable');
            next;
        }
        $maps{$node} = $object->{maps};
        $stale{$node} = is_stale($object->{time}, $now);
    }

    my $members = $opts->{members} // {};
    my %elsewhere = map { $_ => 1 } ($opts->{'expected-nodes'} // [])->@*;
    my %live = map { $_ => is_live($members, $_) && !$stale{$_} } keys(%maps), keys(%elsewhere);
    rule('28: expected and no broadcaster') if grep { !$maps{$_} } keys(%elsewhere);

    my %expected;
    for my $wwid (($opts->{allow} // [])->@*) {
        my $own = ($opts->{expected} // {})->{$wwid};
        rule($own ? '27: nodes of its own storage' : '27: all nodes with multipath storage');
        $expected{$wwid} = $own ? { map { $_ => 1 } @$own } : \%elsewhere;
    }
    rule('31: a result');
    return {
        luns => aggregate($opts->@{qw(allow aliases used-by)}, \%maps, \%live, \%expected),
        nodes => apply_errors($opts->{apply} // {}, $members),
    };
}

sub apply_errors ($raw, $members) {
    my %errors;
    for my $node (keys(%$raw)) {
        if (!is_live($members, $node)) {
            rule('29: error of an offline node');
            next;
        }
        my $object = object_of($raw->{$node});
        if (!$object || !$object->{error}) {
            rule($object ? '29: false error' : '29: malformed');
            next;
        }
        rule(%$members ? '29: error' : '29: error of one alone');
        $errors{$node} = { 'apply-error' => $object->{error}, 'apply-time' => $object->{time} };
    }
    return \%errors;
}

1;
