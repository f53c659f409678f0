use v5.36;

use lib 'perl/t/lib';

# The storage type lvmqcow2: snapshots. What a guest would see is compared with what was written. PVE's
# modules and LVM are stood in for; see StorageStandIns and FakeLvm.

use Test::More;

use TestImages qw(qemu_img qemu_io failure_of);
use TestPlugin qw(setup call locked disk device commands holds write_pattern quietly died MIB);

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';
setup();

my $disk = disk(8);
write_pattern(1, $disk, 0, 1);

sub names_of {
    my ($stem) = @_;
    return join(' ', grep { m/^(?:new-|del-\d+-)?\Q$stem\E/ } FakeLvm::names('vg0'));
}

sub active {
    return join(' ', sort keys PVE::Native::LVM::active('vg0')->%*);
}

subtest 'taking snapshots' => sub {
    call('volume_snapshot', $disk, 'one');
    is(commands(), 'lvs lvcreate qemu-img lvrename lvrename', 'processes');
    write_pattern(2, $disk, 1, 2);
    call('volume_snapshot', $disk, 'two');
    write_pattern(3, $disk, 2, 3);
    is(
        names_of('vm-100-disk-0'),
        'vm-100-disk-0-snap-one.qcow2 vm-100-disk-0-snap-two.qcow2 vm-100-disk-0.qcow2',
        'images',
    );
    ok(holds($_->@*), "byte $_->[0] at $_->[2] of $_->[1]")
        for [1, $disk, 0], [2, $disk, 1], [3, $disk, 2], [3, $disk, 3],
        [1, 'vm-100-disk-0-snap-one.qcow2', 1], [2, 'vm-100-disk-0-snap-two.qcow2', 2];
    like(died('volume_snapshot', $disk, 'one'), qr/has a snapshot 'one' already/, 'twice');
    like(died('volume_snapshot', $disk, '1x'), qr/the first a letter/, 'names');
    like(died('volume_snapshot', 'vm-100-disk-9.qcow2', 'one'), qr/no image/, 'no such volume');
};

subtest 'what it says of them' => sub {
    my ($info) = call('volume_snapshot_info', $disk);
    is(commands(), '', 'without a process');
    is_deeply(
        $info->{two},
        {
            order => 1,
            file => device('vm-100-disk-0-snap-two.qcow2'),
            volname => 'vm-100-disk-0-snap-two.qcow2',
            volid => 'st:vm-100-disk-0-snap-two.qcow2',
            'virtual-size' => 8 * MIB,
            parent => 'one',
            child => 'current',
        },
        'in the shape of Proxmox VE',
    );
    is(
        join(' ', sort { $info->{$a}->{order} <=> $info->{$b}->{order} } keys %$info),
        'current two one', 'order'
    );
    is_deeply(
        scalar(call('volume_snapshot_info', 'vm-100-disk-1')), {},
        'raw volumes have none'
    );

    call('deactivate_volume', $disk);
    like(died('volume_snapshot_info', $disk), qr/is not active/, 'inactive');
    is(commands(), '', 'and is not activated for it');
};

