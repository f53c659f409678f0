#!/bin/bash
# Fuzzes each target for FUZZ_SECONDS (60) with cargo-fuzz and the nightly toolchain, and says how
# often each one ran. FUZZ_TARGETS names those to run; default: all.
#
# The C ABI and the Perl glue run under AddressSanitizer. The core is safe Rust, of which it would
# find nothing: it runs several times as fast without. Overflows and debug assertions are checked in
# all of them. What is found is kept in fuzz/corpus/ and fuzz/artifacts/, both outside of git.
set -euo pipefail
cd "$(dirname "$0")/.."

with_sanitizer=" capi perl_values "
seconds=${FUZZ_SECONDS:-60}

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: a nightly toolchain is needed: rustup toolchain install nightly" >&2
    exit 1
fi
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Images for chains and the C ABI are written there; they need no disk.
if [ -w /dev/shm ]; then
    export TMPDIR=$work/shm
    ln -s "$(mktemp -d -p /dev/shm)" "$TMPDIR"
    trap 'rm -rf "$(readlink "$TMPDIR")" "$work"' EXIT
fi

failed=0
for target in ${FUZZ_TARGETS:-$(cargo +nightly fuzz list)}; do
    sanitizer=none
    case $with_sanitizer in *" $target "*) sanitizer=address ;; esac
    echo "fuzz: $target"
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    # Perl keeps what it has until it ends, which is no leak.
    status=0
    ASAN_OPTIONS=detect_leaks=0 cargo +nightly fuzz run --sanitizer "$sanitizer" \
        --target-dir "fuzz/target/$sanitizer" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" \
        -- "-max_total_time=$seconds" -rss_limit_mb=1024 -timeout=10 -max_len=8192 \
        -print_final_stats=1 >"$work/log" 2>&1 || status=$?
    runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' "$work/log")
    printf '%-14s %12s\n' "$target" "${runs:-0}" >>"$work/sums"
    if [ "$status" != 0 ]; then
        failed=1
        tail -n 40 "$work/log"
    fi
done

echo
sort "$work/sums"
awk '{ sum += $2 } END { printf "%-14s %12d executions\n", "all", sum }' "$work/sums"
exit "$failed"
