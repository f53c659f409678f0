use v5.36;

use lib 'perl/t/lib';

# The placement problem as a node of Proxmox VE collects it. Proxmox VE's modules are stood in for: they say what
# the real ones say, in their shapes.

use Test::More;

use PVE::Native::Placement::Collect;
use TestImages qw(failure_of);

my $GIB = 2**30;
my %broken;

BEGIN {
    $INC{ s!::!/!gr . '.pm' } = __FILE__ for qw(
        PVE::Cluster PVE::INotify PVE::LXC::Config PVE::Mapping::Dir PVE::Mapping::PCI PVE::Mapping::USB
        PVE::Network::SDN PVE::QemuConfig PVE::ReplicationConfig PVE::Storage
    );
}

sub fails ($what) {
    die "$what: Connection refused\n" if $broken{$what};
    return;
}

package PVE::Cluster {

    my %ids = (
        100 => { node => 'n1', type => 'qemu', version => 3 },
        101 => { node => 'n2', type => 'lxc', version => 1 },
        102 => { node => 'n2', type => 'qemu', version => 1 },
        103 => { node => 'n2', type => 'novel', version => 1 },
    );
    sub get_vmlist { main::fails('vmlist'); return { version => 7, ids => \%ids } }

    sub get_node_kv ($key) {
        main::fails('kv');
        return {
            'static-info' => { n1 => '{"cpus":16,"memory":68719476736}', n2 => 'rubbish' },
            'cpuflags-kvm' => { n1 => 'aes avx vmx', n2 => '' },
            'sdn' => {
                n1 => '{"z":{"status":"available"}}', n2 => '{"z":{"status":"error"}}',
                n3 => 'x'
            },
        }->{$key};
    }
}

package PVE::INotify {

    sub read_file ($name) {
        main::fails('interfaces');
        return {
            ifaces => {
                lo => { type => 'loopback' },
                eno1 => { type => 'eth' },
                vmbr0 => { type => 'bridge' },
                vmbr5 => { type => 'OVSBridge' },
                bond0 => { type => 'bond' },
            },
        };
    }
}

package PVE::QemuConfig {

    sub load_config ($class, $id, $node) {
        main::fails("config $id");
        die "no such file\n" if $node ne { 100 => 'n1', 102 => 'n2' }->{$id};
        return {
            digest => 'a' x 40,
            cores => 4,
            memory => 4096,
            net0 => 'virtio,bridge=vmbr5',
            scsi0 => 'san:vm-100-disk-0,size=4G',
            $id == 102 ? (hostpci0 => 'mapping=gpu', virtiofs0 => 'share') : (),
            pending => { memory => 9 },
            snapshots => { before => { memory => 1 } },
        };
    }
}

package PVE::LXC::Config {

    sub load_config ($class, $id, $node) {
        return { cores => 1, memory => 512, rootfs => 'tank:subvol-101-disk-0,size=1G', lxc => [] };
    }
}

package PVE::Storage {

    sub config {
        main::fails('storages');
        return {
            ids => {
                san => { type => 'lvm', shared => 1, content => { images => 1 } },
                tank => {
                    type => 'zfspool', content => { rootdir => 1 },
                    nodes => { n1 => 1, n2 => 1 }
                },
            },
        };
    }
}

package PVE::ReplicationConfig {

    sub new ($class) {
        return bless {
            ids =>
                { '101-0' => { type => 'local', guest => 101, jobnum => 0, target => 'n1' } },
        }, $class;
    }
}

package PVE::Mapping::PCI {

    sub config {
        return { ids => { gpu => { type => 'pci', map => ['id=1:2,node=n1,path=0000:01:00'] } } };
    }
}

package PVE::Mapping::USB {
    sub config { return { ids => {} } }
}

package PVE::Mapping::Dir {
    sub config { return { ids => { share => { map => ['node=n2,path=/srv'] } } } }
}

package PVE::Network::SDN {

    sub running_config {
        return { vnets => { ids => { blue => { zone => 'z' } } }, zones => { ids => { z => {} } } };
    }
}

