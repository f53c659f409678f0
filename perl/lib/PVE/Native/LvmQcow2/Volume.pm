package PVE::Native::LvmQcow2::Volume;

use v5.36;

# A volume of the storage type lvmqcow2 with all of its images: how they stand on each other, and how what
# PVE::Native::SnapshotGraph plans for them is carried out.

use PVE::RPCEnvironment;
use PVE::Tools qw(run_command);

use PVE::Native::Image;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;
use PVE::Native::LvmQcow2::Wipe;
use PVE::Native::Plan;
use PVE::Native::SnapshotGraph;

# Seconds in which the headers of a volume's images must have been read.
use constant TIMEOUT => 10;

my sub graph {
    my ($at, $volumes) = @_;
    my $opts = {
        scheme => PVE::Native::LvmQcow2::Names::SCHEME,
        volname => $at->{volname},
        storeid => $at->{storeid},
        timeout => TIMEOUT,
    };
    my @list;
    for my $volume (sort { $a->{name} cmp $b->{name} } $volumes->@*) {
        my @known = grep { defined($volume->{$_}) } qw(name path size tags suspended);
        push @list, { $volume->%{@known} };
    }
    return PVE::Native::SnapshotGraph->from_volumes(\@list, $opts);
}

# What is read must be what is there: volumes that are not active, or suspended, are activated, and those
# that another node has made larger are looked at anew.
my sub make_ready {
    my ($at, $list) = @_;
    my $names = $list->{volumes};
    my $pattern = PVE::Native::LvmQcow2::Names::matcher($at->{volume});
    $pattern = qr/^\Q$at->{volname}\E$/
        if !$at->{volume}->{snapshots}
        && !PVE::Native::LvmQcow2::Names::has_overlays($at->{volname}, $names);
    my @own = map { $names->{$_} } grep { $_ =~ $pattern } sort keys $names->%*;
    my $what = "volume '$at->{vg}/$at->{volname}'";
    my @inactive = grep { !$_->{active} || $_->{suspended} } @own;
    PVE::Native::LVM::activate($at->{vg}, [map { $_->{name} } @inactive], $what) if @inactive;
    $_->{suspended} = 0 for @inactive;
    my @stale = map { $_->{name} } grep {
        my $volume = $_;
        my $info = $volume->{active}
            && eval { PVE::Native::Image::info($volume->{path}, { format => 'raw' }) };
        $info && $info->{'virtual-size'} != $volume->{size};
    } @own;
    PVE::Native::LVM::refresh($at->{vg}, \@stale, $what) if @stale;
    return;
}

# Which volume is spoken of. With `locked`, the caller holds the storage's lock.
sub at {
    my ($class, $scfg, $storeid, $volname, %more) = @_;
    return {
        class => $class,
        scfg => $scfg,
        storeid => $storeid,
        volname => $volname,
        vg => $scfg->{vgname},
        volume => PVE::Native::LvmQcow2::Names::volume($volname),
        %more,
    };
}

sub under_lock {
    my ($at, $code) = @_;
    return $code->() if $at->{locked};
    my ($class, $scfg) = $at->@{qw(class scfg)};
    return $class->cluster_lock_storage($at->{storeid}, $scfg->{shared}, undef, $code);
}

# All images of the volume, active or not, and what the group has besides. With `ready` they are active
# afterwards.
sub look {
    my ($at, %opts) = @_;
    my $list = PVE::Native::LVM::list($at->{vg});
    make_ready($at, $list) if $opts{ready};
    return (graph($at, [values $list->{volumes}->%*]), $list);
}

# The images that are active on this node. No process is needed.
sub look_at_active {
    my ($at) = @_;
    my @names = keys PVE::Native::LVM::active($at->{vg})->%*;
    my @volumes = map {
        {
            name => $_,
            path => PVE::Native::LVM::path($at->{vg}, $_),
            suspended => PVE::Native::LVM::is_suspended($at->{vg}, $_),
        }
    } @names;
    return graph($at, \@volumes);
}

# The name of the logical volume that holds this state, among those of the group or those that are
# active.
sub image_name {
    my ($at, $snapshot, $names) = @_;
    return $at->{volname} if !defined($snapshot) || $snapshot eq 'current';
    my $name = PVE::Native::LvmQcow2::Names::image($at->{volname}, $snapshot);
    my $raw = PVE::Native::LvmQcow2::Names::image($at->{volname}, $snapshot, 1);
    $names //= PVE::Native::LVM::active($at->{vg});
    return $names->{$raw} && !$names->{$name} ? $raw : $name;
}

# Starts what overwrites removed volumes as a task of its own. In a command that waits for it, so it must
# not be called under the lock.
sub start {
    my ($worker) = @_;
    return if !$worker;
    my $rpcenv = PVE::RPCEnvironment::get();
    $rpcenv->fork_worker('imgdel', undef, $rpcenv->get_user(), $worker);
    return;
}

# Runs a program; of its progress, a line for each tenth is enough.
my sub command {
    my ($argv) = @_;
    my $shown = -1;
    my $show = sub {
        my ($line) = @_;
        if ($line =~ m!^\s*\((\d+)[.]\d+/100%\)!) {
            my $tenths = int($1 / 10);
            return if $tenths <= $shown;
            $shown = $tenths;
            $line = "$1 % done";
        }
        print "$line\n" if length($line);
    };
    return run_command($argv, outfunc => $show, errmsg => "'$argv->@*' failed");
}

# What overwrites the images that the plan has only put aside, if there are any.
my sub wiper {
    my ($at, $plan) = @_;
    my @aside = PVE::Native::Plan::leftovers($plan);
    return undef if !@aside;
    my $lock = sub { under_lock({ $at->%*, locked => 0 }, $_[0]) };
    return PVE::Native::LvmQcow2::Wipe::worker($at->{scfg}, $lock, @aside);
}

# What the volume consists of, and what its images say they stand on: a header can be changed while all
# names are as before.
my sub fingerprint {
    my ($graph) = @_;
    my @keys = qw(name size content virtual-size backing-filename backing-filename-format);
    my @images;
    for my $image ($graph->as_hash()->{images}->@*) {
        push @images, join('|', map { $_ // '' } $image->@{@keys});
    }
    return join("\n", sort @images);
}

# Does it: $op and \%args as SnapshotGraph's plan takes them. Returns the plan, and what is to overwrite
# what was removed.
sub carry_out {
    my ($at, $graph, $list, $op, $args) = @_;
    my $scfg = $at->{scfg};
    my $plan = $graph->plan(
        $op,
        {
            $args->%*,
            (map { defined($list->{$_}) ? ($_ => $list->{$_}) : () } qw(free extent-size)),
            (map { defined($scfg->{$_}) ? ($_ => $scfg->{$_}) : () } qw(preallocation)),
            'put-aside' => $scfg->{saferemove} ? 1 : 0,
        },
    );
    my $before = fingerprint($graph);
    PVE::Native::Plan::run(
        $plan,
        {
            command => \&command,
            lock => sub { under_lock($at, $_[0]) },
            log => sub { print "$at->{volname}: $_[0]\n" },
            unchanged => sub { fingerprint((look($at))[0]) eq $before },
            diagnose => "pve-native snapshot diagnose "
                . PVE::Native::LVM::path($at->{vg}, $at->{volname}),
        },
    );
    return ($plan, wiper($at, $plan));
}

# The same, from the beginning to the end.
sub perform {
    my ($at, $op, $args) = @_;
    my ($graph, $list) = look($at, ready => 1);
    my ($plan, $worker) = carry_out($at, $graph, $list, $op, $args);
    start($worker);
    return $plan;
}

1;
