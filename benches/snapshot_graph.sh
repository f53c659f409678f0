#!/bin/bash
# Measures graphs of volumes from Perl, beside the floor and qemu-img on the same images. The least
# times of so many rounds; ratios are what counts.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: snapshot_graph.sh BUILD-DIRECTORY}
rounds=${ROUNDS:-200}
. benches/report.sh

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# One process for the whole chain; the least of ten runs.
qemu_img() {
    local times=() start
    for _ in $(seq 10); do
        start=${EPOCHREALTIME/./}
        qemu-img info --output=json --backing-chain "$1" >/dev/null
        times+=($(((${EPOCHREALTIME/./} - start) * 1000)))
    done
    printf '%s\n' "${times[@]}" | sort -n | sed -n '1s/^/qemu-img /p'
}

declare -A t
for snapshots in 10 100 1000; do
    mkdir "$dir/$snapshots"
    aim=
    [ "$snapshots" != 1000 ] || aim="less than 5 ms"
    while read -r name ns; do t[$name]=$ns; done < <(
        perl "-I$build/perl" benches/snapshot_graph.pl "$dir/$snapshots" "$snapshots" "$rounds"
        "$build/benches/headers" "$dir/$snapshots" "$rounds"
        [ "$snapshots" = 1000 ] || qemu_img "$dir/$snapshots/vm-100-disk-0.qcow2"
    )
    echo "a volume with $snapshots snapshots"
    report "Perl, from_volumes" "${t[perl-graph]}" "floor" "${t[floor]}" "$aim"
    report "Perl, with snapshot_info" "${t[perl-graph-info]}" "floor" "${t[floor]}" ""
    report "Perl, with a time-out" "${t[perl-graph-timeout]}" "floor" "${t[floor]}" ""
    if [ "$snapshots" != 1000 ]; then
        report "Perl, from_volumes" "${t[perl-graph]}" "qemu-img --backing-chain" \
            "${t[qemu-img]}" ""
    fi
done
