package Operations;

# What the plugin does to volumes, each with what is there before and afterwards, for kill.pl.

use v5.36;

use Exporter qw(import);

use Disks qw($BLOCK disk copy_of fill);

our @EXPORT_OK = qw(volid image snapshot_image);

my $cfg;

# As in walk.pl, and `size`, if the disk has more bytes than are known.
sub volid {
    my ($volume) = @_;
    return "san:$volume->{name}";
}

sub image {
    my ($name) = @_;
    return "/dev/vg0/$name";
}

sub snapshot_image {
    my ($volume, $snapshot) = @_;
    my $stem = $volume->{name} =~ s/[.]qcow2$//r;
    return image("$stem-snap-$snapshot->{name}.qcow2");
}

sub raw {
    my $volume = { name => 'vm-100-disk-0', disk(16)->%*, snapshots => [] };
    PVE::Storage::vdisk_alloc($cfg, 'san', 100, 'raw', $volume->{name}, 16 * $BLOCK / 1024);
    fill(image($volume->{name}), $volume, 0, 15, 7);
    return $volume;
}

sub changed {
    my ($volume, %with) = @_;
    return { $volume->%*, %with };
}

# With snapshots s1, s2 …, each with so many blocks that were written since the one before.
sub chain {
    my ($volume, @written) = @_;
    if (!$volume) {
        $volume = { name => 'vm-100-disk-0.qcow2', disk(24)->%*, snapshots => [] };
        PVE::Storage::vdisk_alloc(
            $cfg, 'san', 100, 'qcow2', $volume->{name}, 24 * $BLOCK / 1024,
        );
    }
    for my $nth (1 .. @written) {
        my $first = $nth * 3 % 8;
        fill(image($volume->{name}), $volume, $first, $first + $written[$nth - 1] - 1, $nth);
        last if $nth == @written;
        PVE::Storage::volume_snapshot($cfg, volid($volume), "s$nth");
        push $volume->{snapshots}->@*, { name => "s$nth", copy_of($volume) };
    }
    return $volume;
}

sub perform {
    my ($volume, $operation) = @_;
    my $at = PVE::Native::LvmQcow2::Volume::at(
        'PVE::Storage::Custom::LvmQcow2Plugin', $cfg->{ids}->{san}, 'san', $volume->{name},
    );
    return PVE::Native::LvmQcow2::Volume::perform($at, $operation, {});
}

sub adopted {
    my (@written) = @_;
    my $volume = raw();
    perform($volume, 'adopt');
    return chain(changed($volume, name => 'vm-100-disk-0.qcow2', adopted => 16), @written);
}

# What is there before, what is done, and what is there afterwards; undef: nothing.
my @operations = (
    alloc => {
        make => sub { undef },
        act => sub {
            PVE::Storage::vdisk_alloc($cfg, 'san', 100, 'qcow2', 'vm-100-disk-0.qcow2', 6144);
        },
        after =>
            sub { return { name => 'vm-100-disk-0.qcow2', disk(24)->%*, snapshots => [] } },
    },
    'alloc raw' => {
        make => sub { undef },
        act =>
            sub { PVE::Storage::vdisk_alloc($cfg, 'san', 100, 'raw', 'vm-100-disk-0', 4096) },
        after => sub {
            return {
                name => 'vm-100-disk-0', disk(0)->%*, size => 16 * $BLOCK, snapshots => [],
            };
        },
    },
    snapshot => {
        make => sub { chain(undef, 6, 3) },
        act => sub { PVE::Storage::volume_snapshot($cfg, volid($_[0]), 'neu') },
        after => sub {
            my ($volume) = @_;
            my @snapshots = ($volume->{snapshots}->@*, { name => 'neu', copy_of($volume) });
            return changed($volume, snapshots => \@snapshots);
        },
    },
    # The image above is larger, so that the snapshot is moved into it, or the other way round.
    'delete, stream' => {
        make => sub { chain(undef, 16, 2, 9) },
        act => sub { PVE::Storage::volume_snapshot_delete($cfg, volid($_[0]), 's2', 0) },
        after => sub { changed($_[0], snapshots => [$_[0]->{snapshots}->[0]]) },
    },
    'delete, commit' => {
        make => sub { chain(undef, 16, 2, 4) },
        act => sub { PVE::Storage::volume_snapshot_delete($cfg, volid($_[0]), 's1', 0) },
        after => sub { changed($_[0], snapshots => [$_[0]->{snapshots}->[1]]) },
    },
    rollback => {
        make => sub { chain(undef, 6, 4, 3) },
        act => sub { PVE::Storage::volume_snapshot_rollback($cfg, volid($_[0]), 's2') },
        after => sub { changed($_[0], copy_of($_[0]->{snapshots}->[1])) },
    },
    resize => {
        make => sub { chain(undef, 6, 3) },
        act => sub { PVE::Storage::volume_resize($cfg, volid($_[0]), 57 * $BLOCK, 0) },
        after => sub { changed($_[0], blocks => 57) },
    },
    'resize raw' => {
        make => \&raw,
        act => sub { PVE::Storage::volume_resize($cfg, volid($_[0]), 48 * $BLOCK, 0) },
        after => sub { changed($_[0], size => 48 * $BLOCK) },
    },
    rename => {
        make => sub { adopted(3, 4) },
        act => sub {
            PVE::Storage::rename_volume($cfg, volid($_[0]), 101, 'vm-101-disk-7.qcow2');
        },
        after => sub { changed($_[0], name => 'vm-101-disk-7.qcow2') },
    },
    # One step of what is done to a running guest; until the next one nothing is the current image.
    'rename snapshot' => {
        make => sub { chain(undef, 6, 3) },
        act => sub { PVE::Storage::rename_snapshot($cfg, volid($_[0]), 'current', 's2') },
        back => sub { PVE::Storage::rename_snapshot($cfg, volid($_[0]), 's2', 'current') },
        after => sub {
            my ($volume) = @_;
            my @snapshots = ($volume->{snapshots}->@*, { name => 's2', copy_of($volume) });
            return changed($volume, snapshots => \@snapshots, headless => 1);
        },
    },
    'create base' => {
        make => sub { adopted(3) },
        act => sub { PVE::Storage::vdisk_create_base($cfg, volid($_[0])) },
        after => sub { changed($_[0], name => 'base-100-disk-0.qcow2') },
    },
    adopt => {
        make => \&raw,
        act => sub { perform($_[0], 'adopt') },
        after => sub { changed($_[0], name => 'vm-100-disk-0.qcow2', adopted => 16) },
    },
    unadopt => {
        make => sub { adopted(5) },
        act => sub { perform($_[0], 'unadopt') },
        after => sub { changed($_[0], name => 'vm-100-disk-0', adopted => undef) },
    },
    free => {
        make => sub { chain(undef, 6, 3, 2) },
        act => sub { PVE::Storage::vdisk_free($cfg, volid($_[0])) },
        after => sub { undef },
    },
    'free, overwritten' => {
        make => sub { chain(undef, 6, 3) },
        act => sub { PVE::Storage::vdisk_free($cfg, "safe:$_[0]->{name}") },
        after => sub { undef },
    },
);

# With the configuration that they are done with: title => { make, act, back, after }.
sub all {
    ($cfg) = @_;
    return @operations;
}

1;
