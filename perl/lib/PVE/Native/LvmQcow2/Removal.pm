package PVE::Native::LvmQcow2::Removal;

use v5.36;

# Removes volumes of the storage type lvmqcow2, and single images of them.

use PVE::Native::ImageName;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;
use PVE::Native::LvmQcow2::Volume;
use PVE::Native::LvmQcow2::Wipe;

# Removes one logical volume, or gives it a name that says so, other than those that are taken. Returns
# what is to overwrite it.
my sub remove {
    my ($at, $name, $taken) = @_;
    if (!$at->{scfg}->{saferemove}) {
        PVE::Native::LVM::remove($at->{vg}, $name);
        return undef;
    }
    my $removed = PVE::Native::ImageName::removed(
        PVE::Native::LvmQcow2::Names::SCHEME, $name, $taken,
    );
    PVE::Native::LVM::rename($at->{vg}, $name, $removed);
    my $lock = sub { PVE::Native::LvmQcow2::Volume::under_lock({ $at->%*, locked => 0 }, $_[0]) };
    return PVE::Native::LvmQcow2::Wipe::worker($at->{scfg}, $lock, $removed);
}

# The same. Most often nothing was removed under its name before, and the group need not be looked at.
my sub remove_alone {
    my ($at, $name) = @_;
    my $worker;
    return $worker if eval { $worker = remove($at, $name, []); 1 };
    die $@ if !$at->{scfg}->{saferemove};
    return remove($at, $name, [keys PVE::Native::LVM::list($at->{vg})->{volumes}->%*]);
}

# Removes the image of a state whose data a running guest's QEMU has moved elsewhere.
sub drop {
    my ($at, $snapshot) = @_;
    my $worker = PVE::Native::LvmQcow2::Volume::under_lock(
        $at,
        sub {
            my $name = PVE::Native::LvmQcow2::Volume::image_name($at, $snapshot);
            my $images =
                PVE::Native::LvmQcow2::Volume::look_at_active($at)->as_hash()->{images};
            my ($nth) = grep { $images->[$_]->{name} eq $name } 0 .. $images->$#*;
            die "volume '$at->{vg}/$name' is not active\n"
                if !defined($nth) || $images->[$nth]->{content} eq 'missing';
            my @above =
                grep { defined($_->{parent}) && $_->{parent} == $nth && !$_->{standing} }
                $images->@*;
            die "'$name' cannot be removed: '$above[0]->{name}' stands on it\n" if @above;
            return remove_alone($at, $name);
        },
    );
    return PVE::Native::LvmQcow2::Volume::start($worker);
}

# A raw volume is one logical volume, as long as nothing stands on it: no listing is needed to find out.
my sub stands_alone {
    my ($at) = @_;
    my ($vg, $name) = $at->@{qw(vg volname)};
    return 0 if $at->{volume}->{format} ne 'raw';
    my $pattern = PVE::Native::LvmQcow2::Names::matcher($at->{volume});
    return !grep { $_ ne $name && $_ =~ $pattern } keys PVE::Native::LVM::active($vg)->%*;
}

# Removes the volume with all that belongs to it. What is broken in it does not matter. Returns what is to
# overwrite it.
sub free {
    my ($at) = @_;
    my ($vg, $name) = $at->@{qw(vg volname)};
    my $is_raw = $at->{volume}->{format} eq 'raw';
    return remove_alone($at, $name) if stands_alone($at);
    my ($graph, $list) = PVE::Native::LvmQcow2::Volume::look($at, ready => $is_raw);
    my $names = $list->{volumes};
    my $raw = PVE::Native::LvmQcow2::Names::stem($name);
    die
        "what is called like snapshots of '$vg/$name' may be those of '$vg/$raw', in the layout of 2024:"
        . " see 'pve-native snapshot diagnose "
        . PVE::Native::LVM::path($vg, $raw) . "'\n"
        if !$names->{$name} && !$is_raw && $names->{$raw};
    my (undef, $worker) = PVE::Native::LvmQcow2::Volume::carry_out($at, $graph, $list, 'free', {});
    return $worker;
}

1;
