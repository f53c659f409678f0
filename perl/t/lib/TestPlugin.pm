package TestPlugin;

# A storage of the type lvmqcow2 on a volume group that FakeLvm stands in for, with images that the real
# qemu-img makes.

use v5.36;

use Exporter qw(import);
use Test::More;

use FakeLvm;
use StorageStandIns;
use TestImages qw(qemu_io);

use PVE::Native::LVM;
use PVE::Storage::Custom::LvmQcow2Plugin;

our @EXPORT_OK = qw(
    setup call locked disk device commands holds write_pattern quietly died MIB
);

use constant MIB => 1024 * 1024;

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';
our $scfg = { type => 'lvmqcow2', vgname => 'vg0', shared => 1 };

# Makes the group; skips the whole test where there are no loop devices.
sub setup {
    my (%opts) = @_;
    $PVE::Native::LVM::DEV = FakeLvm::setup()
        // plan(skip_all => 'the plugin lvmqcow2 on loop devices: there are none here');
    $PVE::Native::LVM::SYS = "$PVE::Native::LVM::DEV/../sys";
    FakeLvm::group('vg0', $opts{bytes} // 4 << 30);
    return;
}

# Calls a method with the storage's configuration where it belongs, and without what it prints.
sub call {
    my ($method, @args) = @_;
    @FakeLvm::calls = ();
    my %id_first = map { $_ => 1 } qw(
        alloc_image free_image create_base list_images list_volumes activate_volume deactivate_volume
        volume_qemu_snapshot_method
    );
    my @first = $id_first{$method} ? ('st', $scfg) : ($scfg, 'st');
    my ($result, @more) = quietly(sub { $plugin->$method(@first, @args) });
    return wantarray ? ($result, @more) : $result;
}

# The same under the storage's lock, as PVE::Storage calls some methods.
sub locked {
    my (@args) = @_;
    local $StorageStandIns::locked = 1;
    my ($result) = call(@args);
    return $result;
}

sub quietly {
    my ($code) = @_;
    open(my $null, '>', '/dev/null') or die "cannot open /dev/null: $!\n";
    my $before = select($null);
    my @result = eval { $code->() };
    my $err = $@;
    select($before);
    die $err if $err;
    return wantarray ? @result : $result[0];
}

# What a call died with.
sub died {
    my (@args) = @_;
    return eval { call(@args); 1 } ? 'nothing' : $@;
}

# A new disk of so many MiB.
sub disk {
    my ($mib, $name) = @_;
    return locked('alloc_image', 100, 'qcow2', $name, $mib * 1024);
}

sub device {
    my ($name) = @_;
    return "$PVE::Native::LVM::DEV/vg0/$name";
}

# Programs that the last call has run.
sub commands {
    return join(' ', map { $_->[0] =~ s!.*/!!r } @FakeLvm::calls);
}

# Writes a byte to the first MiB of each of these.
sub write_pattern {
    my ($byte, $name, @mib) = @_;
    qemu_io(device($name), map { 'write -P ' . $byte . ' ' . $_ . 'M 1M' } @mib);
    return;
}

# Whether a MiB of a disk holds this byte throughout.
sub holds {
    my ($byte, $name, $mib) = @_;
    return eval { qemu_io(device($name), "read -P $byte ${mib}M 1M"); 1 } ? 1 : 0;
}

1;
