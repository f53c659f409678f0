#!/bin/bash
# Plans on real LVM: devices that are not as LVM says, a walk over volumes at random, and plans that are
# cut off everywhere. Runs in the virtual machine. $SEED, $STEPS and $CUTS (cases of each step) change
# what is done.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# A chain that leads back to itself must not take all of the memory.
ulimit -n 1024
# All errors that are made on purpose would be on the console.
dmesg --console-level 1

failed=0
perl/perl devices.pl || failed=1
if [ -e short ]; then
    perl/perl walk.pl "${SEED:-1}" "${STEPS:-15}" || failed=1
    echo "$PWD/cut.so" >/etc/ld.so.preload
    MOST=4 perl/perl cuts.pl "${SEED:-1}" 1 create 'delete by commit' || failed=1
else
    perl/perl walk.pl "${SEED:-1}" "${STEPS:-320}" || failed=1
    echo "$PWD/cut.so" >/etc/ld.so.preload
    perl/perl cuts.pl "${SEED:-1}" "${CUTS:-3}" || failed=1
fi
exit $failed
