package PVE::Native::SnapshotGraph;

use v5.36;

use PVE::Native;
use PVE::Native::Arguments qw(refuse text options settings);

# What the library keeps belongs to one object: threads that are made later do not get it.
sub CLONE_SKIP { return 1; }

my sub checked {
    my ($self) = @_;
    return PVE::Native::Arguments::handle(
        $self, 'this is no snapshot graph, or one that is gone',
    );
}

# What a call gave, to a caller that wants a list, and to one that wants one value.
my sub several {
    my ($wantarray, $array) = @_;
    return $wantarray ? $array->@* : $array;
}

sub from_chain {
    my ($class, $path, $opts) = @_;
    my ($scheme, $volname, $storeid, $format, $timeout, $limits) =
        options('from_chain', $opts, qw(scheme volname storeid format timeout limits));
    return PVE::Native::RS::SnapshotGraph::from_chain(
        text('path', $path), $scheme, $volname, $storeid, $format, $timeout, $limits,
    );
}

# An array, or text with commas as lvs prints it, as such text. No tag has a comma within.
my sub tags {
    my ($tags) = @_;
    return text('tags', $tags) if ref($tags) ne 'ARRAY';
    return
        join(',', map { my $tag = $_; text('tag', $tag) // refuse('tag is undefined') } $tags->@*);
}

# Size, tags and state of a volume as text, after what else it has was looked at.
my sub details {
    my ($volume, $size, $tags) = @_;
    if (keys($volume->%*) != 2 + grep { exists($volume->{$_}) } qw(size tags suspended)) {
        my ($other) = grep { !m/^(?:name|path|size|tags|suspended)\z/ } sort keys($volume->%*);
        refuse("from_volumes: unknown key '$other' of a volume") if defined($other);
    }
    $size = text('size', $size) if ref($size);
    $size = defined($size) ? "=$size" : '';
    $tags = defined($tags) ? tags($tags) : '';
    my $suspended = $volume->{suspended};
    $suspended = text('suspended', $suspended) if ref($suspended);
    return "$size\0$tags\0" . ($suspended ? 1 : '');
}

# Name, path, size (with = before it), tags and 1 if it is suspended of each volume in turn, a NUL behind
# each. There may be thousands of volumes: only what is no plain text, or more than name and path, is
# looked at twice.
my sub listing {
    my ($list) = @_;
    refuse('from_volumes: volumes are not an array') if ref($list) ne 'ARRAY';
    my $listing = '';
    for my $volume ($list->@*) {
        refuse('from_volumes: a volume is not a hash') if ref($volume) ne 'HASH';
        my ($name, $path, $size, $tags) = $volume->@{qw(name path size tags)};
        ($name, $path) = (text('name', $name), text('path', $path)) if ref($name) || ref($path);
        refuse('name of a volume is undefined') if !defined($name);
        refuse('path of a volume is undefined') if !defined($path);
        my $details = keys($volume->%*) == 2 ? "\0\0" : details($volume, $size, $tags);
        $listing .= "$name\0$path\0$details\0";
    }
    # Else one of the texts has a NUL within.
    refuse('a name of a volume contains a NUL byte') if ($listing =~ tr/\0//) != 5 * $list->@*;
    return $listing;
}

sub from_volumes {
    my ($class, $list, $opts) = @_;
    my ($scheme, $volname, $storeid, $timeout, $limits) =
        options('from_volumes', $opts, qw(scheme volname storeid timeout limits));
    return PVE::Native::RS::SnapshotGraph::from_volumes(
        listing($list), $scheme, $volname, $storeid, $timeout, $limits,
    );
}

sub snapshot_info {
    my ($self) = @_;
    return PVE::Native::RS::SnapshotGraph::snapshot_info(checked($self));
}

sub current {
    my ($self) = @_;
    return PVE::Native::RS::SnapshotGraph::current(checked($self));
}

sub names {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::SnapshotGraph::names(checked($self)));
}

sub blockers {
    my ($self, $snapshot) = @_;
    $snapshot = text('snapshot', $snapshot);
    return several(
        wantarray, PVE::Native::RS::SnapshotGraph::blockers(checked($self), $snapshot),
    );
}

sub findings {
    my ($self) = @_;
    return several(wantarray, PVE::Native::RS::SnapshotGraph::findings(checked($self)));
}

sub plan {
    my ($self, $op, $args) = @_;
    my ($timeout, $limits, $settings) = settings('plan', 'arguments are', $args);
    $op = text('operation', $op);
    return PVE::Native::RS::SnapshotGraph::plan(checked($self), $op, $timeout, $limits, $settings);
}

sub diagnose {
    my ($self, $opts) = @_;
    my ($timeout, $limits, $settings) = settings('diagnose', 'options are', $opts);
    my $found =
        PVE::Native::RS::SnapshotGraph::diagnose(checked($self), $timeout, $limits, $settings);
    return several(wantarray, $found);
}

sub room {
    my ($self, $image, $size) = @_;
    return PVE::Native::RS::SnapshotGraph::room(
        checked($self), text('image', $image), text('size', $size),
    );
}

sub to_dot {
    my ($self) = @_;
    return PVE::Native::RS::SnapshotGraph::to_dot(checked($self));
}

sub to_text {
    my ($self) = @_;
    return PVE::Native::RS::SnapshotGraph::to_text(checked($self));
}

sub as_hash {
    my ($self) = @_;
    return PVE::Native::RS::SnapshotGraph::as_hash(checked($self));
}

1;

__END__

=head1 NAME

PVE::Native::SnapshotGraph - the images of a volume, and the snapshots that they mean

=head1 SYNOPSIS

    use PVE::Native::SnapshotGraph;

    my $graph = PVE::Native::SnapshotGraph->from_chain(
        '/dev/san/vm-100-disk-0.qcow2', { scheme => 'lvmqcow2', storeid => 'san', timeout => 5 },
    );
    my $info = $graph->snapshot_info();
    for my $name ('current', reverse($graph->names())) {
        printf "%s: %s\n", $name, $info->{$name}->{file};
    }
    die "snapshots would be lost\n" if $graph->blockers('before-update');

    # All images of the volume, not only those that the current one stands on.
    my @volumes = map { { name => $_->{lv_name}, path => "/dev/san/$_->{lv_name}" } } @lvs;
    $graph = PVE::Native::SnapshotGraph->from_volumes(
        \@volumes, { scheme => 'lvmqcow2', volname => 'vm-100-disk-0.qcow2', storeid => 'san' },
    );
    print $graph->to_text();

    # What has to be done for a snapshot, and what a crash has left to do.
    my $plan = $graph->plan('create', { snapshot => 'before-update', free => $vg_free });
    for my $step ($plan->{steps}->@*) {
        run_command($step->{argv}) if $step->{kind} eq 'exec';
    }
    warn "$_->{volume}: $_->{message}\n" for $graph->diagnose({ check => 0 });

=head1 DESCRIPTION

A volume with snapshots is a chain of images: the guest writes to the topmost one, and each image
below holds the disk as it was when a snapshot was taken. A graph is read once, from the chain under an
image or from a listing of the volume group or folder; the headers of the images are read in process. No
program is run, no lock is taken, and nothing is written.

What an image says is never fatal. What is missing, damaged, or leads in a circle is part of the graph,
and among its L</findings()>. The constructors die if their arguments make no sense, if the volume has
more than 10,000 images, or if storage does not answer in time.

All methods die with a L<PVE::Native::Error>. Names and paths are byte strings, in and out. A forked
child has the graph as well; threads that are made later do not. What is no graph, or one that is gone,
makes each method die.

=head2 Layouts

C<scheme> says how the images are called; F<docs/snapshots.md> has all names.

=over

=item lvmqcow2

On LVM, as C<PVE::Storage::Custom::LvmQcow2Plugin> has it: F<vm-100-disk-0-snap-NAME.qcow2> beside
F<vm-100-disk-0.qcow2>.

=item pve-dir, pve-lvm

As Proxmox VE has it in directories (F<snap-NAME-vm-100-disk-0.qcow2>) and on LVM
(F<snap_vm-100-disk-0_NAME.qcow2>).

=item internal

One qcow2 image with its snapshots within.

=back

=head1 CONSTRUCTORS

=over

=item from_chain($path, \%opts)

The graph of the chain under the image at C<$path>: what QEMU would see. Options: C<scheme>, which must
be given; C<volname>, the name of the volume as Proxmox VE has it, without which the image's own name
says it; C<storeid>, the ID of the storage, without which there are no volume IDs; C<format> of the
image, without which its name says it; C<timeout> and C<limits> as in L<PVE::Native::Image>.

=item from_volumes(\@volumes, \%opts)

The graph of all images of the volume in a listing, which may have other volumes' images in it. Each is
a hash: C<name>, its name in the volume group or folder; C<path>, where it can be read, which need not
be there (a logical volume that is not active has no device); and, if known, C<size> in bytes, C<tags>,
an array or text with commas as C<lvs> prints it, and C<suspended>, true (such as the C<suspended> that
C<lvs> prints as C<lv_suspended>) if the volume's device is suspended. Who reads such a device waits until
somebody resumes it, so it is not opened, and counts as not active. Options: as above but for C<format>.
Without C<volname> all images in the listing must be of one volume.

=back

=head1 METHODS

=over

=item snapshot_info()

What C<volume_snapshot_info> of Proxmox VE gives: a hash of all states on the way from the current image
down, C<current> among them. Each is a hash: C<order> (0 for C<current>, one more for each that is
older), C<file>, C<volname>, C<volid> (if C<storeid> was given and the image is there), C<virtual-size>
(if it could be read), C<parent> and C<child>, the next older and the next newer state. Snapshots within
an image have C<timestamp> alone.

=item current()

The image that the guest writes to: one of the C<images> of L</as_hash()>. undef if it cannot be told
which one that is. It is the one on which no other stands, whatever its name and its times are.

=item names()

The names of the snapshots, the oldest first: a list, or a reference to an array in scalar context.

=item blockers($snapshot)

The snapshots that a rollback to this one would lose, a list or a reference to an array: the newer
ones, the oldest first, and then those on branches of images that would go. Dies if the current state has
no such snapshot.

=item findings()

What is not as usual, a list or a reference to an array of hashes: C<code>, a stable word; C<severity>,
C<info>, C<warning> or C<error>; C<volume>, the name of the image; C<message>, a sentence.
F<docs/snapshots.md> has all of them.

=item plan($op, \%args)

What is to be done to the volume, step by step, in such an order that nothing is lost wherever it ends.
Nothing is done here: L<PVE::Native::Plan> does it. C<$op> is C<create>, C<delete> or C<rollback> with the argument C<snapshot>,
C<delete-many> with C<snapshots>, an array; C<resize> with C<size> in bytes; C<rename> with C<to>, the
name as Proxmox VE has it; C<create-base>, C<adopt>, C<unadopt>, C<convert> or C<free>. The graph must
be from a listing; with C<adopt> it is that of the raw volume.

Further arguments: C<online>, 1 if the guest keeps running, with C<drive>, the name of its drive such as
C<scsi0>; C<extent-size> and C<free> bytes of the volume group (without C<free> nobody looks whether
there is room); C<put-aside>, 1 if images are not to be removed in the end, but only renamed for it;
C<cluster-size>, C<extended-l2> and C<preallocation> (C<off> or C<metadata>) of new images;
C<bytes-per-second> for the estimate; C<timeout> and C<limits>.

The plan is a hash: C<op>, C<volume>, C<online>, C<bytes-moved>, C<bytes-needed>, C<seconds>, C<result>
(C<volname> and C<volid>, if they change, and C<notes> for the administrator) and C<steps>. A step is a
hash: C<id>; C<task>, what it is to the plan; C<kind> with C<argv> of a process (C<exec>), C<execute>,
C<arguments> and C<job> (C<qmp>), or C<action> with C<from> and C<to>, or C<path> (C<native>); C<slow>, 1
if it takes time in proportion to data; C<reads> and C<writes>, names of images; C<pre> and C<post>, how
these are before and after it (undef: not there); C<on-failure> with C<resume>, the step to go on with,
and C<undo>, the actions that lead back, or undef. F<docs/snapshots.md> has the details.

Dies if the volume is not in order, or does not allow it.

=item diagnose(\%opts)

What is wrong with the volume, the most urgent first: a list, or a reference to an array, of hashes.
C<code>, C<severity>, C<volume> and C<message> are as in L</findings()>; C<plan>, if there is one, is what
helps, as above, and C<certain> whether it is certain to be right. A plan is for the volume as it is now:
after it has been carried out, another diagnosis tells what comes next. The graph must be from a listing,
and the guest must be stopped, on all nodes.

Options: C<check>, 1 unless given, whether the tables of the images are checked, too, which takes time;
and of those above all that are not about one operation.

=item room($image, $size)

Bytes that the image of this name can come to take if its disk has C<$size> bytes: what a logical volume
under it must have.

=item to_text()

The graph for a terminal, a line for each image.

=item to_dot()

The graph in the language of graphviz (C<dot -Tsvg>).

=item as_hash()

All of it: C<scheme>, C<volname>, C<layout> (C<named> or C<overlays>), C<snapshots> (as
L</snapshot_info()>), C<images>, C<line> (the indices of the images from the current one down), C<current>
(the first of these, if there is one), C<findings>. An image is a hash: C<name>, C<path>, C<role>
(C<current>, C<snapshot>, C<bottom>, C<overlay>, C<foreign>), C<snapshot>, C<standing> (C<unfinished> or
C<removed>, if it is one of these), C<place> (C<line>, C<branch>, C<unlinked>, C<cycle>), C<content>
(C<read>, C<inactive>, C<missing>, C<unread> with C<error>), C<format>, C<actual-size>, C<virtual-size>,
C<backing-filename>, C<backing-filename-format>, C<parent> (the index of the image that it stands on),
C<listed>, C<size> and C<tags>.

=back

=head1 SEE ALSO

L<PVE::Native::Plan>, L<PVE::Native::Image>, L<PVE::Native::Error>

=cut
