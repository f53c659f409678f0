package PVE::Native::LvmQcow2::Activation;

use v5.36;

# Makes the images of a volume of the storage type lvmqcow2 available on this node, and takes them away
# again: those of this volume in its own group, and no others.

use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;

my sub active_of {
    my ($vg, $volume) = @_;
    my $pattern = PVE::Native::LvmQcow2::Names::matcher($volume);
    return grep { $_ =~ $pattern } sort keys PVE::Native::LVM::active($vg)->%*;
}

# A raw volume may be the lowest image of a volume in the layout of 2024, where writing to it destroys
# what stands on it. Names that say so may be those of another volume's snapshots, which are none of
# ours.
my sub refuse_overlays {
    my ($vg, $volume, @before) = @_;
    my $name = $volume->{volume};
    my @others = grep { $_ ne $name } active_of($vg, $volume);
    return if !@others;
    my $names = PVE::Native::LVM::list($vg)->{volumes};
    my $overlays = PVE::Native::LvmQcow2::Names::has_overlays($name, $names);
    my %before = map { $_ => 1 } @before;
    my @new = grep { !$before{$_} } @others, $overlays ? ($name) : ();
    PVE::Native::LVM::deactivate($vg, \@new, "what stands on '$vg/$name'") if @new;
    die "volume '$name' has snapshots in the layout of 2024, and must be converted first: see"
        . " 'pve-native snapshot plan convert --volume "
        . PVE::Native::LVM::path($vg, $name) . "'\n"
        if $overlays;
    return;
}

sub activate {
    my ($vg, $volume) = @_;
    my $name = $volume->{volume};
    my $what = "volume '$vg/$name'";
    my @before = active_of($vg, $volume);
    my $pattern = PVE::Native::LvmQcow2::Names::pattern($volume);
    PVE::Native::LVM::activate($vg, $pattern, $what);
    # What is newly active is as it is in the group now.
    PVE::Native::LVM::refresh($vg, $pattern, $what) if @before;
    refuse_overlays($vg, $volume, @before) if !$volume->{snapshots};
    my $path = PVE::Native::LVM::path($vg, $name);
    die "$what is not there after its activation; 'pve-native snapshot diagnose $path' says more\n"
        if !-e $path;
    return;
}

sub deactivate {
    my ($vg, $volume) = @_;
    my @active = active_of($vg, $volume);
    @active = grep { $_ eq $volume->{volume} } @active if !$volume->{snapshots};
    return if !@active;
    PVE::Native::LVM::deactivate($vg, \@active, "volume '$vg/$volume->{volume}'");
    return;
}

1;
