#!/bin/bash
# Lays out what the machine needs, on the host: prepare.sh BUILD DIRECTORY
#
# With PVE_STORAGE_SRC and PVE_COMMON_SRC, the folders of a copy of pve-storage and of pve-common, the
# plugin is also loaded by those; see perl/t/lib/StockStorage.pm. STEPS, the length of the walk, KILLS (see
# kill.pl) and SEED are handed on.
set -euo pipefail

here=$(dirname "$0")
build=$1
dir=$2
cp "$here"/*.{sh,pl,pm} perl/t/lib/{Stock*,StorageStandIns}.pm "$dir"
rm "$dir/prepare.sh"
for name in STEPS KILLS SEED; do
    [ -z "${!name-}" ] || echo "$name=${!name}"
done >"$dir/settings"
cp "$here/../lvm/Group.pm" "$build/bin/pve-native" "$dir"
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -shared -fPIC -o "$dir/cut.so" "$here/../lvm/cut.c" -ldl -lpthread
mkdir -p "$dir/perl/modules"
if [ -n "${PVE_STORAGE_SRC-}" ] && [ -n "${PVE_COMMON_SRC-}" ]; then
    for source in storage common; do
        from=PVE_${source^^}_SRC
        mkdir -p "$dir/stock/$source"
        cp -R "${!from}/src" "$dir/stock/$source/"
    done
    # The modules of Debian that they use.
    perl -MConfig -e 'print map { "$_\n" } @Config{qw(vendorlibexp vendorarchexp)}' |
        while read -r modules; do
            tar -c --exclude='*.pod' -C "$modules" . | tar -x -C "$dir/perl/modules"
        done
fi
"$here/../host-perl.sh" "$build" "$dir/perl"
