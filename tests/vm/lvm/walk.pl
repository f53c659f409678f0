#!/usr/bin/perl

# Walks over volumes on real LVM at random: walk.pl SEED STEPS
#
# After each step every image of the volume that was changed is compared with what must be in it, and
# the group is searched for anything that should not be there. The same seed gives the same walk.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Time::HiRes qw(time);

use Disk;
use Group;
use Plans;
use Volume;

my ($seed, $steps) = @ARGV;
srand($seed);
$| = 1;

my $most_volumes = 5;
my $most_snapshots = 5;
my @layouts = (
    'cluster_size=128k,extended_l2=on', 'cluster_size=128k,extended_l2=on',
    'cluster_size=64k', 'cluster_size=4k', 'cluster_size=2M',
    'cluster_size=128k,extended_l2=on,preallocation=metadata',
);
my @letters = ('a' .. 'z', 'A' .. 'Z', 0 .. 9, '_', '-');

my (%volumes, %count, %refused, $data);
my $names = 0;

sub pick (@any) { return $any[rand(@any)] }

# Sizes that are no multiple of anything but a sector, most of the time.
sub size ($least) {
    my $size = $least + int(rand(24 << 20));
    return pick(0 .. 3) ? $size >> 9 << 9 : $size >> 22 << 22 || 4 << 20;
}

sub new_name ($suffix) {
    while (1) {
        my $name = sprintf('vm-%d-disk-%d', pick(100 .. 102, 1000), int(rand(12)));
        next if grep { $_->stem() eq $name } values(%volumes);
        return $name . $suffix;
    }
}

sub new_snapshot ($volume) {
    my $name = pick('a' .. 'z') . join('', map { pick(@letters) } 1 .. 1 + int(rand(8)));
    return $name if !grep { $_ eq $name } $volume->snapshots(), qw(current pending);
    return new_snapshot($volume);
}

sub writes ($volume) {
    my $size = $volume->current()->size();
    return map {
        my $length = pick(512, 4096, 512 * (1 + int(rand(300))));
        my $from = pick(0, 0, 0, 1) ? $size - $length : int(rand($size));
        $from = 0 if $from < 0;
        [$from >> 9 << 9, $length, pick(0 .. 5) ? 1 + int(rand(255)) : 0]
    } 1 .. 1 + int(rand(8));
}

# --- What can be done ---------------------------------------------------------------------------

sub make () {
    my $kind = pick(qw(qcow2 qcow2 raw raw overlays overlays));
    my $volume;
    if ($kind eq 'qcow2') {
        $volume = Volume->make_qcow2(new_name('.qcow2'), size(8 << 20), pick(@layouts));
    } else {
        $volume = Volume->make_raw(new_name(''), size(8 << 20));
        $volume->write(writes($volume));
        for (1 .. ($kind eq 'overlays' ? 1 + int(rand(3)) : 0)) {
            $volume->take_overlay(new_snapshot($volume));
            $volume->write(writes($volume));
        }
    }
    $volumes{ $volume->name() } = $volume;
    return ("make $kind", $volume);
}

# What a plan is asked for, of a volume that can have it.
sub wish ($volume) {
    my ($kind, @snapshots) = ($volume->{kind}, $volume->snapshots());
    my @wishes;
    my $add = sub ($weight, $op, $args) { push @wishes, ([$op, $args]) x $weight };
    return ('free', {}) if $volume->name() =~ /^base-/;
    if ($kind eq 'raw') {
        $add->(4, 'adopt', {});
        $add->(1, 'create-base', {});
    }
    if ($kind eq 'overlays') {
        $add->(1, 'convert', {});
        return pick(@wishes)->@*;
    }
    my $size = $volume->current()->size();
    $add->(2, 'resize', { size => size($size + 512) }) if $size < 90 << 20;
    $add->(2, 'rename', { to => new_name($kind eq 'raw' ? '' : '.qcow2') });
    if ($kind eq 'qcow2') {
        $add->(6, 'create', { snapshots => [new_snapshot($volume)] })
            if @snapshots < $most_snapshots;
        if (@snapshots) {
            $add->(3, 'rollback', { snapshots => [$snapshots[0]] });
            $add->(4, 'delete', { snapshots => [pick(@snapshots)] });
        } else {
            $add->(5, 'unadopt', {}) if $volume->{bottom} && !$volume->{grown};
            $add->(1, 'create-base', {});
        }
        if (@snapshots > 1) {
            my @some = grep { rand() < 0.6 } @snapshots;
            $add->(4, 'delete-many', { snapshots => \@some }) if @some > 1;
        }
    }
    $add->(1, 'free', {}) if keys(%volumes) > 2;
    return pick(@wishes)->@*;
}

# Bytes of the images, to know what there is room for.
sub step () {
    my @all = map { $volumes{$_} } sort(keys(%volumes));
    if (@all < 2 || (@all < $most_volumes && rand() < 0.1)) {
        return make();
    }
    my $volume = pick(@all);
    if (rand() < 0.3 && $volume->name() !~ /^base-/) {
        $volume->write(writes($volume));
        return ('write', $volume);
    }
    my ($op, $args) = wish($volume);
    my $after = $volume->after($op, $args);
    my $plan = Plans::run($volume->name(), $op, $args);
    my $called = $plan->{result}->{volname};
    delete $volumes{ $volume->name() };
    if ($op eq 'free') {
        return ($op, undef);
    }
    $volumes{ $after->name() } = $after;
    die "$op: the plan says that the volume is called $called, not $after->{name}\n"
        if defined($called) && $called ne $after->{name};
    # What has been a volume's before is the guest's to overwrite.
    if ($op eq 'resize' && $after->{kind} eq 'raw') {
        my $old = $volume->current()->size();
        Group::command('blkdiscard', '-z', '-o', $old, Group::path($after->name()));
    }
    $data += $plan->{'bytes-moved'};
    return ($op, $after, $args);
}

# --- The walk -----------------------------------------------------------------------------------

Group::make();
my ($begin, $failed, $compared) = (time(), 0, 0);
for my $nth (1 .. $steps) {
    my $start = time();
    my ($op, $volume, $args) = step();
    my $done = time();
    $count{$op}++;
    my @changed = $volume ? ($volume) : ();
    # Now and then everything, so that no step changes what it is not about.
    @changed = map { $volumes{$_} } sort(keys(%volumes)) if $nth % 25 == 0 || $nth == $steps;
    my @wrong = Volume::surprises(Group::list(), values(%volumes));
    for my $volume (@changed) {
        push @wrong, $volume->look();
        $compared += keys($volume->images()->%*);
    }
    printf(
        "# %3d %-12s %-22s %.1f + %.1f s\n", $nth, $op, $volume ? $volume->name() : '-',
        $done - $start, time() - $done
    ) if $ENV{VERBOSE} || @wrong;
    if (@wrong) {
        say "FAILED: step $nth, $op: $_" for @wrong;
        say '# ', join(' ', %{ $args // {} }), "\n# must be:";
        say "#   $_ ",
            $volume->images()->{$_}->{disk} ? $volume->images()->{$_}->{disk}->text() : ''
            for $volume ? sort(keys($volume->images()->%*)) : ();
        exit 1;
    }
}
say
    "ok: $steps steps of the walk with seed $seed, $compared images compared with what must be in them";
say '# ', join(', ', map { "$_ $count{$_}" } sort(keys(%count)));
printf("# %.0f s\n", time() - $begin);
