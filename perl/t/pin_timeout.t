use v5.36;

use lib 'perl/t/lib';

# Audits and pins of storage that hangs: they come back in time and leave nothing open; and what a
# helper has opened is ours afterwards.

use Test::More;

use PVE::Native::Image;
use TestHangs;
use TestImages qw(directory qemu_img read_file write_file failure_of);
use TestProcess qw(in_child open_files);

my $dir = directory();
my $storage = TestHangs->mount($dir);
my ($root, $mount) = ($storage->root(), $storage->far());

my $content = 'far away' x 8192;
write_file("$root/base.raw", $content);
my @backing = ('-b', 'base.raw', '-F', 'raw');
qemu_img('create', '-q', '-f', 'qcow2', @backing, "$root/top.qcow2");
my $far = "$mount/top.qcow2";
# A near image on a far one, which may lie in either place.
my $near = "$dir/near.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', '-b', $far, '-F', 'qcow2', $near);
my $roots = [$dir, $mount];

my %functions = (
    audit => \&PVE::Native::Image::audit,
    audit_or_die => \&PVE::Native::Image::audit_or_die,
    pin => \&PVE::Native::Image::pin,
);

sub content {
    my ($pin) = @_;
    qemu_img('convert', '-O', 'raw', $pin->qemu_img_args(), "$dir/out.raw");
    return read_file("$dir/out.raw");
}

subtest 'a pin of files that a helper has opened' => sub {
    my $files = open_files();
    my $pin = PVE::Native::Image::pin($near, { timeout => 5, roots => $roots });
    is(open_files(), $files + 3, 'all are ours');
    my @places = map { readlink("/proc/self/fd/$_") } $pin->fds();
    is_deeply(\@places, [$near, $far, "$mount/base.raw"], 'by their numbers');
    ok(content($pin) eq $content, 'and qemu-img reads them');
    ok(in_child(sub { content($pin) eq $content }), 'from a child as well');

    rename("$root/top.qcow2", "$root/old.qcow2") or die "cannot rename: $!\n";
    qemu_img('create', '-q', '-f', 'qcow2', "$root/top.qcow2", '64k');
    ok(content($pin) eq $content, 'whatever their names lead to now');
    rename("$root/old.qcow2", "$root/top.qcow2") or die "cannot rename: $!\n";
    undef $pin;
    is(open_files(), $files, 'gone with the pin');
};

for my $request (qw(lookup getattr open read)) {
    for my $path ($far, $near) {
        subtest "$request held, from " . ($path eq $far ? 'the top' : 'below') => sub {
            my $files = open_files();
            for my $name (sort keys %functions) {
                $storage->hold($request);
                my $policy = { timeout => 0.2, roots => $roots };
                my $err = $storage->in_time(
                    sub {
                        failure_of(sub { $functions{$name}->($path, $policy) });
                    }
                );
                is($err && $err->name, 'timeout', $name);
                $storage->let_go($far);
            }
            is(open_files(), $files, 'nothing stays open');
        };
    }
}

subtest 'held while a pin is kept' => sub {
    my $pin = PVE::Native::Image::pin($far, { timeout => 5 });
    $storage->hold('lookup getattr open read');
    is(scalar($pin->fds()->@*), 2, 'what it says needs no storage');
    is(scalar($pin->blockdev()->@*), 4, 'nor do its nodes');
    ok(in_child(sub { $pin->qemu_img_args() }), 'a child ends at once');
    $storage->let_go($far);
    ok(content($pin) eq $content, 'and then it can be used');
};

done_testing();