# What PVE::HA::Env says on a node.
package HAEnv {
    sub new ($class) { return bless {}, $class }
    sub nodename { return 'n1' }
    sub hardware { die "hardware is for testing and simulation only\n" }
    sub get_node_info { return ({ n1 => { online => 1 }, n2 => { online => 1 } }, 1) }
    sub read_manager_status { return { node_status => { n1 => 'online', n2 => 'online' } } }
    sub read_service_config { return { 'vm:100' => { state => 'started', node => 'n1' } } }

    sub read_rules_config {
        my %nodes = (n1 => { priority => 0 });
        my %rule = (type => 'node-affinity', resources => { 'vm:100' => 1 }, nodes => \%nodes);
        return { ids => { here => \%rule }, order => { here => 1 }, digest => 'b' };
    }
    sub read_group_config { return { ids => {}, order => {} } }

    sub get_static_service_stats {
        main::fails('stats');
        my %usage = (maxcpu => 4, maxmem => 2**32);
        return { 'vm:100' =>
                { id => 100, node => 'n1', type => 'vm', running => 1, usage => \%usage } };
    }

    sub get_dynamic_service_stats {
        my %usage = (maxcpu => 4, cpu => 0.5, maxmem => 2**32, mem => 2**31);
        return { 'vm:100' => { id => 100, node => 'n1', usage => \%usage } };
    }
    sub get_static_node_stats { return { n1 => { maxcpu => 16, maxmem => 2**36 } } }

    sub get_dynamic_node_stats {
        return { n2 => { maxcpu => 8, cpu => 1, maxmem => 2**35, mem => 2**33 } };
    }
}

package main;

sub problem_of (@broken) {
    %broken = map { $_ => 1 } @broken;
    my ($problem, $notes) = PVE::Native::Placement::Collect->problem(
        HAEnv->new(),
        policy => { basis => 'usage' },
        timeout => 3,
    );
    return {
        problem => $problem,
        (map { $_->{name} => $_ } $problem->{nodes}->@*),
        (map { $_->{sid} => $_ } $problem->{guests}->@*),
        notes => { map { ("$_->{code} $_->{subject}" => $_->{message}) } $notes->@* },
    };
}

subtest 'a node of Proxmox VE' => sub {
    my $found = problem_of();
    is_deeply([sort(grep { m/:/ } keys($found->%*))], [qw(ct:101 vm:100 vm:102)], 'guests');
    is($found->{'vm:102'}->{state}, 'ignored', 'of which HA does not place all');
    my $guest = $found->{'vm:100'};
    is_deeply($guest->{size}, { cpu => 4, mem => 4 * $GIB }, 'size');
    is_deeply(
        $guest->{usage}, { cpu => 0.5, mem => 2 * $GIB },
        'usage, if there are no RRD files'
    );
    is_deeply($guest->{storages}, ['san'], 'storages');
    is_deeply($guest->{bridges}, ['vmbr5'], 'bridges');
    my ($n1, $n2) = $found->@{qw(n1 n2)};
    is_deeply($n1->{capacity}, { cpu => 16, mem => 64 * $GIB }, 'capacity');
    is_deeply(
        $n2->{capacity}, { cpu => 8, mem => 32 * $GIB },
        'of a node that says it elsewhere'
    );
    is_deeply($n1->{'cpu-flags'}, [qw(aes avx nested-virt vendor:intel vmx)], 'flags');
    is_deeply($n2->{'cpu-flags'}, [], 'of one that says none');
    is_deeply($n1->{bridges}, [qw(blue vmbr0 vmbr5)], 'its own bridges');
    is_deeply($n2->{bridges}, ['vmbr5'], 'those of another one, as far as they can be told');
    is_deeply($n1->{devices}, { 'pci:gpu' => 1 }, 'devices');
    is_deeply($n1->{storages}, [qw(san tank)], 'storages');
    is_deeply($n2->{storages}, [qw(dir:share san tank)], 'folders');
    is_deeply($n2->{used}, { cpu => 1, mem => 8 * $GIB }, 'what it uses');
    is($found->{problem}->{rules}->[0]->{id}, 'here', 'rules');
    ok($found->{notes}->{'no-data n1'}, 'there are no statistics');
};

subtest 'what does not answer' => sub {
    my $found = problem_of('config 100');
    is($found->{'vm:100'}->{storages}, undef, 'row 18: a configuration');
    is(
        $found->{notes}->{'config-unreadable vm:100'}, 'config 100: Connection refused',
        'and why'
    );
    is(problem_of('storages')->{'vm:100'}->{storages}, undef, 'storages');
    is_deeply(problem_of('interfaces')->{n1}->{bridges}, [qw(blue vmbr5)], 'its own bridges');
    is_deeply(
        problem_of('stats')->{'vm:100'}->{size}, { cpu => 4, mem => 4 * $GIB },
        'statistics'
    );
    my $err = failure_of(sub { problem_of('vmlist') });
    is("$err", "collecting guests: vmlist: Connection refused\n", 'guests');
    $err = failure_of(sub { problem_of('kv') });
    is("$err", "collecting nodes: kv: Connection refused\n", 'nodes');
};

subtest 'a node without Proxmox VE\'s modules' => sub {
    local $INC{'PVE/QemuConfig.pm'};
    delete($INC{'PVE/QemuConfig.pm'});
    my $found = problem_of();
    is($found->{'vm:100'}->{storages}, undef, 'nothing is taken for allowed');
    like(
        $found->{notes}->{'config-unreadable vm:100'}, qr/^Can't locate PVE\/QemuConfig.pm/,
        'and why'
    );
};

done_testing();
