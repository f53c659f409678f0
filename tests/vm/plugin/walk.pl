use v5.36;

# A random walk over several volumes, with a model of what each state of each volume holds:
# walk.pl WHOSE-MODULES STEPS SEED. After each step the disk that it was about and another one are compared
# with it, a snapshot of each, and the group with what should be in it.

use Disks qw($BLOCK disk copy_of format_of io fill holds images_of);
use Storage;

my ($whose, $steps, $seed) = @ARGV;
($steps, $seed) = map { m/^(\d+)$/ } $steps, $seed;
my $cfg = load($whose);
srand($seed);
say "# walk of $steps steps, seed $seed";

# volid => { name, data, blocks, snapshots => [{ name, data, blocks }], adopted }, the oldest snapshot first;
# adopted: how many blocks the raw image below has.
my %volumes;
my ($guest, $count, %done) = (100, 0);
# The volume that the last step was about.
my $touched = '';

sub pick {
    my (@from) = @_;
    return $from[int(rand(@from))];
}

sub path_of {
    my ($volid) = @_;
    return scalar(PVE::Storage::path($cfg, $volid));
}

sub check {
    my ($volid) = @_;
    my $volume = $volumes{$volid};
    PVE::Storage::activate_volumes($cfg, [$volid]) if !-e path_of($volid);
    holds(path_of($volid), $volume);
    if (format_of($volid) eq 'raw') {
        my $size = PVE::Storage::volume_size_info($cfg, $volid, 5);
        must($size == $volume->{blocks} * $BLOCK, "size of $volid", $size);
        return;
    }
    my $info = PVE::Storage::volume_snapshot_info($cfg, $volid);
    my @names = map { $_->{name} } $volume->{snapshots}->@*;
    my @found = sort { $info->{$b}->{order} <=> $info->{$a}->{order} } keys $info->%*;
    must("@found" eq join(' ', @names, 'current'), "snapshots of $volid", "@found");
    must(
        $info->{current}->{'virtual-size'} == $volume->{blocks} * $BLOCK, "size of $volid",
        $info->{current}->{'virtual-size'},
    );
    # Each snapshot now and then.
    my $snapshot = pick($volume->{snapshots}->@*) // return;
    holds($info->{ $snapshot->{name} }->{file}, $snapshot);
    return;
}

sub check_group {
    my ($step) = @_;
    my @lines = commands('/sbin/lvs', '--noheadings', '-o', 'lv_name', 'vg0');
    my @found = sort map { m/(\S+)/ ? $1 : () } @lines;
    my @expected = sort map { images_of($_) } values %volumes;
    must("@found" eq "@expected", 'what is in the group', "@found");
    return if $step % 4;
    my $list = PVE::Storage::vdisk_list($cfg, 'san')->{san};
    my $listed = join(' ', sort map { $_->{volid} } $list->@*);
    must($listed eq join(' ', sort keys %volumes), 'what is listed', $listed);
    return;
}

# A volume has come, or has got another name.
sub comes {
    my ($volid, $volume) = @_;
    ($volume->{name}) = $volid =~ m/:(.+)$/;
    $volumes{ $touched = $volid } = $volume;
    return 1;
}

# What an administrator does with the command.
sub perform {
    my ($volume, $operation) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at(
        'PVE::Storage::Custom::LvmQcow2Plugin', $cfg->{ids}->{san}, 'san', $volume->{name},
    );
    return PVE::Native::LvmQcow2::Volume::perform($at, $operation, {})->{result}->{volid};
}

# Whatever lay there before is seen on a raw volume.
sub cover {
    my ($volid, $volume, $first) = @_;
    PVE::Storage::activate_volumes($cfg, [$volid]);
    fill(path_of($volid), $volume, $first, $volume->{blocks} - 1, 1 + int(rand(255)));
    return;
}

