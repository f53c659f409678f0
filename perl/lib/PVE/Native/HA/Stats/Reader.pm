package PVE::Native::HA::Stats::Reader;

use v5.36;

# The program that reads RRD files for PVE::Native::HA::Stats. It is one of its own because librrd waits for
# rrdcached and for the disk as long as it takes: this can be killed, its caller's process goes on.
#
#     perl Reader.pm START END RESOLUTION CF SOCKET SOURCE,… FILE[\nFILE…]…
#
# Of each argument with files it reads the first that exists and knows anything in that time, and prints one
# line of fields with tabs between: what came of it (ok, missing, error), and then
#   ok: the file, whether rrdcached did not answer, the time of the first row, the step, the sources found, and
#       the rows: values with commas, rows with semicolons between, U for what is not known;
#   error: why.

# What a program of ours takes for printable, on one line.
my sub line ($text) {
    return $text =~ s/[^\x20-\x7e]+/ /gr =~ s/\s+\z//r;
}

my sub fetch ($file, $cf, @args) {
    my ($start, $step, $names, $rows) = RRDs::fetch($file, $cf, @args);
    if (my $error = RRDs::error()) {
        die line($error) . "\n";
    }
    return ($start, $step, $names, $rows);
}

# What has not been written yet is with rrdcached. If that says no, the file still has the rest.
my sub rows_of ($file, $how) {
    my ($start, $end, $resolution, $cf, $socket) = $how->@{qw(start end resolution cf socket)};
    my @args = ('-s', $start, '-e', $end, '-r', $resolution);
    if (length($socket)) {
        my @rows = eval { fetch($file, $cf, @args, '--daemon', "unix:$socket") };
        return (0, @rows) if @rows;
    }
    return (length($socket) ? 1 : 0, fetch($file, $cf, @args));
}

# The line of one file, and whether it knows anything.
my sub read_one ($file, $how) {
    my ($alone, $start, $step, $names, $rows) = rows_of($file, $how);
    # By its name: newer files have more sources, and nothing says that they stay in order.
    my %index = map { $names->[$_] => $_ } 0 .. $names->$#*;
    my @sources = grep { defined($index{$_}) } $how->{sources}->@*;
    my @columns = @index{@sources};
    my $known = 0;
    my @lines;
    for my $row ($rows->@*) {
        my @values = $row->@[@columns];
        $known ||= grep { defined($_) } @values;
        push @lines, join(',', map { defined($_) ? sprintf('%.17g', $_) : 'U' } @values);
    }
    my @fields = ($file, $alone, $start, $step, join(',', @sources), join(';', @lines));
    return (join("\t", 'ok', @fields), $known);
}

sub answer ($files, $how) {
    my ($best, $failed);
    for my $file (grep { -e $_ } $files->@*) {
        my ($line, $known) = eval { read_one($file, $how) };
        if (!defined($line)) {
            $failed //= "error\t" . line($@);
            next;
        }
        return $line if $known;
        $best //= $line;
    }
    return $best // $failed // 'missing';
}

sub main (@argv) {
    my %how;
    @how{qw(start end resolution cf socket sources)} = splice(@argv, 0, 6);
    $how{sources} = [split(m/,/, $how{sources})];
    require RRDs;
    local $| = 1;
    say answer([split(m/\n/, $_)], \%how) for @argv;
    return 0;
}

exit(main(@ARGV)) if !caller();

1;
