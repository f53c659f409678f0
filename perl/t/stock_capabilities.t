use v5.36;

use lib 'perl/t/lib';

# Whether storages can do what PVE::Native::Storage says: each of its statements is held against the
# plugins of a stock pve-storage, and against this library's own under it. Needs a copy of
# pve-storage and pve-common; see StockStorage.

use Test::More;

use StockStorage;

StockStorage::or_skip();

use PVE::Native::Storage;

# The plugins that come with this library.
my %ours = (
    lvmqcow2 => 'PVE::Storage::Custom::LvmQcow2Plugin',
    'backup-directory' => 'PVE::Storage::Custom::BackupDirectoryPlugin',
);
my %built = map { $_ => $ours{$_} } grep {
    my $file = StockStandIns::file_of($ours{$_});
    grep { !ref && -e "$_/$file" } @INC
} sort keys %ours;

my @stood_in = StockStorage::load(map { $built{$_} } sort keys %built);
note("stood in for: @stood_in");

my @always_shared = do { no warnings 'once'; @PVE::Storage::Plugin::SHARED_STORAGE; };
my $chain = 'snapshot-as-volume-chain';
my $storeid = 'store';

# Names of volumes, as they are and as templates.
my %paths = (
    raw => ['100/vm-100-disk-0.raw', '100/base-100-disk-0.raw'],
    qcow2 => ['100/vm-100-disk-0.qcow2', '100/base-100-disk-0.qcow2'],
    vmdk => ['100/vm-100-disk-0.vmdk', '100/base-100-disk-0.vmdk'],
    subvol => ['100/subvol-100-disk-0.subvol', '100/base-100-disk-0.subvol'],
);
my %names = (
    (map { $_ => \%paths } qw(dir nfs cifs btrfs)),
    (map { $_ => { raw => ['vm-100-disk-0', 'base-100-disk-0'] } } qw(lvmthin rbd zfs)),
    zfspool => {
        raw => ['vm-100-disk-0', 'base-100-disk-0'],
        subvol => ['subvol-100-disk-0', 'basevol-100-disk-0'],
    },
    # There are no templates.
    lvm => { raw => ['vm-100-disk-0'], qcow2 => ['vm-100-disk-0.qcow2'] },
    iscsi => { raw => ['0.0.1.scsi-1'] },
    iscsidirect => { raw => ['lun1'] },
    # Files that are called so are taken for raw ones.
    esxi => { raw => ['ha-datacenter/one/vm/vm-flat.vmdk.bin'], vmdk => ['ha/one/vm/vm.vmdk'] },
    lvmqcow2 => {
        raw => ['vm-100-disk-0', 'base-100-disk-0'],
        qcow2 => ['vm-100-disk-0.qcow2', 'base-100-disk-0.qcow2'],
    },
);

# Those that tell where a volume is without asking storage.
my %by_path = map { $_ => 1 } qw(zfspool dir btrfs nfs cifs lvm lvmthin iscsi iscsidirect lvmqcow2);

# How many statements were held against something.
my $compared = 0;

sub same {
    my ($got, $expected, $name) = @_;
    $compared++;
    return is_deeply($got, $expected, $name);
}

sub words {
    my ($hash) = @_;
    return [sort grep { $hash->{$_} } keys $hash->%*];
}

# An entry of storage.cfg with what the plugins look at.
sub entry {
    my ($type, %options) = @_;
    return {
        type => $type, path => '/srv/store', vgname => 'vg', thinpool => 'pool',
        portal => '192.0.2.1', target => 'iqn.2026-01.example:one', pool => 'pool',
        %options,
    };
}

sub has_feature {
    my ($plugin, $scfg, $feature, $volname, $snap, $opts) = @_;
    return $plugin->volume_has_feature($scfg, $feature, $storeid, $volname, $snap, 0, $opts)
        ? 1
        : 0;
}

# From which states the plugin lets something be made.
sub states {
    my ($plugin, $scfg, $feature, $current, $base) = @_;
    my @states;
    push @states, 'base' if $base && has_feature($plugin, $scfg, $feature, $base);
    push @states, 'current' if has_feature($plugin, $scfg, $feature, $current);
    push @states, 'snap' if has_feature($plugin, $scfg, $feature, $current, 'one');
    return \@states;
}

# To which of three snapshots the plugin goes back; which there are comes from us, not from storage.
sub rollback {
    my ($plugin, $scfg, $volname) = @_;
    # Ours reads the volume group itself; it is tried on real ones.
    return 'newest' if $scfg->{type} eq 'lvmqcow2';
    my %info = (
        current => { order => 0 }, three => { order => 1 }, two => { order => 2 },
        one => { order => 3 },
    );
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    no warnings 'redefine';
    local *{"${plugin}::volume_snapshot_info"} = sub { return \%info; };
    local *{"${plugin}::zfs_get_sorted_snapshot_list"} = sub { return [qw(one two three)]; };
    local *{"${plugin}::activate_volume"} = sub { return 1; };
    my %possible;

    for my $snap (qw(one two three)) {
        my $answer =
            eval { $plugin->volume_rollback_is_possible($scfg, $storeid, $volname, $snap, []) };
        die $@ if $@ && $@ !~ m/is not most recent snapshot/;
        $possible{$snap} = $answer ? 1 : 0;
    }
    my $answer = join('', map { $possible{$_} } qw(one two three));
    return { '000' => 'none', '001' => 'newest', '111' => 'any' }->{$answer} // $answer;
}

