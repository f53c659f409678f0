package PVE::Native::Placement::Collect;

use v5.36;

use PVE::Native::Arguments qw(number refuse text);
use PVE::Native::Placement::Collect::Guests;
use PVE::Native::Placement::Collect::Nodes;
use PVE::Native::Placement::Collect::State;
use PVE::Native::Placement::Rules;

my %defaults = (
    source => undef,
    task => 'recover',
    policy => {},
    guests => 'ha',
    'strict-bridges' => 0,
    'cpu-factors' => {},
    samples => 1,
    timeout => 10,
    window => 20 * 60,
    resolution => 60,
    now => undef,
);

my sub options_of (%given) {
    my %options = %defaults;
    for my $key (sort(keys(%given))) {
        refuse("problem: unknown option '$key'") if !exists($defaults{$key});
        $options{$key} = $given{$key} // $defaults{$key};
    }
    refuse("guests are neither 'ha' nor 'all'") if $options{guests} !~ m/^(?:ha|all)\z/;
    for my $key (qw(policy cpu-factors)) {
        refuse("$key is not a hash") if ref($options{$key}) ne 'HASH';
    }
    $options{task} = text('task', $options{task});
    $options{now} = number('now', $options{now}) // time();
    return \%options;
}

# A simulated cluster has hardware that can be asked for, a real one has not.
my sub source_for ($haenv) {
    refuse('there is neither an environment of HA nor a source') if !defined($haenv);
    my $kind = eval { $haenv->hardware(); 1 } ? 'HAEnv' : 'PVE';
    require "PVE/Native/Placement/Source/$kind.pm";
    return "PVE::Native::Placement::Source::$kind"->new($haenv);
}

sub problem ($class, $haenv = undef, %given) {
    my $options = options_of(%given);
    my $source = $options->{source} // source_for($haenv);
    my $state = PVE::Native::Placement::Collect::State->new($source, $options);
    my $guests = PVE::Native::Placement::Collect::Guests::guests($state);
    my ($nodes, $common) = PVE::Native::Placement::Collect::Nodes::nodes($state, $guests);
    # Without rules, what they forbid would be allowed.
    my ($rules, $notes) = PVE::Native::Placement::Rules::rules(
        $state->insist('rules'),
        $state->insist('groups'),
        $state->{services},
        { map { $_->{sid} => 1 } $guests->@* },
        $state->{nodes},
    );
    $state->note($_->@*) for $notes->@*;
    my $problem = {
        task => $options->{task},
        nodes => $nodes,
        guests => [
            map { PVE::Native::Placement::Collect::Guests::entry($state, $_, $common) }
                $guests->@*
        ],
        reservations => PVE::Native::Placement::Collect::Guests::reservations($state, $guests),
        rules => $rules,
        policy => { $options->{policy}->%* },
    };
    return wantarray ? ($problem, $state->{notes}) : $problem;
}

# The same as text, in which flags are JSON's own.
sub problem_json ($class, $haenv = undef, %options) {
    require JSON::XS;
    my ($problem, $notes) = $class->problem($haenv, %options);
    my %flags = (
        nodes => [qw(online maintenance)],
        guests => ['movable'],
        rules => ['strict'],
    );
    for my $list (sort(keys(%flags))) {
        for my $entry ($problem->{$list}->@*) {
            $entry->{$_} = $entry->{$_} ? JSON::XS::true() : JSON::XS::false()
                for grep { exists($entry->{$_}) } $flags{$list}->@*;
        }
    }
    my $json = JSON::XS->new->canonical->encode($problem);
    return wantarray ? ($json, $notes) : $json;
}

1;

__END__

=head1 NAME

PVE::Native::Placement::Collect - the question where guests are to run, with all that a cluster knows

=head1 SYNOPSIS

    use PVE::Native::Placement::Collect;

    my ($problem, $notes) = PVE::Native::Placement::Collect->problem(
        $haenv,
        task => 'recover',
        policy => { basis => 'percentile', percentile => 95, 'hard-limit' => { mem => 0.95 } },
    );
    warn "$_->{subject}: $_->{message}\n" for $notes->@*;

=head1 DESCRIPTION

Builds the problem document of L<PVE::Native::Placement>: nodes, guests, rules and what has just been placed.
Where all of that comes from is a L<PVE::Native::Placement::Source>: on a node Proxmox VE's own modules, for
C<PVE::HA::Sim> the simulated environment, in tests whatever they like.

