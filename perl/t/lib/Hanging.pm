package Hanging;

# What holds on storage that does not answer, whatever kind it is: each function comes back when its
# time is up, signals are handled, and the process is free to go on and to leave.

use v5.36;

use Exporter qw(import);
use Fcntl qw(LOCK_EX LOCK_NB);
use File::Temp qw(tempfile);
use POSIX ();
use Test::More;
use Time::HiRes qw(alarm sleep time);

use PVE::Native::Image;
use PVE::Native::SnapshotGraph;

our @EXPORT_OK = qw(comes_back handles_signals leaves);

# Taint mode runs programs only from directories that it is told to trust.
$ENV{PATH} = '/usr/sbin:/usr/bin:/sbin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

# Seconds of storage time, and what "in time" means on a busy machine.
my ($timeout, $soon) = (0.2, 10);

sub failure_of {
    my ($code) = @_;
    my $lived = eval { $code->(); 1 };
    return $lived ? undef : $@;
}

sub times_out {
    my ($path, $timeout) = @_;
    my $err = failure_of(sub { PVE::Native::Image::info($path, { timeout => $timeout }) });
    return ref($err) && $err->name eq 'timeout';
}

# Runs code that uses up its storage time; returns what it returned and then its warnings.
sub in_time {
    my ($name, $code) = @_;
    my @warnings;
    local $SIG{__WARN__} = sub { push(@warnings, @_) };
    my $start = time();
    my @result = $code->();
    my $over = time() - $start - $timeout;
    ok(
        $over >= 0 && $over < $soon,
        sprintf('%s comes back, %.1f ms past its time', $name, $over * 1e3)
    );
    return (@result, @warnings);
}

