#!/bin/bash
# Measures the status of a cluster from raw broadcasts to JSON, in Perl, beside the proposal for Proxmox VE
# on the same bytes if PVE_NATIVE_SEED names the file with it. The least times; ratios are what counts.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: cluster_status.sh BUILD-DIRECTORY}
. benches/report.sh

for size in "3 100 200" "32 255 50" "32 1000 20" "128 10000 3"; do
    read -r nodes luns rounds <<<"$size"
    declare -A t=()
    while read -r name ns; do t[$name]=$ns; done < <(
        perl "-I$build/perl" benches/cluster_status.pl "$nodes" "$luns" "$rounds"
    )
    cells=$((nodes * luns))
    echo "$nodes nodes, $luns LUNs: $((t[compat] / cells)) ns a cell in compat mode," \
        "$((t[strict] / cells)) in strict mode"
    for mode in compat strict; do
        report "Perl, $mode" "${t[$mode]}" "copying the bytes" "${t[copy]}" ""
        [ -z "${t[proposal]-}" ] || report "Perl, $mode" "${t[$mode]}" "proposal, JSON::XS" \
            "${t[proposal]}" "25 times faster"
    done
done
[ -n "${PVE_NATIVE_SEED-}" ] ||
    echo "skipped: PVE_NATIVE_SEED is not set: no proposal for Proxmox VE to compare with"
