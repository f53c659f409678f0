use v5.36;

use lib 'perl/t/lib';

# What PVE::Storage::Plugin::file_size_info, PVE::Storage::Common::qemu_img_info and qemu_img_measure
# answer, case by case. The column `dies` is what an untrusted image does where a trusted one does not.

use JSON::PP qw(decode_json);
use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_info write_file warnings_of failure_of);

my $dir = directory();

sub qcow2 {
    my ($name, @args) = @_;
    return qemu_img('create', '-q', '-f', 'qcow2', @args, "$dir/$name", '4M');
}

qcow2('plain');
qcow2('child', '-b', 'plain', '-F', 'qcow2');
qcow2('zero-backing', '-u', '-b', '0', '-F', 'raw');
qcow2('spaced', '-u', '-b', 'a name', '-F', 'raw');
qcow2('data', '-o', "data_file=$dir/data.raw");
qcow2('zero-data', '-o', "data_file=$dir/data.raw");
qemu_img('create', '-q', '-f', 'raw', "$dir/raw", '1000');
qemu_img('create', '-q', '-f', 'vmdk', "$dir/vmdk", '4M');
qemu_img(
    'create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', "$dir/flat.vmdk", '4M',
);
mkdir("$dir/subvol");
symlink("$dir/nowhere", "$dir/dangling");

# The name of the data file becomes `0`: false in Perl, and a name all the same.
my $image = do { local (@ARGV, $/) = ("$dir/zero-data"); <> };
my $name = "$dir/data.raw";
substr($image, index($image, $name), length($name)) = '0' . ("\0" x (length($name) - 1));
write_file("$dir/zero-data", $image);

my $M = 1 << 20;
my @cases = (
    # file, format, size, format, parent, warning, dies
    ['plain', 'qcow2', 4 * $M, 'qcow2', undef, undef, undef],
    ['plain', 'raw', undef, 'raw', undef, undef, undef],
    ['plain', 'auto-detect', 4 * $M, 'qcow2', undef, undef, undef],
    ['plain', '', 4 * $M, 'qcow2', undef, undef, undef],
    ['plain', undef, 4 * $M, 'qcow2', undef, qr/without a format/, undef],
    ['plain', '0', 4 * $M, 'qcow2', undef, qr/in place of the format/, undef],
    ['plain', 'vdi', undef, 'raw', undef, qr/taken as raw/, undef],
    ['raw', 'raw', 1024, 'raw', undef, undef, undef],
    ['vmdk', 'vmdk', 4 * $M, 'vmdk', undef, undef, undef],
    ['child', 'qcow2', 4 * $M, 'qcow2', 'plain', undef, qr/backing file is not allowed/],
    ['zero-backing', 'qcow2', 4 * $M, 'qcow2', '0', undef, qr/backing file is not allowed/],
    ['spaced', 'qcow2', 4 * $M, 'qcow2', undef, qr/strange parent/, qr/backing file is not/],
    ['data', 'qcow2', 4 * $M, 'qcow2', undef, undef, qr/'data-file' references/],
    ['zero-data', 'qcow2', 4 * $M, 'qcow2', undef, undef, qr/'data-file' references/],
    ['flat.vmdk', 'vmdk', 4 * $M, 'vmdk', undef, undef, qr/other files/],
);

