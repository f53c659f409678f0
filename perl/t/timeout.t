use v5.36;

use lib 'perl/t/lib';

# Storage that hangs in the kernel, where no signal reaches the caller: a file system whose requests
# are held. Every function comes back when its time is up, and the process is free to go on.

use POSIX ();
use Test::More;

use Hanging qw(comes_back handles_signals leaves);
use PVE::Native::Image;
use TestImages qw(directory qemu_img failure_of);

my $dir = directory();
my ($root, $mount, $control) = ("$dir/root", "$dir/mount", "$dir/control");
mkdir($_) for $root, $mount;
qemu_img('create', '-q', '-f', 'qcow2', "$root/a.qcow2", '1M');
qemu_img('create', '-q', '-f', 'qcow2', "$dir/near.qcow2", '1M');
my $far = "$mount/a.qcow2";

my @command = ('python3', 'tests/support/hangfs.py', $root, $mount, $control, 300);
my $server = open(my $hangfs, '-|', @command) or die "cannot run python3: $!\n";
if ((readline($hangfs) // '') !~ m/^ready/) {
    close($hangfs);
    undef $server;
    plan(skip_all => 'skipped: no file system can be mounted here') if $? >> 8 == 77;
    die "hangfs.py failed\n";
}

# Whatever happens: nothing may stay held. Children that exit have no part in it.
my $main = $$;

END {
    my $status = $?;
    return if $$ != $main;
    unlink($control) if defined($control);
    kill('TERM', $server) if $server;
    close($hangfs) if $hangfs;
    $? = $status;
}

sub hold {
    my ($request) = @_;
    open(my $fh, '>', $control) or die "cannot write $control: $!\n";
    print {$fh} "$request\n";
    close($fh) or die "cannot write $control: $!\n";
}

# What is left to the kernel ends when the request does; then the next one counts from nothing.
sub let_go {
    unlink($control) or die "cannot remove $control: $!\n";
    for (1 .. 100) {
        return if eval { PVE::Native::Image::info($far, { timeout => 5 }) };
        select(undef, undef, undef, 0.1);
    }
    die "the file system does not answer any more\n";
}

is(PVE::Native::Image::info($far, { timeout => 5 })->{'virtual-size'}, 1 << 20, 'before it hangs');

for my $request (qw(lookup getattr open read)) {
    subtest "$request held" => sub {
        hold($request);
        comes_back($far, "$dir/near.qcow2");
        let_go();
    };
}

subtest 'with calls left to the kernel' => sub {
    hold('open');
    eval { PVE::Native::Image::info($far, { timeout => 0.1 }) } for 1 .. 16;
    my $err = failure_of(sub { PVE::Native::Image::info($far, { timeout => 5 }) });
    is($err->name, 'busy', 'the seventeenth fails at once');
    is(
        PVE::Native::Image::info("$dir/near.qcow2", { timeout => 5 })->{format}, 'qcow2',
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
    let_go();
};

for my $request (qw(open read)) {
    subtest "$request held, signals and ways to leave" => sub {
        hold($request);
        handles_signals($far);
        leaves($far);
        let_go();
    };
}

done_testing();
