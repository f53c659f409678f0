use v5.36;

use lib 'perl/t/lib';

# The placement problem of a cluster whose files are in a folder, as those of /etc/pve are, with real RRD files.

use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::XS;
use Test::More;

use PVE::Native::Placement::Collect;
use PVE::Native::Placement::Source::Directory;
use TestImages qw(failure_of);
use TestRRD qw(make_rrd write_samples);

my $GIB = 2**30;
my $now = 1_700_000_040 - 1_700_000_040 % 60;
my ($dir) = tempdir(CLEANUP => 1) =~ m/^(.*)\z/;

sub file ($name, $text) {
    make_path(dirname("$dir/pve/$name"));
    open(my $fh, '>:raw', "$dir/pve/$name") or die "cannot write $name: $!\n";
    print {$fh} $text;
    close($fh);
    return;
}

file('nodes/n1/qemu-server/100.conf', <<'END');
#a comment%3A with a colon
cores: 4
sockets: 1
cpu: x86-64-v2-AES
memory: 8192
name: db
net0: virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1
ostype: win11
scsi0: san:vm-100-disk-0.qcow2,size=32G
efidisk0: san:vm-100-disk-1.qcow2,size=528K
hostpci0: mapping=gpu,pcie=1

[PENDING]
memory: 16384

[before]
memory: 99999
scsi5: gone:vm-100-disk-5
END
file('nodes/n2/qemu-server/101.conf', "memory: 2048\nscsi0: local-zfs:vm-101-disk-0,size=8G\n");
file('nodes/n2/qemu-server/104.conf', "memory: 1024\ntemplate: 1\n");
file('nodes/n2/qemu-server/.tmp', "rubbish\n");
file('nodes/n3/lxc/102.conf', <<'END');
arch: amd64
cores: 2
memory: 1024
net0: name=eth0,bridge=blue,hwaddr=BC:24:11:00:00:02,ip=dhcp,type=veth
rootfs: nfs:102/vm-102-disk-0.raw,size=8G
mp0: /srv/data,mp=/data,shared=1
lxc.mount.entry: /a b none bind 0 0
END
file('nodes/n3/lxc/103.conf', "memory: 512\n\x{0}\x{1}rubbish\n");
file('storage.cfg', <<'END');
lvm: san
	vgname vg0
	shared 1
	content images

zfspool: local-zfs
	pool rpool/data
	nodes n1,n2
	content images,rootdir

nfs: nfs
	server 192.0.2.1
	export /srv
	content rootdir
END
file('ha/resources.cfg', <<'END');
vm: 100
	state started
	group old

vm: 101

ct: 102
	state enabled
	max_restart 3

ct: 103
	comment what a day
END
file('ha/rules.cfg', <<'END');
node-affinity: here
	resources vm:100,vm:101
	nodes n1:2,n2
	strict 1

resource-affinity: apart
	resources vm:101,ct:102
	affinity negative

node-affinity: off
	resources vm:101
	nodes n3
	disable
END
file('ha/groups.cfg', "group: old\n\tnodes n1:1,n3\n\trestricted 0\n");
file('ha/manager_status', <<'END');
{"node_status":{"n1":"online","n2":"online","n3":"maintenance"},
"service_status":{"vm:100":{"state":"started","node":"n1","running":1},
"vm:101":{"state":"migrate","node":"n2","target":"n1"},
"ct:102":{"state":"started","node":"n3","running":1}}}
END
file(
    'replication.cfg',
    "local: 101-0\n\ttarget n1\n\tschedule */15\n\nlocal: 101-1\n\ttarget n3\n\tdisable 1\n"
);
file('mapping/pci.cfg', <<'END');
gpu
	description two cards
	map id=10de:1234,iommugroup=1,node=n1,path=0000:01:00
	map id=10de:1234,iommugroup=2,node=n1,path=0000:02:00

END
file(
    'sdn/.running-config',
    '{"version":1,"vnets":{"ids":{"blue":{"zone":"z"}}},"zones":{"ids":{"z":{"type":"simple"}}}}'
);

my %hardware = map { $_ => { cpu => 16, mem => 64 * $GIB } } qw(n1 n2 n3);
$hardware{n3}->{'cpu-flags'} = [qw(aes pni popcnt sse4.1 sse4.2 ssse3)];

