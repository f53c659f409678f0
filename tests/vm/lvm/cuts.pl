#!/usr/bin/perl

# Cuts plans off on real LVM: cuts.pl SEED CASES-PER-STEP [SCENARIO…]
#
# Each scenario makes a volume and an operation. Then, again and again from the same volumes, the plan is
# run up to one of its steps, and there the whole process group is killed: before the step, or inside it
# before a call that changes storage, or half-way through a write. Or that call and all after it fail.
# A diagnosis, which knows nothing of that, then has to bring the volume in order: it must be as
# before the operation or as after it, with all its snapshots, and a second attempt must succeed.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Cwd ();
use POSIX ();
use Time::HiRes qw(time);

use Disk;
use Group;
use Plans;
use Volume;

# At the most so many cases of each scenario; 0 for all, and for what else can go wrong with storage.
my $most = $ENV{MOST} // 0;
my ($seed, $per_step, @only) = @ARGV;
srand($seed);
$| = 1;

sub pick (@any) { return $any[rand(@any)] }

# --- Scenarios ----------------------------------------------------------------------------------

my $layout = 'cluster_size=128k,extended_l2=on';

# Writes so many kibibytes here and there.
sub fill ($volume, $kib) {
    my $size = $volume->current()->size();
    my @writes;
    while ($kib > 0) {
        my $length = 512 * (1 + int(rand(256)));
        $kib -= $length >> 10;
        my $from = (int(rand($size - $length)) >> 9) << 9;
        push @writes, [$from, $length, pick(0 .. 6) ? 1 + int(rand(255)) : 0];
    }
    $volume->write(@writes, [$size - 512, 512, 7]);
}

# Does it without being cut off.
sub apply ($volume, $op, %args) {
    my $after = $volume->after($op, \%args);
    Plans::run($volume->name(), $op, \%args);
    return $after;
}

# A volume whose snapshots are called s1, s2 … and hold so many kibibytes; the last number is for what was
# written since.
sub chain ($volume, @kib) {
    my $nth = 0;
    fill($volume, shift @kib);
    for my $kib (@kib) {
        $nth++;
        $volume = apply($volume, 'create', snapshots => ["s$nth"]);
        fill($volume, $kib);
    }
    return $volume;
}

my $mib = 1 << 20;
my $name = 'vm-100-disk-0.qcow2';
sub empty () { return Volume->make_qcow2($name, 21 * $mib + 512, $layout) }
sub raw () { return Volume->make_raw('vm-100-disk-0', 12 * $mib) }

sub adopted (@kib) {
    my $raw = raw();
    fill($raw, 900);
    return chain(apply($raw, 'adopt'), @kib);
}

sub overlays ($count) {
    my $raw = raw();
    fill($raw, 900);
    for my $nth (1 .. $count) {
        $raw->take_overlay("s$nth");
        fill($raw, 400);
    }
    return $raw;
}

my @scenarios = (
    ['create', sub { (chain(empty(), 900, 300), 'create', snapshots => ['neu']) }],
    ['create on adopted', sub { (adopted(300), 'create', snapshots => ['neu']) }],
    [
        'delete by stream',
        sub { (chain(empty(), 900, 100, 900), 'delete', snapshots => ['s2']) }
    ],
    ['delete by commit', sub { (chain(empty(), 1500, 200), 'delete', snapshots => ['s1']) }],
    [
        'delete by commit, grown',
        sub {
            my $volume = apply(chain(empty(), 1500, 100), 'resize', size => 33 * $mib);
            fill($volume, 200);
            return (
                apply($volume, 'create', snapshots => ['s2']), 'delete',
                snapshots => ['s1']
            );
        },
    ],
    [
        'delete-many by commit',
        sub {
            return (
                chain(empty(), 300, 2000, 100, 100, 100), 'delete-many',
                snapshots => [qw(s2 s3)]
            );
        },
    ],
    [
        'delete-many, apart',
        sub {
            return (
                chain(empty(), 1500, 100, 100, 900), 'delete-many',
                snapshots => [qw(s1 s3)]
            );
        },
    ],
    [
        'delete raw',
        sub {
            return (apply(overlays(2), 'convert'), 'delete', snapshots => ['s1']);
        },
    ],
    [
        'rollback',
        sub {
            my $volume = apply(chain(empty(), 900, 300), 'resize', size => 40 * $mib);
            fill($volume, 300);
            return ($volume, 'rollback', snapshots => ['s1']);
        },
    ],
    ['resize', sub { (chain(empty(), 900, 300), 'resize', size => 47 * $mib + 512) }],
    ['rename', sub { (adopted(300, 300), 'rename', to => 'vm-101-disk-7.qcow2') }],
    ['adopt', sub { my $raw = raw(); fill($raw, 900); ($raw, 'adopt') }],
    ['unadopt', sub { (adopted(300), 'unadopt') }],
    ['convert', sub { (overlays(3), 'convert') }],
    ['create-base', sub { (adopted(300), 'create-base') }],
    ['free', sub { (chain(empty(), 300, 300), 'free') }],
);

