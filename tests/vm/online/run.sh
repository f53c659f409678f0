#!/bin/bash
# Snapshots of running guests: the steps of stock qemu-server, our plans, and our plans cut off by the
# death of QEMU, on logical volumes and on files. Runs in the virtual machine.
#
# The disks of the guests are large and sparse, as that is where most is lost; so the volume group is on
# a sparse file of 12 TiB.
set -u

every=1
some=()
if [ -e short ]; then
    every=40
    some=(create 'delete between snapshots' 'delete the oldest, which is large' 'delete the only one, which is large')
fi

failed=0
program() {
    ./perl/perl "$@" || failed=1
}
must() {
    "$@" || {
        echo "FAILED: could not set up: $*"
        exit 1
    }
}

must mkfs.ext4 -q -E lazy_itable_init=1 /dev/vdc
mkdir -p /mnt/files
must mount -o discard /dev/vdc /mnt/files
mkdir /mnt/files/{images,group}
must truncate -s 12T /mnt/files/group/disk
loop=$(losetup -f --show /mnt/files/group/disk) || exit 1
must pvcreate -q "$loop"
must vgcreate -q group "$loop"

echo '== stock'
if [ -e short ]; then
    program stock.pl qemu group=group create
else
    program stock.pl qemu group=group
fi
[ -e short ] || program stock.pl daemon group=group
[ -e short ] || program stock.pl qemu folder=/mnt/files/images
echo '== plans'
program plans.pl qemu group=group "${some[@]}"
[ -e short ] || program plans.pl daemon group=group
[ -e short ] || program plans.pl qemu folder=/mnt/files/images
echo '== plans that are cut off'
program cuts.pl folder=/mnt/files/images "$every"
[ -e short ] || program cuts.pl group=group 3
exit $failed
