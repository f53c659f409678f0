#!/usr/bin/perl

# What real multipathd says of maps in all their states, and what `pve-native cluster summarize` makes of it:
# states.pl FOLDER, with the multipathd in there, or with the machine's own for ''.
#
# What is to be expected is what was done to the paths. The kernel is asked, too: it has to know the same.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep);

use Lun;
use Machine;
use Multipathd;

$| = 1;

my $json = JSON::PP->new->utf8->canonical;
my ($small, $large) = (64 << 20, 1 << 30);
my $time = 1_700_000_000;
my $seq = 0;

my $daemon = Multipathd->new($ARGV[0] // die "usage: states.pl FOLDER\n");
# The name and the WWID of the SCSI map.
my ($name, $wwid) = ('tank', '1Linux_scsi_debug_2000');
$daemon->start(
    ['no_path_retry queue', 'marginal_pathgroups on'],
    { $wwid => $name, $Lun::nvme_wwid => 'fast' },
);
my $version = $daemon->version();
my $results = "$ENV{RESULTS}/$version";
mkdir($results) or die "cannot make $results: $!\n";

my $failed = 0;

sub check ($what, @wrong) {
    say "ok: $version, $what" if !@wrong;
    say "FAILED: $version, $what: $_" for @wrong;
    $failed = 1 if @wrong;
}

# What differs between two structures.
sub differs ($what, $is, $expected) {
    my ($one, $other) = map { $json->encode([$_]) } $is, $expected;
    return $one eq $other ? () : ("$what: $one instead of $other");
}

# What `pve-native cluster summarize` makes of a reply.
sub summarize ($reply, $paths) {
    Machine::put('/tmp/reply', $reply);
    Machine::put('/tmp/paths', $paths);
    my @options = (
        qw(--sysfs /sys --paths /tmp/paths --output json),
        '--time', $time, '--seq', $seq,
    );
    return Machine::command(qw(./pve-native cluster summarize /tmp/reply), @options);
}

# An entry of a broadcast.
sub entry ($map) {
    return {
        state => $map->{state},
        'paths-active' => $map->{active},
        'paths-total' => $map->{total},
        size => $map->{size},
        defined($map->{transport}) ? (transport => $map->{transport}) : (),
        defined($map->{flags}) ? (flags => $map->{flags}) : (),
    };
}

sub scsi ($state, $active, $total, @more) {
    return { state => $state, active => $active, total => $total, size => $small, @more };
}

sub nvme ($state, $active) {
    return {
        state => $state,
        active => $active,
        total => 2,
        size => $Lun::nvme_size,
        transport => 'tcp',
    };
}

# Everything has come to rest, and is as it is meant to be. The broadcast is kept; so are, as they are asked for,
# the reply of the SCSI map, or that of all maps. `says` is something that is in that.
sub seen ($title, $scsi, %more) {
    my %expected = ($name => $scsi, fast => $more{nvme} // nvme('optimal', 2));
    my %wwid = ($name => $wwid, fast => $Lun::nvme_wwid);
    my $reply;
    my $rests = sub {
        $reply = $daemon->ask(qw(show maps json));
        for my $map (keys(%expected)) {
            my $kernel = Lun::kernel($map) // return 0;
            my ($said) =
                $reply =~ m/"name" : "\Q$map\E",(.*?)"paths" : (\d+),/s ? $2 : return 0;
            my $active = $expected{$map}->{active};
            return 0 if $said != $active || $kernel->{active} != $active;
            return 0 if $kernel->{total} != $expected{$map}->{total};
        }
        return $reply =~ ($more{says} // qr/^/);
    };
    if (!eval { Machine::wait_for($title, $rests); 1 }) {
        print Machine::command(qw(dmsetup status));
        die "FAILED: $version, $title: $@";
    }

    my $paths = $daemon->ask(qw(show paths raw format %d|%m|%P));
    my $one = $daemon->ask(qw(show map), $name, 'json');
    my $keep = $more{keep} // '';
    Machine::put("$results/$title.json", $one) if $keep eq 'one';
    Machine::put("$results/$title.json", $reply) if $keep eq 'all';
    Machine::put("$results/$title.paths", $paths) if $keep eq 'all';
    $seq++;
    my $broadcast = summarize($reply, $paths);
    Machine::put("$results/$title.broadcast", $broadcast);

    my @wrong;
    my %maps = map { ($wwid{$_} => entry($expected{$_})) } keys(%expected);
    my $is = $json->decode($broadcast);
    push @wrong, differs('the maps', $is->{maps}, \%maps);
    push @wrong, differs('time and number', [$is->{time}, $is->{seq}], [$time, $seq]);
    my $alone = $json->decode(summarize($one, $paths));
    push @wrong, differs('alone', $alone->{maps}, { $wwid => $maps{$wwid} });
    # That the test did what it meant to.
    for my $map (sort(keys(%expected))) {
        my $kernel = Lun::kernel($map);
        my %flags = map { $_ => 1 } ($expected{$map}->{flags} // [])->@*;
        push @wrong,
            differs("the kernel's size of $map", $kernel->{size}, $expected{$map}->{size}),
            differs("suspended, $map", $kernel->{suspended}, $flags{suspended} ? 1 : 0);
        next if $expected{$map}->{active};
        push @wrong, differs("queueing, $map", $kernel->{queues}, $flags{queueing} ? 1 : 0);
    }
    check($title, @wrong);
}

# A process that reads from the map.
sub reader () {
    my $pid = fork() // die "fork: $!\n";
    return $pid if $pid;
    open(STDERR, '>', '/dev/null');
    exec(qw(dd bs=4096 count=1 iflag=direct of=/dev/null), "if=/dev/mapper/$name")
        or POSIX::_exit(127);
}

# How it has ended, if it has.
sub ended ($reader) {
    sleep(0.5);
    return waitpid($reader, POSIX::WNOHANG()) == 0 ? 'hangs' : $? == 0 ? 'has read' : 'error';
}

sub ends ($reader) {
    waitpid($reader, 0);
    return $? == 0 ? 'has read' : 'error';
}

# A reply that is none: an error that says so.
sub refused ($title, $said, $reply) {
    Machine::put("$results/$title.txt", $reply);
    my $ask = "./pve-native cluster summarize $results/$title.txt 2>&1; :";
    my $error = Machine::command('sh', '-c', $ask);
    check($title, $error =~ $said ? () : "'$reply' leads to '$error'");
}

Lun::nvme_make() if !-d '/sys/kernel/config/nvmet';
my $none = $daemon->ask(qw(show maps json));
Machine::put("$results/no-maps.json", $none);
my $nothing = summarize($none, '');
Machine::put("$results/no-maps.broadcast", $nothing);
check('no-maps', differs('the maps', $json->decode($nothing)->{maps}, {}));

Lun::scsi_up();
Lun::nvme_up();
seen('ok', scsi('optimal', 4, 4), keep => 'all');

my @paths = Lun::scsi_paths();

sub marginal ($count) {
    my $said = sub {
        () = $daemon->ask(qw(show map), $name, 'json') =~ m/^ {12}"marginal_st" : "marginal"/mg;
    };
    Machine::wait_for("$count marginal paths", sub { $said->() == $count });
}
$daemon->must(qw(setmarginal path), $paths[0]);
marginal(1);
seen('one-marginal', scsi('optimal', 4, 4), keep => 'one');
$daemon->must(qw(setmarginal path), $_) for @paths[1 .. 3];
marginal(4);
seen('all-marginal', scsi('optimal', 4, 4, flags => ['marginal']), keep => 'one');
$daemon->must(qw(unsetmarginal map), $name);
marginal(0);

Lun::scsi_set('offline', $paths[0]);
Lun::nvme_port_down(1);
seen('one-failed', scsi('degraded', 3, 4), nvme => nvme('degraded', 1), keep => 'all');
Lun::scsi_set('running', $paths[0]);
Lun::nvme_port_up(1);
seen('ok-again', scsi('optimal', 4, 4));

Lun::scsi_set('offline', @paths);
seen('all-failed', scsi('failed', 0, 4, flags => ['queueing']), keep => 'one');
my $reader = reader();
check('I/O waits where it is said to', differs('a reader', ended($reader), 'hangs'));
$daemon->must(qw(disablequeueing map), $name);
seen('all-failed-not-queueing', scsi('failed', 0, 4, flags => []), keep => 'one');
check('and fails where it is not', differs('the reader', ends($reader), 'error'));
$daemon->must(qw(restorequeueing map), $name);
Lun::scsi_set('running', @paths);
seen('ok-again', scsi('optimal', 4, 4));

Machine::command(qw(dmsetup suspend --nolockfs --noflush), $name);
seen('suspended', scsi('unknown', 4, 4, flags => ['suspended']), keep => 'one');
$reader = reader();
check('I/O of a suspended map waits', differs('a reader', ended($reader), 'hangs'));
Machine::command(qw(dmsetup resume), $name);
check('until it is resumed', differs('the reader', ends($reader), 'has read'));
seen('ok-again', scsi('optimal', 4, 4));

# Half of the paths know of it; multipathd does not like that.
Lun::scsi_grow(1);
Lun::scsi_rescan(@paths[0, 1]);
$daemon->ask(qw(resize map), $name);
seen('half-resized', scsi('optimal', 4, 4));
Lun::scsi_rescan(@paths[2, 3]);
$daemon->must(qw(resize map), $name);
seen('resized', scsi('optimal', 4, 4, size => $large));

# Somebody has it open, so that the map stays when its paths are gone.
open(my $held, '<', "/dev/mapper/$name") or die "cannot open $name: $!\n";
Lun::scsi_remove();
seen('no-paths', scsi('failed', 0, 0, size => $large, flags => ['queueing']), keep => 'one');
close($held);
Lun::scsi_scan();
seen('ok-again', scsi('optimal', 4, 4, size => $large));

refused('unknown-map', qr/a map that it does not know/, $daemon->ask(qw(show map nobody json)));
$daemon->signal('STOP');
refused('no-answer', qr/busy for too long/, $daemon->ask(qw(show maps json)));
$daemon->signal('CONT');
my $half = $daemon->ask(qw(show maps json));
refused('cut-off', qr/is cut off/, substr($half, 0, length($half) / 2));

# Another LUN, whose vendor is called as nobody should be, and whose paths are waited for in vain for some
# seconds only.
$daemon->stop();
refused('not-running', qr/said nothing/, $daemon->ask(qw(show maps json)));
Machine::command(qw(dmsetup remove --retry), $name);
Lun::scsi_down();
($name, $wwid) = ('odd', '0x33333330000007d0');
my $retries = [
    'no_path_retry 12', 'uid_attrs "sd:ID_WWN nvme:ID_WWN"', 'san_path_err_threshold 1',
    'san_path_err_forget_rate 100', 'san_path_err_recovery_time 100',
];
$daemon->start($retries, { $wwid => $name, $Lun::nvme_wwid => 'fast' });
Lun::scsi_up('inq_vendor=a""b\c', 'inq_product=x",_"y');
seen('retries-left', scsi('optimal', 4, 4), keep => 'all', says => qr/"queueing" : "12 chk"/);
check(
    'the vendor has quotes and a backslash',
    Machine::get("$results/retries-left.json") =~ m/"vend" : "a""b\\c",\n.*"prod" : "x",_"y",\n/
    ? ()
    : 'it has not',
);

@paths = Lun::scsi_paths();
# A path that has failed too often is not trusted for some time, though it is good.
sub found ($state) {
    my $said =
        sub { $daemon->ask(qw(show paths raw format), '%d %T') =~ m/^$paths[0] (.*)$/m && $1 };
    my $is;
    Machine::wait_for("$paths[0] to be $state", sub { ($is = $said->()) =~ m/^(?:$state)\z/ });
    return $is;
}
for (1 .. 5) {
    Lun::scsi_set('offline', $paths[0]);
    found('faulty');
    Lun::scsi_set('running', $paths[0]);
    last if found('ready|delayed') eq 'delayed';
}
# Asked for the map, 0.9.4 takes the kernel's word for it.
my $not_trusted = qr/"dm_st" : "failed",\s+"dev_st" : "running",\s+"chk_st" : "(?:delayed|faulty)"/;
seen('one-delayed', scsi('degraded', 3, 4), keep => 'one', says => $not_trusted);

Lun::scsi_set('offline', @paths);
seen(
    'retries-running',
    scsi('failed', 0, 4, flags => ['queueing']),
    keep => 'one', says => qr/"queueing" : "\d+ sec"/,
);
Machine::wait_for('the last retry', sub { !Lun::kernel($name)->{queues} });
seen('retries-over', scsi('failed', 0, 4, flags => []), keep => 'one');

$daemon->stop();
Machine::command(qw(dmsetup remove --retry), $_) for $name, 'fast';
Lun::scsi_down();
Lun::nvme_down();
exit($failed);
