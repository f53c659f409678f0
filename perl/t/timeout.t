use v5.36;

use lib 'perl/t/lib';

# Storage that hangs in the kernel, where no signal reaches the caller: a file system whose requests
# are held. Every function comes back when its time is up, and the process is free to go on.

use POSIX ();
use Test::More;

use Hanging qw(comes_back handles_signals leaves);
use PVE::Native::Image;
use TestHangs;
use TestImages qw(directory qemu_img failure_of);

my $dir = directory();
my $storage = TestHangs->mount($dir);
my $far = $storage->far() . '/a.qcow2';
my $near = "$dir/near.qcow2";
qemu_img('create', '-q', '-f', 'qcow2', $_, '1M') for $storage->root() . '/a.qcow2', $near;

is(PVE::Native::Image::info($far, { timeout => 5 })->{'virtual-size'}, 1 << 20, 'before it hangs');

for my $request (qw(lookup getattr open read)) {
    subtest "$request held" => sub {
        $storage->hold($request);
        comes_back($far, $near);
        $storage->let_go($far);
    };
}

subtest 'with calls left to the kernel' => sub {
    $storage->hold('open');
    eval { PVE::Native::Image::info($far, { timeout => 0.1 }) } for 1 .. 16;
    my $err = failure_of(sub { PVE::Native::Image::info($far, { timeout => 5 }) });
    is($err->name, 'busy', 'the seventeenth fails at once');
    is(
        PVE::Native::Image::info($near, { timeout => 5 })->{format}, 'qcow2',
        'what is near is answered'
    );
    is(waitpid(-1, POSIX::WNOHANG()), 0, 'they are no children of ours');

    my $pid = fork() // die "cannot fork: $!\n";
    if (!$pid) {
        eval { PVE::Native::Image::info($far, { timeout => 0.1 }) };
        POSIX::_exit($@ && $@->name eq 'timeout' ? 0 : 1);
    }
    waitpid($pid, 0);
    is($?, 0, 'a forked child counts afresh');
    $storage->let_go($far);
};

for my $request (qw(open read)) {
    subtest "$request held, signals and ways to leave" => sub {
        $storage->hold($request);
        handles_signals($far);
        leaves($far);
        $storage->let_go($far);
    };
}

done_testing();
