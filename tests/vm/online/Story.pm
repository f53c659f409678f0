package Story;

# A volume with snapshots, each with data of its own, a running guest on it, and what must be read
# from each of its images.

use v5.36;

use Guest;
use Nbd;
use Writer;

my $count = 0;

# The end of the disk has no slots.
use constant BULK => 16 << 20;

# volume; size; snapshots => [the oldest first]; program; fill => { SNAPSHOT or current => writes };
# narrow: the guest leaves every second slot alone;
# bulk: the snapshot that holds so much that its image should not be copied.
sub begin ($class, %self) {
    my $self = bless { fill => {}, count => 400, %self, expected => {} }, $class;
    my ($volume, $size) = $self->@{qw(volume size)};
    $volume->clear();
    $self->{slots} = Writer::layout($size - BULK, $self->{count}, ++$count);
    my $current = $volume->image();
    $volume->create($current, $size);
    my $known;
    for my $snapshot ($self->{snapshots}->@*) {
        $known = $self->_fill($snapshot, $known);
        if ($snapshot eq ($self->{bulk} // '')) {
            my $write = sprintf('write -q -P 7 %d %d', $size - BULK, BULK);
            Volume::command('qemu-io', '-f', 'qcow2', '-c', $write, $volume->path($current));
        }
        $self->expect($snapshot, $known);
        Volume::command($volume->rename_argv($current, $volume->image($snapshot))->@*);
        $volume->create($current, $size, $volume->image($snapshot));
    }
    $self->{guest} = Guest->start(
        program => $self->{program},
        volume => $volume,
        snapshots => [reverse $self->{snapshots}->@*],
    );
    my $writer = $self->{guest}->write_to($self->{slots}, $known);
    $writer->narrow() if $self->{narrow};
    $writer->write($self->_writes('current'));
    $writer->resume();
    return $self;
}

sub _writes ($self, $image) { return $self->{fill}->{$image} // 100 }

sub _fill ($self, $image, $known) {
    my $path = $self->{volume}->path($self->{volume}->image());
    my ($pid, $socket) = Nbd::serve($path, '--cache=none');
    my $writer = Writer->start($socket, 'disk', $self->{slots}, $known);
    $writer->write($self->_writes($image));
    my $report = $writer->stop();
    Nbd::served($pid, $socket);
    return $report;
}

# A snapshot must hold what was acknowledged in the one report, or anything up to what was sent in
# the later one.
sub expect ($self, $snapshot, $before, $after = undef) {
    $self->{expected}->{$snapshot} = [
        [map { $_->[1] } $before->{slots}->@*],
        [map { $after ? $_->[0] : $_->[1] } ($after // $before)->{slots}->@*],
    ];
}

sub forget ($self, @snapshots) { delete($self->{expected}->@{@snapshots}) }

sub report ($self) { return $self->{guest}->{writer}->report() }

# Takes steps while the guest goes on, and lets it go on for a while afterwards.
sub run ($self, @steps) {
    $self->{guest}->run(@steps);
    $self->{guest}->{writer}->more($self->{afterwards} // 20);
}

# Nodes whose file is not called any more as they say, as texts: if QEMU opened it anew, it would get
# another one.
sub stale ($self) {
    my ($guest, $volume) = $self->@{qw(guest volume)};
    my %wanted = map { $_ => 1 } grep { /vm-100-disk-0/ } $volume->names();
    my @wrong;
    for my $node (values $guest->{qmp}->nodes()->%*) {
        next if $node->{drv} ne $volume->driver();
        my ($name) = $node->{file} =~ m|([^/]+)$|;
        push @wrong, "node $node->{'node-name'} has '$name' open" if !delete($wanted{$name});
    }
    return (@wrong, map { "no node has '$_' open" } sort keys %wanted);
}

# Shuts the guest down and returns all that is wrong, as texts.
sub end ($self) {
    my $guest = $self->{guest};
    $guest->{writer}->read_all();
    my $report = $self->{last} = $guest->shut_down();
    $self->{expected}->{current} = [
        map {
            [map { $_->[1] } $report->{slots}->@*]
        } 0,
        1
    ];
    return ($report->{wrong}->@*, $self->compare());
}

# The node dies. What was not flushed may be lost.
sub die_now ($self) {
    my $report = $self->{last} = $self->{guest}->kill();
    $self->{killed} = 1;
    $self->{expected}->{current} =
        [[map { $_->[2] } $report->{slots}->@*], [map { $_->[0] } $report->{slots}->@*]];
    return $report->{wrong}->@*;
}

# What is wrong with the images, as texts.
sub compare ($self) {
    my @wrong;
    for my $name (sort keys $self->{expected}->%*) {
        my $image = $self->{volume}->image($name eq 'current' ? undef : $name);
        push @wrong, Guest::compare(
            $self->{volume}, $image, $self->{slots},
            $self->{expected}->{$name}->@*
        );
        push @wrong, Guest::check($self->{volume}, $image, $self->{killed});
    }
    return @wrong;
}

1;
