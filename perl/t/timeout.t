use v5.36;

use lib 'perl/t/lib';

# Storage that hangs in the kernel, where no signal reaches the caller: a file system whose requests
# are held. Every function comes back when its time is up, and the process is free to go on.

use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use PVE::Native::Image;
use TestImages qw(directory qemu_img warnings_of failure_of);

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

# Whatever happens: nothing may stay held.
END {
    my $status = $?;
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

# Runs code that has 0.2 seconds of storage time, and checks that it neither hung nor gave up at once.
sub in_time {
    my ($code) = @_;
    my $start = time();
    my @result = $code->();
    my $taken = time() - $start;
    cmp_ok($taken, '>', 0.15, 'it waited');
    cmp_ok($taken, '<', 10, 'and came back');
    return @result;
}

is(PVE::Native::Image::info($far, { timeout => 5 })->{'virtual-size'}, 1 << 20, 'before it hangs');

for my $request (qw(lookup getattr open read)) {
    subtest "$request held" => sub {
        hold($request);
        my ($err) = in_time(
            sub {
                failure_of(sub { PVE::Native::Image::info($far, { timeout => 0.2 }) });
            }
        );
        is($err->name, 'timeout', 'info dies');
        is($err->path, $far, 'and says where');

        my ($warnings, @list) = in_time(
            sub {
                warnings_of(sub { PVE::Native::Image::file_size_info($far, 0.2, 'qcow2') });
            }
        );
        is($list[0], undef, 'file_size_info gives undef');
        like($warnings->[0], qr/did not answer in time/, 'and warns');

        ($warnings, my $json) = in_time(
            sub {
                warnings_of(sub { PVE::Native::Image::qemu_img_info($far, 'qcow2', 0.2) });
            }
        );
        is($json, '', 'qemu_img_info gives nothing');
        like($warnings->[0], qr/did not answer in time/, 'and warns');

        my ($many) = in_time(
            sub {
                PVE::Native::Image::inspect_many([$far, "$dir/near.qcow2"], { timeout => 0.2 });
            }
        );
        is($many->{$far}->{error}->{code}, 'timeout', 'inspect_many tells which one hangs');
        is($many->{"$dir/near.qcow2"}->{format}, 'qcow2', 'and answers for the other');
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
    my $start = time();
    waitpid($pid, 0);
    is($?, 0, 'a forked child counts afresh');
    cmp_ok(time() - $start, '<', 10, 'and exits while its call hangs');
    let_go();
};

subtest 'an alarm' => sub {
    hold('open');
    my $rang = 0;
    local $SIG{ALRM} = sub { $rang++ };
    alarm(1);
    my $err = failure_of(sub { PVE::Native::Image::info($far, { timeout => 1.5 }) });
    is($err->name, 'timeout', 'does not cut a call short');
    is($rang, 1, 'and is delivered when the call returns');
    let_go();
};

done_testing();
