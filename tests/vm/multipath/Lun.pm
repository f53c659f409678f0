package Lun;

# Two LUNs: one of four simulated SCSI hosts that see the same disk in memory, and one of NVMe over TCP, of two
# ports. And what the kernel knows of a map of them, apart from multipathd.

use v5.36;

use Machine;

our $nvme_wwid = 'uuid.5d5c8f0e-6f5c-4b64-9d1c-0123456789ab';
our $nvme_size = 32 << 20;

my $debug = '/sys/bus/pseudo/drivers/scsi_debug';
my $target = '/sys/kernel/config/nvmet';
my $subsystem = 'nqn.2014-08.org.example:fast';

# The SCSI LUN, of 64 MiB.
sub scsi_up (@options) {
    my @same = qw(add_host=4 num_tgts=1 max_luns=1 vpd_use_hostno=0 dev_size_mb=64);
    Machine::command('modprobe', 'scsi_debug', @same, @options);
    Machine::wait_for('four disks', sub { scsi_paths() == 4 });
    Machine::command('udevadm', 'settle');
}

sub scsi_down () {
    Machine::wait_for(
        'scsi_debug to be let go',
        sub { (Machine::attempt('modprobe', '-r', 'scsi_debug'))[0] == 0 },
    );
}

# Its devices as they are now, such as sda.
sub scsi_paths () {
    my @paths = sort(map { m!([^/]+)\z! } glob("$debug/adapter*/host*/target*/*/block/*"));
    return @paths;
}

# Lets paths die (offline) and live (running).
sub scsi_set ($state, @paths) {
    Machine::put("/sys/block/$_/device/state", "$state\n") for @paths;
}

# Takes all of its devices away, and finds them again.
sub scsi_remove () {
    Machine::put("/sys/block/$_/device/delete", '1') for scsi_paths();
}

sub scsi_scan () {
    for my $host (map { m!/(host\d+)\z! } glob("$debug/adapter*/host*")) {
        Machine::put("/sys/class/scsi_host/$host/scan", '- - -');
    }
    Machine::command('udevadm', 'settle');
}

# The storage makes it larger; nobody looks yet.
sub scsi_grow ($gib) { Machine::put("$debug/virtual_gb", $gib) }

sub scsi_rescan (@paths) {
    Machine::put("/sys/block/$_/device/rescan", '1') for @paths;
    Machine::command('udevadm', 'settle');
}

# The storage of the NVMe LUN. Its hosts must not join its paths by themselves: nvme_core.multipath=N.
sub nvme_make () {
    Machine::command('modprobe', '-a', qw(nvmet nvmet-tcp nvme-tcp));
    Machine::command(qw(mount -t configfs none /sys/kernel/config));
    Machine::command('truncate', '-s', $nvme_size, '/tmp/nvme');
    chomp(my $loop = Machine::command(qw(losetup -f --show /tmp/nvme)));
    my $namespace = "$target/subsystems/$subsystem/namespaces/1";
    mkdir("$target/subsystems/$subsystem") && mkdir($namespace) or die "configfs: $!\n";
    Machine::put("$target/subsystems/$subsystem/attr_allow_any_host", '1');
    Machine::put("$namespace/device_uuid", $nvme_wwid =~ s/^uuid\.//r);
    Machine::put("$namespace/device_path", $loop);
    Machine::put("$namespace/enable", '1');

    for my $port (1, 2) {
        mkdir("$target/ports/$port") or die "configfs: $!\n";
        my %is = (trtype => 'tcp', adrfam => 'ipv4', traddr => '127.0.0.1', trsvcid => "442$port");
        Machine::put("$target/ports/$port/addr_$_", $is{$_}) for sort(keys(%is));
        nvme_port_up($port);
    }
}

sub nvme_port_up ($port) {
    symlink("$target/subsystems/$subsystem", "$target/ports/$port/subsystems/$subsystem")
        or die "configfs: $!\n";
}

sub nvme_port_down ($port) {
    unlink("$target/ports/$port/subsystems/$subsystem") or die "configfs: $!\n";
}

sub nvme_up () {
    for my $port (1, 2) {
        my @how = ('transport=tcp', 'traddr=127.0.0.1', "trsvcid=442$port", "nqn=$subsystem");
        my $when = 'fast_io_fail_tmo=1,reconnect_delay=1,ctrl_loss_tmo=600';
        Machine::put('/dev/nvme-fabrics', join(',', @how, $when));
    }
    Machine::command('udevadm', 'settle');
}

sub nvme_down () {
    Machine::put("$_/delete_controller", '1') for glob('/sys/class/nvme/nvme*');
}

# What the kernel knows of a map: paths that it would use and all paths, whether it is suspended, whether I/O
# without paths waits, and its bytes.
sub kernel ($map) {
    my ($status, $said) = Machine::attempt('dmsetup', 'status', $map);
    # udev may not have come to its node yet.
    return undef if $status != 0 || !-b "/dev/mapper/$map";
    # Each path is its numbers, A or F, and a count of failures.
    my @paths = $said =~ m/ \d+:\d+ ([AF]) \d+/g;
    my $info = Machine::command(qw(dmsetup info -c --noheadings -o suspended), $map);
    return {
        active => scalar(grep { $_ eq 'A' } @paths),
        total => scalar(@paths),
        suspended => $info =~ m/Suspended/ ? 1 : 0,
        queues => Machine::command('dmsetup', 'table', $map) =~ m/queue_if_no_path/ ? 1 : 0,
        size => 0 + Machine::command('blockdev', '--getsize64', "/dev/mapper/$map"),
    };
}

1;
