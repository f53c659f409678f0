use v5.36;

# A random walk over several volumes, with a model of what each state of each volume holds:
# walk.pl WHOSE-MODULES STEPS SEED. After each step the disk that it was about and another one are compared
# with it, a snapshot of each, and the group with what should be in it.

use Storage;

my ($whose, $steps, $seed) = @ARGV;
($steps, $seed) = map { m/^(\d+)$/ } $steps, $seed;
my $cfg = load($whose);
srand($seed);
say "# walk of $steps steps, seed $seed";

my $BLOCK = 256 * 1024;
# volid => { data => { block => byte }, blocks, snapshots => [{ name, data, blocks }] }, oldest first.
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

sub io {
    my ($path, @commands) = @_;
    return if !@commands;
    run_program(
        ['/usr/bin/qemu-io', '-f', 'qcow2', (map { ('-c', $_) } @commands), $path],
        outfunc => sub { die "$path: $_[0]\n" if $_[0] =~ m/Pattern verification failed/ },
    );
    return;
}

# Runs of blocks that hold the same byte.
sub reads {
    my ($state) = @_;
    my ($start, @reads) = (0);
    for my $block (1 .. $state->{blocks}) {
        my $byte = $state->{data}->{$start} // 0;
        next if $block < $state->{blocks} && ($state->{data}->{$block} // 0) == $byte;
        push @reads, "read -P $byte " . $start * $BLOCK . ' ' . ($block - $start) * $BLOCK;
        $start = $block;
    }
    return @reads;
}

sub check {
    my ($volid) = @_;
    my $volume = $volumes{$volid};
    PVE::Storage::activate_volumes($cfg, [$volid]) if !-e path_of($volid);
    io(path_of($volid), reads($volume));
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
    io($info->{ $snapshot->{name} }->{file}, reads($snapshot));
    return;
}

sub check_group {
    my ($step) = @_;
    my @lines = commands('/sbin/lvs', '--noheadings', '-o', 'lv_name', 'vg0');
    my @found = sort map { m/(\S+)/ ? $1 : () } @lines;
    my @expected = sort map {
        my ($name) = m/:(.+)$/;
        my $stem = $name =~ s/[.]qcow2$//r;
        my $volume = $volumes{$_};
        my @below = map { "$stem-snap-$_->{name}.qcow2" } $volume->{snapshots}->@*;
        ($name, @below, $volume->{adopted} ? "$stem-base" : ());
    } keys %volumes;
    must("@found" eq "@expected", 'what is in the group', "@found");
    return if $step % 4;
    my $list = PVE::Storage::vdisk_list($cfg, 'san')->{san};
    my $listed = join(' ', sort map { $_->{volid} } $list->@*);
    must($listed eq join(' ', sort keys %volumes), 'what is listed', $listed);
    return;
}

sub copy_of {
    my ($state) = @_;
    return (data => { $state->{data}->%* }, blocks => $state->{blocks});
}

my %operations = (
    alloc => sub {
        return 0 if keys(%volumes) >= 3;
        my $blocks = pick(16, 37, 64);
        my $volid =
            PVE::Storage::vdisk_alloc($cfg, 'san', $guest, 'qcow2', undef, $blocks * $BLOCK / 1024);
        $volumes{ $touched = $volid } = { data => {}, blocks => $blocks, snapshots => [] };
        return 1;
    },
    # A raw volume, with what is on it, becomes one that can have snapshots: what an administrator does
    # with the command.
    adopt => sub {
        return 0 if keys(%volumes) >= 3;
        my $raw =
            PVE::Storage::vdisk_alloc($cfg, 'san', $guest, 'raw', undef, 16 * $BLOCK / 1024);
        my $byte = 1 + int(rand(255));
        open(my $fh, '+<:raw', path_of($raw)) or die "cannot open: $!\n";
        syswrite($fh, chr($byte) x (16 * $BLOCK)) == 16 * $BLOCK or die "cannot write: $!\n";
        close($fh) or die "cannot write: $!\n";
        my ($name) = $raw =~ m/:(.+)$/;
        my $at = PVE::Native::LvmQcow2::Volume::at(
            'PVE::Storage::Custom::LvmQcow2Plugin', $cfg->{ids}->{san}, 'san', $name,
        );
        my $plan = PVE::Native::LvmQcow2::Volume::perform($at, 'adopt', {});
        $volumes{ $touched = $plan->{result}->{volid} } = {
            data => { map { $_ => $byte } 0 .. 15 },
            blocks => 16,
            snapshots => [],
            adopted => 1,
        };
        return 1;
    },
    write => sub {
        my ($volid, $volume) = @_;
        my @blocks = map { int(rand($volume->{blocks})) } 1 .. 5;
        my $byte = 1 + int(rand(255));
        io(path_of($volid), map { "write -P $byte " . $_ * $BLOCK . " $BLOCK" } @blocks);
        $volume->{data}->{$_} = $byte for @blocks;
        return 1;
    },
    snapshot => sub {
        my ($volid, $volume) = @_;
        return 0 if $volume->{snapshots}->@* >= 5;
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
        return 0 if $volume->{blocks} > 150;
        $volume->{blocks} += pick(1, 16, 33);
        PVE::Storage::volume_resize($cfg, $volid, $volume->{blocks} * $BLOCK, 0);
        return 1;
    },
    rename => sub {
        my ($volid, $volume) = @_;
        my $new =
            PVE::Storage::rename_volume($cfg, $volid, $guest = 100 + $guest % 100 + 1, undef);
        $volumes{ $touched = $new } = delete $volumes{$volid};
        return 1;
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
    qw(alloc adopt resize rename),
    qw(deactivate free),
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
    my $info = PVE::Storage::volume_snapshot_info($cfg, $volid);
    run_program(['/usr/bin/qemu-img', 'check', '-q', '-f', 'qcow2', $_->{file}])
        for values $info->%*;
    quietly(sub { PVE::Storage::vdisk_free($cfg, $volid) });
}
must(!commands('/sbin/lvs', '--noheadings', 'vg0'), 'nothing is left in the group');
ok("a walk of $steps steps (" . join(', ', map { "$done{$_} $_" } sort keys %done) . ')');
