package Guest;

# QEMU, or its storage daemon, with one disk whose nodes are called as qemu-server calls them, and
# with a writer on it. There is no processor that could run anything: the writer is the guest. It
# stops where a guest would: when it is told to "stop", until "cont".

use v5.36;

use Digest::SHA qw(sha256_hex);
use JSON::PP;
use POSIX qw(WNOHANG);
use Time::HiRes qw(sleep time);

use Nbd;
use Qmp;
use Writer;

my $true = JSON::PP::true;
my $false = JSON::PP::false;

our $folder = '/tmp';
our $drive = 'scsi0';
our $volid = 'san:vm-100-disk-0.qcow2';
our @emulator = ('qemu-system-x86_64');
our @daemon = ('qemu-storage-daemon');

my $count = 0;

# --- Nodes ---------------------------------------------------------------------------------------

sub node ($prefix, $snapshot = undef) {
    my $snap = defined($snapshot) ? "snap=$snapshot," : '';
    return $prefix . substr(sha256_hex("drive=$drive,${snap}volid=$volid"), 0, 30);
}

my %common = (discard => 'ignore', 'detect-zeroes' => 'on', 'read-only' => $false);
my %cache = (cache => { direct => $true, 'no-flush' => $false });

# The image of a snapshot, or the current one, as a format node with its file node. $file: the name of the
# image, where it is not what the names of nodes say.
sub image_node ($volume, $snapshot, %more) {
    my $file = delete($more{file}) // $volume->image($snapshot);
    return {
        driver => 'qcow2',
        'node-name' => node('f', $snapshot),
        'discard-no-unref' => $true,
        %common, %cache,
        file => {
            driver => $volume->driver(),
            'node-name' => node('e', $snapshot),
            filename => $volume->path($file),
            aio => 'threads',
            locking => 'off',
            %common, %cache,
        },
        %more,
    };
}

sub top_node ($file) {
    return {
        driver => 'throttle',
        'node-name' => "drive-$drive",
        'throttle-group' => "throttle-drive-$drive",
        %common, file => $file,
    };
}

# --- Starting and ending -------------------------------------------------------------------------

# program => qemu or daemon; volume; snapshots => [the newest first].
sub start ($class, %self) {
    my $self = bless { %self, id => ++$count }, $class;
    my ($monitor, $disk) = map { "$folder/$_.$$.$count" } qw(monitor disk);
    $self->@{qw(monitor disk)} = ($monitor, $disk);
    my $backing;
    for my $snapshot (reverse($self->{snapshots}->@*), undef) {
        $backing = image_node($self->{volume}, $snapshot, backing => $backing);
    }
    my $top = encode_json(top_node($backing));
    my $group = encode_json(
        { 'qom-type' => 'throttle-group', id => "throttle-drive-$drive", limits => {} });
    my @argv = $self->{program} eq 'qemu'
        ? (
            @emulator, qw(-machine none -S -display none -nodefaults), '-object',
            $group, '-blockdev', $top, '-qmp', "unix:$monitor,server=on,wait=off",
        )
        : (
            @daemon, '--object', $group, '--blockdev', $top, '--chardev',
            "socket,path=$monitor,server=on,wait=off,id=monitor", '--monitor', 'chardev=monitor',
        );
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $qmp = $self->{qmp} = Qmp->connect($monitor);
    $qmp->execute(
        'nbd-server-start',
        { addr => { type => 'unix', data => { path => $disk } }, 'max-connections' => 10 }
    );
    $self->_export();
    $qmp->execute('cont') if $self->{program} eq 'qemu';
    return $self;
}

sub _export ($self) {
    $self->{qmp}->execute(
        'block-export-add',
        {
            type => 'nbd',
            id => 'disk',
            name => 'disk',
            'node-name' => "drive-$drive",
            writable => $true,
        },
    );
}

# A writer, which may go on from what an earlier one reported.
sub write_to ($self, $slots, $state = undef) {
    $self->{slots} = $slots;
    return $self->{writer} = Writer->start($self->{disk}, 'disk', $slots, $state);
}

