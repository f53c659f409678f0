#!/bin/bash
# Unpacks Debian 12's multipathd with its libraries, as a folder to chroot into: older.sh DIRECTORY
#
# Nothing is installed. Made once, and again when this file changes. Exit status 77, with the reason on
# standard output: it cannot be had here.
set -euo pipefail

mkdir -p "${1:?usage: older.sh DIRECTORY}"
dir=$(cd "$1" && pwd)
key=$(sha256sum <"$0")
if [ "$(cat "$dir/key" 2>/dev/null)" = "$key" ]; then
    exit 0
fi

cannot() {
    echo "$1"
    exit 77
}

log=$dir/log
work=$dir/work
rm -rf "$dir/key" "$dir/root" "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tmp"
export TMPDIR=$work/tmp

mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
    'Component: main' 2>/dev/null | grep -v security | head -n 1) || mirror=
source="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
${mirror:-http://deb.debian.org/debian} bookworm main"
get_mmdebstrap() {
    (cd "$work/tmp" && apt-get -qq download mmdebstrap)
}
{
    get_mmdebstrap || { apt-get -qq update && get_mmdebstrap; }
    dpkg-deb -x "$work"/tmp/mmdebstrap_*.deb "$work/mmdebstrap"
    "$work/mmdebstrap/usr/bin/mmdebstrap" --quiet --mode=root --variant=extract \
        --aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' \
        --include=multipath-tools bookworm "$work/all" "$source" </dev/null
} >"$log" 2>&1 || cannot "Debian 12's packages cannot be had (see $log)"

# The loader looks for libraries there by itself.
all=$work/all
root=$dir/root
libraries=lib/x86_64-linux-gnu
mkdir -p "$root"/{sbin,lib64,etc/multipath,dev,proc,sys,run,tmp} "$root/$libraries"
cp "$all/sbin/multipathd" "$root/sbin"
cp -R "$all/lib/multipath" "$root/lib"
cp -L "$all/$libraries/ld-linux-x86-64.so.2" "$root/lib64"
for file in "$all/sbin/multipathd" "$all"/lib/multipath/*.so; do
    "$root/lib64/ld-linux-x86-64.so.2" --library-path "$all/lib:$all/$libraries:$all/usr/$libraries" --list "$file"
done | sed -n "s|.* => \($all/.*\) (.*|\1|p" | sort -u |
    while read -r library; do cp -L "$library" "$root/$libraries"; done
# Loaded when a thread is cancelled.
cp -L "$(find "$all" -name libgcc_s.so.1 | head -n 1)" "$root/$libraries"
echo "$key" >"$dir/key"
