use v5.36;

use lib 'perl/t/lib';

# How large images become, against the real qemu-img measure.

use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_answer qemu_io write_file failure_of);

my $dir = directory();
my $M = 1 << 20;

# A new disk.
for my $case (
    # size, format, options as they are handed in, as qemu-img takes them
    [0, 'qcow2', undef],
    [$M, 'raw', undef],
    [1000, 'raw', undef],
    [1 << 40, 'qcow2', undef],
    [1 << 30, 'qcow2', [], undef],
    [1 << 30, 'qcow2', {}, undef],
    [
        1 << 30, 'qcow2', ['cluster_size=128k', 'extended_l2=on'],
        'cluster_size=128k,extended_l2=on'
    ],
    [
        1 << 30, 'qcow2', ['cluster_size=128k,extended_l2=on'],
        'cluster_size=128k,extended_l2=on'
    ],
    [1 << 30, 'qcow2', 'cluster_size=4k,refcount_bits=64', 'cluster_size=4k,refcount_bits=64'],
    [1 << 30, 'qcow2', { cluster_size => '2M', lazy_refcounts => 'on' }, 'cluster_size=2M'],
    [1 << 30, 'qcow2', { cluster_size => 4096 }, 'cluster_size=4096'],
    ["$M", 'qcow2', ['preallocation=full'], 'preallocation=full'],
    [$M, 'qcow2', { backing_file => 'a,b', backing_fmt => 'raw' }, undef],
    )
{
    my ($size, $format, $options, $text) = $case->@*;
    my @args = ('measure', '--output=json', '-O', $format, $text ? ('-o', $text) : ());
    my ($expected) = qemu_answer(@args, '--size', $size);
    my %new = (size => $size, format => $format, options => $options);
    my $title = "$size bytes as $format" . ($text ? ", $text" : '');
    is_deeply(PVE::Native::Image::measure(undef, \%new), $expected, $title);
}
is_deeply(
    PVE::Native::Image::measure(undef, { size => $M }),
    { required => $M, 'fully-allocated' => $M },
    'raw, if nothing else is said',
);

# Images.
my ($base, $top, $raw) = ("$dir/base.qcow2", "$dir/top.qcow2", "$dir/disk");
qemu_img('create', '-q', '-f', 'qcow2', $base, '16M');
qemu_io($base, 'write 0 1M', 'write -c 2M 128k', 'write -z 4M 1M');
qemu_img('create', '-q', '-f', 'qcow2', '-b', $base, '-F', 'qcow2', $top);
qemu_img('bitmap', '--add', $top, 'dirty');
qemu_io($top, 'write 3M 4k', 'write 8M 64k');
write_file($raw, 'x' x $M);

for my $source ([$base, 'qcow2'], [$top, 'qcow2'], [$raw, 'raw'], [$top, 'raw']) {
    my ($path, $from) = $source->@*;
    for my $format ('raw', 'qcow2') {
        for my $options (undef, $format eq 'qcow2' ? 'cluster_size=4k' : ()) {
            my @args = ('-O', $format, $options ? ('-o', $options) : ());
            my ($expected) = qemu_answer('measure', '--output=json', '-f', $from, @args, $path);
            my %new = (format => $format, options => $options, 'source-format' => $from);
            is_deeply(
                PVE::Native::Image::measure($path, { %new, timeout => 5 }),
                $expected, "$path, as $from: @args",
            );
        }
    }
}
my ($as_raw) = qemu_answer('measure', '--output=json', '-f', 'qcow2', $top);
is_deeply(PVE::Native::Image::measure($top), $as_raw, 'the extension is the format of the source');

subtest 'what is refused' => sub {
    my @cases = (
        # path, options, name of the error, its text
        [undef, {}, 'argument', qr/^size is undefined/],
        [undef, undef, 'argument', qr/^size is undefined/],
        [undef, { size => -1 }, 'argument', qr/^size '-1' is not a number/],
        [undef, { size => 1.5 }, 'argument', qr/^size '1.5' is not a number/],
        [undef, { size => '10G' }, 'argument', qr/^size '10G' is not a number/],
        [undef, { size => '9' x 20 }, 'argument', qr/is not a number/],
        [undef, { size => ~0, format => 'qcow2' }, 'argument', qr/too large/],
        [undef, { size => 1, format => 'QCOW2' }, 'argument', qr/unknown format 'QCOW2'/],
        [undef, { size => 1, format => 'auto-detect' }, 'argument', qr/unknown format/],
        [undef, { size => 1, format => 'vmdk' }, 'unsupported', qr/not measured/],
        [undef, { size => 1, options => ['a=b'] }, 'argument', qr/unknown option 'a'/],
        [undef, { size => 1, options => [undef] }, 'argument', qr/^option is undefined/],
        [
            undef, { size => 1, options => { a => undef } }, 'argument',
            qr/^option a is undefined/
        ],
        [
            undef, { size => 1, options => { a => [] } }, 'argument',
            qr/^option a is a reference/
        ],
        [undef, { size => 1, options => [[]] }, 'argument', qr/^option is a reference/],
        [undef, { size => 1, options => sub { } }, 'argument', qr/^options is a reference/],
        [undef, { size => 1, options => ["\x{263a}=1"] }, 'argument', qr/not bytes/],
        [$top, { size => 1 }, 'argument', qr/^measure: an image has a size of its own/],
        [$top, { 'source-format' => 'QCOW2' }, 'argument', qr/unknown format/],
        [$top, { 'max-depth' => 1 }, 'limit', qr/max-depth/],
        ["$dir/none", {}, 'io', qr/No such file/],
    );
    for my $case (@cases) {
        my ($path, $opts, $name, $why) = $case->@*;
        my $err = failure_of(sub { PVE::Native::Image::measure($path, $opts) });
        is(ref($err) && $err->name, $name, $name);
        like($err, $why, 'and why');
    }
};

done_testing();
