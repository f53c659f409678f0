package PVE::Native::LvmQcow2::Wipe;

use v5.36;

# Overwrites what was removed with zeros, for the option saferemove: as a task of its own, as it takes
# as long as the volumes are large.

use Cwd qw(abs_path);

use PVE::Tools qw(run_command file_read_firstline);

use PVE::Native::LVM;

my $MIB = 1024 * 1024;
# Of cstream, and as Proxmox VE has it: bytes in a second, at the most.
my $THROUGHPUT = '-10485760';

# How many bytes the device zeroes by itself at once; 0 if it cannot.
my sub zeroes_at_once {
    my ($path) = @_;
    my ($device) = (abs_path($path) // '') =~ m!^/dev/(dm-\d+)$!;
    return undef if !defined($device);
    my $bytes = file_read_firstline("/sys/block/$device/queue/write_zeroes_max_bytes") // 0;
    return $bytes =~ m/^(\d+)$/ ? int($1) : 0;
}

my sub overwrite {
    my ($scfg, $path) = @_;
    my $at_once = zeroes_at_once($path);
    die "'$path' is no device of device-mapper's\n" if !defined($at_once);
    if (!$at_once) {
        my $throughput = $scfg->{saferemove_throughput} || $THROUGHPUT;
        my $cmd = ['/usr/bin/cstream', '-i', '/dev/zero', '-o', $path, '-T', '10', '-v', '1'];
        # At the end of the device it fails.
        eval { run_command([$cmd->@*, '-b', $MIB, '-t', $throughput]) };
        print "cstream has come to the end of '$path': $@" if $@;
        return;
    }
    my $step = ($scfg->{'saferemove-stepsize'} // 32) * $MIB;
    $step = $at_once if $step > $at_once;
    run_command(['/usr/sbin/blkdiscard', '--zeroout', '--step', $step, $path]);
    return;
}

# What does it for these volumes, whose names say that they were removed. $lock runs code under the
# storage's lock.
sub worker {
    my ($scfg, $lock, @names) = @_;
    my $vg = $scfg->{vgname};
    return sub {
        my @failed;
        for my $name (@names) {
            my $path = PVE::Native::LVM::path($vg, $name);
            print "overwriting volume $vg/$name\n";
            eval {
                my $what = "volume '$vg/$name'";
                my $active = PVE::Native::LVM::active($vg)->{$name};
                my $ready =
                    $active ? \&PVE::Native::LVM::refresh : \&PVE::Native::LVM::activate;
                $ready->($vg, [$name], $what);
                overwrite($scfg, $path);
                $lock->(sub { PVE::Native::LVM::remove($vg, $name) });
                print "volume $vg/$name is removed\n";
            };
            # It keeps its name, under which it is found again.
            push @failed, "$name: $@" if $@;
        }
        die "some volumes are left:\n", @failed if @failed;
        return;
    };
}

1;