# The name and the path of the error that code dies with in a child of its own: there, calls that hang
# are counted afresh, and only so many of them may.
sub failure_in_child {
    my ($code) = @_;
    my $pid = open(my $pipe, '-|') // die "cannot fork: $!\n";
    if (!$pid) {
        my $err = failure_of($code);
        syswrite(STDOUT, join("\0", ref($err) ? ($err->name, $err->path) : ($err // 'none', '')));
        POSIX::_exit(0);
    }
    my $answer = do { local $/ = undef; readline($pipe) };
    close($pipe);
    return split(m/\0/, $answer // '');
}

# Every function, with one path that hangs and one of a qcow2 image that is near.
sub comes_back {
    my ($path, $near) = @_;
    my $opts = { timeout => $timeout };
    my %functions = (info => \&PVE::Native::Image::info, chain => \&PVE::Native::Image::chain);
    for my $name (sort keys %functions) {
        my ($err) = in_time(
            $name,
            sub {
                failure_of(sub { $functions{$name}->($path, $opts) });
            }
        );
        is($err->name, 'timeout', "$name dies");
        is($err->path, $path, 'and says where');
    }

    my %arguments = (
        bitmap_extents => [$path, 'bitmap', $opts],
        changed_extents => [$path, $near, $opts],
        check => [$path, $opts],
        extents => [$path, $opts],
        headroom => [$path, $opts],
        measure => [$path, $opts],
        merge_costs => [$path, $opts],
    );
    for my $name (sort keys %arguments) {
        my ($error, $where) = in_time(
            $name,
            sub {
                failure_in_child(sub { PVE::Native::Image->can($name)->($arguments{$name}->@*) }
                );
            }
        );
        is($error, 'timeout', "$name dies");
        is($where, $path, 'and says where');
    }

    my %graph = (scheme => 'lvmqcow2', volname => 'vm-1-disk.qcow2', $opts->%*);
    my @volumes = map { { name => 'vm-1-disk.qcow2', path => $_ } } $near, $path;
    my %graphs = (from_chain => $path, from_volumes => \@volumes);
    for my $name (sort keys %graphs) {
        my $from = PVE::Native::SnapshotGraph->can($name);
        my @arguments = ('PVE::Native::SnapshotGraph', $graphs{$name}, \%graph);
        my ($error, $where) = in_time(
            "a graph $name",
            sub {
                failure_in_child(sub { $from->(@arguments) });
            }
        );
        is($error, 'timeout', "a graph $name dies");
        is($where, $path, 'and says where');
    }

    my ($size, $warning) = in_time(
        'file_size_info',
        sub { scalar(PVE::Native::Image::file_size_info($path, $timeout, 'qcow2')) }
    );
    is($size, undef, 'file_size_info gives undef');
    like($warning, qr/did not answer in time/, 'and warns');

    (my $json, $warning) = in_time(
        'qemu_img_info',
        sub { PVE::Native::Image::qemu_img_info($path, 'qcow2', $timeout) }
    );
    is($json, '', 'qemu_img_info gives nothing');
    like($warning, qr/did not answer in time/, 'and warns');

    my ($many) =
        in_time('inspect_many', sub { PVE::Native::Image::inspect_many([$path, $near], $opts) });
    is($many->{$path}->{error}->{code}, 'timeout', 'inspect_many tells which one hangs');
    is($many->{$near}->{format}, 'qcow2', 'and answers for the other');
    return;
}

# A signal in the middle of a call, and one with calls left to the kernel.
sub handles_signals {
    my ($path) = @_;
    my %senders = (
        ALRM => sub { alarm(0.3) },
        TERM => sub {
            my $parent = $$;
            my $pid = fork() // die "cannot fork: $!\n";
            return $pid if $pid;
            sleep(0.3);
            kill('TERM', $parent);
            POSIX::_exit(0);
        },
    );
    for my $signal (sort keys %senders) {
        my $got = 0;
        local $SIG{$signal} = sub { $got++ };
        my $sender = $senders{$signal}->();
        ok(times_out($path, 1), "SIG$signal does not cut a call short");
        is($got, 1, 'and is handled when the call returns');
        waitpid($sender, 0) if $sender;
        kill($signal, $$);
        is($got, 2, 'one that comes later is handled at once');
    }
    return;
}

my %ways = (
    'exit' => sub { exit(0) },
    'exec' => sub { exec('/bin/true') },
    'another user' => sub { POSIX::setgid(65534) && POSIX::setuid(65534) && exit(0) },
    'a program' => sub { exit(system('/bin/true') == 0 ? 0 : 1) },
    'a fork' => sub {
        my $pid = fork() // return;
        POSIX::_exit(0) if !$pid;
        waitpid($pid, 0);
        exit($? ? 1 : 0);
    },
    'a handler of TERM' => sub {
        $SIG{TERM} = sub { exit(0) };
        kill('TERM', $$);
    },
    'no handler of TERM' => sub {
        $SIG{TERM} = 'DEFAULT';
        kill('TERM', $$);
    },
);

# Processes that hold a lock and in whose name calls hang.
sub leaves {
    my ($path) = @_;
    my ($fh, $lock) = tempfile(UNLINK => 1);
    close($fh);
    for my $way (sort keys %ways) {
        pipe(my $reader, my $writer) or die "cannot make a pipe: $!\n";
        my $pid = fork() // die "cannot fork: $!\n";
        if (!$pid) {
            # Test::More has nothing to say about the end of this one.
            Test::More->builder->no_ending(1);
            open(my $held, '<', $lock) or POSIX::_exit(9);
            flock($held, LOCK_EX) or POSIX::_exit(9);
            for (1 .. 3) {
                times_out($path, 0.1) or POSIX::_exit(8);
            }
            syswrite($writer, 'r');
            $ways{$way}->();
            POSIX::_exit(7);
        }
        close($writer);
        sysread($reader, my $ready, 1);
        my $start = time();
        my $ended = 0;
        while (!$ended && time() - $start < $soon) {
            $ended = waitpid($pid, POSIX::WNOHANG()) == $pid;
            sleep(0.002) if !$ended;
        }
        ok($ended, sprintf('%s: left within %.3f s', $way, time() - $start));
        is($?, $way =~ m/^no handler/ ? POSIX::SIGTERM() : 0, 'as it should');
        open(my $free, '<', $lock) or die "cannot open $lock: $!\n";
        ok(flock($free, LOCK_EX | LOCK_NB), 'and the lock is free');
    }
    return;
}

1;