subtest 'going back' => sub {
    my $blockers = [];
    like(
        died('volume_rollback_is_possible', $disk, 'one', $blockers),
        qr/^can't rollback, 'one' is not most recent snapshot on '\Q$disk\E'$/,
        'not to an older one',
    );
    is_deeply($blockers, ['two'], 'because of the newer');
    is(active(), names_of('vm-100-disk-0'), 'the images were activated to find that out');
    is(call('volume_rollback_is_possible', $disk, 'two'), 1, 'to the newest');
    is(commands(), '', 'without a process now');
    like(
        died('volume_rollback_is_possible', $disk, 'none'), qr/'none' does not exist/,
        'not to what is not there',
    );
    call('volume_snapshot_rollback', $disk, 'two');
    is(commands(), 'lvs lvcreate qemu-img lvrename lvrename lvremove', 'processes');
    ok(holds(2, $disk, 2), 'what was written since is gone');
    ok(holds(0, $disk, 3), 'all of it');
    is(names_of('vm-100-disk-0') =~ s/[^ ]+//gr, '  ', 'three images');
};

# Loop devices are never suspended: that nothing hangs is shown in the virtual machine (tests/vm/plugin).
subtest 'a device that is suspended' => sub {
    my $image = 'vm-100-disk-0-snap-one.qcow2';
    ok(!PVE::Native::LVM::is_suspended('vg0', $image), 'is not usual');
    FakeLvm::suspend('vg0', $image, 1);
    ok(PVE::Native::LVM::is_suspended('vg0', $image), 'the kernel tells it');
    is(PVE::Native::LVM::list('vg0')->{volumes}->{$image}->{suspended}, 1, 'and so does LVM');
    my $at = PVE::Native::LvmQcow2::Volume::at($plugin, $TestPlugin::scfg, 'st', $disk);
    for my $look (qw(look look_at_active)) {
        my ($graph) = PVE::Native::LvmQcow2::Volume->can($look)->($at);
        my ($one) = grep { $_->{name} eq $image } $graph->as_hash()->{images}->@*;
        is($one->{content}, 'inactive', "$look: it is not opened");
    }
    my ($entry) = grep { $_->{volid} eq "st:$disk" } call('list_images', 100)->@*;
    is($entry->{size}, 8 * MIB, 'the volume is listed');
    is(call('volume_rollback_is_possible', $disk, 'two'), 1, 'before it is read');
    is(commands(), 'lvs lvchange', 'it is resumed');
    ok(!FakeLvm::volume('vg0', $image)->{suspended}, 'by that');
};

subtest 'growing' => sub {
    call('volume_resize', $disk, 16 * MIB, 0);
    is(commands(), 'lvs lvextend qemu-img', 'processes');
    is(call('volume_size_info', $disk), 16 * MIB, 'the disk');
    write_pattern(4, $disk, 15);
    is(
        call('volume_snapshot_info', $disk)->{two}->{'virtual-size'}, 8 * MIB,
        'not its snapshots'
    );
    my $size = FakeLvm::volume('vg0', $disk)->{size};
    call('volume_resize', $disk, 32 * MIB, 1);
    is(commands(), 'lvs lvextend', 'a running guest makes its image larger itself');
    cmp_ok(FakeLvm::volume('vg0', $disk)->{size}, '>', $size, 'and has room for it');
    call('volume_resize', $disk, 16 * MIB, 1);
    is(commands(), 'lvs', 'there is room already');
    like(died('volume_resize', $disk, 8 * MIB, 0), qr/smaller/, 'not smaller');

    call('volume_snapshot_rollback', $disk, 'two');
    is(call('volume_size_info', $disk), 8 * MIB, 'a rollback brings the size back, too');
};

subtest 'removing snapshots' => sub {
    write_pattern(5, $disk, 4);
    call('volume_snapshot', $disk, 'three');
    call('volume_snapshot', $disk, 'four');
    call('volume_snapshot_delete', $disk, 'two', 0);
    ok(holds(1, $disk, 0) && holds(2, $disk, 2) && holds(5, $disk, 4), 'from the middle');
    call('volume_snapshot_delete', $disk, 'one', 0);
    ok(holds(1, $disk, 0) && holds(2, $disk, 2) && holds(5, $disk, 4), 'the oldest');
    call('volume_snapshot_delete', $disk, 'four', 0);
    ok(holds(1, $disk, 0) && holds(2, $disk, 2) && holds(5, $disk, 4), 'the newest');
    is(names_of('vm-100-disk-0'), "vm-100-disk-0-snap-three.qcow2 $disk", 'images');
    like(died('volume_snapshot_delete', $disk, 'one', 0), qr/does not exist/, 'twice');
    qemu_img('check', '-q', '-f', 'qcow2', device($disk));
};

# What stock qemu-server does with the storage when it removes a snapshot of a running guest, which
# moves the data itself.
subtest 'a running guest moves the data' => sub {
    my ($three, $new) = ('vm-100-disk-0-snap-three.qcow2', 'vm-100-disk-0-snap-five.qcow2');
    call('volume_snapshot', $disk, 'five');
    write_pattern(6, $disk, 5);
    like(
        died('volume_snapshot_delete', $disk, 'three', 1), qr/'\Q$new\E' stands on it/,
        'an image that others stand on stays',
    );
    # block-stream of "three" into "five"
    qemu_img('rebase', '-q', '-f', 'qcow2', '-b', '', device($new));
    call('volume_snapshot_delete', $disk, 'three', 1);
    is(commands(), 'lvremove', 'processes');
    # block-commit of the current image into "five"
    call('volume_resize', $disk, 8 * MIB, 1, 'five');
    is(commands(), 'lvs', 'that is large enough');
    qemu_img('commit', '-q', '-d', '-f', 'qcow2', device($disk));
    call('volume_snapshot_delete', $disk, 'current', 1);
    is(names_of('vm-100-disk-0'), $new, 'in between there is no current image');
    like(died('activate_volume', $disk), qr/snapshot diagnose/, 'which is said');
    locked('rename_snapshot', $disk, 'five', 'current');
    is(commands(), 'lvrename', 'processes');
    ok(holds(1, $disk, 0) && holds(5, $disk, 4) && holds(6, $disk, 5), 'nothing is lost');
    like(
        failure_of(sub { locked('rename_snapshot', $disk, 'current', 'a b') }),
        qr/only letters/, 'names',
    );
};

subtest 'other names' => sub {
    call('volume_snapshot', $disk, 'six');
    is(locked('rename_volume', $disk, 101, undef), 'st:vm-101-disk-0.qcow2', 'another guest');
    my $renamed = 'vm-101-disk-0.qcow2';
    is(
        names_of('vm-101-disk-0'), "vm-101-disk-0-snap-six.qcow2 $renamed",
        'with its snapshots',
    );
    is_deeply(
        FakeLvm::volume('vg0', $renamed)->{tags},
        [qw(pve-vm-101 pve-vm-101-disk-0)], 'and tags',
    );
    ok(holds(6, $renamed, 5), 'nothing is lost');
    my $taken = sub {
        failure_of(sub { locked('rename_volume', $renamed, 101, 'vm-101-disk-0') });
    };
    like($taken->(), qr/mixed up/, 'a name like another');

    my $base = sub { locked('create_base', $renamed) };
    like(failure_of($base), qr/has snapshots/, 'no base with snapshots');
    call('volume_snapshot_delete', $renamed, 'six', 0);
    is($base->(), 'base-101-disk-0.qcow2', 'a base');
    ok(FakeLvm::volume('vg0', 'base-101-disk-0.qcow2')->{'read-only'}, 'that nobody writes to');
    is(active(), '', 'nor has open');
    like(
        died('volume_snapshot', 'base-101-disk-0.qcow2', 'ab'), qr/no snapshots/,
        'nor changes'
    );
    locked('free_image', 'base-101-disk-0.qcow2', 1, 'qcow2');
    is_deeply([FakeLvm::names('vg0')], [], 'it is removed');
};

subtest 'what was removed is overwritten' => sub {
    local $TestPlugin::scfg->{saferemove} = 1;
    my $volume = disk(4);
    call('volume_snapshot', $volume, 'one');
    call('volume_snapshot_rollback', $volume, 'one');
    is(scalar(@StorageStandIns::tasks), 1, 'by a task');
    call('volume_snapshot_rollback', $volume, 'one');
    my @aside = map { "del-$_-$volume" } 0, 1;
    is(
        names_of('vm-100-disk-0'), "@aside vm-100-disk-0-snap-one.qcow2 $volume",
        'names that differ',
    );
    my $worker = locked('free_image', $volume, 0, 'qcow2');
    is(ref($worker), 'CODE', 'for a volume, its caller starts it');
    is(
        names_of('vm-100-disk-0'),
        "@aside del-2-$volume del-0-vm-100-disk-0-snap-one.qcow2" =~
            s/^(.*)$/join(' ', sort split(m! !, $1))/er,
        'nothing of it is in the way',
    );
    is(disk(4), 'vm-100-disk-1.qcow2', 'of new volumes');
    # Loop devices are not overwritten: what cannot be is kept.
    ok(!eval { quietly($worker); 1 }, 'what cannot be overwritten');
    like($@, qr/no device of device-mapper/, 'is said');
    ok(FakeLvm::volume('vg0', "del-0-$volume"), 'and kept');
    local $TestPlugin::scfg->{saferemove} = 0;
    locked('free_image', $volume, 0, 'qcow2');
    is(names_of('vm-100-disk-0'), '', 'it is found again by the name of its volume');
    locked('free_image', 'vm-100-disk-1.qcow2', 0, 'qcow2');
};

# As if loop devices were device-mapper's.
subtest 'how it is overwritten' => sub {
    local $TestPlugin::scfg->{saferemove} = 1;
    no warnings qw(redefine once);
    my $at_once = 0;
    local *PVE::Native::LvmQcow2::Wipe::abs_path = sub { '/dev/dm-7' };
    local *PVE::Native::LvmQcow2::Wipe::file_read_firstline = sub { $at_once };
    my $wiped = sub {
        my $volume = locked('alloc_image', 100, 'raw', undef, 4096);
        my $worker = locked('free_image', $volume, 0, 'raw');
        @FakeLvm::calls = ();
        quietly($worker);
        is(names_of($volume), '', 'it is removed then');
        my ($call) = grep { $_->[0] =~ m/cstream|blkdiscard/ } @FakeLvm::calls;
        return join(' ', $call->@*) =~ s!/tmp/\S+/!!r;
    };
    is(
        $wiped->(),
        '/usr/bin/cstream -i /dev/zero -o del-0-vm-100-disk-0 -T 10 -v 1 -b 1048576 -t -10485760',
        'by a program, where the device cannot do it',
    );
    $at_once = 2097152;
    is(
        $wiped->(),
        '/usr/sbin/blkdiscard --zeroout --step 2097152 del-0-vm-100-disk-0',
        'by the device, as much as it can at once',
    );
    $at_once = 1 << 40;
    local $TestPlugin::scfg->{'saferemove-stepsize'} = 4;
    like($wiped->(), qr/--step 4194304 /, 'or as much as is wanted');
};

subtest 'a header that was changed is not nothing' => sub {
    my $volume = disk(4);
    write_pattern(1, $volume, 0);
    call('volume_snapshot', $volume, 'one');
    call('volume_snapshot', $volume, 'two');
    my $before = names_of('vm-100-disk-0');
    # The reference to the name that the merged image is to have is written; neither is the image renamed
    # nor the reference put back.
    my $failing = 0;
    local $FakeLvm::before = sub {
        my ($command) = @_;
        $failing ||= $command->[0] =~ m/lvrename/;
        die "no\n" if $failing && $command->[0] !~ m/lvs/;
    };
    my $died = died('volume_snapshot_delete', $volume, 'one', 0);
    ok($failing, 'it has begun');
    is(names_of('vm-100-disk-0'), $before, 'all names are as before');
    like($died, qr/this was step .* says how to go on/, 'it is said that something is not');
    $FakeLvm::before = undef;
    locked('free_image', $volume, 0, 'qcow2');
};

subtest 'what fails half-way' => sub {
    my $volume = disk(4);
    write_pattern(1, $volume, 0);
    call('volume_snapshot', $volume, 'one');
    write_pattern(2, $volume, 0);
    my $before = names_of('vm-100-disk-0');
    my %operations = (
        create => ['volume_snapshot', $volume, 'two'],
        rollback => ['volume_snapshot_rollback', $volume, 'one'],
        resize => ['volume_resize', $volume, 64 * MIB, 0],
    );
    # In an order in which each leaves the data as they are for the next.
    for my $name (qw(create resize rollback)) {
        my $count = 0;
        # The listing is no step.
        while (1) {
            my $nth = -1;
            local $FakeLvm::before = sub { die "no\n" if $nth++ == $count };
            my $died = died($operations{$name}->@*);
            last if $nth <= $count;
            like($died, qr/nothing has changed|this was step/, "$name, step $count: said");
            last if $died =~ m/this was step/;
            is(names_of('vm-100-disk-0'), $before, 'nothing has changed');
            ok(holds(2, $volume, 0), 'nor its data');
            $count++;
        }
        ok($count >= 1, "$name was cut off");
        call('volume_snapshot_delete', $volume, 'two', 0) if $name eq 'create';
    }
};

# What administrators do with the command pve-native, as the plugin would.
sub carried_out {
    my ($op, $volume) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at($plugin, $TestPlugin::scfg, 'st', $volume);
    return quietly(sub { PVE::Native::LvmQcow2::Volume::perform($at, $op, {}) });
}

sub write_raw {
    my ($name, $byte, $mib) = @_;
    open(my $fh, '+<:raw', device($name)) or die "cannot open: $!\n";
    sysseek($fh, $mib * MIB, 0);
    syswrite($fh, chr($byte) x MIB) == MIB or die "cannot write: $!\n";
    return close($fh);
}

subtest 'a raw volume that was adopted' => sub {
    my $raw = locked('alloc_image', 103, 'raw', undef, 8192);
    write_raw($raw, 7, 1);
    my $plan = carried_out('adopt', $raw);
    my $volume = $plan->{result}->{volname};
    is($volume, "$raw.qcow2", 'its new name');
    is(names_of($raw), "$raw-base $volume", 'its images');
    is_deeply([keys call('volume_snapshot_info', $volume)->%*], ['current'], 'no snapshots');
    call('volume_snapshot', $volume, 'one');
    write_pattern(8, $volume, 1);
    call('volume_snapshot', $volume, 'two');
    ok(holds(7, "$raw-snap-one.qcow2", 1) && holds(8, $volume, 1), 'it can have snapshots');
    call('volume_snapshot_delete', $volume, 'two', 0);
    call('volume_snapshot_rollback', $volume, 'one');
    ok(holds(7, $volume, 1), 'and go back');
    call('volume_snapshot_delete', $volume, 'one', 0);
    is(names_of($raw), "$raw-base $volume", 'its images again');
    call('deactivate_volume', $volume);
    call('activate_volume', $volume);
    ok(holds(7, $volume, 1), 'all are activated');
    is(locked('alloc_image', 103, 'raw', undef, 4096), 'vm-103-disk-1', 'its name is taken');
    locked('free_image', $_, 0, $_ eq $volume ? 'qcow2' : 'raw') for $volume, 'vm-103-disk-1';
    is(names_of('vm-103'), '', 'it is removed with all of them');
};

subtest 'a volume of 2024 that was converted' => sub {
    my $raw = locked('alloc_image', 103, 'raw', undef, 8192);
    write_raw($raw, 1, 1);
    my $below = $raw;
    for my $name (qw(one two)) {
        my $overlay = "$raw-snap-$name.qcow2";
        FakeLvm::make('vg0', $overlay, 16 * MIB);
        FakeLvm::activate('vg0', $overlay);
        my @on = ('-u', '-b', device($below), '-F', $below eq $raw ? 'raw' : 'qcow2');
        qemu_img('create', '-q', '-f', 'qcow2', @on, device($overlay), '8M');
        write_pattern($name eq 'one' ? 2 : 3, $overlay, 1);
        $below = $overlay;
    }
    my $volume = carried_out('convert', $raw)->{result}->{volname};
    is($volume, "$raw.qcow2", 'its new name');
    my @images = ("$raw-snap-one", "$raw-snap-two.qcow2", $volume);
    is(names_of($raw), "@images", 'images hold what they are called after');
    ok(holds(3, $volume, 1) && holds(2, $images[1], 1), 'nothing is lost');

    # Proxmox VE would open all images of the volume as qcow2.
    my ($info) = call('volume_snapshot_info', $volume);
    is($info->{current}->{parent}, 'two', 'what is qcow2 is named');
    ok($info->{one} && !exists($info->{two}->{parent}), 'what is raw is nobody\'s parent');
    ok(!eval { $plugin->path($TestPlugin::scfg, $volume, 'st', 'one') }, 'nor has it a path');
    like($@, qr/is a raw image/, 'and why');

    call('volume_snapshot_delete', $volume, 'two', 0);
    is(call('volume_rollback_is_possible', $volume, 'one'), 1, 'it can be gone back to');
    call('volume_snapshot_rollback', $volume, 'one');
    qemu_io(device($volume), 'read -P 1 1M 1M');
    call('volume_snapshot_delete', $volume, 'one', 0);
    is_deeply([keys call('volume_snapshot_info', $volume)->%*], ['current'], 'and removed');
    qemu_io(device($volume), 'read -P 1 1M 1M');
    locked('free_image', $volume, 0, 'qcow2');
    is(names_of('vm-103'), '', 'with all images');
};

subtest 'images that are damaged' => sub {
    my $volume = 'vm-100-disk-0.qcow2';
    open(my $fh, '+<:raw', device('vm-100-disk-0-snap-one.qcow2')) or die "cannot open: $!\n";
    syswrite($fh, "\0" x 4096);
    close($fh);
    my ($info) = call('volume_snapshot_info', $volume);
    ok($info->{current} && $info->{one}, 'what is known is told');
    ok(!exists($info->{one}->{'virtual-size'}), 'and what is not, not');
    isnt(died('volume_snapshot', $volume, 'zz'), 'nothing', 'no snapshot of it');
    isnt(died('volume_snapshot_delete', $volume, 'one', 0), 'nothing', 'nor is one removed');
    locked('free_image', $volume, 0, 'qcow2');
    is(names_of('vm-100-disk-0'), '', 'but it can be removed');
};

done_testing();
