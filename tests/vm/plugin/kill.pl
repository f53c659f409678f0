use v5.36;

# Kills the plugin's operations: kill.pl WHOSE-MODULES POINTS SEED [OPERATION…]
#
# Each is done in a process group of its own, which is killed before one of the calls that change storage, or
# half-way through a write: at the first call of each program that it starts, and at so many others, the last
# one among them. Or such a call fails. With 0 points each operation is killed once, somewhere. Then
# another process must get its answers; a diagnosis brings the volume in order, which has to be as before
# the operation or as after it, with all snapshots; and the operation, done again, succeeds.

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

use Disks qw($BLOCK format_of holds images_of);
use Group;
use Operations qw(volid image snapshot_image);
use Storage;

my ($whose, $points, $seed, @only) = @ARGV;
($points, $seed) = map { m/^(\d+)$/ } $points, $seed;
my $cfg = load($whose);
srand($seed);
# No answer may take longer, in seconds; those that read headers give up after ten.
my $LONGEST = 15;

sub pick {
    my (@from) = @_;
    return $from[int(rand(@from))];
}

# --- Doing it up to a point -----------------------------------------------------------------------

my ($CUT, $LOG, $SAID) = ('/run/cut', '/run/cut.log', '/dev/shm/said');
my %HOW = (kill => 1, torn => 2, io => 3, full => 4);

