#!/bin/bash
# The storage type lvmqcow2 on real LVM: what is active and what is not, a random walk with a model of the
# guest's data, the processes that each operation starts, and what is overwritten. Runs in the virtual
# machine: with stand-ins for Proxmox VE's modules and, if there is a copy of them, with the real ones.
set -u

export LVM_SUPPRESS_FD_WARNINGS=1
failed=0
must() {
    "$@" || {
        echo "FAILED: could not set up: $*"
        exit 1
    }
}
program() { # script, whose modules, arguments
    echo "# $1, with $2"
    perl/perl -T -I. "$@" 2>&1 | sed -uE "s/^(ok): /\1: $2, /"
    [ "${PIPESTATUS[0]}" = 0 ] || {
        echo "FAILED: $*"
        failed=1
    }
}

# Two groups whose volumes have the same names.
must truncate -s 2G /tmp/other
other=$(losetup -f --show /tmp/other)
must pvcreate -q /dev/vdc "$other"
must vgcreate -q vg0 /dev/vdc
must vgcreate -q vg1 "$other"

whose=(stand-ins)
[ ! -d stock ] || whose+=(stock)
steps=80
seed=$RANDOM
if [ -e short ]; then
    steps=12
    seed=1
fi
for modules in "${whose[@]}"; do
    program activation.pl "$modules"
    program processes.pl "$modules"
    program walk.pl "$modules" $steps $seed
done
exit $failed
