package FakeLvm;

# Stands in for LVM where there is no device-mapper: volumes are files, and those that are active are
# loop devices with a link in a folder that is taken for /dev. It understands just what the storage
# plugin and the plans of this library call, with just these options, and dies of anything else. What
# LVM itself refuses (names that are taken, what is in use, what there is no room for) is refused here,
# too; what real LVM does is tried in the virtual machine (tests/vm/plugin).
#
# Other programs are run as they are. All calls are kept in @calls.

use v5.36;

use File::Basename qw(basename);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Time::HiRes qw(sleep);

# Every command that was run, as a reference to its words.
our @calls;
# Called with the words of each command before it runs; may die.
our $before;
# Called with the words of each command after it has run; may die.
our $after;

my $EXTENT = 4 * 1024 * 1024;

my ($dir, %groups, $clock);

# Makes a folder for all of it, and returns the one that is taken for /dev; undef if there are no loop
# devices.
sub setup {
    ($dir) = tempdir('pve-native-XXXXXXXX', TMPDIR => 1, CLEANUP => 1) =~ m/^(.*)$/s;
    mkdir("$dir/$_") or die "cannot make $dir/$_: $!\n" for qw(dev store);
    open(my $fh, '>', "$dir/store/probe") or die "cannot write: $!\n";
    truncate($fh, $EXTENT);
    close($fh);
    my $loop = eval { attach("$dir/store/probe") } // return undef;
    detach($loop);
    return "$dir/dev";
}

END {
    my $status = $?;
    for my $volumes (map { $_->{volumes} } values %groups) {
        detach($_->{loop}) for grep { $_->{loop} } values $volumes->%*;
    }
    $? = $status;
}

sub group {
    my ($vg, $bytes) = @_;
    mkdir("$dir/dev/$vg") or die "cannot make $dir/dev/$vg: $!\n";
    $groups{$vg} = { volumes => {}, size => $bytes };
    return;
}

# The names of a group's volumes, in order.
sub names {
    my ($vg) = @_;
    return sort keys $groups{$vg}->{volumes}->%*;
}

# What is known of a volume: size, tags, loop (if it is active), file, time.
sub volume {
    my ($vg, $name) = @_;
    return $groups{$vg}->{volumes}->{$name};
}

# A volume that somebody else has made.
sub make {
    my ($vg, $name, $bytes, @tags) = @_;
    my $group = $groups{$vg};
    my $file = "$dir/store/" . ++$clock;
    open(my $fh, '>', $file) or die "cannot write $file: $!\n";
    truncate($fh, $bytes) or die "cannot truncate $file: $!\n";
    close($fh);
    my $volume =
        { size => $bytes, tags => [sort @tags], file => $file, time => 1700000000 + $clock };
    return $group->{volumes}->{$name} = $volume;
}

sub program {
    my ($words, $outfunc) = @_;
    no warnings qw(exec);
    open(my $pipe, '-|', $words->@*) or die "cannot run $words->[0]: $!\n";
    while (defined(my $line = <$pipe>)) {
        chomp $line;
        next if !$outfunc;
        $outfunc->($_) for length($line) ? split(m/\r/, $line) : '';
    }
    close($pipe) or die "exit code " . ($? >> 8) . "\n";
    return;
}

sub attach {
    my ($file) = @_;
    # Other processes look for free devices, too.
    for my $try (1 .. 20) {
        my $loop;
        my $take = sub { ($loop) = $_[0] =~ m!^(/dev/loop\d+)$! };
        return $loop if eval { program(['losetup', '-f', '--show', $file], $take); $loop };
        sleep(0.05 * $try);
    }
    die "no loop device\n";
}

sub detach {
    my ($loop) = @_;
    return program(['losetup', '-d', $loop]);
}

sub free_bytes {
    my ($group) = @_;
    my $free = $group->{size};
    $free -= $_->{size} for values $group->{volumes}->%*;
    return $free;
}

sub rounded {
    my ($size) = @_;
    my ($bytes) = $size =~ m/^(\d+)b$/ or die "FakeLvm: size '$size'\n";
    return int(($bytes + $EXTENT - 1) / $EXTENT) * $EXTENT;
}

