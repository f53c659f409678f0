use v5.36;

use lib 'perl/t/lib';

# The storage type lvmqcow2: names, volumes, lists and activation. PVE's modules and LVM are stood in for;
# see StorageStandIns and FakeLvm.

use Test::More;

use TestImages qw(qemu_img warnings_of);
use TestPlugin qw(setup call locked disk device commands holds write_pattern died MIB);

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';
setup();

subtest 'what it says of itself' => sub {
    is($plugin->type(), 'lvmqcow2', 'type');
    is($plugin->api(), 15, 'interface');
    no warnings 'redefine';
    {
        local *PVE::Storage::APIVER = sub { 13 };
        is($plugin->api(), 13, 'with an older Proxmox VE');
        local *PVE::Storage::APIVER = sub { 16 };
        is($plugin->api(), 15, 'with a newer one: what was tried');
        local *PVE::Storage::APIVER = sub { 11 };
        is($plugin->api(), 15, 'with one that is too old: it is not loaded');
    }
    is(call('get_identity'), 'vg0-0123', 'the group by its UUID');
    is_deeply([keys $plugin->properties()->%*], ['snapext'], 'the one property of its own');
    {
        my $private = PVE::Storage::Plugin->private();
        local $private->{propertyList}->{snapext} = {};
        is_deeply($plugin->properties(), {}, 'which may be there already');
    }
    my $options = $plugin->options();
    is_deeply($options->{vgname}, { fixed => 1 }, 'vgname is needed');
    ok(!exists($options->{$_}), "no option $_") for qw(path format);
    my $settings = $plugin->check_config('st', { vgname => 'vg0' }, 1);
    is($settings->{'snapshot-as-volume-chain'}, 1, 'what Proxmox VE asks for is set');
    my $full = { vgname => 'vg0', preallocation => 'full' };
    ok(
        !eval { $plugin->check_config('st', $full, 1) },
        'what takes long under the lock is refused'
    );
    is_deeply(
        $plugin->plugindata()->{'sensitive-properties'},
        {}, 'nothing is a secret',
    );
    my $off = sub {
        eval { $plugin->on_update_hook_full('st', {}, @_, {}); 1 }
    };
    ok($off->({ nodes => 'a' }, []), 'other options may be changed');
    ok(!$off->({ 'snapshot-as-volume-chain' => 0 }, []), 'this cannot be switched off');
    ok(!$off->({}, ['snapshot-as-volume-chain']), 'nor deleted');
};

subtest 'names' => sub {
    my %named = (
        'vm-100-disk-0.qcow2' => [100, undef, 'qcow2'],
        'vm-100-disk-0' => [100, undef, 'raw'],
        'base-100-disk-0.qcow2' => [100, 1, 'qcow2'],
        'vm-100-state-a-snap-b' => [100, undef, 'raw'],
    );
    for my $name (sort keys %named) {
        my ($type, $volname, $vmid, undef, undef, $base, $format) =
            $plugin->parse_volname($name);
        is_deeply([$type, $volname], ['images', $name], $name);
        is_deeply([$vmid, $base, $format], $named{$name}, "$name: guest, base, format");
    }
    my @images = qw(
        vm-100-disk-0-snap-ab.qcow2 vm-100-disk-0-snap-ab vm-100-disk-0-base new-vm-100-disk-0
        del-0-vm-100-disk-0.qcow2 root
    );
    ok(!eval { $plugin->parse_volname($_) }, "$_ is no volume") for @images;

    my $path = sub { $plugin->path($TestPlugin::scfg, $_[0], 'st', $_[1]) };
    is($path->('vm-100-disk-0'), device('vm-100-disk-0'), 'path');
    is_deeply(
        [$path->('vm-100-disk-0.qcow2', 'ab')],
        [device('vm-100-disk-0-snap-ab.qcow2'), 100, 'images'],
        'of a snapshot',
    );
    ok(!eval { $path->('vm-100-disk-0', 'ab') }, 'a raw volume has no snapshots');
    like($@, qr/adopt it first/, 'and what to do');
    ok(!eval { $path->('vm-100-disk-0.qcow2', '../x') }, 'no name of a snapshot');
};

