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
