#!/usr/bin/perl

# Takes the steps of our plans while a guest writes, in the virtual machine:
#
#     plans.pl PROGRAM VOLUME [CASE…]
#
# PROGRAM: qemu or daemon. VOLUME: group=NAME or folder=PATH.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Cases qw(cases failures say_result);
use Plans;
use Story;
use Volume;

my ($program, $where, @names) = @ARGV;
my $volume = Volume->new(split(/=/, $where, 2));

for my $case (cases(@names)) {
    my $story = Story->begin(
        program => $program,
        volume => $volume,
        map { $_ => $case->{$_} } qw(snapshots size bulk),
    );
    my ($operation, @which) = $case->{wish}->@*;
    my $before = $story->report();
    my @steps = Plans::steps($volume, $case->{wish}->@*);
    my @wrong = eval { $story->run(@steps); 1 } ? () : $@;
    $story->expect($which[0], $before, $story->report()) if $operation eq 'create';
    $story->forget(@which) if $operation =~ /^delete/;
    push @wrong, $story->stale();
    push @wrong, $story->end();
    push @wrong, "it is no $case->{by}"
        if $case->{by} && !grep { $_->{task} eq $case->{by} } @steps;
    push @wrong, "there is '$_'" for $volume->passing();
    my $writes = $story->{last}->{writes};
    say_result("$where, $program: $case->{name}", @wrong);
    say "#   $writes writes, ", scalar(@steps), ' steps';
}
exit(failures() ? 1 : 0);
