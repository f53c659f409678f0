#!/bin/bash
# Lays out what the machine needs, on the host: prepare.sh BUILD DIRECTORY
set -euo pipefail

here=$(dirname "$0")
build=$1
dir=$2
cp "$here"/{run.sh,*.pl,*.pm} "$build/bin/pve-native" "$dir"
"$here/../host-perl.sh" "$build" "$dir/perl"
older=${PVE_NATIVE_VM:-$here/../../../build/vm}/multipathd
if why=$("$here/older.sh" "$older"); then
    cp -R "$older/root" "$dir/older"
else
    echo "skipped: multipathd of Debian 12: ${why:-it could not be unpacked, see $older/log}"
fi
