#!/bin/bash
# Measures what following a cluster costs: one changed node and one changed map, beside all at once and, if
# PVE_NATIVE_SEED names the file with it, the proposal for Proxmox VE; memory; and a large cluster that is
# simulated. The least times; ratios are what counts.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: cluster_engine.sh BUILD-DIRECTORY}
. benches/report.sh

declare -A t
while read -r name ns; do t[$name]=$ns; done < <(
    perl "-I$build/perl" benches/cluster_engine.pl 32 255 2000
)
echo "32 nodes, 255 LUNs, from Perl: $((t[changed] / 1000)).$((t[changed] / 100 % 10)) us for one changed node" \
    "with what has changed (at most 60 us), $((t[same])) ns for the same again"
report "Perl, one node" "${t[changed]}" "all nodes at once" "${t[whole]}" ""
[ -z "${t[proposal]-}" ] || report "Perl, one node" "${t[changed]}" "proposal, JSON::XS" "${t[proposal]}" ""

for size in "32 255 0" "128 10000 0" "1000 10000 2"; do
    read -r nodes luns minutes <<<"$size"
    declare -A t=()
    while read -r name value; do t[$name]=$value; done < <(
        "$build/benches/cluster_engine" "$nodes" "$luns" "$minutes"
    )
    echo "$nodes nodes, $luns LUNs, from C: ${t[cell]} ns for one changed map (at most 2000)," \
        "$((t[cell] + t[delta])) ns with what has changed as JSON; a broadcast $((t[again] / luns)) ns a map," \
        "the same again ${t[same]} ns, a node that goes $((t[gone] / luns)) ns a LUN;" \
        "$((t[memory] / 1024)) MiB, $((t[memory] * 1024 / nodes / luns)) bytes a cell"
    [ -z "${t[load]-}" ] || echo "    each node broadcasts once a minute, one in ten has news, somebody asks every ten seconds:" \
        "$((t[load] / 10000)).$((t[load] / 1000 % 10)) % of a processor"
done
[ -n "${PVE_NATIVE_SEED-}" ] ||
    echo "skipped: PVE_NATIVE_SEED is not set: no proposal for Proxmox VE to compare with"
