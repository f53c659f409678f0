use v5.36;

use lib 'perl/t/lib';

# What guests need of a node, from their configuration. The rows are those of the errors that this is about, each
# in the words of the right behaviour.

use Test::More;

use PVE::Native::Placement::Guest;

my $GIB = 2**30;

my %storages = (
    san => { type => 'lvm', shared => 1, content => { images => 1 } },
    ceph => { type => 'rbd' },
    nfs => { type => 'nfs', nodes => { n1 => 1, n2 => 1 } },
    local => { type => 'dir' },
    'local-zfs' => { type => 'zfspool', nodes => { n1 => 1, n3 => 1 } },
    off => { type => 'dir', disable => 1 },
);

sub needs ($type, $conf, %guest) {
    my $guest = { sid => "$type:100", type => $type, node => 'n1', %guest };
    return PVE::Native::Placement::Guest::needs($guest, $conf, \%storages);
}
sub vm ($conf, %guest) { return needs('vm', $conf, %guest) }
sub ct ($conf, %guest) { return needs('ct', $conf, %guest) }

subtest 'sizes of virtual machines' => sub {
    my @cases = (
        [{}, 1, 512],
        [{ cores => 4 }, 4, 512],
        [{ cores => 4, sockets => 2, memory => 8192 }, 8, 8192],
        [{ cores => 4, sockets => 2, vcpus => 3, memory => 'current=2048' }, 3, 2048],
        [{ cores => 2, memory => '4096', balloon => 1024 }, 2, 4096],
        [{ cores => 2, cpulimit => 1, cpuunits => 100 }, 2, 512],
    );
    for my $case (@cases) {
        my ($conf, $cpu, $mib) = $case->@*;
        is_deeply(
            vm($conf)->{size}, { cpu => $cpu, mem => $mib * 2**20 },
            "$cpu cores, $mib MiB"
        );
    }
};

