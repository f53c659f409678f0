#!/bin/sh
# The C interface as C and C++ programs see it: headers alone, behaviour, static linking, memory.
# Tools that are missing are named at the end; they are no failure.
#
# Usage, from the top of the tree: tests/c/run.sh BUILD
set -u

build=$1
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$build/tests/c
images=$(cd "$build" && pwd)/tests/c/images
warnings='-Wall -Wextra -Wpedantic -Werror'
c="$cc -std=c11 -D_POSIX_C_SOURCE=200809L $warnings -g -Itests/c"
cpp="$cxx -std=c++17 $warnings -g"
PKG_CONFIG_PATH=$build/lib/pkgconfig
LD_LIBRARY_PATH=$build/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
failed=0
skipped=

step() {
    name=$1
    shift
    if "$@" > "$work/output" 2>&1; then
        echo "ok: $name"
    else
        cat "$work/output"
        echo "FAILED: $name"
        failed=1
    fi
}
skip() {
    skipped="$skipped
skipped: $1"
}
has() {
    command -v "$1" > /dev/null
}

# A header that is complete by itself and does not mind being included twice.
alone() {
    printf '#include "%s"\n' "$2" > "$work/once.$3"
    printf '#include "%s"\n#include "%s"\n' "$2" "$2" > "$work/twice.$3"
    $1 -Iinclude -fsyntax-only "$work/once.$3" && $1 -Iinclude -fsyntax-only "$work/twice.$3"
}

# Builds every program into the directory $1 with the further flags of $2.
build_all() {
    mkdir -p "$1"
    for source in tests/c/test_*.c examples/c/*.c; do
        $c $2 -o "$1/$(basename "$source" .c)" "$source" $flags -lpthread || return 1
    done
    for source in tests/cxx/*.cc; do
        $cpp $2 -o "$1/$(basename "$source" .cc)" "$source" $flags || return 1
    done
}

# Runs every test in the directory $1; the rest of the arguments go before each.
run_all() {
    where=$1
    shift
    for test in "$where"/test_*; do
        step "${1-}${1:+ }$test" "$@" "$test" "$images"
    done
}

example() {
    "$1" "$images/top.qcow2" > "$work/example.out" &&
        [ "$(grep -c 'qcow2, [0-9]* bytes' "$work/example.out")" = 3 ] &&
        ! "$1" "$images/lost.qcow2" > "$work/example.out" &&
        grep -q 'broken here' "$work/example.out"
}

# Takes in a good image, and refuses one that names a file of the host.
example_audit() {
    "$1" "$images/base.qcow2" "$work/taken.raw" > "$work/example.out" &&
        qemu-img compare -q -f raw -F qcow2 "$work/taken.raw" "$images/base.qcow2" &&
        { "$1" "$images/tiny.qcow2" "$work/refused.raw" > "$work/example.out"; [ $? = 3 ]; } &&
        grep -q '^error \[backing-file\]' "$work/example.out" && ! [ -e "$work/refused.raw" ]
}

# What each of the two images serves, in bytes and pieces.
example_map() {
    "$1" "$images/map.qcow2" > "$work/example.out" &&
        printf '0: 196608 bytes in 2 pieces\n1: 81920 bytes in 3 pieces\n' |
            cmp - "$work/example.out" &&
        ! "$1" "$images/lost.qcow2"
}

if ! has qemu-img || ! has pkg-config; then
    echo 'the tests need qemu-img and pkg-config (Debian: qemu-utils, pkg-config)' >&2
    exit 1
fi
rm -rf "$work"
mkdir -p "$images"
tests/c/images.sh "$images" || exit 1
flags=$(pkg-config --cflags --libs pve-native) || exit 1

step 'C header alone, C11' alone "$cc -std=c11 $warnings" pve_native.h c
step 'C header alone, C++17' alone "$cxx -std=c++17 $warnings" pve_native.h cc
step 'C++ header alone, C++17' alone "$cxx -std=c++17 $warnings" pve_native.hpp cc

step 'building' build_all "$work/shared" ''
run_all "$work/shared"
step 'examples/c/chain' example "$work/shared/chain"
step 'examples/c/audit' example_audit "$work/shared/audit"
step 'examples/c/map' example_map "$work/shared/map"

# The static library, with nothing that is not needed.
static() {
    $c $(pkg-config --cflags pve-native) -o "$work/static" tests/c/test_chain.c \
        -Wl,--gc-sections "$build/lib/libpve_native.a" -lgcc_s -lpthread -ldl -lm &&
        "$work/static" "$images"
}
step 'static linking' static

# Proof that a tool would see a chain that is never freed: the program $1 must fail.
cat > "$work/leak.c" << 'END'
#include "pve_native.h"
static int leak(const char *path)
{
    pven_chain *chain = NULL;
    int32_t code = pven_chain_open(path, NULL, 0, &chain, NULL);
    chain = NULL;
    return code != PVEN_OK;
}
/* Fails only if somebody sees the leak. */
int main(int argc, char **argv)
{
    int failed = argc != 2 || leak(argv[1]);
    return failed && pven_abi_version() == 0;
}
END
leaks() {
    $c ${2-} -o "$work/leak" "$work/leak.c" $flags &&
        ! $1 "$work/leak" "$images/top.qcow2" 2> /dev/null
}

# What is lost, not what is possibly lost: Rust keeps a thread's own handle by an inner pointer.
memcheck='valgrind -q --error-exitcode=1 --leak-check=full
    --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect'
if has valgrind; then
    step 'valgrind sees a leak' leaks "$memcheck"
    run_all "$work/shared" $memcheck
else
    skip 'memory check (Debian: valgrind)'
fi

sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
echo 'int main(void) { return 0; }' > "$work/probe.c"
if $cc $sanitize -o "$work/probe" "$work/probe.c" 2> /dev/null && "$work/probe"; then
    step 'the sanitizers see a leak' leaks '' "$sanitize"
    step 'building with sanitizers' build_all "$work/sanitized" "$sanitize"
    run_all "$work/sanitized"
    step 'examples/c/audit with sanitizers' example_audit "$work/sanitized/audit"
else
    skip 'sanitizers (Debian: libasan and libubsan of the compiler)'
fi

if [ -n "$skipped" ]; then
    echo "$skipped" | sed 1d
fi
[ $failed = 0 ] && echo 'the C interface is fine'
exit $failed