# What became of it: done, failed or killed. It is watched in the programs that it starts: see
# tests/vm/lvm/cut.c.
sub act_to {
    my ($operation, $before, %point) = @_;
    my $pid = fork() // die "cannot fork: $!\n";
    if (!$pid) {
        setpgrp(0, 0);
        open(STDOUT, '>', $SAID);
        open(STDERR, '>&', \*STDOUT);
        my @numbers = ($$, 0, $point{at} // 0, $HOW{ $point{how} // '' } // 0, $point{log} // 0);
        open(my $file, '>', $CUT) or POSIX::_exit(3);
        syswrite($file, pack('q5', @numbers));
        close($file);
        my $done = eval { $operation->{act}->($before); 1 };
        print STDERR $@ if !$done;
        POSIX::_exit($done ? 0 : 1);
    }
    waitpid($pid, 0);
    my $status = $?;
    sleep(0.01) while kill(0, -$pid);
    unlink($CUT);
    Group::settle();
    return ($status & 127) == 9 ? 'killed' : $status ? 'failed' : 'done';
}

sub said {
    open(my $file, '<', $SAID) or return '';
    local $/ = undef;
    return <$file> // '';
}

# The calls that change storage, for each program that makes any: [[number, what], …].
sub calls {
    my ($title, $operation, $before) = @_;
    unlink($LOG);
    my $end = act_to($operation, $before, log => 1);
    must($end eq 'done', "$title, without being killed: $end", said());
    open(my $file, '<', $LOG) or die "$LOG: $!\n";
    my ($last, @programs) = (0);
    while (my $line = <$file>) {
        my ($pid, $program, $what) = $line =~ m/^(\d+) (\S+) (.*)/;
        push @programs, [] if $pid != $last;
        push $programs[-1]->@*, [$., "$program: $what"];
        $last = $pid;
    }
    return @programs;
}

# Where to kill it, and how.
sub points_of {
    my (@programs) = @_;
    my @chosen;
    for my $program (@programs) {
        my @calls = $program->@*;
        my $first = shift @calls;
        push @chosen, [$first->@*, 'kill'];
        my @some = @calls ? (pop @calls) : ();
        push @some, splice(@calls, rand(@calls), 1) while @calls && @some < $points;
        push @chosen,
            map { [$_->@*, $_->[1] =~ m/pwrite/ && rand() < 0.5 ? 'torn' : 'kill'] } @some;
        # It does not die, but fails: nothing may have changed where it says so.
        push @chosen, [pick($program->@*)->@*, pick(qw(io full))] if $points;
    }
    return $points ? @chosen : pick(@chosen);
}

# --- Judging --------------------------------------------------------------------------------------

# Does it, and says what a caller does not expect: an error, warnings, or that it takes too long.
sub answer {
    my ($what, $code) = @_;
    my ($since, @said) = (time());
    local $SIG{__WARN__} = sub { push @said, @_ };
    my $result = eval { $code->() };
    push @said, $@ if $@;
    push @said, 'it takes ' . int(time() - $since) . " s\n" if time() - $since > $LONGEST;
    return ($result, map { "$what: " . s/\n+$//r } @said);
}

# What Proxmox VE is told before anybody has looked after the volume.
sub answers {
    my (@names) = @_;
    my ($list, @wrong) = answer('list', sub { PVE::Storage::vdisk_list($cfg, 'san')->{san} });
    for my $entry (($list // [])->@*) {
        my ($volid, $name) = ($entry->{volid}, $entry->{volid} =~ s/^san://r);
        push @wrong, "'$volid' is listed" if !grep { $_ eq $name } @names;
        if ($entry->{format} eq 'invalid') {
            my $failed = fails(sub { PVE::Storage::volume_snapshot_info($cfg, $volid) });
            push @wrong, "snapshots of broken '$volid': " . ($failed // 'no error')
                if !$failed || $failed !~ m/pve-native snapshot diagnose/;
            next;
        }
        my (undef, @not_active) =
            answer('activate', sub { PVE::Storage::activate_volumes($cfg, [$volid]) });
        my (undef, @no_info) =
            answer('info', sub { PVE::Storage::volume_snapshot_info($cfg, $volid) });
        # What LVM has left suspended can nobody read; that is to be said at once.
        @no_info = () if "@no_info" =~ m/is suspended: 'pve-native snapshot diagnose/;
        push @wrong, @not_active, @no_info;
    }
    return @wrong;
}

# What is wrong with a volume: [{ code, certain, … }].
sub diagnosis {
    my ($name, @more) = @_;
    my ($status, $said) = Group::attempt(
        '/test/pve-native', qw(snapshot diagnose --output json), @more, image($name),
    );
    return [] if $said =~ m/No such file/;
    my ($json) = $said =~ m/^(\[.*\])\s*$/ms;
    return JSON::PP::decode_json($json // die "diagnosis of $name: status $status: $said\n");
}

# Brings in order what there is under these names. What it was.
sub repair {
    my (@names) = @_;
    my @codes;
    for my $name (@names) {
        my @certain = grep { $_->{certain} } diagnosis($name)->@* or next;
        push @codes, map { $_->{code} } @certain;
        diagnosis($name, '--run');
    }
    return @codes;
}

sub there {
    return join(' ', sort keys Group::list()->%*);
}

sub images {
    my ($volume) = @_;
    my @images = $volume ? images_of($volume) : ();
    @images = grep { $_ ne $volume->{name} } @images if $volume && $volume->{headless};
    return join(' ', sort @images);
}

# What is wrong with a volume whose images are there.
sub look {
    my ($volume, $beside) = @_;
    return () if !$volume;
    return () if eval {
        my $volid = volid($volume);
        PVE::Storage::activate_volumes($cfg, [$volid]) if !$volume->{headless};
        holds(image($volume->{name}), $volume) if !$volume->{headless};
        holds(snapshot_image($volume, $_), $_) for $volume->{snapshots}->@*;
        if (format_of($volid) eq 'raw') {
            my $size = PVE::Storage::volume_size_info($cfg, $volid, 5);
            die "a disk of $size bytes\n"
                if $size != ($volume->{size} // $volume->{blocks} * $BLOCK);
            return 1;
        }
        my @paths = map { image($_) } grep { m/[.]qcow2$/ } split(m/ /, images($volume));
        run_program(['/usr/bin/qemu-img', 'check', '-q', '-f', 'qcow2', $_]) for @paths;
        return 1 if $volume->{headless};
        my $info = PVE::Storage::volume_snapshot_info($cfg, $volid);
        my @found = sort { $info->{$b}->{order} <=> $info->{$a}->{order} } keys $info->%*;
        my @names = ((map { $_->{name} } $volume->{snapshots}->@*), 'current');
        die "it has the snapshots @found\n" if "@found" ne "@names" && !$beside;
        my $size = $info->{current}->{'virtual-size'};
        die "a disk of $size bytes\n" if $size != $volume->{blocks} * $BLOCK;
        1;
    };
    return $@ =~ s/\n+$//r;
}

# Which of the two it is; undef and why, if it is neither.
sub find {
    my ($beside, %could) = @_;
    my ($there, @wrong) = (there());
    for my $what (sort keys %could) {
        next if $there ne images($could{$what});
        my @differs = look($could{$what}, $beside);
        return $what if !@differs;
        push @wrong, "if it is as $what: @differs";
    }
    return (undef, @wrong ? @wrong : "there is '$there'");
}

# Looks at what is there, brings it in order and goes on. What it was, as what was diagnosed, and what is
# wrong.
sub judge {
    my ($operation, $before, $end) = @_;
    my $after = $operation->{after}->($before);
    my %names = map { $_->{name} => 1 } grep { $_ } $before, $after;
    my @names = sort keys %names;
    my $unchanged = $end eq 'failed' && said() =~ m/nothing has changed/;
    if ($unchanged) {
        my ($what, @wrong) = find(0, before => $before);
        return ('third', '', map { "said to be unchanged: $_" } @wrong) if !$what;
    }
    my @wrong = answers(@names);
    # What is done next finds the names as they are.
    $operation->{back}->($before) if $operation->{back} && there() eq images($after);
    my @codes = repair(@names);
    my @left = map { $_->{code} } map { diagnosis($_)->@* } @names;
    my $leftover = grep { m/^snapshot-leftover$/ } @left;
    push @codes, 'snapshot-leftover' if $leftover;
    my $again = sub {
        my $failed = fails(sub { $operation->{act}->($before) });
        return "a second attempt fails: $failed" if $failed;
        my ($what, @differs) = find(0, after => $after);
        return map { "after a second attempt: $_" } @differs;
    };
    my ($what, @neither) = find($leftover, before => $before, after => $after);
    # What is left of a volume that is removed has no state.
    if (!$what && !$after) {
        my %all = map { $_ => 1 } images_of($before);
        my @other = grep { !$all{$_} } split(m/ /, there());
        ($what, @neither) = ('partly') if !@other;
    }
    return ('third', "@codes", @wrong, @neither) if !$what;
    push @wrong, map { "it is said to be $_" } grep { $_ ne 'snapshot-leftover' } @left
        if $what ne 'partly' && $after;
    push @wrong, $again->() if $what ne 'after';
    # Whatever comes next, it can be done.
    my $now = $after && { $after->%* };
    if ($now && $now->{name} =~ m/^vm.*qcow2$/ && !$now->{headless} && !@wrong) {
        my $next = sub {
            PVE::Storage::volume_snapshot($cfg, volid($now), 'next');
            PVE::Storage::volume_snapshot_delete($cfg, volid($now), 'next', 0);
        };
        my $failed = fails($next);
        push @wrong, "the next snapshot: $failed" if $failed;
    }
    return ($what, "@codes", @wrong);
}

# --- The cases ------------------------------------------------------------------------------------

my ($cases, $failed, $begin) = (0, 0, time());
($Group::name, $Group::size) = ('vg0', 256 << 20);
Group::make();
my @operations = Operations::all($cfg);
while (my ($title, $operation) = splice(@operations, 0, 2)) {
    next if @only && !grep { $_ eq $title } @only;
    Group::remove_all();
    my $before = quietly(sub { $operation->{make}->() });
    Group::keep();
    my @programs = calls($title, $operation, $before);
    my ($what, @wrong) = find(0, after => $operation->{after}->($before));
    must($what, "$title, without being killed", "@wrong");
    my %sums;

    for my $point (points_of(@programs)) {
        my ($at, $call, $how) = $point->@*;
        Group::reset();
        my $end = act_to($operation, $before, at => $at, how => $how);
        my $lost = $end eq 'killed' && rand() < 0.25;
        Group::lose() if $lost;
        my ($found, $codes, @differs) = eval {
            quietly(sub { judge($operation, $before, $end) });
        };
        ($found, $codes, @differs) = ('third', '', $@ =~ s/\n+$//r) if $@;
        $cases++;
        $sums{ ($codes || '-') . " → $found" }++;
        next if !@differs;
        $failed++;
        my $where = "$how at call $at ($call), $end" . ($lost ? ', and the node is gone' : '');
        say "FAILED: $title, $where, diagnosed as '$codes': $_" for @differs;
        say map { "#     $_\n" } split(m/\n/, said());
    }
    Group::release();
    say "# $title: ", join(', ', map { "$_ ($sums{$_})" } sort keys %sums);
}
printf("# %d cases in %.0f s\n", $cases, time() - $begin);
must(!$failed, "$failed of $cases cases");
ok("$cases times killed, each brought in order");
