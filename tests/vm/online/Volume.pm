package Volume;

# The images of one volume: logical volumes of a group, or files of a folder.

use v5.36;

my @options = ('-o', 'extended_l2=on,cluster_size=128k');

# group => its name, or folder => its path; extent => how large a logical volume is made, in MiB.
sub new ($class, %self) { return bless { extent => 96, %self }, $class }

sub driver ($self) { return $self->{group} ? 'host_device' : 'file' }
sub path ($self, $name) { return $self->place() . "/$name" }
sub exists ($self, $name) { return -e $self->path($name) }

# The volume is vm-100-disk-0.qcow2; the image of a snapshot, or the current one.
sub image ($self, $snapshot = undef) {
    return 'vm-100-disk-0.qcow2' if !defined $snapshot;
    return "vm-100-disk-0-snap-$snapshot.qcow2" if $self->{group};
    return "snap-$snapshot-vm-100-disk-0.qcow2";
}
sub unfinished ($self, $name) { return $self->{group} ? "new-$name" : "$name.new" }
sub removed ($self, $name) { return $self->{group} ? "del-1-$name" : "$name.del-1" }

# How the library calls this way of naming.
sub scheme ($self) { return $self->{group} ? 'lvmqcow2' : 'pve-dir' }
sub place ($self) { return $self->{group} ? "/dev/$self->{group}" : $self->{folder} }

# --- Commands as lists of arguments --------------------------------------------------------------

sub rename_argv ($self, $from, $to) {
    return ['lvrename', '-qq', $self->{group}, $from, $to] if $self->{group};
    return ['mv', '-n', $self->path($from), $self->path($to)];
}

sub remove_argv ($self, $name) {
    return ['lvremove', '-qqf', "$self->{group}/$name"] if $self->{group};
    return ['rm', $self->path($name)];
}

# Makes an empty image in what allocate_argv made room for. With a backing image its name is written
# as it is, whether it exists or not.
sub format_argv ($self, $name, $size, $backing = undef) {
    my @backing = defined($backing) ? ('-u', '-F', 'qcow2', '-b', $backing) : ();
    return [
        'qemu-img', 'create', '-q', '-f', 'qcow2', @options, @backing, $self->path($name),
        $size
    ];
}

sub allocate_argv ($self, $name) {
    return ['true'] if !$self->{group};
    return [
        qw(lvcreate -qq --yes -Wy -Zy -L), "$self->{extent}M", '-n', $name, $self->{group},
    ];
}

sub extend_argv ($self, $name) {
    return ['true'] if !$self->{group};
    return ['lvextend', '-qq', '-L', '+8M', "$self->{group}/$name"];
}

# --- What is done at once ------------------------------------------------------------------------

# What it says is only shown if it fails.
sub command (@argv) {
    open(my $out, '-|', @argv) or die "@argv: $!\n";
    my @said = readline($out);
    close($out) or die "@argv: failed: @said\n";
}

sub create ($self, $name, $size, $backing = undef) {
    command($self->allocate_argv($name)->@*);
    command($self->format_argv($name, $size, $backing)->@*);
}

sub names ($self) {
    if ($self->{group}) {
        return sort map { /(\S+)/ } `lvs --noheadings -o lv_name $self->{group}`;
    }
    opendir(my $dir, $self->{folder}) or die "$self->{folder}: $!\n";
    return sort grep { !/^\./ && $_ ne 'lost+found' } readdir($dir);
}

# Names of images that are being made or removed.
sub passing ($self) {
    return grep { /^(?:new-|del-)|\.new$|\.del-/ } $self->names();
}

sub clear ($self) {
    my @names = $self->names() or return;
    if ($self->{group}) {
        command('lvremove', '-qqf', map { "$self->{group}/$_" } @names);
    } else {
        unlink(map { $self->path($_) } @names);
    }
}

1;
