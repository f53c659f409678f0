use v5.36;

# What is active on this node after each call, and what is overwritten: activation.pl WHOSE-MODULES

use Storage;

my $cfg = load($ARGV[0]);

sub active {
    my ($vg) = @_;
    my @lines = commands(
        '/sbin/lvs', '--noheadings', '-o', 'lv_name,lv_active', '--separator', ':', $vg,
    );
    return join(' ', sort map { m/^\s*(.+):active/ ? $1 : () } @lines);
}

sub names {
    my ($vg) = @_;
    my @lines = commands('/sbin/lvs', '--noheadings', '-o', 'lv_name', $vg);
    return join(' ', sort map { m/(\S+)/ ? $1 : () } @lines);
}

my @volumes = map { PVE::Storage::vdisk_alloc($cfg, $_, 100, 'qcow2', undef, 8192) } qw(san other);
my ($volid, $other) = @volumes;
quietly(sub { PVE::Storage::volume_snapshot($cfg, $_, 'one') }) for @volumes;
my $chain = 'vm-100-disk-0-snap-one.qcow2 vm-100-disk-0.qcow2';
must(active('vg0') eq $chain, 'a snapshot leaves the images active', active('vg0'));

PVE::Storage::deactivate_volumes($cfg, [$volid]);
must(active('vg0') eq '', 'deactivation', active('vg0'));
must(active('vg1') eq $chain, 'deactivation in another group', active('vg1'));
PVE::Storage::deactivate_volumes($cfg, [$other]);
ok('deactivation: all images of the volume, and none of the same name in another group');

# What only looks like one of the volume's.
run_program(['/sbin/lvcreate', '-an', '-Zn', '-L', '4M', '-n', $_, 'vg0'], quiet => 1)
    for qw(vm-100-disk-00.qcow2 vm-100-disk-0x vm-100-disk-0_qcow2 xvm-100-disk-0.qcow2);
PVE::Storage::activate_volumes($cfg, [$volid]);
must(active('vg0') eq $chain, 'activation', active('vg0'));
must(active('vg1') eq '', 'activation in another group', active('vg1'));
ok('activation: the same');
my $none = fails(sub { PVE::Storage::activate_volumes($cfg, ['san:vm-999-disk-0.qcow2']) });
must($none && $none =~ m/is not there/, 'activation of what is not there', $none);
ok('activation of what is not there fails');

# Somebody else makes the volume larger while it is active here.
sub device_size {
    my ($size) = commands('/sbin/blockdev', '--getsize64', '/dev/vg0/vm-100-disk-0.qcow2');
    return $size;
}
my $size = device_size();
# The kernel is not told, as on a node where the command was not run.
run_program(
    [
        '/sbin/lvextend', '--config', 'global/activation=0', '-L', '+32M',
        'vg0/vm-100-disk-0.qcow2',
    ],
    quiet => 1,
);
must(device_size() == $size, 'the kernel does not know yet');
PVE::Storage::activate_volumes($cfg, [$volid]);
must(device_size() == $size + (32 << 20), 'the kernel knows', device_size());
ok('activation: what another node has made larger is looked at anew');

# As a command of LVM leaves it that is killed at the wrong moment: who reads it then hangs.
my $below = '/dev/mapper/vg0-vm--100--disk--0--snap--one.qcow2';

sub suspended {
    my ($line) = commands(
        '/sbin/lvs', '--noheadings', '-o', 'lv_suspended', 'vg0/vm-100-disk-0-snap-one.qcow2',
    );
    return $line =~ m/suspended/;
}
run_program(['/sbin/dmsetup', 'suspend', $below]);
must(suspended(), 'a suspended image is known as that');
my $begin = time();
PVE::Storage::vdisk_list($cfg, 'san');
must(suspended(), 'a list resumes nothing');
must(PVE::Storage::volume_rollback_is_possible($cfg, $volid, 'one'), 'asking for a rollback');
must(!suspended(), 'asking for a rollback resumes the image');
run_program(['/sbin/dmsetup', 'suspend', $below]);
PVE::Storage::activate_volumes($cfg, [$volid]);
must(!suspended(), 'activation resumes an image');
must(time() - $begin < 30, 'nothing waits for it', time() - $begin);
ok('images that are suspended are not read, and resumed when they are needed');

# Not looked into, when it is not active.
PVE::Storage::deactivate_volumes($cfg, [$volid]);
my ($entry) = grep { $_->{volid} eq $volid } PVE::Storage::vdisk_list($cfg, 'san')->{san}->@*;
must($entry && !exists($entry->{size}), 'the size of what is not active');
must(active('vg0') eq '', 'a list activates nothing');
ok('a list activates nothing');

# What is open cannot be removed: nothing is half removed.
PVE::Storage::activate_volumes($cfg, [$volid]);
open(my $fh, '<', '/dev/vg0/vm-100-disk-0.qcow2') or die "cannot open: $!\n";
my $in_use = fails(sub { PVE::Storage::deactivate_volumes($cfg, [$volid]) });
must($in_use, 'deactivation of what is in use');
close($fh);
quietly(sub { PVE::Storage::vdisk_free($cfg, $_) }) for @volumes;
run_program(['/sbin/lvremove', '-f', "vg0/$_"], quiet => 1)
    for qw(vm-100-disk-00.qcow2 vm-100-disk-0x vm-100-disk-0_qcow2 xvm-100-disk-0.qcow2);
must(names('vg0') eq '' && names('vg1') eq '', 'volumes are removed', names('vg0'));
ok('volumes are removed with all their images');

# saferemove: zeros are where the data were.
my $safe = PVE::Storage::vdisk_alloc($cfg, 'safe', 100, 'raw', undef, 8192);
my $path = PVE::Storage::path($cfg, $safe);
open(my $disk, '+<:raw', $path) or die "cannot open $path: $!\n";
syswrite($disk, "\xab" x (1 << 20)) or die "cannot write: $!\n";
close($disk);
my ($where) = commands(
    '/sbin/lvs', '--noheadings', '-o', 'seg_pe_ranges', 'vg0/vm-100-disk-0',
);
my ($extent) = $where =~ m/:(\d+)-/;
quietly(sub { PVE::Storage::vdisk_free($cfg, $safe) });
must(names('vg0') eq '', 'a volume that was overwritten is removed', names('vg0'));
my ($start) = commands(
    '/sbin/pvs', '--noheadings', '--units', 'b', '--nosuffix', '-o', 'pe_start',
    '/dev/vdc'
);
open(my $pv, '<:raw', '/dev/vdc') or die "cannot open /dev/vdc: $!\n";
sysseek($pv, $start + $extent * (4 << 20), 0);
sysread($pv, my $bytes, 1 << 20);
must($bytes !~ m/\xab/, 'nothing of the data is left');
ok('saferemove overwrites what was removed');