sub source (%options) {
    return PVE::Native::Placement::Source::Directory->new(
        "$dir/pve", nodes => \%hardware,
        %options
    );
}

sub problem_of (%options) {
    my ($problem, $notes) = PVE::Native::Placement::Collect->problem(
        undef,
        source => source(),
        now => $now,
        %options,
    );
    return {
        problem => $problem,
        (map { $_->{name} => $_ } $problem->{nodes}->@*),
        (map { $_->{sid} => $_ } $problem->{guests}->@*),
        notes => [map { "$_->{code} $_->{subject}" } $notes->@*],
    };
}

subtest 'guests' => sub {
    my $found = problem_of();
    my $guest = $found->{'vm:100'};
    is_deeply(
        $guest->{size}, { cpu => 4, mem => 8 * $GIB },
        'what is now, not what is pending or was'
    );
    is_deeply($guest->{storages}, ['san'], 'storages');
    is($guest->{book}, 'size', 'Windows');
    is_deeply($guest->{devices}, { 'pci:gpu' => 1 }, 'devices');
    is_deeply($guest->{'cpu-flags'}, [qw(aes pni popcnt sse4.1 sse4.2 ssse3)], 'flags');
    my @volumes = ({ storage => 'local-zfs', nodes => [qw(n1 n2)], bytes => 8 * $GIB });
    is_deeply($found->{'vm:101'}->{volumes}, \@volumes, 'where a volume and its copy lie');
    is_deeply($found->{'ct:102'}->{storages}, ['nfs'], 'row 19: of a container');
    is_deeply($found->{'ct:102'}->{bridges}, ['blue'], 'its bridge');
    is($found->{'ct:103'}->{storages}, undef, 'row 18: a file that is rubbish');
    ok(!$found->{'vm:104'}, 'a template is no guest');
    is_deeply(
        $found->{problem}->{reservations}->[1],
        { sid => 'vm:101', node => 'n1', size => { cpu => 1, mem => 2 * $GIB } },
        'one on its way',
    );
};

subtest 'nodes' => sub {
    my $found = problem_of();
    is_deeply($found->{n1}->{devices}, { 'pci:gpu' => 2 }, 'devices');
    is_deeply($found->{n1}->{storages}, [qw(local local-zfs nfs san)], 'storages');
    is_deeply($found->{n3}->{storages}, [qw(local nfs san)], 'which not all have');
    is_deeply($found->{n2}->{bridges}, [qw(blue vmbr0)], 'bridges');
    is($found->{n3}->{maintenance}, 1, 'maintenance');
    is($found->{n3}->{online}, 1, 'is online');
    is_deeply($found->{n1}->{capacity}, { cpu => 16, mem => 64 * $GIB }, 'capacity');
};

subtest 'rules' => sub {
    my @rules = problem_of()->{problem}->{rules}->@*;
    is_deeply([map { $_->{id} } @rules], [qw(apart here ha-group-old)], 'those that are on');
    is_deeply($rules[1]->{nodes}, { n1 => 2, n2 => 0 }, 'priorities');
    is($rules[1]->{strict}, 1, 'strict');
    is_deeply($rules[2]->{nodes}, { n1 => 1, n3 => 0 }, 'of a group');
    is($rules[2]->{strict}, 0, 'which is not');
};

