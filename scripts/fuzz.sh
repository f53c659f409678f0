#!/bin/bash
# Fuzzes each target for FUZZ_SECONDS (60) with cargo-fuzz and the nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz: a nightly toolchain is needed: rustup toolchain install nightly" >&2
    exit 1
fi
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
for target in ${FUZZ_TARGETS:-$(cargo +nightly fuzz list)}; do
    echo "fuzz: $target"
    cargo +nightly fuzz run "$target" -- "-max_total_time=${FUZZ_SECONDS:-60}" \
        -rss_limit_mb=512 -timeout=5 -max_len=131072
done
