#!/bin/bash
# Runs a test in a virtual machine: run.sh TEST-DIRECTORY OUTPUT-DIRECTORY
#
# The machine is Debian 13 with its own kernel; image.sh makes it when it is missing, in
# $PVE_NATIVE_VM (default: build/vm). It gets a copy of TEST-DIRECTORY as /test, with guest/ in it, and runs run.sh there
# as root, with /dev/vdc as an empty disk of 8 GiB. What that prints is printed, and kept in
# OUTPUT-DIRECTORY/console.log; the files that it leaves in $RESULTS come into OUTPUT-DIRECTORY.
# Nothing else of the host can be seen or changed, and there is no network.
#
# The exit status is that of the test's run.sh. 77: no machine can be had here, and the last line
# says why. 124: not finished within $VM_SECONDS (default 600). 125: the machine ended by itself.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
test=$(cd "${1:?usage: run.sh TEST-DIRECTORY OUTPUT-DIRECTORY}" && pwd)
output=${2:?usage: run.sh TEST-DIRECTORY OUTPUT-DIRECTORY}
vm=${PVE_NATIVE_VM:-$here/../../build/vm}

if ! why=$("$here/image.sh" "$vm"); then
    echo "skipped: no virtual machine: ${why:-it could not be made, see $vm/log}"
    exit 77
fi

disks=$(mktemp -d "$vm/run.XXXXXXXX")
trap 'rm -rf "$disks"' EXIT
tar -cf "$disks/test" -C "$here" guest -C "$test" .
truncate -s 8G "$disks/empty"
truncate -s 64M "$disks/results"
mkdir -p "$output"
console=$output/console.log

# NVMe's own multipathing is off: multipathd has its disks then.
options='console=ttyS0 quiet panic=-1 mitigations=off nvme_core.multipath=N'
lib=$vm/emulator/usr/lib/x86_64-linux-gnu
disk() { # a file, further options
    printf '%s' "if=virtio,format=raw,file=$1,$2"
}
emulator=(
    "$vm/emulator/usr/lib64/ld-linux-x86-64.so.2" --library-path "$lib"
    "$vm/emulator/usr/bin/qemu-system-x86_64"
    -L "$vm/emulator/usr/share/qemu" -L "$vm/emulator/usr/share/seabios"
    -accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m 2048
    -display none -nodefaults -no-reboot -serial stdio
    -kernel "$vm/vmlinuz" -initrd "$vm/initrd.cpio"
    -append "$options rdinit=/init"
    -drive "$(disk "$vm/root.ext4" snapshot=on)"
    -drive "$(disk "$disks/test" readonly=on)"
    -drive "$(disk "$disks/empty" cache=unsafe,discard=unmap)"
    -drive "$(disk "$disks/results" cache=unsafe)"
)
TMPDIR=$disks QEMU_MODULE_DIR=$lib/qemu timeout -k 5 "${VM_SECONDS:-600}" "${emulator[@]}" \
    </dev/null 2>&1 | sed -u 's/\r$//' | tee "$console" || ended=${PIPESTATUS[0]}
tar -xf "$disks/results" -C "$output" 2>/dev/null || true

status=$(sed -n 's/^guest: exit status \([0-9]*\)$/\1/p' "$console")
if [ -n "$status" ]; then
    exit "$status"
fi
[ "${ended:-0}" != 124 ] || exit 124
exit 125