subtest 'with what was recorded' => sub {
    if (!eval { require RRDs }) {
        diag('skipped: reading RRD files (Debian: librrds-perl)');
        plan(skip_all => 'RRDs is missing');
    }
    my $guest = make_rrd("$dir/rrd", 'pve-vm-9.0/100', $now - 86400);
    my %runs =
        (maxcpu => 4, cpu => 0.5, maxmem => 8 * $GIB, mem => 2 * $GIB, memhost => 3 * $GIB);
    write_samples($guest, $now, [(\%runs) x 30]);
    my $old = make_rrd("$dir/rrd", 'pve2-vm/102', $now - 86400);
    write_samples(
        $old, $now,
        [({ maxcpu => 2, cpu => 0.25, maxmem => $GIB, mem => $GIB / 4 }) x 30]
    );
    my $node = make_rrd("$dir/rrd", 'pve-node-9.0/n1', $now - 86400);
    my %node = (maxcpu => 16, cpu => 0.25, memtotal => 64 * $GIB, memused => 5 * $GIB);
    write_samples($node, $now, [(\%node) x 30]);

    my $found = problem_of(source => source(stats => { dir => "$dir/rrd", socket => '' }));
    is_deeply($found->{'vm:100'}->{usage}, { cpu => 2, mem => 2 * $GIB }, 'cores and bytes');
    is(scalar($found->{'vm:100'}->{samples}->{cpu}->@*), 20, 'of twenty minutes');
    is_deeply(
        $found->{'ct:102'}->{usage}, { cpu => 0.5, mem => $GIB / 4 },
        'of the old layout'
    );
    is_deeply($found->{n1}->{used}, { cpu => 2, mem => 2 * $GIB }, 'what a node uses itself');
    ok(!exists($found->{'vm:101'}->{usage}), 'row 3: no data is no zero');
    ok((grep { $_ eq 'no-data vm:101' } $found->{notes}->@*), 'and said');
};

subtest 'the example' => sub {
    local $ENV{PATH} = '/usr/bin:/bin';
    my ($perl) = $^X =~ m/^(.*)\z/;
    my @command = ($perl, qw(-T -Ibuild/perl examples/perl/placement.pl));
    my $run = sub (@args) {
        open(my $pipe, '-|', @command, @args) or die "cannot run the example: $!\n";
        local $/ = undef;
        my $said = readline($pipe);
        close($pipe);
        return ($? >> 8, $said);
    };
    open(my $err, '>&', \*STDERR) or die $!;
    open(STDERR, '>', "$dir/notes") or die $!;
    my ($status, $said) = $run->("$dir/pve", 'n1=16,64', 'n2=16,64', 'n3=8,32,offline');
    is($status, 0, 'it has a problem');
    my $problem = JSON::XS::decode_json($said);
    is_deeply(
        [map { $_->{online} ? 1 : 0 } $problem->{nodes}->@*], [1, 1, 0],
        'with the nodes'
    );
    is(scalar($problem->{guests}->@*), 4, 'and the guests');
    is(($run->("$dir/nowhere"))[0], 1, 'or none');
    is(($run->("$dir/pve", 'n1'))[0], 2, 'or does not know what is wanted');
    open(STDERR, '>&', $err) or die $!;
    open(my $fh, '<', "$dir/notes") or die $!;
    like(
        join('', readline($fh)), qr/^ct:103: .*\[config-unreadable\]$/m,
        'what there is to say'
    );
};

subtest 'files that are missing or rubbish' => sub {
    my $err = failure_of(sub { PVE::Native::Placement::Source::Directory->new(undef) });
    is($err && $err->name, 'argument', 'no folder');
    $err = failure_of(sub { PVE::Native::Placement::Source::Directory->new('/', x => 1) });
    like("$err", qr/unknown option 'x'/, 'options');
    my $nowhere = PVE::Native::Placement::Source::Directory->new("$dir/nowhere");
    $err = failure_of(sub { problem_of(source => $nowhere) });
    like("$err", qr/^collecting nodes: cannot read/, 'no folder of nodes');

    file('ha/rules.cfg', "this is no rule\n");
    $err = failure_of(sub { problem_of() });
    like("$err", qr/^collecting rules: .*'this is no rule' is not understood\n\z/, 'rules');
    unlink("$dir/pve/ha/rules.cfg");
    file('storage.cfg', "\x{ff}" x 100);
    my $found = problem_of();
    is($found->{$_}->{storages}, undef, "row 18: no storages, $_") for qw(vm:100 vm:101 ct:102);
    file('storage.cfg', 'x' x (2 << 20));
    is(problem_of()->{'vm:100'}->{storages}, undef, 'one that is too large');
    file('ha/manager_status', '{');
    $err = failure_of(sub { problem_of() });
    like("$err", qr/^collecting status: /, 'the status');
    unlink("$dir/pve/$_") for qw(ha/manager_status storage.cfg replication.cfg mapping/pci.cfg);
    $found = problem_of();
    is($found->{n1}->{online}, 1, 'a new cluster has no such files');
    is_deeply(
        $found->{'vm:100'}->{volumes}->[0]->{nodes}, [],
        'storages that are not there are nowhere'
    );
};

done_testing();