for my $case (@cases) {
    my ($file, $format, $size, $got_format, $parent, $warning, $dies) = $case->@*;
    my $path = "$dir/$file";
    my $title = "$file as " . ($format // 'undef');
    subtest $title => sub {
        # A raw image ends with a whole sector.
        my $whole = 512 * int((511 + -s $path) / 512);
        my @expected = (
            $size // $whole,
            $got_format,
            qemu_info('-f', $got_format, $path)->{'actual-size'},
            $parent, (stat($path))[10],
        );
        my ($warnings, @answer) =
            warnings_of(sub { PVE::Native::Image::file_size_info($path, 5, $format) });
        is_deeply(\@answer, \@expected, 'list');
        is(scalar(@$warnings), $warning ? 1 : 0, 'warnings');
        like("@$warnings", $warning, 'warning') if $warning;
        my (undef, $scalar) =
            warnings_of(sub { scalar(PVE::Native::Image::file_size_info($path, 5, $format)) });
        is($scalar, $expected[0], 'scalar');

        return if defined($format) && $format eq '0';
        my $untrusted = sub { PVE::Native::Image::file_size_info($path, 5, $format, 1) };
        my (undef, $died) = warnings_of(sub { failure_of($untrusted) });
        $dies ? like($died, $dies, 'untrusted') : is($died, undef, 'untrusted');
    };
}

subtest 'directories' => sub {
    my $path = "$dir/subvol";
    for my $format ('subvol', 'auto-detect') {
        my ($warnings, @answer) =
            warnings_of(sub { PVE::Native::Image::file_size_info($path, 5, $format) });
        is_deeply(\@answer, [0, 'subvol', 0, undef, (stat($path))[10]], "as $format");
        is_deeply($warnings, [], 'no warning');
    }
    my ($warnings, @answer) =
        warnings_of(sub { PVE::Native::Image::file_size_info($path, 5, 'raw') });
    is($answer[1], 'subvol', 'as raw');
    like($warnings->[0], qr/expected format 'raw'.* is a directory/, 'with a warning');
    like(
        failure_of(sub { PVE::Native::Image::file_size_info($path, 5, 'raw', 1) }),
        qr/expected format 'raw'/,
        'untrusted dies',
    );
    ($warnings) =
        warnings_of(sub { PVE::Native::Image::file_size_info("$dir/raw", 5, 'subvol') });
    like($warnings->[0], qr/expected format 'subvol'.* is not a directory/, 'no directory');
};

subtest 'what cannot be looked at' => sub {
    for my $file ("$dir/none", "$dir/dangling") {
        my ($warnings, @answer) =
            warnings_of(sub { PVE::Native::Image::file_size_info($file, 5, 'raw') });
        is_deeply(\@answer, [undef], 'undef');
        like($warnings->[0], qr/No such file/, 'and a warning');
        like(
            failure_of(sub { PVE::Native::Image::file_size_info($file, 5, 'raw', 1) }),
            qr/No such file/,
            'untrusted dies',
        );
    }
    my $wrong = failure_of(sub { PVE::Native::Image::file_size_info("$dir/raw", 5, 'qcow2') });
    like($wrong, qr/Image is not in \S+ format$/, 'a broken image dies, trusted or not');
};

subtest 'qemu_img_info' => sub {
    my $ask = \&PVE::Native::Image::qemu_img_info;
    is_deeply(
        decode_json($ask->("$dir/child", 'qcow2', 5, 0)),
        qemu_info('-f', 'qcow2', "$dir/child"),
        'an object',
    );
    is_deeply(decode_json($ask->("$dir/plain")), qemu_info("$dir/plain"), 'no format: probed');
    is_deeply(
        decode_json($ask->("$dir/child", undef, undef, 1)),
        qemu_info('--backing-chain', "$dir/child"),
        'an array',
    );
    like(failure_of(sub { $ask->("$dir/none", 'raw') }), qr/No such file/, 'failure');
    like(failure_of(sub { $ask->("$dir/spaced", 'qcow2', 5, 1) }), qr/No such file/, 'strict');
};

subtest 'qemu_img_measure' => sub {
    my $ask = \&PVE::Native::Image::qemu_img_measure;
    my $pve = ['extended_l2=on', 'cluster_size=128k'];
    for my $case (
        # KiB, format, time-out, options
        [4096, 'qcow2', 5, undef],
        ['4096', 'qcow2', undef, []],
        [33554432, 'qcow2', 10, $pve],
        [33554432, 'qcow2', 10, [$pve->@*, 'preallocation=metadata']],
        [33554432, 'qcow2', 10, [join(',', $pve->@*)]],
        [33554432, 'qcow2', 10, ['preallocation=off']],
        [33554432, 'qcow2', 10, ['preallocation=full']],
        [4.5, 'qcow2', undef, undef],
        ['0.25', 'raw', undef, undef],
        [1 / 3, 'qcow2', undef, undef],
        [0, 'qcow2', undef, undef],
        [1, 'raw', 0, undef],
        [1 << 33, 'qcow2', 5, ['cluster_size=2M']],
        [100, 'qcow2', 5, ''],
        )
    {
        my ($size, $format, $timeout, $options) = $case->@*;
        my @args = $options && @$options ? ('-o', join(',', @$options)) : ();
        my $json =
            qemu_img('measure', '--output=json', '--size', "${size}K", '-O', $format, @args);
        my ($warnings, $answer) =
            warnings_of(sub { $ask->($size, $format, $timeout, $options) });
        is_deeply(decode_json($answer), decode_json($json), "$size KiB as $format: @args");
        is_deeply($warnings, [], 'no warning');
    }
    for my $case (
        [[4096, undef], qr/^format is missing$/],
        [[4096, ''], qr/^format is missing$/],
        [[4096, '0'], qr/^format is missing$/],
        [[4096, 'none'], qr/unknown format 'none'/],
        [[4096, 'vmdk'], qr/not measured/],
        [[undef, 'qcow2'], qr/^size is undefined$/],
        [['', 'qcow2'], qr/is not a number of KiB/],
        [[-1, 'qcow2'], qr/is not a number of KiB/],
        [['10G', 'qcow2'], qr/is not a number of KiB/],
        [['abc', 'qcow2'], qr/is not a number of KiB/],
        [[[], 'qcow2'], qr/^size is a reference$/],
        [[1e20, 'qcow2'], qr/is not a number of KiB/],
        [[1 << 50, 'qcow2'], qr/too large/],
        [[4096, 'qcow2', 'abc'], qr/^timeout 'abc' is not a number$/],
        [[4096, 'qcow2', 5, 'cluster_size=4k'], qr/^options are not an array$/],
        [[4096, 'qcow2', 5, { cluster_size => '4k' }], qr/^options are not an array$/],
        [[4096, 'qcow2', 5, ['cluster_size=3k']], qr/cluster_size/],
        [[4096, 'qcow2', 5, ['clustersize=4k']], qr/unknown option 'clustersize'/],
        [[4096, 'qcow2', 5, [undef]], qr/^option is undefined$/],
        [[4096, 'qcow2', 5, ['']], qr/option/],
        )
    {
        my ($args, $why) = $case->@*;
        my ($warnings, $err) = warnings_of(
            sub {
                failure_of(sub { $ask->(@$args) });
            }
        );
        like($err, $why, 'dies: ' . join(', ', map { $_ // 'undef' } @$args));
        is_deeply($warnings, [], 'no warning');
    }
};

done_testing();
