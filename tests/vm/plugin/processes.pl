use v5.36;

# How many processes each operation starts: processes.pl WHOSE-MODULES. With the stock modules beside what
# Proxmox VE's own plugin starts.

use Storage;

my $cfg = load($ARGV[0]);
my @storages = $ARGV[0] eq 'stock' ? qw(san lvm) : qw(san);

# The figures of Proxmox VE's LVM plugin (9.1.7), which are not to be exceeded, for what is done here.
my %today = (
    alloc => 7,
    activate => 2,
    'activate-again' => 2,
    list => 2,
    info => 1,
    snapshot => 11,
    'rollback-possible' => 3,
    rollback => 11,
    'resize' => 3,
    'resize-running' => 2,
    'delete' => 5,
    'delete-oldest' => 7,
    rename => 8,
    deactivate => 1,
    free => 5,
    'alloc-raw' => 3,
    'activate-raw' => 2,
    'size-raw' => 1,
    'resize-raw' => 1,
    'free-raw' => 1,
);
my (%found, %programs);

sub note {
    my ($storage, $what, $code) = @_;
    quietly(sub { @Storage::calls = (); $code->() });
    # What PVE::Storage starts before it asks the plugin.
    shift @Storage::calls if @Storage::calls && $Storage::calls[0]->[0] =~ m!/vgs$!;
    $found{$storage}->{$what} = scalar(@Storage::calls);
    $programs{$storage}->{$what} = programs();
    return;
}

for my $storage (@storages) {
    my ($volid, $raw);
    my $step = sub { note($storage, @_) };
    $step->(
        'alloc',
        sub {
            $volid = PVE::Storage::vdisk_alloc($cfg, $storage, 100, 'qcow2', undef, 65536);
        }
    );
    PVE::Storage::deactivate_volumes($cfg, [$volid]);

    $step->('activate', sub { PVE::Storage::activate_volumes($cfg, [$volid]) });
    $step->('activate-again', sub { PVE::Storage::activate_volumes($cfg, [$volid]) });
    $step->('list', sub { PVE::Storage::vdisk_list($cfg, $storage) });
    $step->('info', sub { PVE::Storage::volume_snapshot_info($cfg, $volid) });
    # The oldest snapshot has most of the data, so that what is above is moved into it.
    my $path = PVE::Storage::path($cfg, $volid);
    my @write = ('-f', 'qcow2', '-c', 'write -P 1 0 4M', $path);
    run_program(['/usr/bin/qemu-io', @write]);
    $step->('snapshot', sub { PVE::Storage::volume_snapshot($cfg, $volid, 'one') });
    quietly(sub { PVE::Storage::volume_snapshot($cfg, $volid, 'two') });
    quietly(sub { PVE::Storage::volume_snapshot($cfg, $volid, 'three') });
    $step->(
        'rollback-possible',
        sub {
            PVE::Storage::volume_rollback_is_possible($cfg, $volid, 'three', []);
        }
    );
    $step->('rollback', sub { PVE::Storage::volume_snapshot_rollback($cfg, $volid, 'three') });
    $step->('resize', sub { PVE::Storage::volume_resize($cfg, $volid, 96 << 20, 0) });
    $step->('resize-running', sub { PVE::Storage::volume_resize($cfg, $volid, 128 << 20, 1) });
    run_program(['/usr/bin/qemu-io', '-f', 'qcow2', '-c', 'write -P 2 0 64k', $path]);
    $step->('delete', sub { PVE::Storage::volume_snapshot_delete($cfg, $volid, 'two', 0) });
    $step->('delete-oldest', sub { PVE::Storage::volume_snapshot_delete($cfg, $volid, 'one', 0) });
    quietly(sub { PVE::Storage::volume_snapshot_delete($cfg, $volid, 'three', 0) });
    $step->('rename', sub { $volid = PVE::Storage::rename_volume($cfg, $volid, 101, undef) });
    quietly(sub { PVE::Storage::volume_snapshot($cfg, $volid, 'one') });
    $step->('deactivate', sub { PVE::Storage::deactivate_volumes($cfg, [$volid]) });
    $step->('free', sub { PVE::Storage::vdisk_free($cfg, $volid) });

    $step->(
        'alloc-raw',
        sub {
            $raw = PVE::Storage::vdisk_alloc($cfg, $storage, 100, 'raw', undef, 8192);
        }
    );
    PVE::Storage::deactivate_volumes($cfg, [$raw]);
    $step->('activate-raw', sub { PVE::Storage::activate_volumes($cfg, [$raw]) });
    $step->('size-raw', sub { PVE::Storage::volume_size_info($cfg, $raw, 5) });
    $step->('resize-raw', sub { PVE::Storage::volume_resize($cfg, $raw, 16 << 20, 0) });
    $step->('free-raw', sub { PVE::Storage::vdisk_free($cfg, $raw) });
}

printf "# %-18s %5s  %s\n", 'operation', 'today', join('  ', @storages);
for my $what (sort keys %today) {
    my @counts = map { $found{$_}->{$what} } @storages;
    printf "# %-18s %5d  %s\n", $what, $today{$what}, join('  ', map { sprintf '%3d', $_ } @counts);
    say "#     $_: $programs{$_}->{$what}" for @storages;
    must($counts[0] <= ($counts[1] // $today{$what}), "$what starts more processes than today");
}
must($found{san}->{info} == 0, 'volume_snapshot_info starts a process');
ok('no operation starts more processes than today');
