#!/usr/bin/perl

# Devices that are not as the metadata of LVM say, on real device-mapper: of another size, as another node
# leaves them that makes a volume larger, and suspended, as a command leaves them that is killed.
#
# A diagnosis has to find that, and nothing that only follows from it; repaired, the volume holds what it
# did.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Cwd ();
use POSIX ();

use Disk;
use Group;
use Plans;
use Volume;

$| = 1;

# Sectors of one extent.
my $extent = (4 << 20) / 512;

# Full to the end, so that a device that is too short lacks some of it.
sub full () {
    my $volume = Volume->make_qcow2('vm-100-disk-0.qcow2', 22 << 20, 'cluster_size=64k');
    for my $snapshot (undef, 'one') {
        if (defined($snapshot)) {
            my $after = $volume->after('create', { snapshots => [$snapshot] });
            Plans::run($volume->name(), 'create', { snapshots => [$snapshot] });
            $volume = $after;
        }
        my $half = $volume->current()->size() / 2;
        $volume->write([0, $half, 1 + int(rand(255))], [$half, $half, 1 + int(rand(255))]);
    }
    return $volume;
}

sub device_size ($image) {
    return Group::command('blockdev', '--getsize64', Group::path($image)) + 0;
}

# The device gets so many sectors more, or fewer.
sub other_size ($more) {
    return sub ($image) {
        my $device = Cwd::realpath(Group::path($image));
        my ($length, $below) =
            Group::command('dmsetup', 'table', $device) =~ /^0 (\d+) (linear \S+ \d+)\s*$/
            or die "$image has another table than was thought\n";
        Group::load($device, '0 ' . ($length + $more) . " $below\n");
    };
}

my @faults = (
    ['a device that is too short', 'stale-device', other_size(-$extent)],
    ['a device that is too long', 'stale-device', other_size($extent)],
    [
        'a device that is suspended',
        'not-active',
        sub ($image) { Group::command('dmsetup', 'suspend', Group::path($image)) },
    ],
);

# What is wrong with how a volume with this fault of this image is diagnosed and repaired.
sub try ($volume, $image, $code, $make) {
    my $name = $volume->name();
    $make->($image);
    my @found = (Plans::diagnose($name) // [])->@*;
    my $codes = join(' ', map { $_->{code} } @found);
    my @wrong;
    push @wrong, "it is said to be '$codes'" if $codes ne $code;
    push @wrong, 'what helps is not certain' if grep { !$_->{certain} } @found;
    my $left = Plans::diagnose($name, '--run') // [];
    push @wrong, map { "left after the repair: $_->{code}" } $left->@*;
    my $is = Group::list()->{$image};
    push @wrong, 'it is not active' if !$is->{active};
    return @wrong if @wrong;
    my $size = device_size($image);
    push @wrong, "the device has $size bytes, the volume $is->{size}" if $size != $is->{size};
    return (@wrong, $volume->look());
}

srand(1);
Group::make();
my $volume = full();
my ($tried, $failed) = (0, 0);
for my $fault (@faults) {
    my ($title, $code, $make) = $fault->@*;
    for my $image (sort(keys($volume->images()->%*))) {
        my @wrong = eval { try($volume, $image, $code, $make) };
        push @wrong, $@ =~ s/\n+$//r if $@;
        $tried++;
        $failed++ if @wrong;
        say "FAILED: $title, $image: $_" for @wrong;
    }
}
Group::remove_all();
say "ok: $tried devices that are not as LVM says, each brought in order" if !$failed;
exit($failed ? 1 : 0);
