package PVE::Native::LVM;

use v5.36;

# What a storage plugin asks of LVM and tells it: each function is one process at the most. Names and
# groups must be clean; what LVM prints is taken apart and untainted here.

use PVE::Tools qw(run_command);

use PVE::Native::Device;

# Where device nodes of groups are.
our $DEV = '/dev';

# Where the kernel tells of devices.
our $SYS = '/sys';

my @COLUMNS = qw(lv_name lv_size lv_attr lv_tags lv_suspended lv_time vg_free vg_extent_size);

my sub untainted {
    my ($text, $pattern) = @_;
    my ($clean) = $text =~ m/^($pattern)$/;
    return $clean;
}

# Noise of virtual drives without a medium, which is on each command's standard error.
my sub noise {
    my ($line) = @_;
    print STDERR "$line\n" if $line !~ m/open failed: No medium found/;
    return;
}

sub path {
    my ($vg, $name) = @_;
    return "$DEV/$vg/$name";
}

# The volumes of a group, by name, and of the group itself, if it has any volume, free bytes and the
# size of extents.
sub list {
    my ($vg) = @_;
    my (%volumes, %group);
    my $take = sub {
        my ($line) = @_;
        my ($name, $size, $attr, $tags, $suspended, $time, $free, $extent) =
            split(m/[|]/, $line =~ s/^\s+//r);
        $name = untainted($name // '', qr/[a-zA-Z0-9+_.-]+/) // return;
        $volumes{$name} = {
            name => $name,
            path => path($vg, $name),
            size => int(untainted($size, qr/\d+/)),
            type => substr($attr, 0, 1),
            active => substr($attr, 4, 1) eq 'a' ? 1 : 0,
            tags =>
                [map { untainted($_, qr/[a-zA-Z0-9_+.\-\/=!:&#]+/) // () } split(m/,/, $tags)],
            # Who reads its device waits until somebody resumes it; activating it does.
            suspended => $suspended eq 'suspended' ? 1 : 0,
            ctime => int(untainted($time, qr/\d+/) // 0),
        };
        %group = (
            free => int(untainted($free, qr/\d+/)),
            'extent-size' => int(untainted($extent, qr/\d+/)),
        );
    };
    # No tag can have a bar in it, and some have colons.
    my @options = ('--noheadings', '--separator', '|', '--units', 'b', '--nosuffix');
    run_command(
        [
            '/sbin/lvs', @options, '--config', 'report/time_format="%s"', '-o',
            join(',', @COLUMNS), $vg,
        ],
        outfunc => $take,
        errfunc => \&noise,
        errmsg => "cannot list the volumes of group '$vg'",
    );
    return { volumes => \%volumes, %group };
}

# The names of the group's volumes that are active on this node. No process is needed: LVM keeps a link
# for each.
sub active {
    my ($vg) = @_;
    opendir(my $dir, "$DEV/$vg") or return {};
    return {
        map { my $name = untainted($_, qr/[a-zA-Z0-9+_.-]+/); $name ? ($name => 1) : () }
        grep { !m/^[.]{1,2}$/ } readdir($dir)
    };
}

# Whether the device of an active volume is suspended: who reads it waits until somebody resumes it. No
# process is needed, and the device is not opened.
sub is_suspended {
    my ($vg, $name) = @_;
    return PVE::Native::Device::is_suspended("$DEV/$vg/$name", $SYS);
}

# Makes a volume of so many bytes at least, and activates it. Other nodes do not activate it by
# themselves.
sub create {
    my ($vg, $name, $bytes, $tags) = @_;
    my $cmd = ['/sbin/lvcreate', '-aly', '-Wy', '--yes', '--setautoactivation', 'n'];
    push $cmd->@*, '--size', "${bytes}b", '--name', $name, (map { ('--addtag', $_) } $tags->@*),
        $vg;
    run_command($cmd, errmsg => "cannot make volume '$vg/$name'", errfunc => \&noise);
    return;
}

sub extend {
    my ($vg, $name, $bytes) = @_;
    my $cmd = ['/sbin/lvextend', '--size', "${bytes}b", "$vg/$name"];
    run_command($cmd, errmsg => "cannot make volume '$vg/$name' larger", errfunc => \&noise);
    return;
}

sub rename {
    my ($vg, $from, $to) = @_;
    run_command(
        ['/sbin/lvrename', $vg, $from, $to],
        errmsg => "cannot rename volume '$vg/$from' to '$to'",
        errfunc => \&noise,
    );
    return;
}

sub remove {
    my ($vg, @names) = @_;
    return if !@names;
    run_command(
        ['/sbin/lvremove', '--force', '--yes', map { "$vg/$_" } @names],
        errmsg => 'cannot remove ' . join(', ', map { "'$vg/$_'" } @names),
        errfunc => \&noise,
    );
    return;
}

# Which volumes a command is about: those named, or those of the group whose names match a pattern of
# LVM's.
my sub chosen {
    my ($vg, $which) = @_;
    return map { "$vg/$_" } $which->@* if ref($which);
    return ('--select', qq{vg_name = "$vg" && lv_name =~ '$which'});
}

my sub change {
    my ($option, $vg, $which, $what) = @_;
    run_command(
        ['/sbin/lvchange', $option, chosen($vg, $which)],
        errmsg => $what, errfunc => \&noise,
    );
    return;
}

sub activate {
    my ($vg, $which, $what) = @_;
    return change('-aey', $vg, $which, "cannot activate $what");
}

# Has the kernel look anew at volumes that are active: another node may have made them larger.
sub refresh {
    my ($vg, $which, $what) = @_;
    return change('--refresh', $vg, $which, "cannot refresh $what");
}

sub deactivate {
    my ($vg, $which, $what) = @_;
    return change('-aln', $vg, $which, "cannot deactivate $what");
}

# Bytes of a volume, active or not.
sub size {
    my ($vg, $name, $timeout) = @_;
    my $size;
    run_command(
        [
            '/sbin/lvs', '--noheadings', '--units', 'b', '--nosuffix', '-o', 'lv_size',
            "$vg/$name"
        ],
        timeout => $timeout,
        outfunc => sub { $size = int($1) if $_[0] =~ m/^\s*(\d+)\s*$/ },
        errfunc => \&noise,
        errmsg => "cannot get the size of volume '$vg/$name'",
    );
    return $size;
}

# What a group is called whatever its name is.
sub uuid {
    my ($vg) = @_;
    my $uuid;
    run_command(
        ['/sbin/vgs', '--noheadings', '-o', 'vg_uuid', $vg],
        outfunc => sub { $uuid = $1 if $_[0] =~ m/^\s*([a-zA-Z0-9-]+)\s*$/ },
        errfunc => \&noise,
        errmsg => "cannot get the UUID of group '$vg'",
    );
    return $uuid;
}

1;

__END__

=head1 NAME

PVE::Native::LVM - what a storage plugin asks of LVM and tells it

=head1 DESCRIPTION

For L<PVE::Storage::Custom::LvmQcow2Plugin>. Each function starts one process at the most, through
C<PVE::Tools::run_command>, and dies with a line that says what could not be done. Groups and names
must be clean; what comes back is.

=head1 FUNCTIONS

=over

=item list($vg)

C<< { volumes => { $name => { name, path, size, type, active, tags, suspended, ctime } }, free, 'extent-size' } >>,
in bytes. A group without volumes tells nothing of itself.

=item active($vg)

The names of the volumes that are active on this node, as keys of a hash. No process.

=item is_suspended($vg, $name)

Whether the device of an active volume is suspended, as a command of LVM leaves it that is killed at the
wrong moment. No process; the device is not opened.

=item path($vg, $name)

The path of a volume's device.

=item create($vg, $name, $bytes, \@tags), extend($vg, $name, $bytes), rename($vg, $from, $to), remove($vg, @names)

Change the group. LVM refuses what is in use, what there is no room for, and names that are taken.

=item activate($vg, $which, $what), refresh(...), deactivate(...)

C<$which> is an array of names, or a pattern that LVM compares the names of this group with. C<$what> is
what messages call it.

=item size($vg, $name, $timeout)

Bytes of one volume.

=item uuid($vg)

The group's UUID.

=back

=cut
