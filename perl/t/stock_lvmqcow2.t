use v5.36;

use lib 'perl/t/lib';

# The storage type lvmqcow2, loaded by a stock pve-storage. What needs LVM is in tests/vm/plugin.

use B ();
use Test::More;

use StockStorage;

$ENV{PATH} = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
delete @ENV{qw(IFS CDPATH ENV BASH_ENV)};

StockStorage::or_skip();

my $plugin = 'PVE::Storage::Custom::LvmQcow2Plugin';
my @warnings;
{
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    StockStorage::load($plugin);
}
is_deeply(\@warnings, [], 'it is loaded without a warning');
is(PVE::Storage::Plugin->lookup('lvmqcow2'), $plugin, 'it is registered');
is($plugin->api(), PVE::Storage::APIVER(), 'with the newest interface');

# What LVMPlugin has of its own for volumes goes by other names, and needs more processes.
my $stock = 'PVE::Storage::LVMPlugin';
my %generic = map { $_ => 1 } qw(activate_storage deactivate_storage on_add_hook status);
for my $method (sort keys %PVE::Storage::Plugin::) {
    my $code = $stock->can($method) // next;
    my $package = B::svref_2object($code)->GV->STASH->NAME;
    next if $package ne $stock || $generic{$method};
    isnt($plugin->can($method), $code, "$method: ours in place of LVMPlugin's");
}

sub parsed {
    my ($text) = @_;
    my @said;
    local $SIG{__WARN__} = sub { push @said, @_ };
    StockStorage::configure($text);
    my $cfg = PVE::Storage::config();
    return ($cfg->{ids}->{san}, @said);
}

my ($scfg, @said) = parsed("lvmqcow2: san\n\tvgname vg0\n\tcontent images,rootdir\n\tshared 1\n");
is_deeply(\@said, [], 'storage.cfg: as documented');
is_deeply($scfg->{content}, { images => 1, rootdir => 1 }, 'content');
is($scfg->{'snapshot-as-volume-chain'}, 1, 'what others ask for is set');

($scfg, @said) = parsed("lvmqcow2: san\n\tvgname vg0\n\tsnapext 1\n\tsaferemove 1\n");
is_deeply(\@said, [], 'storage.cfg: as in the proposal of 2024');
is($scfg->{vgname}, 'vg0', 'it is understood');

(undef, @said) = parsed("lvmqcow2: san\n\tvgname vg0\n\tsnapshot-as-volume-chain 0\n");
like("@said", qr/cannot be switched off/, 'storage.cfg: what cannot be switched off');

subtest 'through PVE::Storage' => sub {
    parsed("lvmqcow2: san\n\tvgname vg0\n\tcontent images\n");
    my $cfg = PVE::Storage::config();
    my $volid = 'san:vm-100-disk-0.qcow2';
    is_deeply(
        [PVE::Storage::parse_volname($cfg, $volid)],
        ['images', 'vm-100-disk-0.qcow2', 100, undef, undef, undef, 'qcow2'],
        'parse_volname',
    );
    is(
        scalar(PVE::Storage::path($cfg, $volid, 'before')),
        '/dev/vg0/vm-100-disk-0-snap-before.qcow2', 'path',
    );
    is(PVE::Storage::volume_qemu_snapshot_method($cfg, $volid), 'mixed', 'snapshots of guests');
    is_deeply(
        PVE::Storage::qemu_blockdev_options($cfg, $volid, '10.0', {}),
        { driver => 'host_device', filename => '/dev/vg0/vm-100-disk-0.qcow2' },
        'qemu_blockdev_options',
    );
    ok(PVE::Storage::volume_has_feature($cfg, 'snapshot', $volid), 'it can have snapshots');
    is(PVE::Storage::storage_default_format($cfg, 'san'), 'qcow2', 'default format');
    ok(
        !eval { PVE::Storage::parse_volname($cfg, 'san:vm-100-disk-0-snap-a1.qcow2') },
        'an image'
    );
};

done_testing();
