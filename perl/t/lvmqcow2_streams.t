use v5.36;

use lib 'perl/t/lib';

# The storage type lvmqcow2: volumes as streams. What is called raw is the disk, what is called qcow2 an
# image. PVE's modules and LVM are stood in for; see StorageStandIns and FakeLvm.

use Test::More;

use TestImages qw(directory qemu_img read_file write_file);
use TestPlugin qw(setup call locked disk device commands holds write_pattern quietly died MIB);

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';
setup();
my $dir = directory();

# Options as PVE::Storage has them: snapshot, base snapshot, with snapshots.
my @alone = (undef, undef, 0);
my @with = (undef, undef, 1);

sub formats {
    my ($direction, $volume, @options) = @_;
    my $method = "volume_${direction}_formats";
    return join(' ', $plugin->$method($TestPlugin::scfg, 'st', $volume, @options));
}

sub sent {
    my ($volume, $format, @options) = @_;
    open(my $fh, '>:raw', "$dir/stream") or die "cannot write: $!\n";
    quietly(
        sub { $plugin->volume_export($TestPlugin::scfg, 'st', $fh, $volume, $format, @options) }
        ,
    );
    close($fh) or die "cannot write: $!\n";
    return read_file("$dir/stream");
}

sub received {
    my ($stream, $volume, $format, $allow_rename, @options) = @_;
    write_file("$dir/stream", $stream);
    open(my $fh, '<:raw', "$dir/stream") or die "cannot read: $!\n";
    return quietly(
        sub {
            $plugin->volume_import(
                $TestPlugin::scfg, 'st', $fh, $volume, $format, @options, $allow_rename,
            );
        },
    );
}

my $disk = disk(8);
write_pattern(1, $disk, 0, 5);
my $raw = locked('alloc_image', 100, 'raw', undef, 8192);

subtest 'what there is' => sub {
    is(formats('export', $disk, @alone), 'raw+size', 'the disk');
    is(formats('export', $disk, @with), 'qcow2+size', 'the image');
    is(formats('export', $raw, @alone), 'raw+size', 'a raw volume');
    is(formats('export', $raw, @with), '', 'which has no snapshots');
    is(formats('export', $disk, 'ab', undef, 0), '', 'no snapshot alone');
    is(formats('export', $disk, undef, 'ab', 0), '', 'nor what came since');
    is(formats('import', $disk, @with), 'qcow2+size', 'images are taken');
    is(formats('import', $disk, @alone), '', 'and no raw disks in their place');
    is(formats('import', $raw, @alone), 'raw+size', 'as raw volumes');
    is(formats('import', $raw, @with), '', 'and no images in their place');
};

my $expected = do {
    qemu_img('convert', '-f', 'qcow2', '-O', 'raw', device($disk), "$dir/disk");
    read_file("$dir/disk");
};

subtest 'sending a disk' => sub {
    my $stream = sent($disk, 'raw+size', @alone);
    is(unpack('Q<', $stream), 8 * MIB, 'the size');
    ok(substr($stream, 8) eq $expected, 'what the guest sees');
    call('volume_snapshot', $disk, 'one');
    write_pattern(2, $disk, 1, 5);
    qemu_img('convert', '-f', 'qcow2', '-O', 'raw', device($disk), "$dir/disk");
    ok(
        substr(sent($disk, 'raw+size', @alone), 8) eq read_file("$dir/disk"),
        'with snapshots, too'
    );
    is(formats('export', $disk, @with), '', 'which no image in a stream can have');
    ok(!eval { sent($disk, 'qcow2+size', @with) }, 'so it is not sent as one');
    call('volume_snapshot_rollback', $disk, 'one');
    call('volume_snapshot_delete', $disk, 'one', 0);
};

subtest 'sending and taking an image' => sub {
    my $stream = sent($disk, 'qcow2+size', @with);
    is(unpack('Q<', $stream), 8 * MIB, 'the size of the disk');
    is(substr($stream, 8, 4), "QFI\xfb", 'an image');
    my $there = sub { received($stream, $disk, 'qcow2+size', 0, @with) };
    ok(!eval { $there->() }, 'a name that is taken');
    my $volid;
    {
        local $SIG{__WARN__} = sub { };
        $volid = received($stream, $disk, 'qcow2+size', 1, @with);
    }
    is($volid, 'st:vm-100-disk-2.qcow2', 'another name, if that is allowed');
    ok(holds(1, 'vm-100-disk-2.qcow2', $_), "MiB $_") for 0, 5;
    is(
        received($stream, 'vm-101-disk-0.qcow2', 'qcow2+size', 0, @with),
        'st:vm-101-disk-0.qcow2', 'for another guest'
    );

    # Small clusters take larger tables than our own images have.
    qemu_img('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=512', "$dir/small", '64M');
    my $small = pack('Q<', 64 * MIB) . read_file("$dir/small");
    received($small, 'vm-101-disk-1.qcow2', 'qcow2+size', 0, @with);
    cmp_ok(
        FakeLvm::volume('vg0', 'vm-101-disk-1.qcow2')->{size},
        '>=', PVE::Native::Image::headroom("$dir/small", {})->{'worst-case'},
        'with its own room',
    );

    my @before = FakeLvm::names('vg0');
    my $refused = sub {
        my ($stream, $why, $what) = @_;
        my $lived =
            eval { received($stream, 'vm-102-disk-0.qcow2', 'qcow2+size', 0, @with); 1 };
        ok(!$lived, $what);
        like($@, $why, 'and why');
        is_deeply([FakeLvm::names('vg0')], \@before, 'nothing is left');
    };
    $refused->(pack('Q<', 4 * MIB) . substr($stream, 8), qr/were announced/, 'another size');
    $refused->(pack('Q<', 8 * MIB) . $expected, qr/not in qcow2 format/, 'a raw disk');
    $refused->(pack('Q<', 8 * MIB) . substr($stream, 8, 200000), qr/./, 'a part of one')
        if length($stream) < 200000;
    $refused->('', qr/no size|announced/, 'nothing');
    qemu_img(
        'create', '-q', '-u', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/passwd',
        "$dir/evil", '8M'
    );
    $refused->(
        pack('Q<', 8 * MIB) . read_file("$dir/evil"), qr/backing/,
        'one that names a file'
    );
};

subtest 'sending and taking a raw volume' => sub {
    is(
        received(pack('Q<', 8 * MIB) . $expected, 'vm-102-disk-0', 'raw+size', 0, @alone),
        'st:vm-102-disk-0', 'taken',
    );
    ok(substr(sent('vm-102-disk-0', 'raw+size', @alone), 8) eq $expected, 'and sent');
    my @before = FakeLvm::names('vg0');
    for my $stream ($expected . 'x', substr($expected, 1)) {
        my $lived = eval {
            received(pack('Q<', 8 * MIB) . $stream, 'vm-103-disk-0', 'raw+size', 0, @alone);
            1;
        };
        ok(!$lived, length($stream) . ' bytes in place of ' . 8 * MIB);
        is_deeply([FakeLvm::names('vg0')], \@before, 'nothing is left');
    }
    ok(!eval { received('', $disk, 'raw+size', 0, @alone) }, 'no raw disk as an image');
    ok(!eval { sent($raw, 'qcow2+size', @with) }, 'no raw volume as an image');
};

done_testing();
