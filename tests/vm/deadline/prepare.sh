#!/bin/bash
# Lays out what the machine needs, on the host: prepare.sh BUILD DIRECTORY
set -euo pipefail

here=$(dirname "$0")
build=$1
dir=$2
cp "$here"/{run.sh,hang.pl} perl/t/lib/Hanging.pm "$build/bin/pve-native" "$dir"
cp -L "$build/lib/libpve_native.so.0" "$dir"
${CC:-cc} -std=c11 -Wall -Wextra -Werror -O1 -o "$dir/hang" "$here/hang.c" "-I$build/include" \
    "-L$build/lib" -lpve_native -lpthread '-Wl,-rpath,$ORIGIN'
"$here/../host-perl.sh" "$build" "$dir/perl"