Units are the same everywhere: cores and bytes. Nothing is written anywhere, least of all into the HA manager's
status. Of the same data comes the same document.

All are there since version 0.1.

=head1 METHODS

=over

=item problem($haenv, %options)

The problem: a hash; in list context also what there is to say of it, see L</NOTES>. It dies with a
L<PVE::Native::Error> if nodes, guests, services, the manager's status, rules or groups cannot be had at all:
without these, anything would be allowed.

=over

=item source

Where to ask. Otherwise C<$haenv> decides: C<PVE::HA::Env> on a node, or a simulated one.

=item task, policy

As in the document; C<recover> and an empty hash.

=item guests

C<ha>: what HA does not manage is C<ignored>: it takes what it takes, and goes with its node. C<all>: all guests
that run are like those of HA.

=item samples

1: ask for statistics. C<timeout> (10 seconds for all of them), C<window> (1200) and C<resolution> (60) are those of L<PVE::Native::HA::Stats>.

=item strict-bridges

1: a node has no bridge of which nobody says that it has it. Otherwise it is believed to have those that guests
elsewhere are connected to. See L</NODES>.

=item cpu-factors

How fast the cores of nodes are, by name. What was measured on a node counts as so many cores of factor 1.

=item now

The time; for tests.

=back

=item problem_json($haenv, %options)

The same as text.

=back

=head1 GUESTS

Those that HA decides on, whether they run or not, and all others that run, or of which nobody knows. A resource
of HA that is disabled, ignored, in an error or frozen is one of the others, and so are all while HA is disarmed. Templates are none.

=over

=item size

As configured: the sockets times cores of a virtual machine or its C<vcpus>, the C<cpulimit> or C<cores> of a
container, and the memory. A container without a limit has the most cores that it has used, or one.

=item usage, samples

What it uses and has used. A guest without data has neither.

=item book

C<size> for what touches all of its memory (Windows, a PCI device that is handed through, huge pages), and for
what has just been placed.

=item storages, volumes

A volume on a shared storage needs that storage. One on a local storage lies on the guest's own node and on those
that replication copies it to, as far as the storage is there: a storage of the same name elsewhere is another
one. So do images of CDs, files and devices of the node, and bind mounts, unless their owner says C<shared>.
Snippets (hook scripts, cloud-init) need their storage, and are believed to be wherever that is.

A guest whose configuration cannot be read, or makes no sense, has C<null> there: it fits nowhere.

=item bridges, cpu-flags, devices

What it is connected to; the flags of its CPU model and its own; mapped devices. With the CPU C<host> it needs
for C<rebalance> and C<pack>, which move it while it runs, all flags of its node. What is handed through at an
address of the node is a volume that lies there. Folders, and devices that are divided (mdev), are storages, for
they do not run out.

=item movable

0 for what is locked, has something handed through, is on its way, or cannot be read.

=back

=head1 NODES

=over

=item online, maintenance

As the manager sees them. A node that is being fenced, or that the manager does not know, is not online.

=item used

What it uses besides its guests: at each time what it used without what they did, of that the percentile of the
policy, or the 95th.

=item bridges

Its own, if this is the node that asks; the virtual networks of the SDN that are to be there, unless the node
says that they are not ready; and those that guests use there.

=back

=head1 RESERVATIONS

A guest that was just placed, and of which the statistics do not show yet that it runs, is reserved its size there.
So is one on its way, where it goes.

=head1 NOTES

An array of C<< { code, subject, message } >>:

=over

=item unreadable

A source did not answer. Less is allowed then: without C<storages> all guests fit nowhere, without C<replication>
there are no copies, without C<mappings> no devices, without C<sdn> no bridges but those that are in use.

=item config-unreadable, storage-unknown

Of a guest.

=item no-data

Nobody knows what a guest or a node uses, and why.

=item no-capacity, bridges-believed

Of a node.

=item no-cpu-limit

A container may use all cores of its node.

=item guest-missing, rule-unknown, group-unknown

HA names what is not there.

=back

=head1 SEE ALSO

L<PVE::Native::Placement>, L<PVE::Native::Placement::Source>, L<PVE::Native::HA::Stats>

=cut
