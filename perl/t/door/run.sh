#!/bin/sh
# Builds a Perl library that can be made to panic, which the one that is shipped cannot, and tests
# what comes of it.
#
# Usage, from the top of the tree: perl/t/door/run.sh BUILD
set -eu

cargo=${CARGO:-cargo}
here=$1/perl-door
"$cargo" build --quiet --locked -p pve-native-perl --features panic-door
mkdir -p "$here/auto/PVE/Native"
cp -R perl/lib/. "$here/"
cp "${CARGO_TARGET_DIR:-target}/debug/libpve_native_perl.so" "$here/auto/PVE/Native/Native.so"
exec prove -I"$here" perl/t/door
