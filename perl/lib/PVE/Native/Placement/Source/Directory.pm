package PVE::Native::Placement::Source::Directory;

use v5.36;

use parent qw(PVE::Native::Placement::Source);

use PVE::Native::Arguments qw(refuse);
use PVE::Native::HA::Stats;

# The largest file that pmxcfs keeps.
my $LARGEST = 1 << 20;

# Names of nodes as they are in paths.
my $NODE = qr/^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\z/;

# What is in a file; undef if there is none.
my sub content ($path) {
    return undef if !-e $path;
    die "$path is no file\n" if !-f _;
    die "$path is too large\n" if -s _ > $LARGEST;
    open(my $fh, '<:raw', $path) or die "cannot read $path: $!\n";
    local $/ = undef;
    return readline($fh) // die "cannot read $path: $!\n";
}

# What a guest's file says now: snapshots and pending changes are sections below.
my sub guest_config ($path) {
    my $text = content($path) // die "there is no $path\n";
    my %values;
    for my $line (split(m/\n/, $text)) {
        last if $line =~ m/^\[/;
        next if $line =~ m/^\s*(?:#|\z)/;
        my ($key, $value) = $line =~ m/^([A-Za-z][A-Za-z0-9_.-]*):\s*(.*?)\s*\z/
            or die "$path: '" . substr($line, 0, 40) =~
            s/[^\x20-\x7e]/?/gr . "' is not understood\n";
        $values{$key} = $value;
    }
    return \%values;
}

# Sections: a line with type and name, indented ones with what they have, and empty ones between.
my sub sections ($path) {
    my (%ids, $section);
    for my $line (split(m/\n/, content($path) // '')) {
        next if $line =~ m/^\s*#/;
        if ($line =~ m/^\s*\z/) {
            $section = undef;
        } elsif ($line =~ m/^(\S+):\s*(\S+)\s*\z/) {
            $section = $ids{$2} = { type => lc($1) };
        } elsif ($section && $line =~ m/^\s+(\S+)(?:\s+(.*?))?\s*\z/) {
            $section->{$1} = $2 // 1;
        } else {
            die "$path: '" . substr($line, 0, 40) =~ s/[^\x20-\x7e]/?/gr . "' is not understood\n";
        }
    }
    return \%ids;
}

my sub set ($list) {
    return { map { $_ => 1 } grep { length } split(m/[\s,;]+/, $list // '') };
}

# Mappings stand in sections without a type: 'name' alone.
my sub mapping ($path) {
    my (%ids, $section);
    for my $line (split(m/\n/, content($path) // '')) {
        $section = $ids{$1} = {} if $line =~ m/^([A-Za-z][A-Za-z0-9_-]*)\s*\z/;
        push $section->{map}->@*, $1 if $section && $line =~ m/^\s+map\s+(\S.*?)\s*\z/;
        $section->{mdev} = $1 if $section && $line =~ m/^\s+mdev\s+(\S+)\s*\z/;
    }
    return { ids => \%ids };
}

my sub document ($path) {
    my $text = content($path);
    return {} if !defined($text) || $text !~ m/\S/;
    require JSON::XS;
    return JSON::XS::decode_json($text);
}

sub new ($class, $path, %options) {
    refuse('path is undefined') if !defined($path);
    my %hardware = (delete($options{nodes}) // {})->%*;
    my $stats = delete($options{stats});
    if (my ($unknown) = sort(keys(%options))) {
        refuse("Placement::Source::Directory: unknown option '$unknown'");
    }
    my $self = $class->SUPER::new();
    $self->@{qw(path hardware stats)} = ($path, \%hardware, $stats);
    return $self;
}

my sub names_of ($self) {
    opendir(my $dh, "$self->{path}/nodes") or die "cannot read $self->{path}/nodes: $!\n";
    my @names = map { $_ =~ $NODE ? $_ : () } readdir($dh);
    return sort(@names);
}

sub nodes ($self) {
    my $hardware = $self->{hardware};
    return { map { $_ => { online => 1, ($hardware->{$_} // {})->%* } } names_of($self) };
}

sub guests ($self) {
    my %guests;
    for my $node (names_of($self)) {
        for my $kind (['vm', 'qemu-server'], ['ct', 'lxc']) {
            my ($type, $folder) = $kind->@*;
            opendir(my $dh, "$self->{path}/nodes/$node/$folder") or next;
            for my $id (map { m/^([1-9][0-9]{2,8})\.conf\z/ ? $1 : () } readdir($dh)) {
                $guests{"$type:$id"} = { id => $id, type => $type, node => $node };
            }
        }
    }
    return \%guests;
}

sub config ($self, $guest) {
    my $folder = $guest->{type} eq 'vm' ? 'qemu-server' : 'lxc';
    return guest_config("$self->{path}/nodes/$guest->{node}/$folder/$guest->{id}.conf");
}

sub services ($self) {
    my $sections = sections("$self->{path}/ha/resources.cfg");
    my %services;
    for my $name (keys($sections->%*)) {
        my $service = $sections->{$name};
        my $state = $service->{state} // 'started';
        $services{"$service->{type}:$name"} =
            { $service->%*, state => $state eq 'enabled' ? 'started' : $state };
    }
    return \%services;
}

sub status ($self) { return document("$self->{path}/ha/manager_status") }

sub rules ($self) {
    my $ids = sections("$self->{path}/ha/rules.cfg");
    for my $rule (values($ids->%*)) {
        $rule->{resources} = set($rule->{resources});
        next if !defined($rule->{nodes});
        my %nodes;
        for my $entry (keys(set($rule->{nodes})->%*)) {
            my ($node, $priority) = $entry =~ m/^([^:]+)(?::([0-9]+))?\z/;
            $nodes{$node} = { priority => $priority // 0 } if defined($node);
        }
        $rule->{nodes} = \%nodes;
    }
    return { ids => $ids };
}

sub groups ($self) {
    my $ids = sections("$self->{path}/ha/groups.cfg");
    $_->{nodes} = set($_->{nodes}) for values($ids->%*);
    return { ids => $ids };
}

sub storages ($self) {
    my $ids = sections("$self->{path}/storage.cfg");
    # What every node has, if nobody says otherwise.
    $ids->{local} //= { type => 'dir', path => '/var/lib/vz' };
    for my $storage (values($ids->%*)) {
        $storage->{nodes} = set($storage->{nodes}) if defined($storage->{nodes});
        $storage->{content} = set($storage->{content}) if defined($storage->{content});
    }
    return $ids;
}

sub replication ($self) {
    my $ids = sections("$self->{path}/replication.cfg");
    for my $job (keys($ids->%*)) {
        ($ids->{$job}->{guest}) = $job =~ m/^([0-9]+)-/;
    }
    return { ids => $ids };
}

sub mappings ($self) {
    return { map { $_ => mapping("$self->{path}/mapping/$_.cfg") } qw(pci usb dir) };
}

sub sdn ($self) { return document("$self->{path}/sdn/.running-config") }

sub samples ($self, $ids, $nodes, %options) {
    return {} if !$self->{stats};
    my $stats = PVE::Native::HA::Stats->new(%options, $self->{stats}->%*);
    return { guests => $stats->guests($ids), nodes => $stats->nodes($nodes) };
}

1;

__END__

=head1 NAME

PVE::Native::Placement::Source::Directory - what the files of /etc/pve tell of a cluster

=head1 SYNOPSIS

    my $source = PVE::Native::Placement::Source::Directory->new(
        '/root/copy-of-etc-pve',
        nodes => { n1 => { cpu => 16, mem => 64 << 30 }, n2 => { cpu => 16, mem => 64 << 30, online => 0 } },
    );
    my $problem = PVE::Native::Placement::Collect->problem(undef, source => $source);

=head1 DESCRIPTION

A L<PVE::Native::Placement::Source> on files: for a look at a cluster from elsewhere, and for tests. On a node,
L<PVE::Native::Placement::Source::PVE> asks the modules of Proxmox VE, which read the same files.

=head1 METHODS

=over

=item new($path, %options)

The folder that is laid out as F</etc/pve>. C<nodes>: what no file says of the nodes, by name, as in
L<PVE::Native::Placement::Source/nodes>; they count as online unless this says otherwise. C<stats>: options for
L<PVE::Native::HA::Stats>, such as C<< { dir => '/root/copy-of-rrd' } >>; without it there are no samples.

=back

=cut
