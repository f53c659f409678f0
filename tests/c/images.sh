#!/bin/sh
# Makes the images of the C and C++ tests with the real qemu-img, and QEMU's own description of
# some of them.
#
# Usage: tests/c/images.sh DIRECTORY
set -eu

cd "$1"
create() {
    qemu-img create -q -f qcow2 "$@"
}
# Writes bytes (octal escapes) at an offset.
patch() {
    printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

create base.qcow2 64M
create -b base.qcow2 -F qcow2 mid.qcow2
create -b mid.qcow2 -F qcow2 top.qcow2 128M

# Damaged below the top.
create -u -b gone.qcow2 -F qcow2 lost.qcow2 1M
create junk.qcow2 1M
patch junk.qcow2 0 'JUNK'
create -u -b junk.qcow2 -F qcow2 on-junk.qcow2 1M
create -u -b mid.qcow2 -F qcow2 below.qcow2 1M
create -u -b two.qcow2 -F qcow2 one.qcow2 1M
create -u -b one.qcow2 -F qcow2 two.qcow2 1M
# Without the name of the parent's format: the extension is made unknown.
cp mid.qcow2 unnamed.qcow2
at=$(LC_ALL=C grep -obaP '\xe2\x79\x2a\xca' unnamed.qcow2 | head -n 1 | cut -d: -f1)
patch unnamed.qcow2 "$at" '\142'
# No image at all from the first byte on.
printf 'not an image' > text.qcow2

create -o cluster_size=128k,extended_l2=on,lazy_refcounts=on,compression_type=zstd fancy.qcow2 8M
create -o data_file=data.raw,data_file_raw=on data.qcow2 1M
create -o compat=0.10 old.qcow2 1M
create snapshots.qcow2 1M
qemu-img snapshot -c first snapshots.qcow2
qemu-img resize -q snapshots.qcow2 2M 2> /dev/null
qemu-img snapshot -c 'second one' snapshots.qcow2
create bitmaps.qcow2 1M
qemu-img bitmap --add bitmaps.qcow2 plain
qemu-img bitmap --add -g 4096 --disable bitmaps.qcow2 fine
cp bitmaps.qcow2 stale.qcow2
# The lowest bit of the autoclear features says that bitmaps count.
patch stale.qcow2 95 '\000'

truncate -s 1M raw.img
truncate -s 1M noext
create -u -b 'with space' -F qcow2 spaced.qcow2 1M
create "$(printf 'b\377\n.qcow2')" 1M
mkdir -p directory
mkfifo fifo.qcow2

# What an upload may turn out to be. The smallest qcow2 that names a file: 72 bytes of header, then
# the name.
printf 'QFI\373\0\0\0\2\0\0\0\0\0\0\0\110\0\0\0\025\0\0\0\020\0\0\0\0\0\020\0\0' > tiny.qcow2
printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0' \
    >> tiny.qcow2
printf '../../../etc/./passwd' >> tiny.qcow2
create -u -b /etc/passwd -F raw outside.qcow2 1M
create -u -b nbd://localhost/disk -F raw nbd.qcow2 1M
create -u -b 'json:{"driver":"file","filename":"/etc/passwd"}' -F raw json.qcow2 1M
create -u -b "$(printf '\033[2Jbase.raw')" -F raw escape.qcow2 1M
cp tiny.qcow2 hidden.raw
qemu-img create -q -f vmdk -o subformat=monolithicFlat flat.vmdk 1M
ln -s base.qcow2 link.qcow2
create -b link.qcow2 -F qcow2 on-link.qcow2
create -o "data_file=$1/data-there.raw,data_file_raw=on" data-there.qcow2 1M
qemu-io -f qcow2 -c 'write -q -P 7 1M 64k' base.qcow2
qemu-io -f qcow2 -c 'write -q -P 9 3M 64k' top.qcow2

# Every kind of extent: data, zeros, compressed data, nothing at all; clusters of two sizes.
create -o cluster_size=4k map-base.qcow2 4M
qemu-io -f qcow2 -c 'write -q -P 1 0 64k' -c 'write -q -P 2 1M 12k' -c 'write -q -P 3 1048k 4k' \
    map-base.qcow2
create -b map-base.qcow2 -F qcow2 map.qcow2 8M
qemu-io -f qcow2 -c 'write -q -z 64k 64k' -c 'write -q -c -P 4 2M 64k' -c 'write -q -P 5 6M 128k' \
    map.qcow2
# The second entry of its first table leads to where no table can be.
create -o cluster_size=4k map-broken.qcow2 4M
qemu-io -f qcow2 -c 'write -q 0 8k' -c 'write -q 3M 8k' map-broken.qcow2
patch map-broken.qcow2 $(($(od -An -tu8 --endian=big -j40 -N8 map-broken.qcow2) + 14)) '\002'

for name in base mid top snapshots bitmaps fancy; do
    qemu-img info --output=json -f qcow2 "$1/$name.qcow2" > "$name.info"
done
qemu-img info --output=json -f qcow2 --backing-chain "$1/top.qcow2" > top.chain
qemu-img info --output=json -f raw "$1/noext" > noext.info
for name in map top fancy; do
    qemu-img map --output=json -f qcow2 "$1/$name.qcow2" > "$name.map"
done
qemu-img map --output=json -f raw noext > noext.map

# A bitmap with something in it, and an image whose refcounts are wrong: the first block says that the
# cluster behind it is free, and that one is used which is not.
create dirty.qcow2 1M
qemu-img bitmap --add dirty.qcow2 dirty
qemu-io -f qcow2 -c 'write -q 10k 100k' -c 'write -q 512k 1k' dirty.qcow2
cp base.qcow2 unsound.qcow2
patch unsound.qcow2 $((2 * 65536 + 6)) '\0\0\0\1\0\3\0\1\0\2'
for name in base unsound; do
    qemu-img check --output=json -f qcow2 "$1/$name.qcow2" > "$name.check" 2> /dev/null || :
done
qemu-img measure --output=json -O qcow2 -o cluster_size=128k,extended_l2=on --size 10G > size.measure
qemu-img measure --output=json -f qcow2 -O qcow2 top.qcow2 > top.measure

# A volume with two snapshots, and another one beside it.
mkdir -p volume
create volume/vm-100-disk-0-snap-first.qcow2 2M
create -b vm-100-disk-0-snap-first.qcow2 -F qcow2 volume/vm-100-disk-0-snap-second.qcow2
create -b vm-100-disk-0-snap-second.qcow2 -F qcow2 volume/vm-100-disk-0.qcow2
create volume/vm-100-disk-1.qcow2 1M
