#!/bin/bash
# Makes what the virtual machine starts from: image.sh DIRECTORY
#
# A Debian 13 with its own kernel for clouds, what tests of storage and of running guests need, and
# Debian 13's QEMU, which runs it, too: older ones fail as system emulators. All of it is unpacked into
# DIRECTORY and nothing is installed. Made once, and again when this file changes. Exit status 77,
# with the reason on standard output: it cannot be made here.
set -euo pipefail

mkdir -p "${1:?usage: image.sh DIRECTORY}"
dir=$(cd "$1" && pwd)

packages=(
    linux-image-cloud-amd64 kmod udev busybox-static procps iproute2 strace
    lvm2 e2fsprogs multipath-tools nbd-client qemu-utils qemu-system-x86 nfs-kernel-server nfs-common
)

cannot() {
    echo "$1"
    exit 77
}

exec 9>"$dir/lock"
flock 9
key=$(sha256sum <"$0")
if [ "$(cat "$dir/key" 2>/dev/null)" = "$key" ]; then
    exit 0
fi

[ "$(uname -m)" = x86_64 ] || cannot 'it is made for x86-64'
[ "$(id -u)" = 0 ] || cannot 'only root can unpack a system'
for tool in apt-get dpkg-deb mke2fs; do
    command -v $tool >/dev/null || cannot "$tool is missing"
done

log=$dir/log
work=$dir/work
rm -rf "$dir/key" "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tmp" "$work/initrd/"{bin,dev,root}
export TMPDIR=$work/tmp

# The mirror of this machine's apt, if it uses one of Debian's main archive.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
    'Component: main' 2>/dev/null | grep -v security | head -n 1) || mirror=
source="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
${mirror:-http://deb.debian.org/debian} trixie main"

get_mmdebstrap() {
    (cd "$work/tmp" && apt-get -qq download mmdebstrap)
}
{
    get_mmdebstrap || { apt-get -qq update && get_mmdebstrap; }
    dpkg-deb -x "$work"/tmp/mmdebstrap_*.deb "$work/mmdebstrap"
    "$work/mmdebstrap/usr/bin/mmdebstrap" --quiet --mode=root --variant=minbase \
        --aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' \
        --include="$(IFS=,; echo "${packages[*]}")" trixie "$work/root" "$source" </dev/null
} >"$log" 2>&1 9>&- || cannot "Debian 13's packages cannot be had (see $log)"

root=$work/root
mkdir -p "$work"/emulator/usr/{bin,lib,share}
cp "$root/usr/bin/qemu-system-x86_64" "$work/emulator/usr/bin/"
cp -a "$root/usr/lib64" "$work/emulator/usr/"
cp -a "$root/usr/lib/x86_64-linux-gnu" "$work/emulator/usr/lib/"
cp -a "$root"/usr/share/{qemu,seabios} "$work/emulator/usr/share/"
cp "$root"/boot/vmlinuz-* "$work/vmlinuz"
cp "$root/bin/busybox" "$work/initrd/bin/"
"$root/bin/busybox" xz -dc "$root"/lib/modules/*/kernel/drivers/block/virtio_blk.ko.xz \
    >"$work/initrd/virtio_blk.ko"
cat >"$work/initrd/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b insmod /virtio_blk.ko
$b mount -t ext4 -o noatime /dev/vda /root
$b mount -o move /dev /root/dev
$b mount -t tmpfs test /root/test
$b tar -xf /root/dev/vdb -C /root/test
exec $b switch_root /root /test/guest/init
INIT
chmod +x "$work/initrd/init"
(cd "$work/initrd" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null) >"$work/initrd.cpio"

mkdir "$root/test"
rm -rf "${root:?}"/{boot,var/cache/apt,var/lib/apt,usr/share/doc,usr/share/locale,usr/share/man}
truncate -s 2G "$work/root.ext4"
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$work/root.ext4" >>"$log" 2>&1

rm -rf "$dir/emulator"
mv "$work"/{emulator,vmlinuz,initrd.cpio,root.ext4} "$dir"
echo "$key" >"$dir/key"
