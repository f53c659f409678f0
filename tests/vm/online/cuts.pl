#!/usr/bin/perl

# Kills QEMU between any two steps of our plans, and inside those that move data, in the virtual machine:
#
#     cuts.pl VOLUME EVERY [CASE…]
#
# Then the diagnosis must bring back what the guest has written, and all snapshots. VOLUME: group=NAME
# or folder=PATH; EVERY: each how-manieth cut is tried.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Time::HiRes qw(sleep);

use Cases qw(cases failures say_result);
use Plans;
use Story;
use Volume;

my ($where, $every, @names) = @ARGV;
my $volume = Volume->new(split(/=/, $where, 2));
my $nth = 0;

# After $at steps, or, with $inside, while the next job goes on.
sub cut ($case, $at, $inside) {
    my $story = Story->begin(
        program => 'qemu',
        volume => $volume,
        map { $_ => $case->{$_} } qw(snapshots size bulk),
    );
    my ($operation, @which) = $case->{wish}->@*;
    my $before = $story->report();
    my @steps = Plans::steps($volume, $case->{wish}->@*);
    my $guest = $story->{guest};
    my $paused = 0;
    my @done = @steps[0 .. $at - 1];
    my @wrong = eval { $guest->run(@done); 1 } ? () : $@;

    for my $step (@done) {
        $paused = 1 if ($step->{execute} // '') eq 'stop';
        $paused = 0 if ($step->{execute} // '') eq 'cont';
    }
    if ($inside) {
        my $step = { $steps[$at]->%* };
        delete($step->{job});
        eval { $guest->run($step) };
        sleep(rand(0.1));
    }
    $guest->{writer}->more(10) if !$paused && !$inside;
    push @wrong, $story->die_now();

    my ($found, $left) = Plans::repair($volume);
    if ($operation eq 'create') {
        my $image = $volume->image($which[0]);
        # What was written since the operation began may be in it.
        my $last = $story->{last};
        $story->{expected}->{ $which[0] } = [
            [map { $_->[2] } $before->{slots}->@*], [map { $_->[0] } $last->{slots}->@*],
        ] if $volume->exists($image);
    }
    # What was to be removed is either whole or gone, or left beside the others.
    my $beside = grep { $_ eq 'snapshot-leftover' } @$left;
    if ($operation =~ /^delete/) {
        $story->forget(grep { $beside || !$volume->exists($volume->image($_)) } @which);
    }
    push @wrong, $story->compare();
    push @wrong, "there is '$_'" for $volume->passing();
    # Two of them, one on the other, are a branch.
    my @more = grep { !/^(?:snapshot-leftover|branch)$/ } @$left;
    push @wrong, "left: @more" if @more;
    return ($found, @wrong);
}

my %found;
for my $case (cases(@names)) {
    # A plan tells how many steps there are.
    my $story = Story->begin(
        program => 'qemu',
        volume => $volume,
        map { $_ => $case->{$_} } qw(snapshots size bulk),
    );
    my @steps = Plans::steps($volume, $case->{wish}->@*);
    $story->die_now();
    my ($count, @wrong) = 0;
    for my $at (0 .. @steps) {
        for my $inside (0, 1) {
            next if $inside && !($at < @steps && $steps[$at]->{job});
            next if $nth++ % $every;
            $count++;
            my ($found, @now) = cut($case, $at, $inside);
            $found{$_}++ for @$found;
            my $last = $at ? $steps[$at - 1]->{id} : 'nothing';
            my $which = $inside ? "inside $steps[$at]->{id}" : "after $last";
            push @wrong, map { "$which: $_ (@$found)" } @now;
        }
    }
    say_result("$where: $case->{name}, cut off $count times", @wrong);
}
say '#   found: ', join(', ', map { "$_ ($found{$_})" } sort keys %found);
exit(failures() ? 1 : 0);
