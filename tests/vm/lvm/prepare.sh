#!/bin/bash
# Lays out what the machine needs, on the host: prepare.sh BUILD DIRECTORY
set -euo pipefail

here=$(dirname "$0")
build=$1
dir=$2
cp "$here"/{run.sh,*.pl,*.pm} "$dir"
[ ! -x "$build/bin/pve-native" ] || cp "$build/bin/pve-native" "$dir"
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -shared -fPIC -o "$dir/cut.so" "$here/cut.c" -ldl -lpthread
"$here/../host-perl.sh" "$build" "$dir/perl"