# As a guest that shuts down: nothing is under way. What the writer knows.
sub shut_down ($self) {
    my $report = $self->{writer}->stop();
    $self->{qmp}->execute('quit');
    waitpid($self->{pid}, 0);
    $self->_tidy();
    return $report;
}

# As a node that loses its power, but for the caches of the kernel.
sub kill ($self) {
    kill('KILL', $self->{pid});
    waitpid($self->{pid}, 0);
    my $report = $self->{writer}->stop();
    $self->_tidy();
    return $report;
}

sub _tidy ($self) { unlink($self->@{qw(monitor disk)}) }

# --- Steps ---------------------------------------------------------------------------------------

# Takes the steps of a plan, or of a test: there a step can be a subroutine, too.
sub run ($self, @steps) {
    for my $step (@steps) {
        $self->run_one($step);
    }
}

sub run_one ($self, $step) {
    return $step->{code}->($self) if $step->{kind} eq 'call';
    return run_stopped($step) if $step->{kind} ne 'qmp';
    my ($qmp, $writer) = $self->@{qw(qmp writer)};
    my ($command, $arguments) = $step->@{qw(execute arguments)};
    # The storage daemon has no guest that could be stopped.
    my $has_guest = $self->{program} eq 'qemu';
    if ($command eq 'stop') {
        $writer->pause();
        $qmp->execute('stop') if $has_guest;
    } elsif ($command eq 'cont') {
        $qmp->execute('cont') if $has_guest;
        $writer->resume();
    } elsif ($command eq 'block_resize') {
        # A device goes along with it; an NBD server has to be asked anew.
        my $report = $writer->stop();
        $qmp->execute('block-export-del', { id => 'disk', mode => 'hard' });
        my $there = sub { $qmp->execute('query-block-exports')->@* };
        sleep(0.01) while $there->();
        $qmp->execute($command, $arguments);
        $self->_export();
        $self->write_to($self->{slots}, $report)->resume();
    } else {
        return if $step->{'may-be-gone'} && !$qmp->nodes()->{ $arguments->{'node-name'} };
        $qmp->execute($command, $arguments);
    }
    my $wanted = $step->{job} or return;
    my $job = $qmp->wait_for_job($wanted->{id}, $wanted->{until}, 'concluded')
        or die "job $wanted->{id} is gone\n";
    $qmp->execute('job-dismiss', { id => $wanted->{id} }) if $job->{status} eq 'concluded';
    die "job $wanted->{id}: $job->{error}\n" if $job->{error};
    die "job $wanted->{id} has ended\n" if $job->{status} ne $wanted->{until};
}

# A step that needs no guest.
sub run_stopped ($step) {
    if ($step->{kind} eq 'exec') {
        Volume::command($step->{argv}->@*);
    } elsif ($step->{action} eq 'rename') {
        die "$step->{to} is there already\n" if -e $step->{to};
        rename($step->{from}, $step->{to}) or die "$step->{from}: $!\n";
    } elsif ($step->{action} eq 'unlink') {
        unlink($step->{path});
    } else {
        die "nobody knows how to do this: $step->{action}\n";
    }
}

# --- What is on the disk -------------------------------------------------------------------------

# What is wrong with an image as its own header describes it, as texts; see Writer::compare.
sub compare ($volume, $image, $slots, $lowest, $highest) {
    # QEMU would wait for somebody who cannot come.
    return "$image cannot be opened"
        if
        system("qemu-img info --backing-chain -f qcow2 \Q${\$volume->path($image)}\E >/dev/null");
    my ($pid, $socket) = Nbd::serve($volume->path($image), '-r');
    my @wrong = Writer::compare($socket, 'disk', $slots, $lowest, $highest);
    Nbd::served($pid, $socket);
    return map { "$image: $_" } @wrong;
}

# What qemu-img finds wrong with an image. Clusters that nobody uses are fine where a process was killed.
sub check ($volume, $image, $killed) {
    my $said = `qemu-img check -q -f qcow2 \Q${\$volume->path($image)}\E 2>&1`;
    return $? == 0 || $killed && $? == 3 << 8 ? () : ("$image: qemu-img check: $said");
}

1;
