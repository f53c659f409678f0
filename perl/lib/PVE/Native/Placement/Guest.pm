package PVE::Native::Placement::Guest;

use v5.36;

# What a guest needs of a node, from its configuration: the values as they stand in the file, for virtual
# machines and containers. It knows of the cluster what it is told.

use Exporter qw(import);
use List::Util qw(min);

use PVE::Native::Placement::Flags qw(flag_name flags_of_model);
use PVE::Native::Storage;

our @EXPORT_OK = qw(needs properties is_shared is_on);

my $MIB = 2**20;

# More than any machine has, and less than numbers can hold. Cores, also of one socket; MiB; bytes.
my $MOST_CORES = 2**16;
my $MOST_MEBIBYTES = 2**32;
my $MOST_BYTES = 2**53;

my %UNITS = ('' => 1, K => 2**10, M => 2**20, G => 2**30, T => 2**40);

# Drives that a virtual machine is started with, and volumes of a container.
my %VOLUMES = (
    vm => [qr/^(?:(?:ide|sata|scsi|virtio|efidisk|tpmstate)[0-9]+|vmstate)\z/, 'file'],
    ct => [qr/^(?:rootfs|mp[0-9]+)\z/, 'volume'],
);

# Files of a node that all nodes have.
my %EVERYWHERE = map { $_ => 1 } qw(/dev/fuse /dev/kvm /dev/net/tun);

# The parts of a value such as 'local:100/disk.raw,size=4G': the one without a key is $default.
sub properties ($value, $default) {
    my %parts;
    for my $part (split(m/,/, $value)) {
        my ($key, $rest) = $part =~ m/^([A-Za-z][A-Za-z0-9_-]*)=(.*)\z/s;
        ($key, $rest) = ($default, $part) if !defined($key);
        $parts{$key} //= $rest;
    }
    return \%parts;
}

