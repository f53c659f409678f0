package Stock;

# The steps that qemu-server 9.2.6 takes for snapshots of running guests, in its order and with its
# arguments.

use v5.36;

use Guest;

my $device = "drive-$Guest::drive";

sub qmp ($command, %arguments) {
    return { kind => 'qmp', execute => $command, arguments => \%arguments };
}

# The same, and then waits until a job has come so far.
sub job ($id, $until, $command, %arguments) {
    return { qmp($command, %arguments)->%*, job => { id => $id, until => $until } };
}
sub run (@argv) { return { kind => 'exec', argv => \@argv } }

sub delete_node ($snapshot) {
    return {
        qmp('blockdev-del', 'node-name' => Guest::node('f', $snapshot))->%*,
        'may-be-gone' => 1
    };
}

# The guest is paused around it: savevm-start and savevm-end do that.
sub create ($volume, $size, $snapshot, $parent) {
    my ($current, $image) = ($volume->image(), $volume->image($snapshot));
    my %backing = defined($parent) ? (backing => Guest::node('f', $parent)) : ();
    return (
        qmp('stop'),
        run($volume->rename_argv($current, $image)->@*),
        run($volume->allocate_argv($current)->@*),
        run($volume->format_argv($current, $size, $image)->@*),
        qmp('blockdev-add', Guest::image_node($volume, $snapshot, %backing)->%*),
        qmp('blockdev-reopen', options => [Guest::top_node(Guest::node('f', $snapshot))]),
        delete_node(undef),
        qmp('blockdev-add', Guest::image_node($volume, undef, backing => undef)->%*),
        qmp(
            'blockdev-snapshot',
            node => Guest::node('f', $snapshot),
            overlay => Guest::node('f'),
        ),
        qmp('cont'),
    );
}

sub delete_with_parent ($volume, $snapshot, $parent, $child) {
    return (
        job(
            "stream-$device",
            'concluded',
            'block-stream',
            'job-id' => "stream-$device",
            device => Guest::node('f', $child),
            'base-node' => Guest::node('f', $parent),
            'backing-file' => $volume->image($parent),
            'auto-dismiss' => JSON::PP::false,
        ),
        delete_node($snapshot),
        run($volume->remove_argv($volume->image($snapshot))->@*),
    );
}

# $child: undef if that is the current image; else $grandchild stands on it.
sub delete_oldest ($volume, $snapshot, $child, $grandchild) {
    my ($image, $target) = ($volume->image($snapshot), $volume->image($child));
    my $node = Guest::node('f', $child);
    return (
        job(
            "commit-$device",
            defined($child) ? 'concluded' : 'ready',
            'block-commit',
            'job-id' => "commit-$device",
            device => $device,
            'top-node' => $node,
            'base-node' => Guest::node('f', $snapshot),
            'auto-dismiss' => JSON::PP::false,
        ),
        (
            defined($child)
            ? ()
            : job("commit-$device", 'concluded', 'job-complete', id => "commit-$device")
        ),
        delete_node($child),
        run($volume->remove_argv($target)->@*),
        run($volume->rename_argv($image, $target)->@*),
        qmp('blockdev-add', Guest::image_node($volume, $child)->%*),
        (
            defined($child)
            ? (
                qmp(
                    'blockdev-reopen',
                    options => [Guest::image_node($volume, $grandchild, backing => $node)],
                ),
                qmp(
                    'change-backing-file',
                    device => $device,
                    'image-node-name' => Guest::node('f', $grandchild),
                    'backing-file' => $target,
                ),
                )
            : qmp('blockdev-reopen', options => [Guest::top_node($node)])
        ),
        delete_node($snapshot),
    );
}

1;