sub activate {
    my ($vg, $name) = @_;
    my $volume = volume($vg, $name);
    suspend($vg, $name, 0) if $volume->{suspended};
    return if $volume->{loop};
    $volume->{loop} = attach($volume->{file});
    symlink($volume->{loop}, "$dir/dev/$vg/$name") or die "cannot link: $!\n";
    return;
}

# As a command of LVM leaves a volume that is killed while it loads a table. The kernel tells it in a
# folder that is taken for /sys.
sub suspend {
    my ($vg, $name, $suspended) = @_;
    my $volume = volume($vg, $name);
    $volume->{suspended} = $suspended;
    my $device = (stat($volume->{loop}))[6];
    my $where = join(':', $device >> 8 & 0xfff, $device & 0xff);
    make_path("$dir/sys/dev/block/$where/dm");
    open(my $fh, '>', "$dir/sys/dev/block/$where/dm/suspended") or die "cannot write: $!\n";
    print $fh $suspended ? "1\n" : "0\n";
    close($fh);
    return;
}

# Whether another process, or this one, has the device open.
sub in_use {
    my ($loop) = @_;
    return grep { (readlink($_) // '') eq $loop } glob('/proc/[0-9]*/fd/*');
}

sub deactivate {
    my ($vg, $name) = @_;
    my $volume = volume($vg, $name);
    my $loop = $volume->{loop} // return;
    # As LVM does: what looks at new devices has them open for a moment.
    for (1 .. 40) {
        last if !in_use($loop);
        sleep(0.05);
    }
    die "Logical volume $vg/$name in use.\n" if in_use($loop);
    detach($loop);
    delete $volume->{loop};
    unlink("$dir/dev/$vg/$name") or die "cannot unlink: $!\n";
    return;
}

# Takes known options from the words; what is left are names.
sub options {
    my ($words, %known) = @_;
    my (%found, @names);
    my @words = $words->@*;
    while (@words) {
        my $word = shift @words;
        if ($word !~ m/^-/) {
            push @names, $word;
        } elsif (!exists($known{$word})) {
            die "FakeLvm: unknown option '$word'\n";
        } else {
            push $found{ $known{$word} // $word }->@*, defined($known{$word}) ? shift @words : 1;
        }
    }
    return (\%found, @names);
}

# Volumes by the names on a command line, or by --select.
sub chosen {
    my ($found, @names) = @_;
    my @chosen;
    if (my $select = $found->{select}) {
        my ($vg, $pattern) = $select->[0] =~ m/^vg_name = "([^"]+)" && lv_name =~ '([^']+)'$/
            or die "FakeLvm: selection '$select->[0]'\n";
        return map { [$vg, $_] } grep { m/$pattern/ } names($vg);
    }
    for my $name (@names) {
        my ($vg, $volume) = $name =~ m!^([^/]+)/([^/]+)$! or die "FakeLvm: name '$name'\n";
        die "Failed to find logical volume \"$name\"\n" if !volume($vg, $volume);
        push @chosen, [$vg, $volume];
    }
    return @chosen;
}

my %commands = (
    lvcreate => sub {
        my ($words) = @_;
        my ($found, $vg) = options(
            $words,
            '-aly' => undef, '-Wy' => undef, '--yes' => undef, '--setautoactivation' => 'auto',
            '--size' => 'size', '--name' => 'name', '--addtag' => 'tag',
        );
        my $name = $found->{name}->[0];
        my $group = $groups{$vg} or die "Volume group \"$vg\" not found\n";
        die "Logical Volume \"$name\" already exists\n" if volume($vg, $name);
        my $bytes = rounded($found->{size}->[0]);
        die "Volume group \"$vg\" has insufficient free space\n" if free_bytes($group) < $bytes;
        make($vg, $name, $bytes, ($found->{tag} // [])->@*);
        activate($vg, $name) if $found->{'-aly'};
    },
    lvrename => sub {
        my ($words) = @_;
        my (undef, $vg, $from, $to) = options($words);
        my $volumes = $groups{$vg}->{volumes};
        die "Existing logical volume \"$from\" not found\n" if !$volumes->{$from};
        die "Logical Volume \"$to\" already exists\n" if $volumes->{$to};
        $volumes->{$to} = delete $volumes->{$from};
        rename("$dir/dev/$vg/$from", "$dir/dev/$vg/$to") if $volumes->{$to}->{loop};
    },
    lvremove => sub {
        my ($words) = @_;
        my ($found, @names) = options($words, '--force' => undef, '--yes' => undef);
        for my $chosen (chosen($found, @names)) {
            deactivate($chosen->@*);
            my $volume = delete $groups{ $chosen->[0] }->{volumes}->{ $chosen->[1] };
            unlink($volume->{file});
        }
    },
    lvextend => sub {
        my ($words) = @_;
        my ($found, @names) = options($words, '--size' => 'size');
        my ($chosen) = chosen($found, @names);
        my $volume = volume($chosen->@*);
        my $bytes = rounded($found->{size}->[0]);
        die "New size given is not larger than existing size\n" if $bytes <= $volume->{size};
        die "Insufficient free space\n"
            if free_bytes($groups{ $chosen->[0] }) < $bytes - $volume->{size};
        $volume->{size} = $bytes;
        truncate($volume->{file}, $bytes) or die "cannot truncate: $!\n";
        program(['losetup', '-c', $volume->{loop}]) if $volume->{loop};
    },
    lvchange => sub {
        my ($words) = @_;
        my ($found, @names) = options(
            $words,
            (map { ($_ => undef) } qw(-aey -ay -aln -an -pr --refresh)),
            '--select' => 'select', '--addtag' => 'add', '--deltag' => 'del',
        );
        for my $chosen (chosen($found, @names)) {
            my $volume = volume($chosen->@*);
            activate($chosen->@*) if $found->{'-aey'} || $found->{'-ay'};
            deactivate($chosen->@*) if $found->{'-aln'} || $found->{'-an'};
            $volume->{'read-only'} = 1 if $found->{'-pr'};
            program(['losetup', '-c', $volume->{loop}])
                if $found->{'--refresh'} && $volume->{loop};
            my %tags = map { $_ => 1 } $volume->{tags}->@*;
            delete $tags{$_} for ($found->{del} // [])->@*;
            $tags{$_} = 1 for ($found->{add} // [])->@*;
            $volume->{tags} = [sort keys %tags];
        }
    },
    vgs => sub {
        my ($words, $outfunc) = @_;
        my ($found, $vg) = options($words, '--noheadings' => undef, '-o' => 'columns');
        die "Volume group \"$vg\" not found\n" if !$groups{$vg};
        $outfunc->("  $vg-0123") if $found->{columns}->[0] eq 'vg_uuid';
    },
    lvs => sub {
        my ($words, $outfunc) = @_;
        my ($found, @names) = options(
            $words,
            '--noheadings' => undef, '--nosuffix' => undef, '--unbuffered' => undef,
            '--separator' => 'separator', '--units' => 'units', '--config' => 'config',
            '-o' => 'columns', '--options' => 'columns',
        );
        my $separator = $found->{separator}->[0] // ' ';
        my @chosen = map {
            my $name = $_;
            $name =~ m!/! ? chosen({}, $name) : map { [$name, $_] } names($name)
        } @names ? @names : sort keys %groups;
        for my $chosen (@chosen) {
            my ($vg, $name) = $chosen->@*;
            my $volume = volume($vg, $name);
            my %values = (
                vg_name => $vg, lv_name => $name, lv_size => $volume->{size},
                lv_attr => !$volume->{loop} ? '-wi-------'
                : $volume->{suspended} ? '-wi-s-----'
                : '-wi-a-----',
                lv_suspended => $volume->{suspended} ? 'suspended' : '',
                lv_tags => join(',', $volume->{tags}->@*), lv_time => $volume->{time},
                vg_free => free_bytes($groups{$vg}), vg_extent_size => $EXTENT,
            );
            my @columns = split(m/,/, $found->{columns}->[0]);
            $outfunc->('  ' . join($separator, map { $values{$_} // '' } @columns));
        }
    },
);

# In place of PVE::Tools::run_command.
sub run_command {
    my ($words, %param) = @_;
    push @calls, [$words->@*];
    my $done = eval {
        $before->($words) if $before;
        my ($name, @rest) = (basename($words->[0]), $words->@[1 .. $words->$#*]);
        if (my $command = $commands{$name}) {
            $command->(\@rest, $param{outfunc});
        } else {
            program($words, $param{outfunc});
        }
        $after->($words) if $after;
        1;
    };
    return 0 if $done;
    my $err = $@;
    die $param{errmsg} ? "$param{errmsg}: $err" : "command '$words->@*' failed: $err";
}

1;