subtest 'making volumes' => sub {
    is(disk(64), 'vm-100-disk-0.qcow2', 'a disk');
    is(commands(), 'lvs lvcreate qemu-img lvrename', 'processes');
    is(call('volume_size_info', 'vm-100-disk-0.qcow2', 5), 64 * MIB, 'as large as wanted');
    cmp_ok(
        FakeLvm::volume('vg0', 'vm-100-disk-0.qcow2')->{size},
        '>', 64 * MIB, 'with room for its tables',
    );
    is_deeply(
        FakeLvm::volume('vg0', 'vm-100-disk-0.qcow2')->{tags},
        [qw(pve-vm-100 pve-vm-100-disk-0)], 'tags',
    );
    is(locked('alloc_image', 100, 'raw', undef, 65536), 'vm-100-disk-1', 'a raw one');
    is(commands(), 'lvs lvcreate', 'processes');
    is(disk(4, 'vm-100-cloudinit'), 'vm-100-cloudinit.qcow2', 'a name without its extension');

    FakeLvm::make('vg0', $_, 4 * MIB)
        for qw(vm-100-disk-2-base vm-100-disk-3-snap-ab.qcow2 new-vm-100-disk-4.qcow2
        del-0-vm-100-disk-5.qcow2 base-100-disk-6);
    is(disk(4), 'vm-100-disk-7.qcow2', 'numbers that images have are taken');

    my $alloc = sub {
        my (@args) = @_;
        return eval { locked('alloc_image', @args); 1 } ? 'nothing' : $@;
    };
    like(
        $alloc->(100, 'raw', 'vm-100-disk-0', 4096), qr/would be mixed up/,
        'raw beside qcow2'
    );
    like($alloc->(100, 'qcow2', 'vm-100-disk-1.qcow2', 4096), qr/mixed up/, 'qcow2 beside raw');
    like($alloc->(100, 'raw', 'vm-100-disk-1', 4096), qr/there already/, 'a name twice');
    like($alloc->(100, 'raw', 'vm-101-disk-1', 4096), qr/of guest 100/, 'of another guest');
    like($alloc->(100, 'raw', 'vm-100-x-base', 4096), qr/no volume/, 'called like an image');
    like($alloc->(100, 'raw', 'vm-100-x.qcow2', 4096), qr/in format raw/, 'wrong extension');
    like($alloc->(100, 'vmdk', undef, 4096), qr/in format 'vmdk'/, 'another format');
    like($alloc->(100, 'raw', undef, 1 << 40), qr/bytes free, and/, 'too large');
    local $TestPlugin::scfg->{preallocation} = 'full';
    like(
        $alloc->(100, 'qcow2', undef, 4096), qr/whole disks/,
        'what takes long under the lock'
    );
};

subtest 'what fails leaves nothing' => sub {
    my @before = FakeLvm::names('vg0');
    for my $program (qw(qemu-img lvrename)) {
        local $FakeLvm::before = sub { die "no\n" if $_[0]->[0] =~ m!/\Q$program\E$! };
        ok(!eval { disk(4); 1 }, "$program fails");
        is_deeply([FakeLvm::names('vg0')], \@before, 'nothing is left');
    }
};