my %operations = (
    alloc => sub {
        return 0 if keys(%volumes) >= 3;
        my ($format, $blocks) =
            rand() < 0.7 ? ('qcow2', pick(16, 37, 64)) : ('raw', pick(16, 32));
        my $volid =
            PVE::Storage::vdisk_alloc($cfg, 'san', $guest, $format, undef, $blocks * $BLOCK / 1024);
        my $volume = { disk($blocks)->%*, snapshots => [] };
        cover($volid, $volume, 0) if $format eq 'raw';
        return comes($volid, $volume);
    },
    # A raw volume, with what is on it, becomes one that can have snapshots.
    adopt => sub {
        my ($volid, $volume) = @_;
        return 0 if format_of($volid) ne 'raw';
        my $adopted = perform($volume, 'adopt');
        delete $volumes{$volid};
        return comes($adopted, { $volume->%*, adopted => $volume->{blocks} });
    },
    unadopt => sub {
        my ($volid, $volume) = @_;
        return 0 if format_of($volid) eq 'raw';
        my $raw;
        my $failed = fails(sub { $raw = perform($volume, 'unadopt') });
        my $possible =
            ($volume->{adopted} // 0) == $volume->{blocks} && !$volume->{snapshots}->@*;
        must(!$failed == !!$possible, "unadopt of $volid", $failed);
        return 0 if $failed;
        delete $volumes{$volid};
        return comes($raw, { $volume->%*, adopted => undef });
    },
    write => sub {
        my ($volid, $volume) = @_;
        my @blocks = map { int(rand($volume->{blocks})) } 1 .. 5;
        my $byte = 1 + int(rand(255));
        io(path_of($volid), [], map { "write -P $byte " . $_ * $BLOCK . " $BLOCK" } @blocks);
        $volume->{data}->{$_} = $byte for @blocks;
        return 1;
    },
    snapshot => sub {
        my ($volid, $volume) = @_;
        return 0 if $volume->{snapshots}->@* >= 5;
        if (format_of($volid) eq 'raw') {
            my $failed = fails(sub { PVE::Storage::volume_snapshot($cfg, $volid, 'one') });
            must($failed && $failed =~ m/adopt it first/, "snapshot of $volid", $failed);
            return 0;
        }
        my $name = 's' . ++$count;
        PVE::Storage::volume_snapshot($cfg, $volid, $name);
        push $volume->{snapshots}->@*, { name => $name, copy_of($volume) };
        return 1;
    },
    delete => sub {
        my ($volid, $volume) = @_;
        my $snapshot = pick($volume->{snapshots}->@*) // return 0;
        PVE::Storage::volume_snapshot_delete($cfg, $volid, $snapshot->{name}, 0);
        $volume->{snapshots} = [grep { $_ != $snapshot } $volume->{snapshots}->@*];
        return 1;
    },
    rollback => sub {
        my ($volid, $volume) = @_;
        my @snapshots = $volume->{snapshots}->@*;
        my $snapshot = pick(@snapshots) // return 0;
        my $newest = $snapshot == $snapshots[-1];
        my $failed = fails(
            sub { PVE::Storage::volume_snapshot_rollback($cfg, $volid, $snapshot->{name}) },
        );
        must(!$failed == !!$newest, "rollback of $volid to $snapshot->{name}", $failed);
        $volume->@{qw(data blocks)} = ({ $snapshot->{data}->%* }, $snapshot->{blocks})
            if $newest;
        return 1;
    },
    resize => sub {
        my ($volid, $volume) = @_;
        my ($before, $is_raw) = ($volume->{blocks}, format_of($volid) eq 'raw');
        return 0 if $before > 150;
        $volume->{blocks} += $is_raw ? 16 : pick(1, 16, 33);
        PVE::Storage::volume_resize($cfg, $volid, $volume->{blocks} * $BLOCK, 0);
        cover($volid, $volume, $before) if $is_raw;
        return 1;
    },
    rename => sub {
        my ($volid, $volume) = @_;
        my $new =
            PVE::Storage::rename_volume($cfg, $volid, $guest = 100 + $guest % 100 + 1, undef);
        return comes($new, delete $volumes{$volid});
    },
    deactivate => sub {
        my ($volid) = @_;
        PVE::Storage::deactivate_volumes($cfg, [$volid]);
        return 1;
    },
    free => sub {
        my ($volid) = @_;
        return 0 if rand() < 0.5;
        PVE::Storage::vdisk_free($cfg, $volid);
        delete $volumes{$volid};
        return 1;
    },
);
my @wheel = (
    ('write') x 6, ('snapshot') x 5, ('delete') x 4, ('rollback') x 3,
    ('adopt') x 3, ('unadopt') x 2, qw(alloc resize rename deactivate free),
);

for my $step (1 .. $steps) {
    my ($operation, $volid) = ('alloc');
    if (%volumes) {
        ($operation, $volid) = (pick(@wheel), pick(sort keys %volumes));
    }
    $touched = $volid // '';
    my $applies = eval {
        PVE::Storage::activate_volumes($cfg, [$volid])
            if $operation eq 'write' && !-e path_of($volid);
        quietly(sub { $operations{$operation}->($volid, $volumes{ $volid // '' }) });
    };
    must(!$@, "step $step: $operation " . ($volid // ''), $@);
    redo if !$applies;
    $done{$operation}++;
    eval {
        my %checked = map { $_ => 1 } grep { $volumes{$_} } $touched,
            pick(sort keys %volumes) // ();
        check($_) for sort keys %checked;
        check_group($step);
    };
    must(!$@, "after step $step: $operation " . ($volid // ''), $@);
}
for my $volid (sort keys %volumes) {
    PVE::Storage::activate_volumes($cfg, [$volid]);
    my $info = PVE::Storage::volume_snapshot_info($cfg, $volid);
    run_program(['/usr/bin/qemu-img', 'check', '-q', '-f', 'qcow2', $_->{file}])
        for values $info->%*;
    quietly(sub { PVE::Storage::vdisk_free($cfg, $volid) });
}
must(!commands('/sbin/lvs', '--noheadings', 'vg0'), 'nothing is left in the group');
ok("a walk of $steps steps (" . join(', ', map { "$done{$_} $_" } sort keys %done) . ')');
