use v5.36;

use lib 'perl/t/lib';

# Problems of placement as Perl asks them.

use JSON::XS ();
use Test::More;

use PVE::Native::Placement;
use TestImages qw(failure_of);
use TestProcess qw(growth_kib);

my $json = JSON::XS->new->utf8->canonical;

sub problem (%policy) {
    my @nodes = map { { name => $_, capacity => { cpu => 8, mem => 100 } } } qw(n1 n2 n3);
    my @guests = map { { sid => "vm:$_", node => 'n1', size => { cpu => 2, mem => 60 } } } 1 .. 2;
    return {
        task => 'recover', nodes => \@nodes, guests => \@guests,
        policy => { failed => [['n1']], %policy },
    };
}

sub solve { return PVE::Native::Placement::solve(@_) }

subtest 'guests of a failed node get another' => sub {
    my $answer = solve(problem());
    is($answer->{status}, 'optimal', 'each on a node of its own');
    is_deeply([sort(values($answer->{placements}->%*))], [qw(n2 n3)], 'as they must');
    is_deeply($answer->{unplaced}, [], 'nobody is left');
    is($answer->{why}->{'vm:1'}->{n1}->{code}, 'failed', 'and it says why');
    is_deeply(
        $answer->{loads}->{n2}->{mem}, { before => 0, after => 60, limit => 100 },
        'loads'
    );
    ok(!exists($answer->{loads}->{n1}), 'a failed node has none');
    ok(!exists($answer->{elapsed}), 'nothing depends on the clock');
    my $again = problem('report-elapsed' => 1);
    cmp_ok(solve($again)->{elapsed}, '>', 0, 'unless it is asked for');
};

subtest 'what does not fit is told with its numbers' => sub {
    my $problem = problem(failed => [[qw(n1 n2)]]);
    my $answer = solve($problem);
    is($answer->{status}, 'infeasible', 'sixty and sixty');
    my ($sid) = $answer->{unplaced}->@*;
    is_deeply(
        $answer->{why}->{$sid}->{n3},
        { code => 'capacity', resource => 'mem', need => 60, have => 40, rule => undef },
        'the first constraint that fails',
    );
    is(scalar(keys($answer->{placements}->%*)), 1, 'who fits is placed all the same');
    is($answer->{objective}, undef, 'there is nothing to rate');
    $problem->{policy}->{relax} = [qw(reservations maintenance usage)];
    $problem->{guests}->[0]->{usage} = { mem => 40 };
    $answer = solve($problem);
    is_deeply(
        [$answer->@{qw(status relaxed)}], ['relaxed', ['usage']],
        'only what must be is given up'
    );
};

subtest 'as a text it is the same' => sub {
    my $problem = problem();
    my $text = PVE::Native::Placement::solve_json($json->encode($problem));
    is_deeply($json->decode($text), solve($problem), 'the same answer');
    is($text, PVE::Native::Placement::solve_json($json->encode($problem)), 'each time');
    is_deeply(PVE::Native::Placement::explain($problem), solve($problem), 'explained');
};

subtest 'numbers and truth values may be text' => sub {
    my $problem = problem();
    $problem->{guests}->[0]->{size} = { cpu => '2', mem => '6e1' };
    $problem->{nodes}->[1]->{online} = '';
    $problem->{nodes}->[2]->{maintenance} = '0';
    is_deeply(solve($problem)->{placements}, { 'vm:1' => 'n3' }, 'one of two');
};

subtest 'names are bytes, and come back' => sub {
    my $problem = problem();
    $_->{sid} = "vm:\xe9$_->{sid}" for $problem->{guests}->@*;
    my $answer = solve($problem);
    is_deeply(
        [sort(keys($answer->{placements}->%*))], ["vm:\xe9vm:1", "vm:\xe9vm:2"],
        'as given'
    );
};

subtest 'rubbish is an error and nothing else' => sub {
    my @cyclic = ({});
    $cyclic[0]->{nodes} = \@cyclic;
    my $nan = 'inf' - 'inf';
    for my $rubbish (
        undef, '', [], {}, 'task', \1, sub { 1 }, $cyclic[0],
        { task => 'place' },
        { task => 'place', nodes => {} },
        { task => 'place', nodes => [{ name => 'n1', capacity => { mem => -1 } }] },
        { task => 'place', nodes => [{ name => 'n1', capacity => { mem => $nan } }] },
        { task => 'place', nodes => [{ name => 'n1', capacity => { mem => sub { 1 } } }] },
        { task => 'place', nodes => [], nodse => [] },
        )
    {
        my $failure = failure_of(sub { solve($rubbish) });
        isa_ok($failure, 'PVE::Native::Error');
        like("$failure", qr/\A[^\n]+\n\z/, 'one line');
    }
    for my $rubbish (undef, '', '{', "\x{100}", [], '{"task":"place","nodes":[]}x') {
        isa_ok(
            failure_of(sub { PVE::Native::Placement::solve_json($rubbish) }),
            'PVE::Native::Error'
        );
    }
};

subtest 'nothing is left behind' => sub {
    my $problem = problem();
    cmp_ok(growth_kib(5000, sub { solve($problem) }), '<', 1024, 'less than a mebibyte');
};

done_testing();
