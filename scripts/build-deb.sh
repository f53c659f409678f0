#!/bin/bash
# Builds the Debian packages of this tree into a directory: build-deb.sh OUTDIR
# The tree is copied first, so that nothing is left in it or beside it.
set -euo pipefail

if [ $# != 1 ]; then
    echo "usage: $0 OUTDIR" >&2
    exit 2
fi
mkdir -p "$1"
outdir=$(realpath "$1")
cd "$(dirname "$0")/.."

if ! command -v dpkg-buildpackage >/dev/null; then
    echo "build-deb: dpkg-buildpackage is missing; please run: sudo apt-get install dpkg-dev" >&2
    exit 1
fi

# Debian's Rust, if its packages are there; otherwise a new enough cargo on the PATH.
options=()
if ! missing=$(dpkg-checkbuilddeps 2>&1); then
    version=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || version=0
    if ! dpkg --compare-versions "$version" ge 1.85 ||
        ! missing=$(dpkg-checkbuilddeps -Ppkg.pve-native.rustup 2>&1); then
        echo "build-deb: ${missing#dpkg-checkbuilddeps: }" >&2
        echo "build-deb: please run, as root: apt-get build-dep $PWD" >&2
        exit 1
    fi
    options=(-Ppkg.pve-native.rustup)
fi

work=$(mktemp -d "$outdir/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/pve-native"
tar -c --exclude-vcs --exclude=./build --exclude=target . | tar -x -C "$work/pve-native"

(cd "$work/pve-native" && dpkg-buildpackage -b -us -uc "${options[@]}")

rm -f "$outdir"/*.deb "$outdir"/*.ddeb "$outdir"/*.buildinfo "$outdir"/*.changes
find "$work" -maxdepth 1 -type f -exec mv -t "$outdir" {} +
echo "build-deb: the packages are in $outdir"
