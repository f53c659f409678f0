#!/bin/sh
# The binary interface: what is exported, under which names and versions, and how structs lie.
#
# Usage, from the top of the tree: tests/abi/check.sh BUILD
set -eu

build=$1
lib=$build/lib/libpve_native.so
work=$build/tests/abi
cc=${CC:-cc}
failed=0
mkdir -p "$work"

same() {
    if diff -u "$2" "$3"; then
        echo "ok: $1"
    else
        echo "FAILED: $1"
        failed=1
    fi
}

nm -D --defined-only --format=posix "$lib" | awk '$2 != "A" { print $1 }' | LC_ALL=C sort \
    > "$work/symbols"
sed 's/$/@@PVEN_0/' tests/abi/symbols.golden > "$work/symbols.wanted"
same 'exported symbols and their version node' "$work/symbols.wanted" "$work/symbols"

nm -g --defined-only --format=posix "$build/lib/libpve_native.a" | awk 'NF > 2 { print $1 }' |
    LC_ALL=C sort > "$work/symbols.static"
same 'global symbols of the static library' tests/abi/symbols.golden "$work/symbols.static"

grep -oE '\bpven_[a-z0-9_]+\(' include/pve_native.h | tr -d '(' | LC_ALL=C sort -u \
    > "$work/symbols.header"
# A comment may speak of a function; each that it speaks of must exist.
same 'functions of the header' tests/abi/symbols.golden "$work/symbols.header"

sed -n 's/^ \(pven_[a-z0-9_]*\)@PVEN_0 .*/\1/p' debian/libpve-native0.symbols > "$work/symbols.debian"
same "symbols of Debian's package" tests/abi/symbols.golden "$work/symbols.debian"

echo libpve_native.so.0 > "$work/soname.wanted"
readelf -d "$lib" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p' > "$work/soname"
same 'SONAME' "$work/soname.wanted" "$work/soname"

printf 'libc.so.6\nlibgcc_s.so.1\n' > "$work/needed.wanted"
readelf -d "$lib" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -v '^ld-linux' | grep -v '^libm\.' | LC_ALL=C sort > "$work/needed"
same 'libraries that it needs' "$work/needed.wanted" "$work/needed"

if [ "$(getconf LONG_BIT)" = 64 ]; then
    "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -o "$work/layout" tests/abi/layout.c
    "$work/layout" > "$work/layout.now"
    same 'layout of the structs' tests/abi/layout.golden "$work/layout.now"
fi
exit $failed
