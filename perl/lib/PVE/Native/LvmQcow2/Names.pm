package PVE::Native::LvmQcow2::Names;

use v5.36;

# Which logical volumes are which images, for the storage type lvmqcow2. What names mean is said by
# PVE::Native::ImageName; here is what follows for the volumes of a group.

use PVE::Native::ImageName;

use constant SCHEME => 'lvmqcow2';

# What may stand behind a volume's stem in the names of its images, as LVM's patterns have it: a hyphen
# that is not the first in brackets makes a range there, even with the bracket.
my $SNAPSHOT = '-snap-[a-zA-Z][-a-zA-Z0-9_]*';

sub meaning {
    my ($name) = @_;
    return PVE::Native::ImageName::parse(SCHEME, $name);
}

# The same for a volume, which has the name of its current image; anything else dies.
sub volume {
    my ($volname) = @_;
    my $meaning = meaning($volname);
    die "no volume is called '$volname'\n"
        if !$meaning || $meaning->{standing} ne 'kept';
    die "'$volname' is an image of volume '$meaning->{volume}', and no volume\n"
        if $meaning->{part} ne 'current';
    return $meaning;
}

# The name without the extension that says the format.
sub stem {
    my ($volname) = @_;
    return $volname =~ s/[.]qcow2$//r;
}

sub image {
    my ($volname, $snapshot, $raw) = @_;
    my $opts = { snapshot => $snapshot, raw => $raw ? 1 : 0 };
    return PVE::Native::ImageName::form(SCHEME, $volname, $opts);
}

sub unfinished {
    my ($volname) = @_;
    return PVE::Native::ImageName::form(SCHEME, $volname, { standing => 'unfinished' });
}

# Whether the raw volume has overlays in the layout of 2024, as far as names say it: those of a qcow2
# volume are called the same.
sub has_overlays {
    my ($volname, $names) = @_;
    return 0 if $volname =~ m/[.]qcow2$/ || $names->{"$volname.qcow2"};
    return scalar(
        grep { defined(PVE::Native::ImageName::overlay_of(SCHEME, $volname, $_)) }
            keys $names->%*
    );
}

# Matches the names of all images of a volume; of a raw volume those that would be overlays in the
# layout of 2024.
sub pattern {
    my ($volume) = @_;
    my $stem = stem($volume->{volume}) =~ s/[.]/\\./gr;
    return "^$stem(\\.qcow2|-base|$SNAPSHOT(\\.qcow2)?)\$" if $volume->{snapshots};
    my $name = $volume->{volume} =~ s/[.]/\\./gr;
    return "^$name($SNAPSHOT\\.qcow2)?\$" if $volume->{purpose} eq 'disk';
    return "^$name\$";
}

# The same in Perl.
sub matcher {
    my ($volume) = @_;
    my $pattern = pattern($volume);
    return qr/$pattern/;
}

# All names that belong to a volume, whatever their standing.
sub members {
    my ($volname, $names) = @_;
    return grep {
        my $meaning = meaning($_);
        $meaning && $meaning->{volume} eq $volname
    } sort keys $names->%*;
}

# Dies if there is anything that a new volume of this name could be taken for.
sub must_be_free {
    my ($volname, $names, $vg) = @_;
    my $stem = stem($volname);
    my @same = grep {
        my $meaning = meaning($_);
        $meaning && stem($meaning->{volume}) eq $stem && $meaning->{standing} ne 'removed'
    } sort keys $names->%*;
    return if !@same;
    die "volume '$vg/$same[0]' is there already\n" if $same[0] eq $volname;
    die "a volume '$volname' would be mixed up with '$vg/$same[0]', which is there already\n";
}

# The first name of a disk that nothing is called like.
sub free_disk {
    my ($names, $vmid, $format, $storeid) = @_;
    my %taken;
    for my $name (keys $names->%*) {
        my $meaning = meaning($name) // next;
        $taken{$1} = 1 if stem($meaning->{volume}) =~ m/^(?:vm|base)-\Q$vmid\E-disk-(\d+)$/;
    }
    my ($number) = grep { !$taken{$_} } 0 .. $PVE::Storage::Plugin::MAX_VOLUMES_PER_GUEST - 1;
    die "all names for disks of guest $vmid are taken on storage '$storeid'\n"
        if !defined($number);
    return "vm-$vmid-disk-$number" . ($format eq 'qcow2' ? '.qcow2' : '');
}

sub tags {
    my ($volume) = @_;
    return ["pve-vm-$volume->{owner}", 'pve-' . stem($volume->{volume})];
}

1;
