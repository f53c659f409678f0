#!/bin/bash
# Proves that this tree builds with Debian 13's own rustc, the oldest that is supported, and that the
# modules work in its Perl. Needs root and debootstrap; see trixie.sh.
set -euo pipefail

cd "$(dirname "$0")/.."
exec scripts/trixie.sh sh -euc '
    cargo --version
    rustc --version
    perl -e "printf qq(perl %vd\n), \$^V"
    case $(rustc --version) in
        "rustc 1.85."*) ;;
        *) echo "check-msrv: this is not Rust 1.85" >&2; exit 1 ;;
    esac
    cargo check --locked --workspace --all-targets
    cargo build --release --locked
    make all
    truncate -s 1M build/disk.raw
    size=$(perl -T -Ibuild/perl -MPVE::Native::Image -e "
        print PVE::Native::Image::info(q(build/disk.raw))->{q(virtual-size)}")
    test "$size" = 1048576
    build/bin/pve-native image info build/disk.raw
    echo "check-msrv: fine"
'
