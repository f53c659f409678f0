package Disk;

# What must be on a disk: its size, and which bytes were written where. Everything else is zero.

use v5.36;

sub new ($class, $size) { return bless { size => $size, extents => [] }, $class }

sub copy ($self) {
    return bless { size => $self->{size}, extents => [$self->{extents}->@*] }, ref($self);
}

sub size ($self) { return $self->{size} }

# Only ever larger.
sub grow ($self, $size) { $self->{size} = $size }

# So many bytes from there on have this value.
sub fill ($self, $start, $length, $byte) {
    my $end = $start + $length;
    my @kept;
    for my $extent ($self->{extents}->@*) {
        my ($from, $to, $value) = $extent->@*;
        push @kept, [$from, $to < $start ? $to : $start, $value] if $from < $start;
        push @kept, [$from > $end ? $from : $end, $to, $value] if $to > $end;
    }
    push @kept, [$start, $end, $byte] if $byte;
    $self->{extents} = [sort { $a->[0] <=> $b->[0] } @kept];
}

# Writes it into a sparse file.
sub lay_out ($self, $path) {
    open(my $file, '>:raw', $path) or die "$path: $!\n";
    truncate($file, $self->{size}) or die "$path: $!\n";
    for my $extent ($self->{extents}->@*) {
        my ($from, $to, $value) = $extent->@*;
        sysseek($file, $from, 0);
        my $bytes = chr($value) x ($to - $from);
        my $written = syswrite($file, $bytes);
        die "$path: $!\n" if ($written // 0) != $to - $from;
    }
    close($file) or die "$path: $!\n";
}

# For messages and for comparing two of them.
sub text ($self) {
    return join(' ', $self->{size}, map { sprintf('%d-%d:%02x', $_->@*) } $self->{extents}->@*);
}

1;