my sub bytes ($size) {
    my ($number, $unit) = ($size // '') =~ m/^([0-9]+(?:\.[0-9]+)?)([KMGT]?)\z/ or return 0;
    return min($MOST_BYTES, int($number * $UNITS{$unit}));
}

my sub is_true ($value) { return ($value // '') =~ m/^(?:1|on|yes|true)\z/i }

# A number of the configuration; what is none, or can be none, dies, and the guest counts as unreadable.
my sub amount ($key, $value, $most) {
    die "$key is no number\n" if $value !~ m/^[0-9]+(?:\.[0-9]+)?\z/;
    die "$key is too large\n" if $value > $most;
    return 0 + $value;
}

my sub cores ($key, $value) { return amount($key, $value, $MOST_CORES) }
my sub mebibytes ($value) { return $MIB * amount('memory', $value, $MOST_MEBIBYTES) }

my sub vm_size ($conf) {
    my ($sockets, $cores) = map { cores($_, $conf->{$_} || 1) } qw(sockets cores);
    my $memory = properties($conf->{memory} // 512, 'current')->{current} // 512;
    return {
        cpu => $conf->{vcpus} ? cores('vcpus', $conf->{vcpus}) : $sockets * $cores,
        mem => mebibytes($memory),
    };
}

# Without a limit a container may use all of its node, which is no size; what it gets then is the caller's to say.
my sub ct_size ($conf) {
    my $cores = $conf->{cpulimit} || $conf->{cores};
    return {
        cpu => $cores ? cores('cores', $cores) : undef,
        mem => mebibytes($conf->{memory} || 512),
    };
}

# Whether all nodes that have a storage see the same in it: some types cannot but.
sub is_shared ($storage) {
    return 1 if is_true($storage->{shared});
    my $type = eval { PVE::Native::Storage::capabilities($storage->{type}) };
    return $type && $type->{shared} eq 'always';
}

# Whether a storage is to be used on a node.
sub is_on ($storage, $node) {
    return 0 if is_true($storage->{disable});
    return !$storage->{nodes} || $storage->{nodes}->{$node} ? 1 : 0;
}

# Where one volume has to be, added to what the guest needs.
my sub add_volume ($needs, $volume, $guest, $storages) {
    my ($name, $options) = $volume->@{qw(name options)};
    return if !length($name) || $name eq 'none' || $name eq 'cdrom';
    my $size = bytes($options->{size});
    if ($name =~ m!^/!) {
        # A file or device of the node, unless its owner says that it is everywhere.
        push $needs->{volumes}->@*, { storage => $name, nodes => [$guest->{node}], bytes => $size }
            if !is_true($options->{shared});
        return;
    }
    my ($storeid, $rest) = $name =~ m/^([A-Za-z][A-Za-z0-9_.-]*):(.+)\z/s
        or die "'$volume->{key}' names no volume\n";
    my $storage = $storages->{$storeid};
    if (!$storage) {
        push $needs->{notes}->@*, ['storage-unknown', "there is no storage '$storeid'"];
        push $needs->{volumes}->@*, { storage => $storeid, nodes => [], bytes => $size };
        return;
    }
    # The image for cloud-init is made anew where the guest starts.
    my $anywhere =
        is_shared($storage) || is_true($options->{shared}) || $rest =~ m/-cloudinit(?:\.|\z)/;
    if ($anywhere) {
        $needs->{storage_set}->{$storeid} = 1;
        return;
    }
    my $copied = !($options->{media} && $options->{media} eq 'cdrom')
        && (!defined($options->{replicate}) || is_true($options->{replicate}));
    my %nodes = map { $_ => 1 } $guest->{node}, $copied ? ($guest->{replicas} // [])->@* : ();
    my @nodes = grep { is_on($storage, $_) } sort(keys(%nodes));
    push $needs->{volumes}->@*, { storage => $storeid, nodes => \@nodes, bytes => $size };
    return;
}

my sub volumes_of ($type, $conf) {
    my ($keys, $default) = $VOLUMES{$type}->@*;
    my @volumes;
    for my $key (sort(grep { $_ =~ $keys } keys($conf->%*))) {
        my $options = properties($conf->{$key}, $default);
        push @volumes, { key => $key, name => $options->{$default} // '', options => $options };
    }
    return @volumes;
}

# Storages of hook scripts and of what cloud-init is told: without these, it does not start.
my sub snippets_of ($conf) {
    my @values = map { $_ // () } $conf->{hookscript},
        values(properties($conf->{cicustom} // '', '')->%*);
    return map { m/^([A-Za-z][A-Za-z0-9_.-]*):./ ? $1 : () } @values;
}

my sub bridges_of ($conf) {
    my %bridges;
    for my $key (grep { m/^net[0-9]+\z/ } keys($conf->%*)) {
        my $bridge = properties($conf->{$key}, 'model')->{bridge};
        $bridges{$bridge} = 1 if length($bridge // '');
    }
    return [sort(keys(%bridges))];
}

# What is handed through: how many of each mapping, named 'pci:', 'usb:' or 'dir:', and things of the node that
# the guest is on, which no other node has.
my sub devices_of ($conf) {
    my (%mapped, %own);
    for my $key (sort(keys($conf->%*))) {
        my ($kind) = $key =~ m/^(hostpci|usb|serial|parallel|virtiofs|dev)[0-9]+\z/ or next;
        my $default = { virtiofs => 'dirid', dev => 'path' }->{$kind} // 'host';
        my $value = properties($conf->{$key}, $default);
        my $bus = $kind eq 'hostpci' ? 'pci' : $kind;
        my $host = $value->{$default} // '';
        next if $host =~ m/^(?:spice|socket)\z/i || $EVERYWHERE{$host};
        if ($kind eq 'virtiofs') {
            $mapped{"dir:$host"} = 1;
        } elsif (length($value->{mapping} // '')) {
            $mapped{"$bus:$value->{mapping}"}++;
        } else {
            $own{ $host =~ m!^/! ? $host : "$bus $_" } = 1 for split(m/;/, $host);
        }
    }
    return (\%mapped, [sort(keys(%own))]);
}

# The flags that a CPU model insists on, and which model it is.
my sub cpu_of ($conf) {
    my $cpu = properties($conf->{cpu} // 'kvm64', 'cputype');
    my $model = $cpu->{cputype} // 'kvm64';
    return ($model, []) if $model eq 'host';
    # Enlightenments of Hyper-V are made by the kernel and not by the CPU.
    my @given = grep { !m/^hv-/ } map { m/^\+(.+)\z/ ? $1 : () } split(m/;/, $cpu->{flags} // '');
    my %flags = map { flag_name($_) => 1 } @given, flags_of_model($model);
    return ($model, [sort(keys(%flags))]);
}

# What the guest needs. $guest has sid, type, node and replicas: nodes that get copies of its local volumes. Dies
# if the configuration makes no sense.
sub needs ($guest, $conf, $storages) {
    my $vm = $guest->{type} eq 'vm';
    my %needs = (
        size => $vm ? vm_size($conf) : ct_size($conf),
        volumes => [],
        storage_set => {},
        notes => [],
        bridges => bridges_of($conf),
        lock => $conf->{lock},
        template => is_true($conf->{template}) ? 1 : 0,
    );
    add_volume(\%needs, $_, $guest, $storages) for volumes_of($guest->{type}, $conf);
    $needs{storage_set}->{$_} = 1 for snippets_of($conf);
    $needs{storages} = [sort(keys((delete $needs{storage_set})->%*))];
    ($needs{devices}, my $own) = devices_of($conf);
    push $needs{volumes}->@*,
        map { { storage => $_, nodes => [$guest->{node}], bytes => 0 } } $own->@*;
    $needs{volumes} = [sort { $a->{storage} cmp $b->{storage} } $needs{volumes}->@*];
    my $pci = grep { m/^pci\b/ } keys($needs{devices}->%*), $own->@*;
    $needs{passthrough} = 1 if $own->@* || $needs{devices}->%*;
    ($needs{'cpu-model'}, $needs{'cpu-flags'}) = $vm ? cpu_of($conf) : ('', []);
    # Windows writes to all of its memory when it boots, and a device that is handed through has all of it
    # pinned: what such a guest uses is what it has.
    $needs{book} = 'size'
        if $vm && ($pci || $conf->{hugepages} || ($conf->{ostype} // '') =~ m/^w/);
    return \%needs;
}

1;
