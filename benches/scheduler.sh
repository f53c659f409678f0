#!/bin/bash
# Measures what scoring nodes costs, from C and from Perl, beside the floor and, if PROXMOX_RESOURCE_SCHEDULING_SRC
# names a copy of it, Proxmox VE's own crate proxmox-resource-scheduling. The least times, and processor times of
# what takes long; ratios are what counts.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?usage: scheduler.sh BUILD-DIRECTORY}
. benches/report.sh

peer=
if [ -n "${PROXMOX_RESOURCE_SCHEDULING_SRC-}" ]; then
    dir=$build/scheduler-peer
    mkdir -p "$dir/src"
    cp benches/peers/scheduler.rs "$dir/src/main.rs"
    cat >"$dir/Cargo.toml" <<MANIFEST
[package]
name = "scheduler-peer"
edition = "2024"
[workspace]
[dependencies]
proxmox-resource-scheduling = { path = "$PROXMOX_RESOURCE_SCHEDULING_SRC" }
[profile.release]
lto = "fat"
codegen-units = 1
MANIFEST
    (cd "$dir" && "${CARGO:-cargo}" build --quiet --release --target-dir target)
    peer=$dir/target/release/scheduler-peer
fi

# Theirs takes a minute for 10,000 guests, and as long for each of the next: some are enough.
few=200
for size in "32 0" "1000 10000"; do
    read -r nodes guests <<<"$size"
    declare -A t=()
    while read -r name ns; do t[$name]=$ns; done < <(
        "$build/benches/scheduler" "$nodes" "$guests"
        perl "-I$build/perl" benches/scheduler.pl "$nodes" "$guests"
        [ -z "$peer" ] || "$peer" "$nodes" "$((guests > 0 ? few : 0))"
    )
    aim=
    [ "$nodes" != 1000 ] || aim='300 times as fast'
    echo "one guest on $nodes nodes"
    report "C" "${t[score]}" "floor" "${t[floor]}" ""
    report "Perl" "${t[perl-score]}" "floor" "${t[floor]}" ""
    [ -z "$peer" ] || report "C" "${t[score]}" "Proxmox VE's crate" "${t[peer-score]}" "$aim"
    [ -z "$peer" ] || report "Perl" "${t[perl-score]}" "Proxmox VE's crate from Rust" "${t[peer-score]}" ""
    [ "$guests" != 0 ] || continue
    echo "$guests guests on $nodes nodes, one by one (aim: less than 150,000 µs from C)"
    report "C" "${t[place]}" "floor" "$((t[floor] * guests))" ""
    report "Perl" "${t[perl-place]}" "floor" "$((t[floor] * guests))" ""
    [ -z "$peer" ] || report "C" "${t[place]}" "Proxmox VE's crate ($few guests, scaled)" \
        "$((t[peer-place] * guests / few))" ""
done
[ -n "$peer" ] ||
    echo "skipped: PROXMOX_RESOURCE_SCHEDULING_SRC is not set: no scheduler of Proxmox VE to compare with"
