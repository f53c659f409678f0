#!/bin/bash
# Measures every claim of speed in one run: us, the peers and the floor on the same files. Ratios
# are what counts; the times are those of this machine.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: run.sh BUILD-DIRECTORY}
rounds=${ROUNDS:-2000}
export LD_LIBRARY_PATH=$PWD/$build/lib
. benches/report.sh

dir=$(mktemp -d)
hangfs=
trap '[ -z "$hangfs" ] || kill $hangfs; wait; rm -rf "$dir"' EXIT
for depth in 1 8 64; do
    mkdir "$dir/$depth"
    qemu-img create -q -f qcow2 "$dir/$depth/0.qcow2" 10G
    for ((i = 1; i < depth; i++)); do
        qemu-img create -q -f qcow2 -b "$dir/$depth/$((i - 1)).qcow2" -F qcow2 \
            "$dir/$depth/$i.qcow2"
    done
done

# One process for the whole chain.
qemu_img() {
    local image=$1 times=() start
    for _ in $(seq 20); do
        start=${EPOCHREALTIME/./}
        qemu-img info --output=json --backing-chain "$image" >/dev/null
        times+=($(((${EPOCHREALTIME/./} - start) * 1000)))
    done
    printf '%s\n' "${times[@]}" | sort -n | sed -n '10s/^/qemu-img /p'
}

declare -A t
for depth in 1 8 64; do
    image=$dir/$depth/$((depth - 1)).qcow2
    while read -r name ns; do t[$name]=$ns; done < <(
        "$build/benches/chain" "$image" "$rounds"
        perl "-I$build/perl" benches/image.pl "$image" "$((rounds / 10))"
        "$build/benches/peers" "$image" "$((rounds / 20))"
        qemu_img "$image"
    )
    echo "chain of $depth"
    report "C" "${t[c]}" "floor" "${t[floor]}" "at most 1.3 times as long for 64"
    report "C" "${t[c]}" "imago" "${t[imago]}" "faster"
    report "C" "${t[c]}" "qcow2-rs" "${t[qcow2-rs]}" "faster"
    report "C" "${t[c]}" "qemu-img --backing-chain" "${t[qemu-img]}" ""
    report "Perl, full hashes" "${t[perl-chain]}" "qemu-img --backing-chain" "${t[qemu-img]}" ""
    report "Perl, full hashes, per image" "$((t[perl-chain] / depth))" "floor per image" \
        "$((t[floor] / depth))" "at most 3.5 µs"
done
echo "one image from Perl"
report "info" "${t[perl-info]}" "forked qemu-img" "${t[forked-size]}" ""
report "file_size_info" "${t[perl-size]}" "forked qemu-img" "${t[forked-size]}" \
    "at least 1000 times as fast"
report "file_size_info, timeout 5" "${t[perl-size-timeout]}" "forked qemu-img" \
    "${t[forked-size]}" "at least 1000 times as fast"

# A file system that holds what is asked of it.
mkdir "$dir/root" "$dir/mount"
truncate -s 1M "$dir/root/image"
python3 tests/support/hangfs.py "$dir/root" "$dir/mount" "$dir/control" 300 >"$dir/hangfs" &
hangfs=$!
until [ -s "$dir/hangfs" ] || ! kill -0 $hangfs 2>/dev/null; do sleep 0.1; done
if [ -s "$dir/hangfs" ]; then
    while read -r name ns; do t[$name]=$ns; done < <(
        "$build/benches/deadline" "$dir/mount/image" "$dir/control" 200
    )
    awk -v median="${t[late-median]}" -v most="${t[late-most]}" 'BEGIN {
        printf "storage that does not answer\n  C, past the deadline: median %.2f ms, most %.2f ms " \
            "of 200   (aim: less than 50 ms)\n", median / 1e6, most / 1e6
    }'
else
    hangfs=
    echo "skipped: the time past a deadline: FUSE cannot be mounted here"
fi