subtest 'listing' => sub {
    my $list = call('list_images', undef, undef, {});
    is(commands(), 'lvs', 'one process');
    my %found = map { $_->{volid} => $_ } $list->@*;
    is_deeply(
        [sort keys %found],
        [
            map { "st:$_" }
                qw(base-100-disk-6 vm-100-cloudinit.qcow2 vm-100-disk-0.qcow2 vm-100-disk-1
                vm-100-disk-2.qcow2 vm-100-disk-3.qcow2 vm-100-disk-7.qcow2)
        ],
        'volumes, and no other images',
    );
    is($found{'st:vm-100-disk-0.qcow2'}->{size}, 64 * MIB, 'the size of the disk');
    is($found{'st:vm-100-disk-1'}->{format}, 'raw', 'format');
    is($found{'st:vm-100-disk-3.qcow2'}->{format}, 'invalid', 'without its current image');

    locked('free_image', "vm-100-disk-$_.qcow2", 0, 'qcow2') for 2, 3;
    my @left = grep { m/disk-[23]/ } FakeLvm::names('vg0');
    is("@left", '', 'which is freed all the same');

    call('deactivate_volume', 'vm-100-disk-0.qcow2');
    ($list) = call('list_images', 100, ['st:vm-100-disk-0.qcow2'], {});
    is(commands(), 'lvs', 'nothing is activated for it');
    is($list->@*, 1, 'only those that are asked for');
    ok(!exists($list->[0]->{size}), 'the size of what is not active is not known');
    cmp_ok($list->[0]->{'approximate-size'}, '>', 64 * MIB, 'but about');

    FakeLvm::make('vg0', 'vm-101-disk-0', 4 * MIB);
    FakeLvm::make('vg0', 'root', 4 * MIB, 'a:b');
    is_deeply(
        PVE::Native::LVM::list('vg0')->{volumes}->{root}->{tags},
        ['a:b'], 'tags may have colons',
    );
    is(call('list_images', 101, undef, {})->@*, 1, 'of one guest');
    local $TestPlugin::scfg->{tagged_only} = 1;
    is(call('list_images', 101, undef, {})->@*, 0, 'only those with tags');
};

subtest 'volumes of guests' => sub {
    local $StorageStandIns::guests = { 100 => { type => 'qemu' }, 101 => { type => 'lxc' } };
    my $content = sub {
        my ($list) = call('list_volumes', undef, [@_]);
        return join(' ', sort map { $_->{volid} . '=' . $_->{content} } $list->@*);
    };
    is($content->('rootdir'), 'st:vm-101-disk-0=rootdir', 'of containers');
    unlike($content->('images'), qr/vm-101/, 'of virtual machines');
    $content->('images', 'rootdir');
    is(commands(), 'lvs', 'one process for both');
    is($content->('iso'), '', 'nothing else');
};

subtest 'activation' => sub {
    my $name = 'vm-100-disk-0.qcow2';
    FakeLvm::make('vg0', $_, 4 * MIB)
        for qw(vm-100-disk-0-snap-ab.qcow2 vm-100-disk-0-base vm-100-disk-0x vm-100-disk-00.qcow2);
    my $active = sub { join(' ', sort keys PVE::Native::LVM::active('vg0')->%*) };
    call('deactivate_volume', $_)
        for qw(vm-100-disk-1 vm-100-disk-7.qcow2 vm-100-cloudinit.qcow2);
    is($active->(), '', 'nothing is active');
    call('activate_volume', $name);
    is(commands(), 'lvchange', 'one process');
    is(
        $active->(), 'vm-100-disk-0-base vm-100-disk-0-snap-ab.qcow2 vm-100-disk-0.qcow2',
        'its images, and no others',
    );
    call('activate_volume', $name);
    is(commands(), 'lvchange lvchange', 'what is active is looked at anew');
    call('deactivate_volume', $name);
    is(commands(), 'lvchange', 'one process');
    is($active->(), '', 'all of them');
    call('deactivate_volume', $name);
    is(commands(), '', 'nothing to do');
    call('activate_volume', 'vm-100-disk-1');
    is($active->(), 'vm-100-disk-1', 'a raw volume');
    like(died('activate_volume', 'vm-100-disk-99'), qr/is not there/, 'what is not there');
};

