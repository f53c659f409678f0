package Disks;

# What guests' disks hold, for the tests in the virtual machine: states of volumes as a model has them, and
# how these are held against the images.

use v5.36;

use Exporter qw(import);

use Storage;

our @EXPORT_OK = qw($BLOCK disk copy_of format_of io fill holds images_of);

# Bytes that are written at once.
our $BLOCK = 256 * 1024;

# A state is { data => { block => byte }, blocks }; what is not in `data` is zeros.
sub disk {
    my ($blocks, $byte) = @_;
    my %data = $byte ? (map { $_ => $byte } 0 .. $blocks - 1) : ();
    return { data => \%data, blocks => $blocks };
}

sub copy_of {
    my ($state) = @_;
    return (data => { $state->{data}->%* }, blocks => $state->{blocks});
}

sub format_of {
    my ($name) = @_;
    return $name =~ m/[.]qcow2$/ ? 'qcow2' : 'raw';
}

# Options of qemu-io, and its commands.
sub io {
    my ($path, $options, @commands) = @_;
    return if !@commands;
    run_program(
        [
            '/usr/bin/qemu-io', '-f', format_of($path), $options->@*,
            (map { ('-c', $_) } @commands), $path
        ],
        outfunc => sub { die "$path: $_[0]\n" if $_[0] =~ m/Pattern verification failed/ },
    );
    return;
}

# Writes blocks from the first to the last.
sub fill {
    my ($path, $state, $first, $last, $byte) = @_;
    io($path, [], "write -P $byte " . $first * $BLOCK . ' ' . ($last - $first + 1) * $BLOCK);
    $state->{data}->{$_} = $byte for $first .. $last;
    return;
}

# Dies if an image does not hold a state: one command reads each run of blocks with the same byte.
sub holds {
    my ($path, $state) = @_;
    my ($start, @reads) = (0);
    for my $block (1 .. $state->{blocks}) {
        my $byte = $state->{data}->{$start} // 0;
        next if $block < $state->{blocks} && ($state->{data}->{$block} // 0) == $byte;
        push @reads, "read -P $byte " . $start * $BLOCK . ' ' . ($block - $start) * $BLOCK;
        $start = $block;
    }
    # Nobody may write to a base image.
    return io($path, ['-r'], @reads);
}

# The logical volumes of a volume: { name, data, blocks, snapshots => [{ name, … }], adopted }.
sub images_of {
    my ($volume) = @_;
    my $name = $volume->{name};
    return ($name) if format_of($name) eq 'raw';
    my $stem = $name =~ s/[.]qcow2$//r;
    my @below = map { "$stem-snap-$_->{name}.qcow2" } $volume->{snapshots}->@*;
    return ($name, @below, $volume->{adopted} ? "$stem-base" : ());
}

1;
