package Volume;

# A volume, and what must be in it: the current state, and each snapshot. Everything is done by plans;
# only what a guest or an earlier program would have made is made here: empty volumes, data, and the
# layout of 2024.

use v5.36;

use Disk;
use Group;
use Plans;

# states: the current one and then each snapshot, the newest first: { name (undef: current), disk, raw };
# bottom: whether there is a raw image below that is no snapshot; kind: raw, qcow2 or overlays.
sub new ($class, %self) { return bless {%self}, $class }

sub copy ($self) {
    my @states = map {
        { $_->%*, disk => $_->{disk}->copy() }
    } $self->{states}->@*;
    return bless { $self->%*, states => \@states }, ref($self);
}

sub name ($self) { return $self->{name} }
sub stem ($self) { return $self->{name} =~ s/\.qcow2$//r }
sub current ($self) { return $self->{states}->[0]->{disk} }

sub snapshots ($self) {
    my (undef, @snapshots) = map { $_->{name} } $self->{states}->@*;
    return @snapshots;
}

sub tags ($self) {
    my ($vmid) = $self->{name} =~ /^(?:vm|base)-(\d+)-/;
    return join(',', sort("pve-vm-$vmid", 'pve-' . $self->stem()));
}

# --- What is there ------------------------------------------------------------------------------

# Names of the images that the volume consists of => { format, disk (what must be in it, if that counts),
# tags (undef: any) }.
sub images ($self) {
    my ($stem, $kind, %all) = ($self->stem(), $self->{kind});
    my @states = $self->{states}->@*;
    my $tags = $self->tags();
    if ($kind eq 'raw') {
        return { $self->{name} => { format => 'raw', disk => $states[0]->{disk} } };
    }
    if ($kind eq 'overlays') {
        # The image above a snapshot is called after it.
        for my $nth (0 .. $#states) {
            my $below = $states[$nth + 1];
            my $image = $below ? "$stem-snap-$below->{name}.qcow2" : $stem;
            $all{$image} = { format => $below ? 'qcow2' : 'raw', disk => $states[$nth]->{disk} };
        }
        return \%all;
    }
    for my $state (@states) {
        my $image = defined($state->{name}) ? "$stem-snap-$state->{name}" : $stem;
        $image .= '.qcow2' if !$state->{raw};
        $all{$image} = {
            format => $state->{raw} ? 'raw' : 'qcow2',
            disk => $state->{disk},
            tags => $state->{raw} || $self->{untagged} ? undef : $tags,
        };
    }
    $all{"$stem-base"} = { format => 'raw' } if $self->{bottom};
    return \%all;
}

my $model = '/dev/shm/model';

# What is wrong with an image, as a text; nothing if it is right.
sub wrong ($image, $must) {
    my $path = Group::path($image);
    my $disk = $must->{disk};
    if ($must->{format} eq 'qcow2') {
        my ($status, $said) = Group::attempt('qemu-img', 'check', '-f', 'qcow2', $path);
        return "$image: qemu-img check: $said" if $status != 0;
        open(my $file, '<:raw', $path) or return "$image: $!";
        sysread($file, my $head, 32);
        my $size = unpack('Q>', substr($head, 24, 8));
        return "$image: a disk of $size instead of $disk->{size} bytes" if $size != $disk->size();
    }
    return if !$disk;
    $disk->lay_out($model);
    my ($status, $said) =
        Group::attempt('qemu-img', 'compare', '-f', 'raw', '-F', $must->{format}, $model, $path);
    return "$image: other data: $said" if $status != 0;
    return;
}

# What is wrong with the volume's images: their data, and what a diagnosis says.
sub look ($self) {
    my $images = $self->images();
    # Clones are made of a base image; nobody has it active until then.
    Group::command(qw(lvchange -q -ay), map { "$Group::name/$_" } sort(keys($images->%*)))
        if $self->{name} =~ /^base-/;
    my @wrong = map { wrong($_, $images->{$_}) } sort(keys($images->%*));
    my $found = Plans::diagnose($self->{name}) // [{ code => 'gone', message => '' }];
    for my $entry ($found->@*) {
        next if $entry->{code} eq 'overlay-layout' && $self->{kind} eq 'overlays';
        push @wrong, "diagnosis: $entry->{code}: $entry->{message}";
    }
    return @wrong;
}

# Whether the group has what these volumes consist of, and nothing else.
sub surprises ($list, @volumes) {
    my %all = map { $_->images()->%* } @volumes;
    my @wrong = map { "$_ is left" } grep { !$all{$_} } sort(keys($list->%*));
    for my $image (sort(keys(%all))) {
        my $is = $list->{$image};
        my $tags = $all{$image}->{tags};
        if (!$is) {
            push @wrong, "$image is missing";
        } elsif (!$is->{active} && $image !~ /^base-/) {
            push @wrong, "$image is not active";
        } elsif (defined($tags) && $is->{tags} ne $tags) {
            push @wrong, "$image has the tags '$is->{tags}' instead of '$tags'";
        }
    }
    return @wrong;
}

# --- Making -------------------------------------------------------------------------------------

sub allocate ($image, $bytes, @tags) {
    my $mib = ($bytes + (4 << 20) - 1) >> 22 << 2;
    Group::command(
        'lvcreate', '-q', '-y', '-Wy', '-L', "${mib}M", '-n', $image,
        (map { ('--addtag', $_) } @tags), $Group::name
    );
    return $mib << 20;
}

# An empty volume as the storage makes it.
sub make_qcow2 ($class, $name, $size, $options) {
    my $self =
        $class->new(name => $name, kind => 'qcow2', states => [{ disk => Disk->new($size) }]);
    my ($most) =
        Group::command('qemu-img', 'measure', '-O', 'qcow2', '--size', $size, '-o', $options) =~
        /^fully allocated size: (\d+)/m;
    allocate($name, $most, split(/,/, $self->tags()));
    Group::command(
        'qemu-img', 'create', '-q', '-f', 'qcow2', '-o', $options, Group::path($name),
        $size
    );
    return $self;
}

sub make_raw ($class, $name, $size) {
    my ($vmid) = $name =~ /^vm-(\d+)-/;
    $size = allocate($name, $size, "pve-vm-$vmid");
    Group::command('blkdiscard', '-z', Group::path($name));
    return $class->new(name => $name, kind => 'raw', states => [{ disk => Disk->new($size) }]);
}

# A raw volume becomes one with a snapshot, as the proposal of 2024 did it; or gets one more.
sub take_overlay ($self, $snapshot) {
    my $states = $self->{states};
    my ($top) = $states->@* > 1 ? "$self->{name}-snap-$states->[1]->{name}.qcow2" : $self->{name};
    my $format = $states->@* > 1 ? 'qcow2' : 'raw';
    my $size = $self->current()->size();
    my $image = "$self->{name}-snap-$snapshot.qcow2";
    my ($vmid) = $self->{name} =~ /^vm-(\d+)-/;
    allocate($image, $size + (8 << 20), "pve-vm-$vmid");
    Group::command(
        'qemu-img', 'create', '-q', '-f', 'qcow2', '-b', Group::path($top), '-F', $format,
        Group::path($image), $size
    );
    $self->{kind} = 'overlays';
    my $state = $states->[0];
    unshift $states->@*, { disk => $state->{disk}->copy() };
    $state->{name} = $snapshot;
    $state->{raw} = 1 if $format eq 'raw';
}

# --- What a guest does --------------------------------------------------------------------------

# The image that the guest writes to, and its format.
sub top ($self) {
    return ($self->{name}, $self->{kind}) if $self->{kind} ne 'overlays';
    return ("$self->{name}-snap-$self->{states}->[1]->{name}.qcow2", 'qcow2');
}

# writes: [offset, length, byte]; byte 0 writes zeros. Those behind the end are left out.
sub write ($self, @writes) {
    my ($image, $format) = $self->top();
    my $disk = $self->current();
    my @commands;
    for my $write (@writes) {
        my ($from, $length, $byte) = $write->@*;
        next if $from >= $disk->size();
        $length = $disk->size() - $from if $from + $length > $disk->size();
        $disk->fill($from, $length, $byte);
        push @commands, '-c',
            $byte ? "write -q -P $byte $from $length" : "write -q -z $from $length";
    }
    return if !@commands;
    my ($status, $said) =
        Group::attempt('qemu-io', '-f', $format, @commands, Group::path($image));
    die "$image: qemu-io: $said\n" if $status != 0 || $said =~ /\S/;
}

# --- What must come of an operation --------------------------------------------------------------

my %after = (
    create => sub ($self, $args) {
        my $state = $self->{states}->[0];
        unshift $self->{states}->@*, { disk => $state->{disk}->copy() };
        $state->{name} = $args->{snapshots}->[0];
    },
    delete => sub ($self, $args) {
        for my $name ($args->{snapshots}->@*) {
            my ($state) = grep { ($_->{name} // '') eq $name } $self->{states}->@*;
            $self->{bottom} = 1 if $state && $state->{raw};
            $self->{states} = [grep { ($_->{name} // '') ne $name } $self->{states}->@*];
        }
    },
    rollback => sub ($self, $args) {
        $self->{states}->[0]->{disk} = $self->{states}->[1]->{disk}->copy();
    },
    resize => sub ($self, $args) {
        my $size = $args->{size};
        $size = ($size + (4 << 20) - 1) >> 22 << 22 if $self->{kind} eq 'raw';
        $self->current()->grow($size);
        $self->{grown} = 1;
    },
    rename => sub ($self, $args) { $self->{name} = $args->{to} },
    'create-base' => sub ($self, $args) { $self->{name} =~ s/^vm-/base-/ },
    adopt => sub ($self, $args) {
        $self->@{qw(name kind bottom grown)} = ("$self->{name}.qcow2", 'qcow2', 1, 0);
    },
    unadopt => sub ($self, $args) {
        $self->@{qw(name kind bottom)} = ($self->stem(), 'raw', 0);
    },
    convert => sub ($self, $args) {
        $self->@{qw(name kind untagged)} = ("$self->{name}.qcow2", 'qcow2', 1);
    },
    free => sub ($self, $args) { $self->{states} = [] },
);
$after{'delete-many'} = $after{delete};

# The same volume as it must be afterwards.
sub after ($self, $op, $args) {
    my $after = $self->copy();
    $after{$op}->($after, $args);
    return $after;
}

1;
