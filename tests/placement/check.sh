#!/bin/bash
# Compares placements with those of OR-tools' CP-SAT, which comes from PyPI for this. usage: check.sh PROGRAM
# CASES, the program being examples/place.rs.
set -euo pipefail
program=$(realpath "$1")
cases=$2
cd "$(dirname "$0")"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=python3
if ! "$python" -c 'import ortools' 2>/dev/null; then
    if ! python3 -m venv "$dir/venv" 2>"$dir/log" || ! "$dir/venv/bin/pip" install --quiet \
        --disable-pip-version-check 'ortools>=9.10,<10' 2>"$dir/log"; then
        echo "skipped: placements beside CP-SAT: no OR-tools here: $(tail -n 1 "$dir/log")"
        exit 0
    fi
    python=$dir/venv/bin/python3
fi
"$python" oracle.py "$program" "$cases" "${SEED:-1}"
