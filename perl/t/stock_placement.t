use v5.36;

use lib 'perl/t/lib';

# The placement problem of a simulated cluster: the HA manager's own test environment, from PVE_HA_MANAGER_SRC
# (the folder of a copy of pve-ha-manager, with src/PVE) and PVE_COMMON_SRC, which are no part of this
# repository. The files of the cluster that it simulates are made here.

use File::Copy ();
use File::Temp qw(tempdir);
use JSON::XS;
use POSIX ();
use Test::More;

use PVE::Native::Placement::Collect;
use StockStandIns;

sub missing () {
    for my $name (qw(PVE_HA_MANAGER_SRC PVE_COMMON_SRC)) {
        return "$name is not set: no stock pve-ha-manager to ask" if !length($ENV{$name} // '');
    }
    my @missing = grep {
        my $file = StockStandIns::file_of($_);
        !grep { !ref && -e "$_/$file" } @INC
    } qw(JSON Linux::Inotify2 Filesys::Df Net::IP);
    return @missing ? "the stock pve-ha-manager needs the Perl modules @missing" : undef;
}

if (defined(my $why = missing())) {
    plan(skip_all => $why);
}
for my $name (qw(PVE_HA_MANAGER_SRC PVE_COMMON_SRC)) {
    my ($folder) = "$ENV{$name}/src" =~ m/^(.*)\z/s;
    unshift @INC, $folder;
}
StockStandIns::install();
if (!eval { require PVE::HA::Sim::TestHardware }) {
    plan(skip_all => "the stock pve-ha-manager cannot be loaded: $@");
}

my $GIB = 2**30;
my ($dir) = tempdir(CLEANUP => 1) =~ m/^(.*)\z/;
mkdir("$dir/status");

sub file ($name, $text) {
    open(my $fh, '>:raw', "$dir/$name") or die "cannot write $name: $!\n";
    print {$fh} $text;
    close($fh);
    return;
}

file('cmdlist', '[["power node1 on","power node2 on","power node3 on"]]');
file('hardware_status', <<'END');
{"node1":{"power":"on","network":"on","maxcpu":16,"maxmem":68719476736},
"node2":{"power":"on","network":"on","maxcpu":32,"maxmem":137438953472},
"node3":{"power":"off","network":"off","maxcpu":32,"maxmem":137438953472}}
END
file('service_config', <<'END');
{"vm:101":{"node":"node1","state":"enabled"},"vm:102":{"node":"node3","state":"enabled"},
"ct:103":{"node":"node2","state":"stopped"},"vm:104":{"node":"node2","state":"disabled"}}
END
file('static_service_stats', <<'END');
{"vm:101":{"maxcpu":4,"maxmem":4294967296},"vm:102":{"maxcpu":8,"maxmem":8589934592},
"ct:103":{"maxcpu":1,"maxmem":1073741824},"vm:104":{"maxcpu":1,"maxmem":1073741824}}
END
file('dynamic_service_stats', <<'END');
{"vm:101":{"cpu":1.5,"mem":2147483648},"vm:102":{"cpu":2,"mem":3221225472},
"ct:103":{"cpu":0.5,"mem":536870912},"vm:104":{"cpu":0,"mem":0}}
END
file('rules_config', <<'END');
node-affinity: home
	resources vm:102
	nodes node3:2,node1
	strict 1

resource-affinity: apart
	resources vm:101,vm:102
	affinity negative
END
file('manager_status', <<'END');
{"master_node":"node1","node_status":{"node1":"online","node2":"maintenance","node3":"unknown"},
"service_status":{"vm:101":{"state":"started","node":"node1","running":1,"uid":"a"},
"vm:102":{"state":"recovery","node":"node3","uid":"b"},"ct:103":{"state":"stopped","node":"node2","uid":"c"}}}
END
file('service_status_node1', '{"vm:101":1}');

my $haenv = eval {
    my $hardware = PVE::HA::Sim::TestHardware->new($dir);
    PVE::HA::Env->new('PVE::HA::Sim::TestEnv', 'node1', $hardware, 'crm');
} or BAIL_OUT("no simulated cluster: $@");

my $status = sub {
    open(my $fh, '<:raw', "$dir/status/manager_status") or die $!;
    local $/ = undef;
    return readline($fh);
};

subtest 'a simulated cluster' => sub {
    my $before = $status->();
    my ($problem, $notes) =
        PVE::Native::Placement::Collect->problem($haenv, task => 'recover', samples => 0);
    my %nodes = map { $_->{name} => $_ } $problem->{nodes}->@*;
    my %guests = map { $_->{sid} => $_ } $problem->{guests}->@*;

    is_deeply([sort(keys(%nodes))], [qw(node1 node2 node3)], 'nodes');
    is_deeply($nodes{node1}->{capacity}, { cpu => 16, mem => 64 * $GIB }, 'capacity');
    is_deeply([map { $nodes{$_}->{online} } sort(keys(%nodes))], [1, 1, 0], 'online');
    is_deeply([map { $nodes{$_}->{maintenance} } sort(keys(%nodes))], [0, 1, 0], 'maintenance');

    is_deeply([sort(keys(%guests))], [qw(ct:103 vm:101 vm:102)], 'guests that HA runs');
    is_deeply(
        $guests{'vm:102'}->{size}, { cpu => 8, mem => 8 * $GIB },
        'size: cores and bytes'
    );
    is_deeply(
        $guests{'vm:101'}->{usage}, { cpu => 1.5, mem => 2 * $GIB },
        'row 6: usage, in cores, too'
    );
    ok(!exists($guests{'vm:102'}->{node}), 'who is to be recovered has no place');
    is($guests{'vm:101'}->{node}, 'node1', 'the others stay');
    is($guests{'ct:103'}->{state}, 'stopped', 'one that does not run');
    is_deeply($guests{'vm:101'}->{storages}, [], 'there are no storages to need');

    my @rules = $problem->{rules}->@*;
    is_deeply([map { $_->{id} } @rules], [qw(apart home)], 'rules');
    is_deeply($rules[1]->{nodes}, { node1 => 0, node3 => 2 }, 'with priorities');
    is($rules[1]->{strict}, 1, 'strict');
    is($status->(), $before, 'row 23: nothing is stored in the status of the manager');
};

subtest 'as text' => sub {
    my $json = PVE::Native::Placement::Collect->problem_json($haenv, samples => 0);
    like($json, qr/"maintenance":true/, 'a document');
    is(
        PVE::Native::Placement::Collect->problem_json($haenv, samples => 0), $json,
        'the same again'
    );
};

# What a simulation of its own tests gives while a problem is collected each time before the manager decides.
sub simulate ($test) {
    my ($copy) = tempdir(CLEANUP => 1) =~ m/^(.*)\z/;
    my ($from) = "$ENV{PVE_HA_MANAGER_SRC}/src/test/test-$test" =~ m/^(.*)\z/s;
    opendir(my $dh, $from) or return undef;
    for my $name (map { m/^([A-Za-z0-9_.-]+)\z/ ? $1 : () } readdir($dh)) {
        File::Copy::copy("$from/$name", "$copy/$name") if -f "$from/$name";
    }
    pipe(my $out, my $in) or die "cannot make a pipe: $!\n";
    my $pid = fork() // die "cannot fork: $!\n";
    if (!$pid) {
        close($out);
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        my %seen = (problems => 0, reserved => 0, homeless => 0, changed => 0, errors => []);
        my $manage = PVE::HA::Manager->can('manage');
        no warnings qw(once redefine);
        *PVE::HA::Manager::manage = sub ($manager) {
            my $coder = JSON::XS->new->canonical->allow_blessed->allow_unknown;
            my $before = $coder->encode($manager->{haenv}->read_manager_status());
            my $problem =
                eval { PVE::Native::Placement::Collect->problem($manager->{haenv}, samples => 0); };
            push $seen{errors}->@*, "$@" if !$problem;
            $seen{problems}++ if $problem;
            $seen{reserved} += $problem ? $problem->{reservations}->@* : 0;
            $seen{homeless} +=
                grep { !exists($_->{node}) } $problem ? $problem->{guests}->@* : ();
            $seen{changed}++
                if $before ne $coder->encode($manager->{haenv}->read_manager_status());
            return $manage->($manager);
        };
        my $hardware = PVE::HA::Sim::TestHardware->new($copy);
        $hardware->log('info', 'starting simulation');
        eval { $hardware->run() };
        $hardware->log($@ ? 'err' : 'info', 'exit simulation - ' . ($@ ? "$@ " : 'done'));
        print {$in} JSON::XS::encode_json(\%seen);
        close($in);
        POSIX::_exit(0);
    }
    close($in);
    my $said = join('', readline($out));
    waitpid($pid, 0);
    my ($log, $expected) = map {
        open(my $fh, '<:raw', $_) or die "cannot read $_: $!\n";
        join('', readline($fh))
    } "$copy/status/log", "$from/log.expect";
    return { %{ JSON::XS::decode_json($said) }, log => $log, expected => $expected };
}

for my $test (qw(basic5 disarm-ignored1 group-migrate1 node-affinity-nonstrict1 recovery2)) {
    subtest "while it runs: $test" => sub {
        # The simulation makes files under names that it has read.
        plan(skip_all => 'not under taint mode') if ${^TAINT};
        my $seen = simulate($test) // plan(skip_all => 'this version has no such test');
        cmp_ok($seen->{problems}, '>', 3, "$seen->{problems} problems");
        is_deeply($seen->{errors}, [], 'and no errors');
        is($seen->{changed}, 0, 'row 23: the status of the manager stays as it is');
        is($seen->{log}, $seen->{expected}, 'the manager does what it did');
        cmp_ok($seen->{reserved}, '>', 0, 'row 21: guests were on their way')
            if $test =~ m/^basic/;
        cmp_ok($seen->{homeless}, '>', 0, 'guests were to be recovered')
            if $test =~ m/^recovery/;
    };
}

subtest 'files are read as the real modules read them' => sub {
    mkdir("$dir/pve");
    mkdir("$dir/pve/ha");
    my $text = <<'END';
node-affinity: home
	resources vm:102 , ct:103
	nodes node3:2,node1
	strict 1
	comment a%20b

resource-affinity: apart
	resources vm:101,vm:102
	affinity negative
	disable 1
END
    my $old = "group: old\n\tnodes node1:3,node2\n\trestricted 1\n";
    file('pve/ha/rules.cfg', $text);
    file('pve/ha/groups.cfg', $old);
    require PVE::Native::Placement::Source::Directory;
    my $ours = PVE::Native::Placement::Source::Directory->new("$dir/pve");
    my $rules = PVE::HA::Rules->parse_config('rules.cfg', $text)->{ids};
    my $read = $ours->rules()->{ids};

    for my $id (sort(keys($rules->%*))) {
        is_deeply($read->{$id}->{$_}, $rules->{$id}->{$_}, "$id: $_")
            for qw(type resources nodes strict affinity disable);
    }
    my $groups = PVE::HA::Groups->parse_config('groups.cfg', $old)->{ids};
    is_deeply($ours->groups()->{ids}->{old}->{$_}, $groups->{old}->{$_}, "group: $_")
        for qw(nodes restricted);
};

done_testing();
