package PVE::Native::LvmQcow2::Listing;

use v5.36;

# Which volumes of the storage type lvmqcow2 a group has, and how large their disks are.

use PVE::Storage::LVMPlugin;

use PVE::Native::Image;
use PVE::Native::ImageName;
use PVE::Native::LVM;
use PVE::Native::LvmQcow2::Names;

# Seconds in which the headers of all active volumes must have been read.
my $TIMEOUT = 10;

# Volumes as lvs has them: plain, mirrored and RAID ones are a guest's.
my $TYPES = qr/^[-mMrR]$/;

# The disks' sizes by path. What cannot be read has none.
my sub sizes {
    my (@paths) = @_;
    return {} if !@paths;
    my $infos = eval { PVE::Native::Image::inspect_many(\@paths, { timeout => $TIMEOUT }) };
    warn $@ if $@;
    return { map { $_ => $infos->{$_}->{'virtual-size'} } keys(($infos // {})->%*) };
}

# What the group's names say: the volumes by name, and which qcow2 volumes have images besides.
my sub sort_out {
    my ($lvs) = @_;
    my (%volumes, %parts);
    for my $name (keys $lvs->%*) {
        next if $lvs->{$name}->{lv_type} !~ $TYPES;
        my $image = PVE::Native::LvmQcow2::Names::meaning($name) // next;
        next if $image->{standing} ne 'kept';
        if ($image->{part} eq 'current') {
            $volumes{$name} = $image;
        } else {
            push $parts{ $image->{volume} }->@*, $name;
        }
    }
    return (\%volumes, \%parts);
}

# Volumes that callers must not use as what their names say: the raw volume below overlays in the layout
# of 2024, and a volume whose current image is missing.
my sub mark_broken {
    my ($volumes, $parts) = @_;
    for my $qcow2 (keys $parts->%*) {
        next if $volumes->{$qcow2};
        my $raw = $volumes->{ PVE::Native::LvmQcow2::Names::stem($qcow2) };
        my $image = PVE::Native::LvmQcow2::Names::meaning($parts->{$qcow2}->[0]);
        $raw //= $volumes->{$qcow2} = { $image->%*, volume => $qcow2, missing => 1 };
        $raw->{broken} = 1;
    }
    return;
}

sub images {
    my ($storeid, $scfg, $vmid, $vollist, $cache) = @_;
    # In the shape in which LVMPlugin keeps it there, too.
    $cache->{lvs} //= PVE::Storage::LVMPlugin::lvm_list_volumes();
    my $lvs = $cache->{lvs}->{ $scfg->{vgname} } // {};
    my ($volumes, $parts) = sort_out($lvs);
    mark_broken($volumes, $parts);
    my %wanted = map { $_ => 1 } ($vollist // [])->@*;

    my (@found, %paths);
    for my $name (sort keys $volumes->%*) {
        my $volume = $volumes->{$name};
        my $volid = "$storeid:$name";
        next if $vollist ? !$wanted{$volid} : defined($vmid) && $volume->{owner} ne $vmid;
        my $lv = $lvs->{ $volume->{missing} ? $parts->{$name}->[0] : $name };
        next if $scfg->{tagged_only} && ($lv->{tags} // '') !~ m/(?:^|,)pve-vm-\d+(?:,|$)/;
        my $entry = {
            volid => $volid,
            format => $volume->{broken} ? 'invalid' : $volume->{format},
            vmid => $volume->{owner},
            ctime => $lv->{ctime},
        };
        push @found, $entry;
        if ($volume->{broken} || $volume->{format} eq 'raw') {
            $entry->{size} = $lv->{lv_size};
            next;
        }
        # Nothing is activated only to look into it.
        $entry->{'approximate-size'} = $lv->{lv_size};
        $paths{ PVE::Native::LVM::path($scfg->{vgname}, $name) } = $entry
            if ($lv->{lv_state} // '') eq 'a';
    }
    my $sizes = sizes(map { m/^(.*)$/s } sort keys %paths);
    for my $path (keys %paths) {
        my $size = $sizes->{$path} // next;
        $paths{$path}->{size} = $size;
        delete $paths{$path}->{'approximate-size'};
    }
    return \@found;
}

1;