subtest 'sizes of containers' => sub {
    my @cases = (
        [{}, undef, 512],
        [{ cores => 2, memory => 1024, swap => 512 }, 2, 1024],
        [{ cores => 4, cpulimit => 1.5, memory => 2048 }, 1.5, 2048],
        [{ cpulimit => 0, memory => 2048 }, undef, 2048],
    );
    for my $case (@cases) {
        my ($conf, $cpu, $mib) = $case->@*;
        is_deeply(
            ct($conf)->{size}, { cpu => $cpu, mem => $mib * 2**20 },
            ($cpu // 'all') . ' cores'
        );
    }
};

subtest 'row 9: what touches all of its memory is charged all of it' => sub {
    is(vm({ ostype => $_ })->{book}, 'size', $_) for qw(win11 win10 win8 w2k8 wvista wxp);
    is(vm({ ostype => $_ })->{book}, undef, $_) for qw(l26 other solaris);
    is(ct({ ostype => $_ })->{book}, undef, $_) for qw(debian unmanaged);
    is(vm({ hostpci0 => '0000:01:00.0' })->{book}, 'size', 'a device that is handed through');
    is(vm({ usb0 => 'host=1234:5678' })->{book}, undef, 'USB is none of those');
    is(vm({ hugepages => 1024 })->{book}, 'size', 'huge pages');
};

subtest 'volumes of virtual machines' => sub {
    my $needs = vm(
        {
            scsi0 => 'san:vm-100-disk-0,size=32G,ssd=1',
            scsi1 => 'file=ceph:vm-100-disk-1,size=1T',
            virtio2 => 'local:100/vm-100-disk-2.qcow2,size=512M',
            efidisk0 => 'nfs:100/vm-100-disk-3.qcow2,size=528K',
            tpmstate0 => 'san:vm-100-disk-4,size=4M',
            ide0 => 'none,media=cdrom',
            ide1 => 'cdrom,media=cdrom',
            ide2 => 'local:100/vm-100-cloudinit.qcow2,media=cdrom',
            sata0 => 'local:iso/debian.iso,media=cdrom,size=600M',
            unused0 => 'local:100/vm-100-disk-9.qcow2',
            scsihw => 'virtio-scsi-single',
            boot => 'order=scsi0',
        }
    );
    is_deeply(
        $needs->{storages}, [qw(ceph local nfs san)],
        'storages that its nodes must have'
    );
    is_deeply(
        $needs->{volumes},
        [
            { storage => 'local', nodes => ['n1'], bytes => 600 * 2**20 },
            { storage => 'local', nodes => ['n1'], bytes => 512 * 2**20 },
        ],
        'and what lies on one of them',
    );
};

subtest 'volumes of containers' => sub {
    my $needs = ct(
        {
            rootfs => 'san:vm-100-disk-0,size=8G',
            mp0 => 'volume=local-zfs:subvol-100-disk-1,mp=/srv,size=1G',
            mp1 => '/mnt/data,mp=/data',
            mp2 => '/mnt/pve/nfs,mp=/nfs,shared=1',
            mp3 => '/dev/sdb1,mp=/disk',
        }
    );
    is_deeply($needs->{storages}, ['san'], 'storages');
    is_deeply(
        $needs->{volumes},
        [
            { storage => '/dev/sdb1', nodes => ['n1'], bytes => 0 },
            { storage => '/mnt/data', nodes => ['n1'], bytes => 0 },
            { storage => 'local-zfs', nodes => ['n1'], bytes => $GIB },
        ],
        'row 19: and what lies on one node',
    );
};

subtest 'row 19: a volume is where it lies, and where its copies are' => sub {
    my @replicas = (replicas => [qw(n2 n3)]);
    my $nodes =
        sub ($value, %guest) { return vm({ scsi0 => $value }, %guest)->{volumes}->[0]->{nodes} };
    is_deeply(
        $nodes->('local:100/vm-100-disk-0.raw'), ['n1'],
        'the same name elsewhere is none'
    );
    is_deeply(
        $nodes->('local-zfs:vm-100-disk-0', @replicas), [qw(n1 n3)],
        'copies where the storage is'
    );
    is_deeply(
        $nodes->('local-zfs:vm-100-disk-0,replicate=0', @replicas), ['n1'],
        'not replicated'
    );
    is_deeply(
        $nodes->('local:iso/a.iso,media=cdrom', @replicas), ['n1'],
        'nor are images of CDs'
    );
    is_deeply(
        $nodes->('local-zfs:vm-100-disk-0', node => 'n2', @replicas), ['n3'],
        'not where it is not'
    );
    is_deeply($nodes->('off:100/vm-100-disk-0.raw'), [], 'a storage that is switched off');
    is_deeply($nodes->('/dev/sdb'), ['n1'], 'a disk of the node');
    is_deeply(
        vm({ scsi0 => '/dev/mapper/lun,shared=1' })->{volumes}, [],
        'that others have, too'
    );
    my $shared = vm({ scsi0 => 'local:100/vm-100-disk-0.raw,shared=1' });
    is_deeply($shared->{volumes}, [], 'a storage that is shared by its owner\'s word');
    is_deeply($shared->{storages}, ['local'], 'but must be there');
};

subtest 'row 18: a storage that nobody knows is nowhere' => sub {
    my $needs = vm({ scsi0 => 'gone:vm-100-disk-0,size=1G' });
    is_deeply(
        $needs->{volumes}, [{ storage => 'gone', nodes => [], bytes => $GIB }],
        'nowhere'
    );
    is_deeply($needs->{notes}, [['storage-unknown', "there is no storage 'gone'"]], 'and why');
};

subtest 'row 20: bridges' => sub {
    my $net = 'virtio=BC:24:11:00:00:01,bridge=vmbr1,firewall=1,tag=5';
    my %nets = (net0 => $net, net1 => 'e1000,bridge=vmbr0', net2 => 'virtio', net3 => $net);
    is_deeply(vm(\%nets)->{bridges}, [qw(vmbr0 vmbr1)], 'of a virtual machine');
    is_deeply(
        ct({ net0 => 'name=eth0,bridge=vnet1,ip=dhcp' })->{bridges}, ['vnet1'],
        'of a container'
    );
    is_deeply(vm({})->{bridges}, [], 'none');
};

subtest 'row 20: CPUs' => sub {
    my $flags = sub ($cpu) { return join(' ', vm({ cpu => $cpu })->{'cpu-flags'}->@*) };
    is(join(' ', vm({})->{'cpu-flags'}->@*), '', 'none');
    is($flags->('host,flags=+pcid'), '', 'the host\'s own takes what there is');
    is($flags->('x86-64-v2-AES'), 'aes pni popcnt sse4.1 sse4.2 ssse3', 'a level');
    is($flags->('kvm64,flags=+aes;-pcid;+hv-tlbflush'), 'aes', 'flags of its own');
    is($flags->('cputype=Haswell,flags=+md-clear;+sse4_1'), 'md-clear sse4.1', 'a model');
    like($flags->('x86-64-v4'), qr/\bavx512f\b/, 'the newest');
    is(vm({ cpu => 'host' })->{'cpu-model'}, 'host', 'its model');
};

subtest 'row 20: devices' => sub {
    my $devices = sub ($conf, $type = 'vm') {
        my $needs = needs($type, $conf);
        my %own = map { $_->{storage} => join(',', $_->{nodes}->@*) } $needs->{volumes}->@*;
        return [$needs->{devices}, \%own, $needs->{passthrough} // 0];
    };
    my %two = (hostpci0 => 'mapping=gpu,pcie=1', hostpci1 => 'mapping=gpu');
    is_deeply($devices->(\%two), [{ 'pci:gpu' => 2 }, {}, 1], 'two of a mapping');
    my %none = (usb1 => 'spice', usb2 => 'host=spice', serial0 => 'socket');
    is_deeply($devices->(\%none), [{}, {}, 0], 'what is no device');
    is_deeply($devices->({ usb0 => 'mapping=key' }), [{ 'usb:key' => 1 }, {}, 1], 'of the USB');
    is_deeply(
        $devices->({ virtiofs0 => 'share,cache=auto' }), [{ 'dir:share' => 1 }, {}, 1],
        'a folder'
    );
    my %own = (hostpci0 => '0000:01:00,x-vga=1', usb0 => 'host=1-2', serial0 => '/dev/ttyS0');
    my %where = map { $_ => 'n1' } 'pci 0000:01:00', 'usb 1-2', '/dev/ttyS0';
    is_deeply($devices->(\%own), [{}, \%where, 1], 'things of the node are on no other');
    my %files = (dev0 => '/dev/net/tun', dev1 => 'path=/dev/dri/card0');
    is_deeply(
        $devices->(\%files, 'ct'), [{}, { '/dev/dri/card0' => 'n1' }, 1],
        'of a container'
    );
};

subtest 'snippets need their storage' => sub {
    my %snippets = (
        hookscript => 'nfs:snippets/hook.pl',
        cicustom => 'user=local:snippets/a.yaml,meta=nfs:snippets/b'
    );
    is_deeply(vm(\%snippets)->{storages}, [qw(local nfs)], 'which is enough');
};

subtest 'templates and locks' => sub {
    is(vm({ template => 1 })->{template}, 1, 'a template');
    is(vm({ template => 0 })->{template}, 0, 'none');
    is(vm({ lock => 'backup' })->{lock}, 'backup', 'a lock');
};

subtest 'what makes no sense is an error' => sub {
    for my $conf (
        { cores => 'two' }, { memory => '2G' }, { memory => -1 }, { cores => '9' x 20 },
        { scsi0 => 'nowhere' }
        )
    {
        ok(!eval { vm($conf) }, join(' ', $conf->%*));
        like($@, qr/^\S+ \w+.*\n\z/, "in one line: $@");
    }
};

subtest 'rubbish is one line, or nothing' => sub {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my @keys = qw(
        cores sockets vcpus memory cpulimit ostype cpu net0 scsi0 virtio1 ide2 rootfs mp0 hostpci0 usb0 serial0
        virtiofs0 dev0 template lock hookscript cicustom vmstate tpmstate0
    );
    my @parts = (
        '', ',', '=', ':', 'a', '0', '-1', '1e9', 'local:', 'san:x', 'mapping=', 'size=9Z',
        'size=', ';',
        "\n", "\0", "\x{ff}", "\x{263a}", '/dev/x', 'shared=1', 'none', 'cdrom', '+',
        'flags=+', 'bridge=', '[', '%s'
    );
    my $seed = 1;
    my $next = sub ($most) {
        $seed = ($seed * 1103515245 + 12345) % 2**31;
        return int($seed / 65536) % $most;
    };
    my $odd = 0;
    for my $round (1 .. 4000) {
        my %conf = map {
            $keys[$next->(scalar(@keys))] =>
                join('', map { $parts[$next->(scalar(@parts))] } 0 .. $next->(4))
        } 0 .. $next->(3);
        my $needs = eval { $round % 2 ? vm(\%conf) : ct(\%conf) };
        next if ref($needs) eq 'HASH' || $@ =~ m/^[^\n]+\n\z/;
        diag(explain(\%conf), $@) if !$odd++;
    }
    is($odd, 0, 'never anything else');
    is_deeply(\@warnings, [], 'and no warnings');
};

done_testing();
