#!/bin/bash
# Runs all checks, one after the other, and says at the end how many there were and what could not
# be checked on this machine. Called by `make check`, which has built everything.
set -euo pipefail
cd "$(dirname "$0")/.."

log=build/check.log
mkdir -p build
: >"$log"

# The first check that fails ends the run; its output is the last.
# The virtual machine comes early: its emulator is tried by check-rust, too.
for step in lint doc check-header check-vm-short check-rust check-placement-short check-abi check-c check-perl show; do
    echo "== $step"
    "${MAKE:-make}" --no-print-directory "$step" 2>&1 | tee -a "$log"
done

# cargo: "test result: ok. 5 passed"; our own runners: "deadline: 36 passed"; prove: "Tests=75";
# C and C++: a line "ok: name" each.
passed=$(awk '
    /^test result: ok\./ || /^(deadline|strace|cp-sat): [0-9]+ passed/ { for (i = 2; i <= NF; i++)
        if ($i ~ /^passed/) sum += $(i - 1) }
    match($0, /Tests=[0-9]+/) { sum += substr($0, RSTART + 6, RLENGTH - 6) }
    /^ok: / { sum++ }
    END { print sum + 0 }' "$log")
skipped=$(grep -E '(^|[.#] |  )(skipped:|SKIPPED )' "$log" || true)

echo
if [ -n "$skipped" ]; then
    echo "Not checked on this machine:"
    echo "$skipped"
fi
echo "check: $passed passed, 0 failed, $(grep -c . <<<"$skipped" || true) skipped"
