package FakeMultipathd;

# A program that answers as multipathd does, with what a test puts into files; and a sysfs that has maps.
# What it answers with was captured from real ones: src/cluster/multipathd/captured.

use v5.36;

use File::Path qw(make_path remove_tree);

use PVE::Native::Multipath;
use TestImages qw(directory read_file write_file);

my $dir = directory();
my $program = "$dir/multipathd";
my $sysfs = "$dir/sys";

# Makes it the one that is asked.
sub install {
    write_file("$dir/maps", '{"maps":[]}');
    write_file("$dir/paths", '');
    does(     "case \"\$*\" in\n"
            . "'show maps json') cat $dir/maps;;\n"
            . "'show paths raw format %d|%m|%P') cat $dir/paths;;\n"
            . "*) echo \"asked for '\$*'\"; exit 1;;\nesac");
    assembles();
    $PVE::Native::Multipath::MULTIPATHD = $program;
    $PVE::Native::Multipath::SYSFS = $sysfs;
    return;
}

# Lets it do something else.
sub does {
    my ($script) = @_;
    # Another file: the old one may be running.
    unlink($program);
    write_file($program, "#!/bin/sh\n$script\n");
    chmod(0755, $program) or die "cannot change $program: $!\n";
    return;
}

sub is_missing {
    unlink($program) or die "cannot remove $program: $!\n";
    return;
}

sub says {
    my ($maps, $paths) = @_;
    write_file("$dir/maps", $maps);
    write_file("$dir/paths", $paths // '');
    return;
}

# Where it has one of its answers from.
sub file {
    my ($name) = @_;
    return "$dir/$name";
}

sub captured {
    my ($name) = @_;
    return read_file("src/cluster/multipathd/captured/$name.json");
}

# The maps that the kernel has, by WWID, with their sizes in sectors; and a volume of LVM.
sub assembles {
    my (%sectors) = @_;
    remove_tree($sysfs);
    my $number = 0;
    for my $uuid ((map { "mpath-$_" } sort keys %sectors), 'LVM-abc') {
        my $device = "$sysfs/block/dm-" . $number++;
        make_path("$device/dm");
        write_file("$device/dm/uuid", "$uuid\n");
        write_file("$device/size", ($sectors{ $uuid =~ s/^mpath-//r } // 1) . "\n");
    }
    return;
}

1;
