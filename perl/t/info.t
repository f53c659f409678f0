use v5.36;

use lib 'perl/t/lib';

use B ();
use Test::More;

use PVE::Native::Image;
use TestImages qw(directory qemu_img qemu_info plain failure_of);

my $dir = directory();

qemu_img('create', '-q', '-f', 'qcow2', '-o', 'extended_l2=on', "$dir/base.qcow2", '1G');
qemu_img(
    'create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', "$dir/top.qcow2",
);
qemu_img('snapshot', '-c', 'before', "$dir/top.qcow2");
qemu_img('bitmap', '--add', "$dir/top.qcow2", 'changes');
qemu_img('create', '-q', '-f', 'raw', "$dir/disk", '1000');
qemu_img('create', '-q', '-f', 'vmdk', "$dir/disk.vmdk", '4M');

for my $name (qw(top.qcow2 base.qcow2 disk disk.vmdk)) {
    my $format = $name =~ m/\.(\w+)$/ ? $1 : 'raw';
    my $expected = plain(qemu_info('-f', $format, "$dir/$name"));
    is_deeply(PVE::Native::Image::info("$dir/$name"), $expected, "$name: as qemu-img says");
    is_deeply(
        PVE::Native::Image::info("$dir/$name", { format => 'auto-detect', timeout => 5 }),
        plain(qemu_info("$dir/$name")),
        "$name: probed",
    );
}

my $info = PVE::Native::Image::info("$dir/top.qcow2");

sub is_number {
    my ($value) = @_;
    return !!(B::svref_2object(\$value)->FLAGS & B::SVf_IOK());
}
ok(is_number($info->{'virtual-size'}), 'sizes are numbers');
ok(is_number($info->{'dirty-flag'}), 'booleans are numbers');
ok(!exists($info->{encrypted}), 'what is absent is not there');

subtest 'options' => sub {
    my $ask = sub {
        my ($opts) = @_;
        return failure_of(sub { PVE::Native::Image::info("$dir/top.qcow2", $opts) });
    };
    is($ask->({ timeout => '5' }), undef, 'a numeric string is a number');
    is($ask->({ timeout => 0.5, format => undef }), undef, 'undef is absent');
    is($ask->({ timeout => 0 }), undef, 'no time-out');
    like($ask->({ timeout => $_ }), qr/^timeout '?\Q$_\E'? is not a number/, "timeout $_")
        for qw(abc 10G 1_0 -1 nan inf);
    like($ask->({ tiemout => 5 }), qr/^info: unknown option 'tiemout'$/, 'unknown option');
    like($ask->({ format => 'QCOW2' }), qr/unknown format 'QCOW2'/, 'unknown format');
    like($ask->([]), qr/options are not a hash/, 'options are an array');
};

subtest 'errors' => sub {
    my $err = failure_of(sub { PVE::Native::Image::info("$dir/none.qcow2") });
    isa_ok($err, 'PVE::Native::Error');
    is("$err", "cannot open '$dir/none.qcow2': No such file or directory\n", 'one line');
    is($err->name, 'io', 'name');
    is($err->code, 2, 'code');
    is($err->errno, 2, 'errno');
    is($err->path, "$dir/none.qcow2", 'path');
    is($err->message . "\n", "$err", 'message');

    $err = failure_of(sub { PVE::Native::Image::info("$dir/disk", { format => 'qcow2' }) });
    is($err->name, 'format', 'wrong format');
    like(
        $err, qr/Image is not in \S+ format$/,
        'in the words that the storage layer looks for'
    );
    like(failure_of(sub { PVE::Native::Image::info($dir) }), qr/is a directory/, 'directory');
    like(failure_of(sub { PVE::Native::Image::info('/dev/null') }), qr/neither/, 'device');
    like(
        failure_of(sub { PVE::Native::Image::info('nbd:x:1') }), qr/protocol 'nbd'/,
        'protocol'
    );
    like(failure_of(sub { PVE::Native::Image::info('') }), qr/empty/, 'no name');
    like(failure_of(sub { PVE::Native::Image::info("a\0b") }), qr/NUL/, 'a NUL in the name');
};

done_testing();
