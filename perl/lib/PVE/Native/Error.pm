package PVE::Native::Error;

use v5.36;

use overload
    '""' => sub { $_[0]->{message} . "\n" },
    'bool' => sub { 1 },
    'fallback' => 1;

sub new {
    my ($class, %fields) = @_;
    return bless {%fields}, $class;
}

sub code { return $_[0]->{code}; }

sub name { return $_[0]->{name}; }

sub errno { return $_[0]->{errno}; }

sub message { return $_[0]->{message}; }

sub path { return $_[0]->{path}; }

sub offset { return $_[0]->{offset}; }

1;

__END__

=head1 NAME

PVE::Native::Error - what the functions of PVE::Native die with

=head1 SYNOPSIS

    my $info = eval { PVE::Native::Image::info($path) };
    if (my $err = $@) {
        warn $err;                                      # one line, as ever
        if (ref($err) && $err->isa('PVE::Native::Error')) {
            next if $err->name eq 'timeout';
        }
    }

=head1 DESCRIPTION

Every function of C<PVE::Native> dies with an object of this class. Used as a string it is one line
that begins with what failed and ends in a newline, so callers that print it, match it or die with
it again need not know that it is an object. Callers that want to decide by the kind of failure
ask the object.

The line is safe to print: control characters and bytes that are not UTF-8 are escaped in it.

=head1 METHODS

=over

=item code

The number of the kind of failure, the same as C's C<PVEN_ERR_*>. Numbers are stable.

=item name

The same as a word: C<argument>, C<io>, C<format>, C<corrupt>, C<unsupported>, C<limit>, C<denied>,
C<cycle>, C<unnamed-format>, C<timeout>, C<busy>, C<panic>, C<poisoned>, C<cancelled>. Words are
stable.

=item errno

The system's error number if a system call failed, else the one that fits best.

=item message

The line without its newline. Messages may change.

=item path

The file it happened in, a byte string, or undef.

=item offset

Offset in bytes from the start of that file, or undef.

=item new(%fields)

Makes an error with these fields. For the modules of C<PVE::Native>.

=back

=cut
