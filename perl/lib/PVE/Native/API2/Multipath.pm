package PVE::Native::API2::Multipath;

use v5.36;

use PVE::RESTHandler;

use PVE::Native::Multipath;

use parent -norequire, qw(PVE::RESTHandler);

my @STATES = qw(optimal degraded missing failed unknown);

my sub text ($description, %more) {
    return { type => 'string', description => $description, %more };
}

my sub number ($description, %more) {
    return { type => 'integer', description => $description, optional => 1, %more };
}

my sub list ($description, $items, %more) {
    return { type => 'array', description => $description, items => $items, %more };
}

# Something by name.
my sub table ($description, $each) {
    return { type => 'object', description => $description, additionalProperties => $each };
}

# What may come to be in it later is no error.
my sub object (%properties) {
    return { type => 'object', additionalProperties => 1, properties => {%properties} };
}

my $cell = object(
    state => text('The state of the map on this node.', enum => \@STATES),
    'paths-active' => number('Paths that can be used.', minimum => 0),
    'paths-total' => number('All paths.', minimum => 0),
    transport => text('How the paths reach the storage.', optional => 1),
    size => number('Bytes, as this node has it.', minimum => 0),
    flags => list(
        'What else there is to know of the map.',
        text("'marginal', 'queueing', 'suspended' or 'state-disagrees'."),
        optional => 1,
    ),
    reason => text("Why the state is not the map's own.", optional => 1),
);

my $lun = object(
    wwid => text('The WWID of the LUN.'),
    alias => text('What it is called.', optional => 1),
    'used-by' => list('The storages on it.', text('The ID of a storage.'), optional => 1),
    size => number('Bytes, as the first node that knows it has it.', minimum => 0),
    'cluster-state' => text(
              "The worst state on any node of which something is known: 'optimal' (all paths can be"
            . " used), 'degraded' (some can), 'missing' (a node should have the map and has not),"
            . " 'failed' (no path can be used); 'unknown' if nothing is known of any.",
        enum => \@STATES,
    ),
    coverage => text(
        'Of how many nodes something is known, and of how many it should be.',
        pattern => '\d+/\d+',
        optional => 1,
    ),
    nodes => table('The state of the map by node.', $cell),
);

my $node = object(
    status => text(
              "Whether its broadcast can be relied on: 'live', 'silent', 'stale', 'malformed' or"
            . " 'offline'.",
        optional => 1,
    ),
    error => text('What is wrong with its broadcast.', optional => 1),
    age => {
        type => 'number',
        description => 'Seconds since the broadcast was made.',
        optional => 1,
    },
    'clock-skew' => {
        type => 'number',
        description => 'Seconds by which its clock is ahead, if that is too much.',
        optional => 1,
    },
    truncated => number('LUNs that its broadcast had no room for.', minimum => 0),
    'apply-error' => text('Why it could not apply the configuration.', optional => 1),
    'apply-time' => number('When that was, in seconds since 1970.'),
    'health-error' => text('Why it does not know how its maps are.', optional => 1),
    'health-time' => number('When that was, in seconds since 1970.'),
);

my $finding = object(
    code => text('What kind of finding it is. Codes are stable.'),
    severity => text('How grave it is.'),
    subject => text('What it is about: the same as long as it is the same thing.'),
    sentence => text('What there is to say.'),
    luns => list('The LUNs concerned.', text('A WWID.'), optional => 1),
    nodes => list('The nodes concerned.', text('The name of a node.'), optional => 1),
);

my $event = object(
    wwid => text('The LUN.', optional => 1),
    node => text('The node.', optional => 1),
    from => text('What it was; none if it was not there.', optional => 1),
    to => text('What it is; none if it is gone.', optional => 1),
    reason => text('Why.', optional => 1),
    since => {
        type => 'number',
        description => 'When it became that, in seconds since 1970.',
        optional => 1,
    },
    lasted => {
        type => 'number',
        description => 'Seconds for which it had been what it was.',
        optional => 1,
    },
    flaps => number('How often it has changed without an hour of rest.', minimum => 0),
);

my $changes_only = 'Only with since: ';

__PACKAGE__->register_method(
    {
        name => 'status',
        path => 'status',
        method => 'GET',
        description =>
            'How healthy the multipath maps of all LUNs are: a matrix of LUNs and nodes, with one state'
            . ' of the cluster for each LUN.',
        permissions => {
            check => ['perm', '/', ['Sys.Audit']],
        },
        parameters => {
            additionalProperties => 0,
            properties => {
                findings => {
                    type => 'boolean',
                    description =>
                        'Whether to look for what is wrong beyond the state of a single map.',
                    optional => 1,
                    default => 0,
                },
                since => text(
                    "The 'cursor' of an answer: only what has changed since is told. Any other text"
                        . ' is answered with all LUNs, and a cursor to go on with.',
                    maxLength => 256,
                    optional => 1,
                ),
            },
        },
        returns => object(
            luns => list('The LUNs, in the order of their WWIDs.', $lun),
            nodes => table('What there is to know of nodes, by name.', $node),
            findings => list('What is wrong, the worst first.', $finding, optional => 1),
            cursor => text("${changes_only}what to ask with the next time.", optional => 1),
            full => {
                type => 'boolean',
                description => "${changes_only}whether these are all LUNs.",
                optional => 1,
            },
            removed => list(
                "${changes_only}LUNs that are gone.", text('The WWID of the LUN.'),
                optional => 1,
            ),
            events => list("${changes_only}what has happened.", $event, optional => 1),
            'passed-over' => number(
                "${changes_only}events that are not told, as there are too many.",
                minimum => 0
            ),
        ),
        code => sub {
            my ($param) = @_;
            my ($findings, $since) = $param->@{qw(findings since)};
            my $opts = { findings => $findings };
            my $answer = eval {
                defined($since)
                    ? PVE::Native::Multipath::cluster_changes($since, $opts)
                    : PVE::Native::Multipath::cluster_status($opts);
            };
            # Those who show it expect text.
            die "$@" if !$answer;
            return $answer;
        },
    }
);

1;

__END__

=head1 NAME

PVE::Native::API2::Multipath - the health of LUNs in the interface of Proxmox VE

=head1 SYNOPSIS

    use PVE::Native::API2::Multipath;

    # in a class of the interface, such as PVE::API2::Cluster
    __PACKAGE__->register_method({
        subclass => 'PVE::Native::API2::Multipath',
        path => 'multipath',
    });

=head1 DESCRIPTION

A C<PVE::RESTHandler>, on a node of Proxmox VE. It has one method.

=over

=item GET status

The answer of L<PVE::Native::Multipath/cluster_status> in strict mode, for whoever has C<Sys.Audit> on F</>.

With C<since>, only what has changed since the answer that has this C<cursor>: that of
L<PVE::Native::Multipath/cluster_changes>. Servers have several processes, and what comes from another one is
answered with all LUNs (C<full>). With C<findings>, what is wrong beyond the state of a single map.

=back

=head1 SEE ALSO

L<PVE::Native::Multipath>

=cut
