# shellcheck shell=bash
# A part of demo.sh: a volume with snapshots, an operation that is cut off, and how the volume comes
# back. The guest's data is compared by qemu-img throughout.

: "${command:?is set by demo.sh}" "${failures:?is set by demo.sh}"

# The first steps of a plan, done by hand: then the node loses power.
first_steps() {
    local count=$1
    shift
    "$command" "$@" --output json | perl -MJSON::PP -0777 -ne '
        my $count = '"$count"';
        for my $step (splice(@{ decode_json($_)->{steps} }, 0, $count)) {
            if ($step->{kind} eq "exec") {
                open(my $output, "-|", @{ $step->{argv} }) or die "$step->{argv}[0]: $!\n";
                1 while <$output>;
                close($output) or die "failed: @{ $step->{argv} }\n";
            } else {
                rename($step->{from}, $step->{to}) or die "failed: $step->{from}: $!\n";
            }
            print "(done) $step->{id}\n";
        }'
}

# Whether QEMU reads the same from both.
same_data() {
    if qemu-img compare -q -f qcow2 -F raw "$1" "$2"; then
        echo "$1: the guest's data is what it was"
    else
        echo "$1: the guest's data is NOT what it was"
        failures=$((failures + 1))
    fi
}

snapshots() {
    local volume=images/100/vm-100-disk-0.qcow2
    mkdir -p images/100
    qemu-img create -q -f qcow2 "$volume" 64M
    qemu-io -f qcow2 -c "write -q -P 1 0 16M" "$volume"

    heading "Two snapshots of a volume, as Proxmox VE names them"
    shows_status 0 "$command" snapshot plan create installed --volume "$volume"
    "$command" snapshot plan create installed --volume "$volume" --run --output json >/dev/null 2>&1
    qemu-io -f qcow2 -c "write -q -P 2 8M 1M" "$volume"
    "$command" snapshot plan create updated --volume "$volume" --run --output json >/dev/null 2>&1
    qemu-io -f qcow2 -c "write -q -P 3 20M 1M" "$volume"
    qemu-img convert -f qcow2 -O raw "$volume" before.raw
    shows_status 0 "$command" snapshot graph "$volume"

    heading "One of them is removed, and the node loses power in the middle"
    first_steps 3 snapshot plan delete installed --volume "$volume"
    echo
    shows_status 3 "$command" snapshot diagnose "$volume"

    heading "Whoever comes next goes on, from names and headers alone"
    shows_status 0 "$command" snapshot diagnose "$volume" --run
    shows_status 0 "$command" snapshot graph "$volume"
    same_data "$volume" before.raw
}
