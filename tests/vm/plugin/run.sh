#!/bin/bash
# The storage type lvmqcow2 on real LVM: what is active and what is not, a random walk with a model of the
# guest's data, the processes that each operation starts, what is overwritten, and operations that are
# killed. Runs in the virtual machine: with stand-ins for Proxmox VE's modules and, if there is a copy of
# them, with the real ones.
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
    perl/perl -T -I. "$@" 2>&1 | sed -uE "/metadata update is NOT backed up/d; s/^(ok): /\1: $2, /"
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
if [ -e short ]; then
    STEPS=12
    SEED=1
    KILLS=0
fi
# What prepare.sh was given.
[ ! -e settings ] || . ./settings
for modules in "${whose[@]}"; do
    program activation.pl "$modules"
    program processes.pl "$modules"
    program walk.pl "$modules" "${STEPS:-320}" "${SEED:-$RANDOM}"
done

# These have a group of their own, on a layer that is taken away after each.
vgremove -q -y vg0 vg1
dmesg --console-level 1
echo "$PWD/cut.so" >/etc/ld.so.preload
some=()
[ ! -e short ] || some=(snapshot 'delete, commit')
for modules in "${whose[@]}"; do
    program kill.pl "$modules" "${KILLS:-1}" "${SEED:-$RANDOM}" "${some[@]}"
done
exit $failed