subtest 'the layout of 2024' => sub {
    my ($raw, $overlay) = qw(vm-102-disk-0 vm-102-disk-0-snap-ab.qcow2);
    FakeLvm::make('vg0', $raw, 4 * MIB);
    my $volume = FakeLvm::make('vg0', $overlay, 8 * MIB);
    my @create = qw(create -q -f qcow2 -u -F raw -b);
    FakeLvm::activate('vg0', $overlay);
    qemu_img(@create, $raw, device($overlay), '4M');
    FakeLvm::deactivate('vg0', $overlay);

    my ($list) = call('list_images', 102, undef, {});
    is_deeply([map { $_->{volid} } $list->@*], ["st:$raw"], 'the volume is listed');
    is($list->[0]->{format}, 'invalid', 'and told apart');
    like(died('activate_volume', $raw), qr/must be converted/, 'it is not used as raw');
    is_deeply([keys PVE::Native::LVM::active('vg0')->%*], ['vm-100-disk-1'], 'nor left active');
    like(died('volume_snapshot', $raw, 'cd'), qr/adopt it first/, 'and takes no snapshot');
    my $free = eval { locked('free_image', "$raw.qcow2", 0, 'qcow2'); 1 } ? '' : $@;
    like($free, qr/may be those of/, 'its overlays are not removed as those of another');

    FakeLvm::activate('vg0', $overlay);
    locked('free_image', $raw, 0, 'raw');
    ok(!FakeLvm::volume('vg0', $_), "$_ is removed with the volume") for $raw, $overlay;

    # What is called the same may belong to a qcow2 volume.
    FakeLvm::make('vg0', $_, 4 * MIB) for $raw, $overlay, "$raw.qcow2";
    call('activate_volume', $raw);
    is_deeply(
        [sort keys PVE::Native::LVM::active('vg0')->%*],
        ['vm-100-disk-1', $raw], 'a raw volume beside another one',
    );
    locked('free_image', $raw, 0, 'raw');
    ok(FakeLvm::volume('vg0', $overlay), 'whose snapshots stay');
};

subtest 'sizes' => sub {
    my $raw = 'vm-100-disk-1';
    is(call('volume_size_info', $raw, 5), 64 * MIB, 'raw');
    is(commands(), '', 'no process while it is active');
    is_deeply([(call('volume_size_info', $raw, 5))[0 .. 1]], [64 * MIB, 'raw'], 'as a list');
    call('deactivate_volume', $raw);
    is(call('volume_size_info', $raw, 5), 64 * MIB, 'inactive');
    is(commands(), 'lvs', 'LVM knows');
    is_deeply([call('volume_size_info', $raw, 5)], [64 * MIB, 'raw', 0, undef], 'as a list');
    call('volume_resize', $raw, 72 * MIB, 0);
    is(commands(), 'lvextend', 'it can grow');
    is(call('volume_size_info', $raw, 5), 72 * MIB, 'as wanted');
    isnt(died('volume_resize', $raw, 8 * MIB, 0), 'nothing', 'but not shrink');
};

subtest 'features' => sub {
    my $has = sub {
        my ($feature, @volume) = @_;
        return $plugin->volume_has_feature($TestPlugin::scfg, $feature, 'st', @volume) ? 1 : 0;
    };
    my ($qcow2, $raw, $base) = qw(vm-100-disk-0.qcow2 vm-100-disk-1 base-100-disk-6);
    is($has->('snapshot', $qcow2), 1, 'snapshots of qcow2');
    is($has->('snapshot', $raw), 0, 'none of raw');
    is($has->('snapshot', 'vm-100-state-ab'), 0, 'none of states');
    is($has->('clone', $base), 0, 'no linked clones');
    like(died('clone_image', $base, 101), qr/make a full clone/, 'and why');
    is($has->('copy', $base), 1, 'full ones');
    is($has->('copy', $qcow2, 'ab'), 1, 'of snapshots, too');
    is($has->('template', $qcow2), 1, 'templates');
    is($has->('sparseinit', $raw), 0, 'raw volumes show what was there');
    is($has->('sparseinit', $qcow2), 1, 'images do not');
    is($has->('replicate', $qcow2), 0, 'no replication');
    is($plugin->volume_qemu_snapshot_method('st', {}, $qcow2), 'mixed', 'snapshots of guests');
    is($plugin->volume_qemu_snapshot_method('st', {}, $raw), 'storage', 'raw');
};

done_testing();
