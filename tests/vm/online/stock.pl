#!/usr/bin/perl

# Takes the steps that stock qemu-server takes while a guest writes, in the virtual machine:
#
#     stock.pl PROGRAM VOLUME [CASE…]
#
# What is lost is shown and is no failure: that is why ours are others. Only what stops on the way is one.

use v5.36;

use FindBin;
use lib $FindBin::Bin;

use Time::HiRes qw(sleep);

use Cases qw(failures say_result);
use Stock;
use Story;
use Volume;

my ($program, $where, @names) = @ARGV;
my $volume = Volume->new(split(/=/, $where, 2));
my $large = 2 << 40;
my $wide = -e 'short' ? 512 << 30 : $large;
my $small = 1 << 30;

# name; the oldest snapshots first; size; the steps; how it ends; what is gone, and what is new.
my @cases = (
    [
        'create', ['s1'], $large, sub { Stock::create($volume, $large, 's2', 's1') }, 'end',
        [], 's2'
    ],
    [
        'delete with a parent', ['s1', 's2'],
        $small, sub { Stock::delete_with_parent($volume, 's2', 's1', undef) },
        'end', ['s2'],
    ],
    [
        'delete with a parent and a child, and QEMU is killed later',
        ['s1', 's2', 's3'],
        $small, sub { Stock::delete_with_parent($volume, 's2', 's1', 's3') },
        'die_now', ['s2'],
    ],
    [
        'delete the oldest',
        ['s1', 's2'], $small, sub { Stock::delete_oldest($volume, 's1', 's2', undef) },
        'end', ['s1'],
    ],
    [
        'delete the only one',
        ['s1'], $wide, sub { Stock::delete_oldest($volume, 's1', undef, undef) },
        'end', ['s1'],
    ],
    [
        'delete the only one, with 50 ms before the switch',
        ['s1'], $wide, sub { slowly(Stock::delete_oldest($volume, 's1', undef, undef)) },
        'end', ['s1'],
    ],
);

# A caller that is held up before the guest is switched to the new node, while the guest writes where it
# has not written before.
sub slowly (@steps) {
    my $held_up = sub ($guest) {
        $guest->{writer}->wide();
        sleep(0.05);
    };
    return map {
              ($_->{execute} // '') eq 'blockdev-reopen'
            ? ({ kind => 'call', code => $held_up }, $_)
            : $_
    } @steps;
}

for my $case (@cases) {
    my ($name, $snapshots, $size, $steps, $end, $gone, $new) = @$case;
    next if @names && !grep { $_ eq $name } @names;
    my $story = Story->begin(
        program => $program,
        volume => $volume,
        snapshots => $snapshots,
        size => $size,
        narrow => scalar($name =~ / ms /),
    );
    my $before = $story->report();
    if (!eval { $story->run($steps->()); 1 }) {
        say_result("stock, $where, $program: $name", $@);
        $story->die_now();
        next;
    }
    $story->expect($new, $before, $story->report()) if $new;
    $story->forget(@$gone);
    my @wrong = $story->$end();
    @wrong = $story->compare() if $end eq 'die_now';
    my $writes = $story->{last}->{writes};
    say_result("stock, $where, $program: $name: ran to its end");
    my $lost = @wrong ? scalar(@wrong) . " slots are wrong: $wrong[0]" : 'nothing is lost';
    say "#   after $writes writes $lost";
}
exit(failures() ? 1 : 0);
