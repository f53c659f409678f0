use v5.36;

use lib 'perl/t/lib';

# What was written since a snapshot, what a bitmap says of it, and what merging would move.

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_answer qemu_io read_file write_file failure_of);

my $dir = directory();
my ($K, $M) = (1 << 10, 1 << 20);

my %path = map { $_ => "$dir/$_.qcow2" } qw(base middle top other);
qemu_img('create', '-q', '-f', 'qcow2', $path{base}, '4M');
qemu_io($path{base}, 'write -P 1 0 1M');
qemu_img('create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', $path{middle});
qemu_io($path{middle}, 'write -P 2 256k 128k', 'write -P 2 2M 64k');
qemu_img('create', '-q', '-f', 'qcow2', '-b', $path{middle}, '-F', 'qcow2', $path{top}, '6M');
qemu_img('bitmap', '--add', '-g', '64k', $path{top}, 'dirty');
qemu_io($path{top}, 'write -P 3 384k 64k', 'write -z 512k 64k', 'write -P 3 5M 64k');
qemu_img('create', '-q', '-f', 'qcow2', $path{other}, '1M');

# The ranges that the images down to this depth hold, from the real qemu-img map.
sub mapped {
    my ($path, $above) = @_;
    my @ranges;
    for my $extent ((qemu_answer('map', '--output=json', $path))[0]->@*) {
        my ($start, $length) = $extent->@{qw(start length)};
        next if $extent->{depth} >= $above || !$extent->{present};
        if (@ranges && $ranges[-1]->[0] + $ranges[-1]->[1] == $start) {
            $ranges[-1]->[1] += $length;
        } else {
            push @ranges, [$start, $length];
        }
    }
    return \@ranges;
}

subtest 'what was written' => sub {
    for my $opts (undef, { format => 'qcow2', timeout => 5, 'max-depth' => 3 }) {
        my $since =
            sub { PVE::Native::Image::changed_extents($path{top}, $path{ $_[0] }, $opts) };
        is_deeply($since->('middle'), mapped($path{top}, 1), 'since the image below');
        is_deeply($since->('base'), mapped($path{top}, 2), 'since the one below that');
        is_deeply($since->('top'), [], 'since itself');
    }
    my $ranges = PVE::Native::Image::changed_extents($path{top}, "$dir/./base.qcow2");
    is_deeply($ranges, mapped($path{top}, 2), 'by another name');
};

subtest 'a copy of only that is the whole disk' => sub {
    my %disk;
    for my $name (qw(base top)) {
        qemu_img('convert', '-O', 'raw', $path{$name}, "$dir/$name.raw");
        $disk{$name} = read_file("$dir/$name.raw");
    }
    my $copy = $disk{base} . "\0" x (length($disk{top}) - length($disk{base}));
    isnt($copy, $disk{top}, 'they differ');
    for my $range (PVE::Native::Image::changed_extents($path{top}, $path{base})->@*) {
        my ($start, $length) = $range->@*;
        substr($copy, $start, $length) = substr($disk{top}, $start, $length);
    }
    ok($copy eq $disk{top}, 'and then do not');

    my @command = qw(perl -T -Ibuild/perl examples/perl/incremental.pl);
    open(my $pipe, '-|', @command, $path{top}, $path{base}, "$dir/base.raw")
        or die "cannot run perl: $!\n";
    like(join('', <$pipe>), qr/^393216 bytes of 6291456 copied in 4 parts$/, 'the example');
    ok(close($pipe), 'does it');
    ok(read_file("$dir/base.raw") eq $disk{top}, 'too');
};

subtest 'what a bitmap says' => sub {
    my $dirty = PVE::Native::Image::bitmap_extents($path{top}, 'dirty', { timeout => 5 });
    is_deeply($dirty, [map { [$_, 64 * $K] } 384 * $K, 512 * $K, 5 * $M], 'the dirty ranges');
    utf8::upgrade(my $name = 'dirty');
    is_deeply(
        PVE::Native::Image::bitmap_extents($path{top}, $name), $dirty,
        'an upgraded name'
    );
    my %others = (
        'no bitmap' => ['none', qr/^.*no bitmap 'none'/],
        'undef' => [undef, qr/^bitmap is undefined/],
        'a reference' => [[], qr/^bitmap is a reference/],
        'wide' => ["\x{263a}", qr/characters that are not bytes/],
    );
    for my $case (sort keys %others) {
        my ($bitmap, $why) = $others{$case}->@*;
        my $err = failure_of(sub { PVE::Native::Image::bitmap_extents($path{top}, $bitmap) });
        is($err->name, 'argument', $case);
        like($err, $why, 'and why');
    }
    my $err = failure_of(sub { PVE::Native::Image::bitmap_extents("$dir/base.raw", 'dirty') });
    is($err->name, 'format', 'only qcow2 has bitmaps');
};

subtest 'what merging would move' => sub {
    my $costs =
        PVE::Native::Image::merge_costs($path{top}, { format => 'qcow2', timeout => 5 });
    is_deeply(
        $costs,
        [
            {
                image => $path{top},
                backing => $path{middle},
                'commit-cost' => { data => 128 * $K, zero => 64 * $K },
                'stream-cost' => { data => 192 * $K, zero => 0 },
            },
            {
                image => $path{middle},
                backing => $path{base},
                'commit-cost' => { data => 192 * $K, zero => 0 },
                'stream-cost' => { data => $M - 128 * $K, zero => 0 },
            },
        ],
        'pair by pair',
    );
    is_deeply(PVE::Native::Image::merge_costs($path{base}), [], 'nothing to merge');
};

subtest 'errors' => sub {
    my $fails = sub {
        my ($name, $why, @args) = @_;
        my $err = failure_of(sub { PVE::Native::Image::changed_extents(@args) });
        is(ref($err) && $err->name, $name, $name);
        like($err, $why, 'why');
    };
    $fails->('argument', qr/not in the chain/, $path{top}, $path{other});
    $fails->('argument', qr/not in the chain/, $path{base}, $path{top});
    $fails->('io', qr/No such file/, $path{top}, "$dir/none");
    $fails->('io', qr/No such file/, "$dir/none.qcow2", $path{base});
    $fails->('argument', qr/^top is undefined/, undef, $path{base});
    $fails->('argument', qr/^base is undefined/, $path{top});
    $fails->('argument', qr/unknown option 'strict'/, $path{top}, $path{base}, { strict => 1 });
    $fails->('limit', qr/max-depth/, $path{top}, $path{base}, { 'max-depth' => 2 });
    my $limits = { 'max-ranges' => 2 };
    $fails->('limit', qr/max-ranges/, $path{top}, $path{base}, { limits => $limits });
    $limits = { 'max-ranges' => 1 };
    my $err = failure_of(
        sub {
            PVE::Native::Image::bitmap_extents($path{top}, 'dirty', { limits => $limits });
        }
    );
    is($err->name, 'limit', 'too many dirty ranges');
};

done_testing();
