package Group;

# The volume group of the tests: what is in it, and how it is put back to where it was.
#
# The physical volume is a device of its own on the machine's empty disk. For cut-offs a copy-on-write
# layer is put under it, so that each case starts from the same volumes.

use v5.36;

use POSIX ();
use Time::HiRes qw(sleep);

our $name = 'shared';
our $size = 1536 << 20;
my $disk = '/dev/vdc';
my $sectors;
# Where the images of the layer are, and what is behind the physical volume.
my $layer;

# A command that must succeed; what it says on standard output.
sub command (@argv) {
    my ($status, $said) = attempt(@argv);
    die "@argv: exit status $status\n$said" if $status != 0;
    return $said;
}

# A command that may fail: its status as the shell has it, and what it said on both.
sub attempt (@argv) {
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if ($pid == 0) {
        open(STDERR, '>&', \*STDOUT);
        no warnings 'exec';
        exec { $argv[0] } @argv or do { print "$!\n"; POSIX::_exit(127) };
    }
    local $/ = undef;
    # Under taint mode, too: these are the tests' own commands.
    my ($said) = (<$out> // '') =~ m/^(.*)$/s;
    close($out);
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $said);
}

sub path ($volume) { return "/dev/$name/$volume" }

sub table ($table) {
    command('dmsetup', 'create', 'pv', '--table', $table);
    command('udevadm', 'settle');
}

# udev need only do what LVM waits for: nothing looks into what is on the devices.
sub calm () {
    my %needed = map { $_ => 1 } qw(50-udev-default 55-dm 56-lvm 95-dm-notify);
    for my $rules (glob('/usr/lib/udev/rules.d/*.rules')) {
        my ($base) = $rules =~ m!([^/]+)\.rules$!;
        symlink('/dev/null', "/etc/udev/rules.d/$base.rules") if !$needed{$base};
    }
    command(qw(udevadm control --reload));
}

# An empty group. What is on its disk are not zeros: nothing may rely on that.
sub make () {
    $sectors = $size / 512;
    calm();
    if (open(my $conf, '>', '/etc/lvm/lvmlocal.conf')) {
        print $conf
            "devices { filter = [ \"a|^/dev/mapper/pv\$|\", \"r|.*|\" ] use_devicesfile = 0 }\n",
            "backup { backup = 0 archive = 0 }\n";
        close($conf);
    }
    down() if -e '/dev/mapper/pv';
    open(my $file, '>:raw', $disk) or die "$disk: $!\n";
    my $junk = "\xee" x (4 << 20);
    syswrite($file, $junk) for 1 .. $size / length($junk);
    close($file) or die "$disk: $!\n";
    table("0 $sectors linear $disk 0");
    command('pvcreate', '-q', '-ff', '-y', '/dev/mapper/pv');
    command('vgcreate', '-q', $name, '/dev/mapper/pv');
}

# All logical volumes: name => { size, tags, active, attr }, and bytes that are free.
sub list () {
    my ($status, $said) = attempt(
        qw(lvs --noheadings --nosuffix --units b --separator | -o),
        'lv_name,lv_size,lv_tags,lv_attr,lv_active,lv_suspended', $name,
    );
    die "lvs: exit status $status\n$said" if $status != 0;
    my %all;
    for my $line (split(/\n/, $said)) {
        my ($volume, $bytes, $tags, $attr, $active, $suspended) =
            split(/\|/, $line =~ s/^\s+//r, -1);
        $all{$volume} = {
            size => $bytes + 0,
            tags => join(',', sort(split(/,/, $tags))),
            attr => $attr,
            active => $active eq 'active' && $suspended ne 'suspended' ? 1 : 0,
        };
    }
    return \%all;
}

sub free () {
    return command(qw(vgs --noheadings --nosuffix --units b -o vg_free), $name) + 0;
}

sub remove_all () {
    my @all = sort(keys(list()->%*)) or return;
    command('lvremove', '-q', '-f', '-y', map { "$name/$_" } @all);
}

# What udev does with devices is over.
sub settle () { attempt('udevadm', 'settle') }

# --- Starting from the same state again ----------------------------------------------------------

# Takes all devices of the group away; those that a killed command has left suspended would hold
# everything up.
sub lose () {
    my (undef, $info) =
        attempt('dmsetup', qw(info -c --noheadings --separator | -o), 'name,suspended');
    my @devices;
    for my $line (split(/\n/, $info)) {
        my ($device, $state) = split(/\|/, $line);
        next if $device !~ /^\Q$name\E-/;
        attempt('dmsetup', 'resume', $device) if $state =~ /^Suspended/;
        push @devices, $device;
    }
    command('dmsetup', 'remove', '--retry', @devices) if @devices;
    settle();
}

sub down () {
    lose();
    command('dmsetup', 'remove', '--retry', 'pv');
}

# What device-mapper knows a device by, whatever it is called.
sub uuid ($device) {
    my ($status, $said) = attempt(qw(dmsetup info -c --noheadings -o uuid), $device);
    return $status == 0 ? $said =~ s/\s+//gr : '';
}

# Another table for a device.
sub load ($device, $table) {
    my $file = '/dev/shm/table';
    open(my $out, '>', $file) or die "$file: $!\n";
    print $out $table;
    close($out);
    command('dmsetup', 'suspend', $device);
    command('dmsetup', 'load', $device, $file);
    command('dmsetup', 'resume', $device);
}

# What is in the group now is kept: `reset` comes back to it.
sub keep () {
    if (!$layer) {
        command('truncate', '-s', '2G', '/dev/shm/layer');
        $layer = command(qw(losetup -f --show /dev/shm/layer)) =~ s/\s+$//r;
    }
    down();
    table("0 $sectors snapshot $disk $layer N 8");
    command('vgchange', '-q', '-ay', $name);
}

sub reset () {
    down();
    # What the layer took is given back to memory.
    command('blkdiscard', $layer);
    table("0 $sectors snapshot $disk $layer N 8");
    command('vgchange', '-q', '-ay', $name);
}

# Back to the disk itself, as it was when it was kept.
sub release () {
    down();
    command('blkdiscard', $layer);
    table("0 $sectors linear $disk 0");
    command('vgchange', '-q', '-ay', $name);
}

1;
