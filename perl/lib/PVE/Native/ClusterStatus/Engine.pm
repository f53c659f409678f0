package PVE::Native::ClusterStatus::Engine;

use v5.36;

use JSON::XS ();
use Scalar::Util qw(looks_like_number);

use PVE::Native;
use PVE::Native::Arguments qw(text refuse);

# Values as Proxmox VE broadcasts and decodes them.
my $json = JSON::XS->new->utf8->allow_nonref;

# What is kept belongs to one object: threads that are made later do not get it.
sub CLONE_SKIP { return 1; }

my sub checked ($self) {
    return PVE::Native::Arguments::handle($self, 'this is no engine, or one that is gone');
}

my sub name ($node) {
    $node = text('name of a node', $node);
    utf8::encode($node) if defined($node);
    return $node;
}

# All digits that a number has: next_deadline() is just behind a time that Perl prints alike.
my sub seconds ($what, $time) {
    $time = text($what, $time);
    return looks_like_number($time) ? sprintf('%.17g', $time) : $time;
}

my sub hash ($what, $hash) {
    refuse("$what are no hash") if defined($hash) && ref($hash) ne 'HASH';
    return $json->encode($hash);
}

# Objects of JSON stay what they are, but for the one value that is a truth.
my sub decoded ($text) {
    my $changes = $json->decode($text);
    $changes->{full} = $changes->{full} ? 1 : 0;
    return $changes;
}