# What the plugin does about snapshots, with these options.
sub snapshots {
    my ($plugin, $scfg, $volname, $format) = @_;
    my $running = $plugin->volume_qemu_snapshot_method($storeid, $scfg, $volname);
    if (!has_feature($plugin, $scfg, 'snapshot', $volname)) {
        return { method => 'none', rollback => 'none', running => undef };
    }
    my $method = 'native';
    $method = 'internal' if $running eq 'qemu' && $format eq 'qcow2';
    $method = 'volume-chain' if $running eq 'mixed';
    return {
        method => $method,
        rollback => rollback($plugin, $scfg, $volname),
        running => $running,
    };
}

# Our answer about snapshots where it is decided who takes those that hang on krbd.
sub running {
    my ($ours, $decided) = @_;
    return $ours if ($ours->{running} // '') ne 'qemu-unless-krbd';
    return { $ours->%*, running => $decided };
}

sub compare_volume {
    my ($plugin, $ours, $type, $options) = @_;
    my $format = $ours->{format};
    my $names = $names{$type}->{$format};
    my $what = "$type, $format";
    if (!$names) {
        note("$what: no volume can be called so");
        return;
    }
    my ($current, $base) = $names->@*;
    my $with = $ours->{'needs-volume-chain'};
    my $scfg = entry($type, $with ? ($chain => 1) : ());

    my @parsed = $plugin->parse_volname($current);
    same($parsed[6], $format, "$what: the format of $current");
    ok(($plugin->parse_volname($base))[5], "$what: $base is a template") if $base;

    my $linked = states($plugin, $scfg, 'clone', $current, $base);
    same($ours->{'linked-clone-from'}, $linked, "$what: linked clones");
    my $full = states($plugin, $scfg, 'copy', $current, $base);
    same($ours->{'full-clone-from'}, $full, "$what: full clones");
    my %flags = (template => 'template', rename => 'rename', sparseinit => 'initially-zero');
    for my $feature (sort keys %flags) {
        my $theirs = has_feature($plugin, $scfg, $feature, $current);
        same($ours->{ $flags{$feature} }, $theirs, "$what: $feature");
    }
    my $replication = $plugin->storage_can_replicate($scfg, $storeid, $format) ? 1 : 0;
    same($ours->{replication}, $replication, "$what: replication of the storage");
    my $replicate = has_feature($plugin, $scfg, 'replicate', $current);
    same($ours->{replication}, $replicate, "$what: replication of the volume");

    # A clone of a format that its target cannot have is refused.
    if (!$linked->@*) {
        same($ours->{'linked-clone-format'}, undef, "$what: no linked clones");
    } else {
        my ($state) = $linked->@*;
        my @from = $state eq 'base' ? ($base) : ($current, $state eq 'snap' ? 'one' : undef);
        my $target = { valid_target_formats => [$ours->{'linked-clone-format'}] };
        same(has_feature($plugin, $scfg, 'clone', @from[0, 1], $target), 1, "$what: its format");
        if ($ours->{'linked-clone-format'} ne $format) {
            my $other = { valid_target_formats => [$format] };
            same(has_feature($plugin, $scfg, 'clone', @from[0, 1], $other), 0, "$what: no other");
        }
    }

    my $theirs = snapshots($plugin, $scfg, $current, $format);
    same(running($ours->{snapshots}, 'qemu'), $theirs, "$what: snapshots");
    if ($options->{krbd}) {
        $theirs = snapshots($plugin, entry($type, krbd => 1), $current, $format);
        same(running($ours->{snapshots}, 'storage'), $theirs, "$what: snapshots with krbd");
    }
    if (my $chained = $ours->{'snapshots-with-volume-chain'}) {
        $theirs = snapshots($plugin, entry($type, $chain => 1), $current, $format);
        same($chained, $theirs, "$what: snapshots with $chain");
    }

    compare_space($plugin, $ours, $options, $what);
    if ($by_path{$type}) {
        my ($path) = $plugin->path($scfg, $current, $storeid);
        my $level = $path =~ m!^(?:/dev/|iscsi:)! ? 'block' : 'file';
        same($ours->{level}, $level, "$what: level of $path");
    }
    return;
}

# What the plugin says of space: whether a volume is thin without any option, it does not tell.
sub compare_space {
    my ($plugin, $ours, $options, $what) = @_;
    my $format = $ours->{format};
    my $usual = $plugin->can('alloc_image') == PVE::Storage::Plugin->can('alloc_image');
    my $mode = PVE::Storage::Plugin::preallocation_cmd_opt({ preallocation => 'full' }, $format);
    my $decided = $ours->{provisioning};
    if (refuses_allocation($plugin, $ours->{type}, $format)) {
        $decided = 'elsewhere';
    } elsif ($options->{sparse} && $format eq 'raw') {
        $decided = 'thin-if-sparse';
    } elsif ($options->{preallocation} && $mode && $usual) {
        $decided = 'thin-unless-preallocated';
    } elsif ($decided !~ m/^(?:thin|thick)$/) {
        $decided = 'thin or thick';
    }
    same($ours->{provisioning}, $decided, "$what: provisioning");
    same($ours->{allocation}, $decided eq 'elsewhere' ? 0 : 1, "$what: allocation");
    return;
}

# Asked only of those that refuse at once, or should: the others would look for their storage.
sub refuses_allocation {
    my ($plugin, $type, $format) = @_;
    return 0 if $type !~ m/^(?:esxi|iscsi|iscsidirect)$/;
    eval { $plugin->alloc_image($storeid, entry($type), 100, $format, undef, 1024) };
    return $@ =~ m/^(?:can't allocate space|creating images is not supported)/;
}

sub compare_type {
    my ($type, $plugin) = @_;
    my $ours = PVE::Native::Storage::capabilities($type);
    my $data = $plugin->plugindata();
    my $options = $plugin->options();

    same([sort $ours->{'content-types'}->@*], words($data->{content}->[0]), "$type: content types");
    my $defaults = words($data->{content}->[1]);
    same([sort $ours->{'default-content-types'}->@*], $defaults, "$type: default content types");

    my $always = grep { $_ eq $type } @always_shared;
    my $shared = $always ? 'always' : $options->{shared} ? 'option' : 'never';
    same($ours->{shared}, $shared, "$type: shared");
    my $may = $ours->{'volume-chain'} eq 'never' ? 0 : 1;
    same($may, $options->{$chain} ? 1 : 0, "$type: $chain");

    my $formats = $ours->{formats};
    my $chained = $ours->{'formats-with-volume-chain'};
    my $option = $ours->{'volume-chain'} eq 'option' ? 1 : 0;
    same($chained ? 1 : 0, $option, "$type: formats with $chain are there");
    my @formats = map { $_->{format} } $ours->{volumes}->@*;
    same(\@formats, ($chained // $formats)->{valid}, "$type: its volumes");

    if (!@formats) {
        my @guests = grep { $data->{content}->[0]->{$_} } qw(images rootdir);
        same([@guests, $data->{format} // ()], [], "$type: no volumes");
        same($formats, { default => undef, valid => [] }, "$type: no formats");
        return;
    }
    for my $with (0, 1) {
        my $offered = $with ? $chained : $formats;
        next if !$offered;
        my $theirs = $plugin->get_formats(entry($type, $chain => $with), $storeid);
        same($offered->{default}, $theirs->{default}, "$type: default format");
        same([sort $offered->{valid}->@*], words($theirs->{valid}), "$type: formats");
    }
    my $theirs = $plugin->get_formats(entry($type), $storeid);
    for my $volume ($ours->{volumes}->@*) {
        my $format = $volume->{format};
        same($volume->{shared}, $shared, "$type, $format: shared");
        my $needs = $theirs->{valid}->{$format} ? 0 : 1;
        same($volume->{'needs-volume-chain'}, $needs, "$type, $format: needs $chain");
        my @unknown = grep { !$data->{content}->[0]->{$_} } $volume->{'content-types'}->@*;
        same(\@unknown, [], "$type, $format: content types");
        compare_volume($plugin, $volume, $type, $options);
    }
    my %levels = map { $_->{level} => 1 } $ours->{volumes}->@*;
    my $level = keys %levels > 1 ? 'both' : (keys %levels)[0];
    same($ours->{level}, $level, "$type: level");
    return;
}

my %stock = map { $_ => 1 } PVE::Storage::Plugin->lookup_types()->@*;
delete @stock{ keys %ours };
my @types = grep { !$ours{$_} } PVE::Native::Storage::types()->@*;
same([sort @types], [sort keys %stock], 'all storage types, and no other');

for my $type (PVE::Native::Storage::types()->@*) {
    if ($ours{$type} && !$built{$type}) {
        note("$type: its plugin is not part of this build");
        next;
    }
    my $plugin = PVE::Storage::Plugin->lookup($type);
    subtest $type => sub { compare_type($type, $plugin); };
}

my $contents = PVE::Native::Storage::content_types();
my %known = map { $_->{'content-type'} => 1 } $contents->@*;
my %theirs =
    map { $_ => 1 } map { keys PVE::Storage::Plugin->lookup($_)->plugindata()->{content}->[0]->%* }
    keys %stock;
same([sort keys %known], [sort keys %theirs], 'all content types, and no other');

diag("$compared statements about " . scalar(@types) . ' storage types held against the plugins');
done_testing();
