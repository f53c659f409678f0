use v5.36;

use lib 'perl/t/lib';

# Whether images are sound, against the real qemu-img check; and how much room they have.

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_answer qemu_io read_file write_file failure_of);

my $dir = directory();
my ($K, $M) = (1 << 10, 1 << 20);

sub create {
    my ($name, @options) = @_;
    my $path = "$dir/$name.qcow2";
    qemu_img('create', '-q', '-f', 'qcow2', (map { ('-o', $_) } @options), $path, '8M');
    qemu_io($path, 'write 0 256k', 'write 1M 64k', 'write -c 2M 64k', 'write -z 3M 64k');
    qemu_img('snapshot', '-c', 'before', $path);
    qemu_io($path, 'write 0 64k', 'discard 1M 64k');
    return $path;
}

# The same image with these bytes at this offset.
sub changed {
    my ($path, $offset, $bytes) = @_;
    my $image = read_file($path);
    substr($image, $offset, length($bytes)) = $bytes;
    return write_file($path =~ s/\.qcow2$/-changed.qcow2/r, $image);
}

my $sound = create('sound');
# Where the first refcount block and the first L2 table are.
my $image = read_file($sound);
my $table = unpack('Q>', substr($image, 48, 8));
my $block = unpack('Q>', substr($image, $table, 8));
my $l2 = unpack('Q>', substr($image, unpack('Q>', substr($image, 40, 8)), 8)) & (1 << 56) - 512;

sub broken {
    my ($name, $offset, $bytes) = @_;
    my $copy = "$dir/$name.qcow2";
    write_file($copy, $image);
    return changed($copy, $offset, $bytes);
}

my %images = (
    'sound' => $sound,
    'small clusters' => create('small', 'cluster_size=4k'),
    'refcounts of a bit' => do {
        my $path = "$dir/bit.qcow2";
        qemu_img('create', '-q', '-f', 'qcow2', '-o', 'refcount_bits=1', $path, '8M');
        qemu_io($path, 'write 0 256k');
        $path;
    },
    'subclusters' => create('subclusters', 'extended_l2=on'),
    'empty' => do {
        qemu_img('create', '-q', '-f', 'qcow2', "$dir/empty.qcow2", '0');
        "$dir/empty.qcow2";
    },
    'a leak' => broken('leak', $block + 60, pack('n', 1)),
    'a refcount too low' => broken('low', $block + 2, pack('n', 0)),
    'a wrong flag' =>
        broken('flag', $l2, pack('Q>', unpack('Q>', substr($image, $l2, 8)) ^ 1 << 63)),
    'a misplaced cluster' => broken('misplaced', $l2, pack('Q>', 512)),
    'a cluster behind the end' => broken('behind', $l2, pack('Q>', 1 << 40 | 1 << 63)),
);

for my $name (sort keys %images) {
    my $path = $images{$name};
    my ($expected, $status) = qemu_answer('check', '--output=json', '-f', 'qcow2', $path);
    subtest "$name, as qemu-img says" => sub {
        for my $opts ({}, { timeout => 5, format => 'qcow2' }) {
            my $check = PVE::Native::Image::check($path, $opts);
            my $findings = delete $check->{findings};
            is_deeply($check, $expected, 'the numbers');
            is(!!$findings->@*, $status != 0, 'findings where something is wrong');
            for my $finding ($findings->@*) {
                like($finding->{code}, qr/^[a-z-]+$/, 'with a word');
                like($finding->{offset}, qr/^\d+$/, 'a place');
                like($finding->{message}, qr/\w/, 'and a sentence');
            }
        }
    };
}

subtest 'what cannot be checked' => sub {
    write_file("$dir/disk.raw", 'x' x $M);
    my $fails = sub {
        my ($name, @args) = @_;
        my $err = failure_of(sub { PVE::Native::Image::check(@args) });
        is(ref($err) && $err->name, $name, $name);
        return $err;
    };
    is($fails->('unsupported', "$dir/disk.raw")->path, "$dir/disk.raw", 'and where');
    $fails->('format', "$dir/disk.raw", { format => 'qcow2' });
    $fails->('io', "$dir/none.qcow2");
    $fails->('argument', undef);
    $fails->('argument', $sound, { 'max-depth' => 1 });
    $fails->('argument', $sound, { progress => $_ }) for 1, 'main::progress', [], {}, \1;
};

subtest 'headroom' => sub {
    my $end = (qemu_answer('check', '--output=json', $sound))[0]->{'image-end-offset'};
    my ($measure) = qemu_answer(qw(measure --output=json -O qcow2 --size), 8 * $M);
    my $room = PVE::Native::Image::headroom($sound);
    is($room->{end}, $end, 'where the image ends');
    cmp_ok($room->{'worst-case'}, '>=', $measure->{'fully-allocated'}, 'what it may need');
    is_deeply([$room->@{qw(device-size short-by)}], [undef, undef], 'a file can grow');
    is_deeply([sort keys %$room], [qw(device-size end free short-by worst-case)], 'the keys');

    my $worst = $room->{'worst-case'};
    my $short = sub {
        my ($size) = @_;
        my $on_device =
            PVE::Native::Image::headroom($sound, { 'device-size' => $size, timeout => 5 });
        is($on_device->{'device-size'}, $size, "a device of $size");
        return $on_device->{'short-by'};
    };
    is($short->($worst - 512), 512, 'is too small');
    is($short->($worst), 0, 'is just enough');
    is($short->("$worst" * 2), 0, 'is more than enough');
    is(
        PVE::Native::Image::headroom($sound, { 'device-size' => $_ })->{'short-by'}, undef,
        'none'
    ) for undef, 0;

    my $raw = PVE::Native::Image::headroom("$dir/disk.raw", { 'device-size' => 512 * $K });
    my @numbers = $raw->@{qw(end free device-size worst-case short-by)};
    is_deeply(\@numbers, [$M, 0, 512 * $K, $M, 512 * $K], 'a raw image');
    for my $junk (-1, 1.5, '10G', 'abc') {
        my $opts = { 'device-size' => $junk };
        my $err = failure_of(sub { PVE::Native::Image::headroom($sound, $opts) });
        like($err, qr/^device-size '$junk' is not a number/, "device-size $junk");
    }
    qemu_img('create', '-q', '-f', 'vmdk', "$dir/disk.vmdk", '1M');
    my $err = failure_of(sub { PVE::Native::Image::headroom("$dir/disk.vmdk") });
    is($err->name, 'unsupported', 'other formats');
};

done_testing();
