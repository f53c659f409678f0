#!/usr/bin/perl

# Lists a disk image and all images under it.
#
#     perl -T -Ibuild/perl examples/perl/chain.pl [--repeat N] PATH
#
# With --repeat the chain is read N times, and the time for each is printed instead. The exit status
# is 0 for a whole chain, 1 if there is none, 2 for a wrong command line, 3 for a damaged chain.

use v5.36;

use Getopt::Long;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use PVE::Native::Image;

# Names are bytes, and whoever made the image chose them: none may reach the terminal as it is.
my sub printable {
    my ($name) = @_;
    return $name =~ s/([^\x20-\x7e])/sprintf('\\x%02x', ord($1))/ger;
}

# Names of the entries in a list, if there is one.
my sub names {
    my ($what, $list) = @_;
    return if !$list || !$list->@*;
    return "$what: " . join(', ', map { printable($_->{name}) } $list->@*);
}

my sub details {
    my ($image) = @_;
    my $data = $image->{'format-specific'}->{data} // {};
    my @features = grep { $data->{$_} } qw(extended-l2 lazy-refcounts data-file-raw corrupt);
    my $compression = $data->{'compression-type'} // 'zlib';
    unshift @features, "compression $compression" if $compression ne 'zlib';

    my @details = ("$image->{'actual-size'} bytes on disk");
    push @details, "clusters of $image->{'cluster-size'} bytes" if $image->{'cluster-size'};
    push @details, join(', ', @features) if @features;
    push @details, 'data file: ' . printable($data->{'data-file'}) if defined($data->{'data-file'});
    push @details, names('internal snapshots', $image->{snapshots});
    push @details, names('bitmaps', $data->{bitmaps});
    if (defined(my $name = $image->{'backing-filename'})) {
        my $format = $image->{'backing-filename-format'} // 'not recorded';
        push @details, 'backing file: ' . printable($name) . ', format: ' . printable($format);
    }
    return @details;
}

# Prints the chain; whether it is whole.
my sub list {
    my ($chain) = @_;
    for my $i (keys $chain->@*) {
        my $image = $chain->[$i];
        my $name = printable($image->{filename});
        if (my $error = $image->{error}) {
            print "$i $name\n    broken here: $error->{message}\n";
            return;
        }
        my $size = $image->{'virtual-size'} // 'unknown';
        print "$i $name: $image->{format}, $size bytes\n";
        print "    $_\n" for details($image);
    }
    return 1;
}

my sub measure {
    my ($path, $repeat) = @_;
    my $start = clock_gettime(CLOCK_MONOTONIC);
    PVE::Native::Image::chain($path) for 1 .. $repeat;
    my $elapsed = clock_gettime(CLOCK_MONOTONIC) - $start;
    printf "%.1f us per chain, %d times\n", $elapsed * 1e6 / $repeat, $repeat;
}

my $repeat;
my $usable = GetOptions('repeat=i' => \$repeat) && @ARGV == 1;
if (!$usable || (defined($repeat) && $repeat < 1)) {
    print STDERR "usage: chain.pl [--repeat N] PATH\n";
    exit(2);
}
my ($path) = @ARGV;

my $chain = eval { PVE::Native::Image::chain($path) };
if (my $err = $@) {
    print STDERR "chain.pl: $err";
    exit(1);
}
if (defined($repeat)) {
    measure($path, $repeat);
} else {
    list($chain) or exit($chain->@* > 1 ? 3 : 1);
}
