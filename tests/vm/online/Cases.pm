package Cases;

# What is done to volumes with running guests, and how it is said how that went.

use v5.36;

use Exporter qw(import);

our @EXPORT_OK = qw(cases say_result failures);

my $failures = 0;
sub failures () { return $failures }

# "ok: what", or "FAILED: what" with what is wrong.
sub say_result ($what, @wrong) {
    if (!@wrong) {
        say "ok: $what";
        return 1;
    }
    $failures++;
    say "FAILED: $what";
    say "#   $_" for splice(@wrong, 0, 5);
    say '#   and ', scalar(@wrong), ' more' if @wrong;
    return 0;
}

my $large = 2 << 40;
# A commit of the current image looks at all of it before it begins.
our $wide = -e 'short' ? 64 << 30 : $large;
my $small = 1 << 30;    # A stream looks at each part of the disk.

# name; snapshots, the oldest first; wish; bulk, see Story; by: the step that moves the data; size.
my @cases = (
    { name => 'create', snapshots => ['s1'], wish => ['create', 's2'], size => $large },
    { name => 'create the first', snapshots => [], wish => ['create', 's1'], size => $large },
    {
        name => 'delete above a snapshot',
        snapshots => ['s1', 's2'],
        wish => ['delete', 's2'],
        by => 'stream',
    },
    {
        name => 'delete between snapshots',
        snapshots => ['s1', 's2', 's3'],
        wish => ['delete', 's2'],
        by => 'stream',
    },
    {
        name => 'delete the oldest',
        snapshots => ['s1', 's2'],
        wish => ['delete', 's1'],
        by => 'stream',
    },
    {
        name => 'delete two',
        snapshots => ['s1', 's2', 's3', 's4'],
        wish => ['delete-many', 's2', 's3'],
        by => 'stream',
    },
    {
        name => 'delete the oldest, which is large',
        snapshots => ['s1', 's2', 's3'],
        wish => ['delete', 's1'],
        bulk => 's1',
        by => 'commit',
    },
    {
        name => 'delete a large one between snapshots',
        snapshots => ['s1', 's2', 's3'],
        wish => ['delete', 's2'],
        bulk => 's2',
        by => 'commit',
    },
    {
        name => 'delete two, the lower one large',
        snapshots => ['s1', 's2', 's3'],
        wish => ['delete-many', 's1', 's2'],
        bulk => 's1',
        by => 'commit',
    },
    {
        name => 'delete the only one, which is large',
        snapshots => ['s1'],
        wish => ['delete', 's1'],
        bulk => 's1',
        by => 'commit',
        size => $wide,
    },
    {
        name => 'delete all, the lowest large',
        snapshots => ['s1', 's2'],
        wish => ['delete-many', 's2', 's1'],
        bulk => 's1',
        by => 'commit',
    },
    {
        name => 'resize', snapshots => ['s1'], wish => ['resize', $large + (1 << 30)],
        size => $large
    },
);

sub cases (@names) {
    my @all = map { { by => '', bulk => undef, size => $small, %$_ } } @cases;
    return @all if !@names;
    return map {
        my $name = $_;
        grep { $_->{name} eq $name } @all
    } @names;
}

1;