sub new {
    my ($class, $opts) = @_;
    my $self = PVE::Native::RS::ClusterEngine::create(hash('the options', $opts // {}));
    return ref($self) eq $class ? $self : bless($self, $class);
}

sub update_node {
    my ($self, $node, $raw, $now) = @_;
    $node = name($node);
    $raw = text('the broadcast', $raw);
    # Bytes cannot have been decoded yet, and what is not understood harms no other.
    $raw = '' if defined($raw) && !utf8::downgrade($raw, 1);
    $now = seconds('now', $now);
    PVE::Native::RS::ClusterEngine::update_node(checked($self), $node, $raw, $now);
    return;
}

sub remove_node {
    my ($self, $node) = @_;
    PVE::Native::RS::ClusterEngine::remove_node(checked($self), name($node));
    return;
}

sub set_members {
    my ($self, $members) = @_;
    PVE::Native::RS::ClusterEngine::set_members(checked($self), hash('the members', $members));
    return;
}

sub set_config {
    my ($self, $config) = @_;
    $config = hash('the options', $config // {});
    PVE::Native::RS::ClusterEngine::set_config(checked($self), $config);
    return;
}

sub advance {
    my ($self, $now) = @_;
    PVE::Native::RS::ClusterEngine::advance(checked($self), seconds('now', $now));
    return;
}

sub next_deadline {
    my ($self) = @_;
    return PVE::Native::RS::ClusterEngine::next_deadline(checked($self));
}

sub rows_json {
    my ($self) = @_;
    return PVE::Native::RS::ClusterEngine::rows(checked($self));
}

sub rows {
    my ($self) = @_;
    return $json->decode(rows_json($self));
}

sub nodes {
    my ($self) = @_;
    return $json->decode(PVE::Native::RS::ClusterEngine::nodes(checked($self)));
}

sub status_json {
    my ($self) = @_;
    return PVE::Native::RS::ClusterEngine::status(checked($self));
}

sub status {
    my ($self) = @_;
    return $json->decode(status_json($self));
}

sub changes_json {
    my ($self, $cursor) = @_;
    return PVE::Native::RS::ClusterEngine::changes(checked($self), text('cursor', $cursor));
}

sub changes {
    my ($self, $cursor) = @_;
    return decoded(changes_json($self, $cursor));
}

sub findings {
    my ($self) = @_;
    my $findings = $json->decode(PVE::Native::RS::ClusterEngine::findings(checked($self)));
    $_->{muted} = $_->{muted} ? 1 : 0 for $findings->@*;
    return $findings;
}

my sub subject ($subject) {
    $subject = text('subject', $subject);
    utf8::encode($subject) if defined($subject);
    return $subject;
}

sub mute {
    my ($self, $code, $subject, $until) = @_;
    PVE::Native::RS::ClusterEngine::mute(
        checked($self), text('code', $code), subject($subject), seconds('until', $until),
    );
    return;
}

sub unmute {
    my ($self, $code, $subject) = @_;
    $code = text('code', $code);
    return PVE::Native::RS::ClusterEngine::unmute(checked($self), $code, subject($subject));
}

1;

__END__

=head1 NAME

PVE::Native::ClusterStatus::Engine - how healthy each LUN is, across the cluster, as it changes

=head1 SYNOPSIS

    use PVE::Native::ClusterStatus::Engine;

    my $engine = PVE::Native::ClusterStatus::Engine->new({ mode => 'strict' });
    $engine->set_members(PVE::Cluster::get_members());
    $engine->set_config({ allow => \@wwids, aliases => \%aliases });

    my $cursor;
    while (1) {
        my $broadcasts = PVE::Cluster::get_node_kv('multipath');
        $engine->update_node($_, $broadcasts->{$_}, time()) for sort keys $broadcasts->%*;
        my $changes = $engine->changes($cursor);
        $cursor = $changes->{cursor};
        print "$_->{wwid} is $_->{'cluster-state'}\n" for $changes->{rows}->@*;
        sleep(10);
    }

=head1 DESCRIPTION

An engine lives in one process, and knows what it was told last. At each moment its rows are those that
L<PVE::Native::ClusterStatus> would give for all of it at once; but what is told again costs next to nothing,
and a LUN that changes costs that LUN. A process that was forked has an engine of its own from then on.

All methods die with a L<PVE::Native::Error>, a line that begins with what failed. All are there since version
0.1. Times are in seconds since 1970; a time before the last one makes it that time again.

=head1 METHODS

=over

=item new(\%opts)

An engine of a cluster of which nothing is known yet. Options: C<mode>, C<stale-seconds>, C<skew-seconds>, as
those of C<status_json> in L<PVE::Native::ClusterStatus>.

=item update_node($node, $raw, $now)

What the node has broadcast last, as C<PVE::Cluster::get_node_kv> returns it: bytes, in any form. Undef is the
same as C<remove_node>. What is not understood is no error, and harms no other node. A broadcast that takes
the place of another one was seen to come, so that the age of it does not depend on the node's clock.

Dies if C<$now> is no time, and if there are too many nodes.

=item remove_node($node)

The node has broadcast nothing, or not any more.

=item set_members(\%online)

Who is there: a hash by node of 1 or 0, or of hashes with C<online> as C<PVE::Cluster::get_members> has them.
Who is not in it is not there. Undef or empty: there is no cluster, and every node is there.

=item set_config(\%config)

What the cluster is configured to have: C<allow>, C<aliases>, C<used-by>, C<expected>, C<expected-nodes>, as for
C<status_json>. What is not in it is not configured. The same again costs a comparison.

=item advance($now)

It is that time now. C<update_node> does this, too.

=item next_deadline

The next time at which something changes that nobody tells of: a broadcast grows stale, or a finding is not
muted any more. Undef if there is none.

=item rows, rows_json

All LUNs in the order of their WWIDs, as C<luns> of C<status>: an array, or JSON text in UTF-8.

=item nodes

What there is to say of each node, by name, as C<nodes> of C<status>. In compat mode nothing.

=item status, status_json

The whole answer, with C<luns>, C<nodes>, and in strict mode C<findings>.

=item changes($cursor), changes_json($cursor)

What has changed since the answer that the cursor is from:

    { cursor => '5f2a...', full => 0,
      rows => [...], removed => ['3600...'],
      events => [{ wwid => '3600...', node => 'n2', from => 'optimal', to => 'degraded',
                   since => 1800000060, lasted => 86400, flaps => 1 }],
      'passed-over' => 0 }

=over

=item C<rows>, C<removed>

The rows that have changed, whole, and the WWIDs that have none any more. Put into the rows of that answer
they make the rows of now.

=item C<full>

1 if these are all rows: there was no cursor, it is of another engine or process, or too much has gone since.

=item C<cursor>

What to ask with the next time. Its text means nothing to others.

=item C<events>

What has happened, the oldest first: to a LUN in the cluster (C<wwid>), to a LUN on a node (C<wwid> and
C<node>), or to a node (C<node>), whose C<from> and C<to> are its C<status>. Undef is not there, or gone. A LUN
that is there and well from the beginning is no event, and a node that goes is one, not one for each LUN.
C<since> is when that came about, C<lasted> for how many seconds it had been as before, C<flaps> how often it
has changed without an hour of rest between. C<reason>: of a LUN on a node that of its cell; otherwise what has
brought it: C<broadcast>, C<membership>, C<configuration>, C<time>.

=item C<passed-over>

How many events are not among these. The last 4096 are kept, and of what one broadcast changes at once the
first 256.

=back

=item findings

What there is to say of LUNs and nodes, the worst first, as C<findings> of C<status>, each with C<muted>.

=item mute($code, $subject, $until)

Findings of that code are known, of one subject, or if that is undef of all: they are C<muted> up to that time,
or if that is undef for good; but only as long as they do not get worse: more severe, or more LUNs, nodes or
paths than there were. What is worse is seen whenever findings are asked for, and lifts the mute.

=item unmute($code, $subject)

They are to be told again. Whether there was such a mute.

=back

=head1 SEE ALSO

L<PVE::Native::ClusterStatus>, F<docs/cluster-status.md>

=cut
