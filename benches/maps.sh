#!/bin/bash
# Measures maps and checks in one run, on images whose tables map_image.c writes: us from C and from
# Perl, the least that plain C can do, imago and qemu-img. Ratios are what counts; times are processor
# time of this machine, all tables being in its memory. Needs 7 GiB of room in TMPDIR for a moment.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: maps.sh BUILD-DIRECTORY}
rounds=${ROUNDS:-15}
export LD_LIBRARY_PATH=$PWD/$build/lib
. benches/report.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# QEMU must take the image for sound and find so many extents: otherwise nothing is compared.
same_for_qemu() {
    local image=$1 count=$2
    qemu-img check -q -f qcow2 "$image" &&
        [ "$(qemu-img map -f qcow2 --output=json "$image" | wc -l)" = "$count" ]
}

measure() { # kind, what it is
    local kind=$1 image=$dir/$1.qcow2 name ns
    local -A t=()
    echo "$2"
    if ! "$build/benches/map_image" "$kind" "$image" 2>"$dir/why"; then
        echo "  skipped: $kind: $(cat "$dir/why")"
        rm -f "$image"
        return
    fi
    while read -r name ns; do t[$name]=$ns; done < <(
        "$build/benches/maps" extents "$image" "$rounds"
        "$build/benches/maps" check "$image" "$rounds"
        "$build/benches/maps" memory "$image" 10
        perl "-I$build/perl" benches/maps.pl "$image" "$rounds"
        "$build/benches/peers" map "$image" "$rounds"
        echo "qemu-map $(time_of 5 qemu-img map -f qcow2 --output=json "$image")"
        echo "qemu-check $(time_of 5 qemu-img check -q -f qcow2 "$image")"
    )
    same_for_qemu "$image" "${t[count]}" || {
        echo "qemu-img does not agree about $kind" >&2
        exit 1
    }
    rm "$image"
    echo "  ${t[count]} extents"
    for chunk in 4096 65536; do
        report "C, chunks of $chunk" "${t[c-$chunk]}" "reading and joining in C" "${t[floor]}" \
            "at most 2 times as long"
        report "C, chunks of $chunk" "${t[c-$chunk]}" "qemu-img map" "${t[qemu-map]}" \
            "${3:-}"
    done
    if [ -n "${t[perl]:-}" ]; then
        report "Perl, packed, 65536" "${t[perl]}" "reading and joining in C" "${t[floor]}" \
            "at most 2 times as long"
        report "Perl, packed, 65536" "${t[perl]}" "qemu-img map" "${t[qemu-map]}" "${3:-}"
    else
        echo "  skipped: Perl has no extents here"
    fi
    report "C, chunks of 65536" "${t[c-65536]}" "imago" "${t[imago]}" "faster"
    report "check" "${t[check]}" "counting and comparing in C" "${t[prototype]}" \
        "at most 2 times as long"
    report "check" "${t[check]}" "qemu-img check" "${t[qemu-check]}" "at least 5 times as fast"
    show_memory "${t[memory]}"
}

show_memory() {
    awk -v bytes="$1" 'BEGIN {
        printf "  %-30s %10.2f MiB   (aim: less than 32 MiB)\n", "peak memory of the extents",
            bytes / 1048576
    }'
}

measure contiguous "64 GiB, clusters of 64 KiB, all of them in order"
measure alternate "8 GiB, clusters of 4 KiB, every other one" "at least 100 times as fast"
measure random "64 GiB, clusters of 64 KiB, 100,000 at random places"

# What takes most memory: a table of the largest size that leads 2 EiB far, and a deep chain.
echo "2 EiB, clusters of 2 MiB, 4 million L2 tables: its first extents"
"$build/benches/map_image" hostile "$dir/hostile.qcow2"
read -r _ bytes < <("$build/benches/maps" memory "$dir/hostile.qcow2" 3)
show_memory "$bytes"
rm "$dir/hostile.qcow2"

echo "a chain of 64, each 64 GiB with 1,000 clusters at random places"
for ((i = 0; i < 64; i++)); do
    "$build/benches/map_image" "layer$i" "$dir/$i.qcow2" ${below:+"$below"}
    below=$dir/$i.qcow2
done
read -r _ bytes < <("$build/benches/maps" memory "$below" 60)
ours=$(time_of 3 "$build/benches/maps" memory "$below" 60)
report "the whole program" "$ours" "qemu-img map" \
    "$(time_of 3 qemu-img map -f qcow2 --output=json "$below")" ""
show_memory "$bytes"