# --- Running up to a point ----------------------------------------------------------------------

my $cut = '/run/cut';
my $log = '/run/cut.log';
my %how = (kill => 1, torn => 2, io => 3, full => 4);

# Does it, in a process group of its own, up to the point: at a call, how. What became of it.
sub run_to ($volname, $op, $args, %point) {
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        setpgrp(0, 0);
        open(STDOUT, '>', '/dev/shm/said');
        open(STDERR, '>&', \*STDOUT);
        open(my $file, '>', $cut) or POSIX::_exit(3);
        print $file
            pack('q5', $$, 0, $point{at} // 0, $how{ $point{how} // '' } // 0, $point{log} // 0);
        close($file);
        my @argv = (Plans::arguments($volname, $op, $args), '--run');
        exec { $argv[0] } @argv or POSIX::_exit(3);
    }
    waitpid($pid, 0);
    my $status = $?;
    unlink($cut);
    Group::settle();
    return ($status & 127) == 9 ? 'killed' : $status ? 'failed' : 'done';
}

# The calls that change storage: [the step that they belong to, what].
sub calls ($plan, $volname, $op, $args) {
    unlink($log);
    my $end = run_to($volname, $op, $args, log => 1);
    die "$op of $volname $end\n" . Plans::text($plan) if $end ne 'done';
    open(my $file, '<', $log) or die "$log: $!\n";
    # A look at the group belongs to the step that comes then.
    my @programs = map { $_->{argv}->[0] =~ m!([^/]+)$! } $plan->{steps}->@*;
    my ($step, $last, @calls) = (-1, 0);
    for my $line (<$file>) {
        my ($pid, $program, $what) = $line =~ /^(\d+) (\S+) (.*)/;
        if ($pid != $last && $program eq ($programs[$step + 1] // '')) {
            $step++;
            $last = $pid;
        }
        push @calls, [$step < 0 ? 0 : $step, "$program: $what"];
    }
    die "$op has other steps than it makes calls:\n" . Plans::text($plan) . "\n"
        if $step != $#programs;
    return @calls;
}

# Where to cut it off: before each step, at its last call, and at some between.
sub points (@calls) {
    my @chosen;
    for my $step (0 .. $calls[-1]->[0]) {
        my @all = grep { $calls[$_ - 1]->[0] == $step } 1 .. @calls;
        my $first = shift @all;
        push @chosen, { at => $first, how => 'kill', before => 1 };
        for my $nth (1 .. $per_step) {
            last if !@all;
            my ($at) = $nth == 1 ? pop @all : splice(@all, rand(@all), 1);
            my $how = $calls[$at - 1]->[1] =~ /pwrite/ && rand() < 0.5 ? 'torn' : 'kill';
            push @chosen, { at => $at, how => $how };
        }
        push @chosen, { at => pick($first, @all), how => pick(qw(io full)) };
    }
    return @chosen;
}

# What else can go wrong with storage. Each makes it so, and gives what ends it; nothing if it cannot be.
my %trouble = (
    'full group' => sub ($volume) {
        my $free = Group::free() or return;
        Group::command(
            'lvcreate', '-q', '-y', '-Wn', '-Zn', '-L', "${free}b", '-n', 'filler',
            $Group::name
        );
        return sub { Group::command('lvremove', '-q', '-y', "$Group::name/filler") };
    },
    'inactive image' => sub ($volume) {
        my $image = pick(sort(keys($volume->images()->%*)));
        Group::command('lvchange', '-an', "$Group::name/$image");
        return sub { };
    },
    # All behind the first megabyte cannot be read or written.
    'failing device' => sub ($volume) {
        my $image = pick(sort(keys($volume->images()->%*)));
        my $device = Cwd::realpath(Group::path($image));
        my ($length, $below) =
            Group::command('dmsetup', 'table', $device) =~ /^0 (\d+) (linear \S+ \d+)\s*$/
            or return;
        my $rest = $length - 2048;
        my $uuid = Group::uuid($device);
        Group::load($device, "0 2048 $below\n2048 $rest error\n");
        # The image may be gone since, or have another name.
        return sub {
            Group::load($device, "0 $length $below\n") if Group::uuid($device) eq $uuid;
        };
    },
);

# --- Judging ------------------------------------------------------------------------------------

sub same ($list, $volume) {
    my $images = $volume->images();
    return join('/', sort(keys($list->%*))) eq join('/', sort(keys($images->%*)));
}

# What it may be: [what it is called, the volume, arguments of a second attempt].
sub allowed ($before, $op, $args) {
    my @allowed = (['after', $before->after($op, $args), undef], ['before', $before, $args]);
    if ($op eq 'delete-many') {
        my @names = $args->{snapshots}->@*;
        for my $some (1 .. 2**@names - 2) {
            my @gone = map { $names[$_] } grep { $some >> $_ & 1 } 0 .. $#names;
            my @left = map { $names[$_] } grep { !($some >> $_ & 1) } 0 .. $#names;
            push @allowed,
                ['partly', $before->after($op, { snapshots => \@gone }), { snapshots => \@left }];
        }
    }
    return @allowed;
}

# What is wrong with the images of a volume that is there.
sub look ($list, $volume) {
    my $images = $volume->images();
    my @active = grep { $list->{$_} && $list->{$_}->{active} } sort(keys($images->%*));
    return (Volume::surprises($list, $volume), map { Volume::wrong($_, $images->{$_}) } @active);
}

# Has a diagnosis bring in order what there is under these names: the codes of what it did something about.
sub repair (@names) {
    my @codes;
    for my $name (@names) {
        my $found = Plans::diagnose($name) or next;
        my @certain = grep { $_->{certain} } $found->@* or next;
        push @codes, map { $_->{code} } @certain;
        Plans::diagnose($name, '--run');
    }
    return \@codes;
}

# Finds out what is there, brings it in order and looks at it. Returns what it is, what was diagnosed, and
# what is wrong.
sub judge ($before, $op, $args) {
    my $after = $before->after($op, $args);
    my %names = map { $_->name() => 1 } $before, $after;
    my $codes = repair(sort(keys(%names)));
    my $list = Group::list();
    my @could = grep { same($list, $_->[1]) } allowed($before, $op, $args);
    return ('third', $codes, 'there are ' . join(' ', sort(keys($list->%*)))) if !@could;
    # Before and after can have the same images, and only what is in them tells.
    my ($found, @other);
    for my $could (@could) {
        my @differs = look($list, $could->[1]);
        $found = $could if !@differs;
        last if $found;
        push @other, map { "if it is $could->[0]: $_" } @differs;
    }
    return ('third', $codes, @other) if !$found;
    my ($what, $volume, $again) = $found->@*;
    my @left = map { $_->{code} } (Plans::diagnose($volume->name()) // [])->@*;
    my $leftover = grep { $_ eq 'snapshot-leftover' } @left;
    my @wrong =
        map { "it is said to be $_" } grep { !/^(?:snapshot-leftover|overlay-layout)$/ } @left;
    push @wrong, "a snapshot is left over by $op" if $leftover && $op !~ /^delete/;
    if ($leftover) {
        $what = 'leftover';
        push $codes->@*, 'snapshot-leftover';
    }
    return ($what, $codes, @wrong) if @wrong || !$again;
    # Whatever it was that has failed, it succeeds now.
    my $ended = eval { Plans::run($volume->name(), $op, $again); 1 };
    return ($what, $codes, "a second attempt fails: $@") if !$ended;
    return ($what, $codes, map { "after a second attempt: $_" } look(Group::list(), $after));
}

# --- The cases ----------------------------------------------------------------------------------

my ($cases, $failed, %sums) = (0, 0);

sub record ($scenario, $task, $point, $what, $codes, @wrong) {
    $cases++;
    my $codes_text = join(' ', $codes->@*) || '-';
    $sums{$scenario}->{$task}->{$what}++;
    $sums{codes}->{$scenario}->{$task}->{"$codes_text → $what"}++;
    return if !@wrong && !$ENV{VERBOSE};
    printf("# %s, %s, %s: %s; %s\n", $scenario, $task, $point, $what, $codes_text);
    return if !@wrong;
    $failed++;
    say "FAILED: $scenario, cut off at $task ($point): $_" for @wrong;
}

Group::make();
my $begin = time();
for my $scenario (@scenarios) {
    my ($title, $set_up) = $scenario->@*;
    next if @only && !grep { $title eq $_ } @only;
    Group::remove_all();
    my ($before, $op, %args) = $set_up->();
    my $plan = Plans::plan($before->name(), $op, \%args);
    say "# $title:\n", Plans::text($plan) if $ENV{VERBOSE};
    Group::keep();
    my @calls = calls($plan, $before->name(), $op, \%args);
    my $after = $before->after($op, \%args);
    my $images = $after->images();
    my @wrong = Volume::surprises(Group::list(), $after);
    push @wrong,
        map { Volume::wrong($_, $images->{$_}) }
        $op eq 'create-base' ? () : sort(keys($images->%*));
    record($title, 'end', 'not cut off', 'after', [], @wrong);
    my @points = points(@calls);
    @points = map { splice(@points, rand(@points), 1) } 1 .. $most if $most && $most < @points;

    for my $point (@points) {
        Group::reset();
        my ($step, $what) = $calls[$point->{at} - 1]->@*;
        my $id = $plan->{steps}->[$step]->{id};
        my $end = run_to($before->name(), $op, \%args, $point->%*);
        my $where =
            $point->{before} && $point->{how} eq 'kill' ? 'before it' : "$point->{how} at $what";
        if ($end eq 'killed' && rand() < 0.2) {
            Group::lose();
            $where .= ', and the node is gone';
        }
        my @result = eval { judge($before, $op, \%args) };
        @result = ('third', [], $@ =~ s/\n+$//r) if $@;
        record($title, $id, "$where ($point->{at}): $end", @result);
    }
    for my $trouble ($most ? () : sort(keys(%trouble))) {
        Group::reset();
        my $over = $trouble{$trouble}->($before) or next;
        my $end = run_to($before->name(), $op, \%args);
        $over->();
        my @result = eval { judge($before, $op, \%args) };
        @result = ('third', [], $@ =~ s/\n+$//r) if $@;
        record($title, $trouble, $end, @result);
    }
    Group::release();
}
printf("# %d cases in %.0f s\n", $cases, time() - $begin);
for my $scenario (map { $_->[0] } @scenarios) {
    my $tasks = $sums{codes}->{$scenario} or next;
    for my $task (sort(keys($tasks->%*))) {
        say "# $scenario | $task | ",
            join(', ', map { "$_ ($tasks->{$task}->{$_})" } sort(keys($tasks->{$task}->%*)));
    }
}
say $failed ? "FAILED: $failed of $cases cases" : "ok: $cases plans cut off, each brought in order";
exit($failed ? 1 : 0);
