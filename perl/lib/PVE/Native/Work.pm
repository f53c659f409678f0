package PVE::Native::Work;

use v5.36;

# Long work, which the library does a part at a time: about a millisecond where storage answers. The
# loop is here, so that Perl's signal handlers run between two parts, and whoever wants to know how
# far it is can be asked whether to go on.

use PVE::Native;

# Work belongs to one call: threads that are made in it do not get it.
sub CLONE_SKIP { return 1; }

# Does all of $work and gives its answer. What $progress dies with goes to the caller.
sub finish {
    my ($work, $progress) = @_;
    while (1) {
        my $answer = PVE::Native::RS::Work::advance($work);
        return $answer if defined($answer);
        next if !$progress;
        $progress->(PVE::Native::RS::Work::progress($work))
            or PVE::Native::RS::Work::cancel($work);
    }
}

1;
