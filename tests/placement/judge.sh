#!/bin/bash
# Asks many questions about rules and failures and lets the CP-SAT solver of OR-tools judge the answers.
# OR-tools is taken from PyPI unless Python has it; where it cannot be had, nothing is judged.
# usage: judge.sh BUILD QUESTIONS
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$(realpath -m "$1")
questions=$2
venv=$build/judge

has_solver() {
    "$1" -c 'import ortools.sat.python.cp_model' 2>/dev/null
}

python=python3
if ! has_solver "$python"; then
    python=$venv/bin/python
    if ! has_solver "$python" &&
        ! { python3 -m venv "$venv" && "$venv/bin/pip" -q install ortools==9.15.6755; } >&2; then
        echo "skipped: answers about rules and failures are not judged: OR-tools cannot be had here"
        exit 0
    fi
fi

answers=$build/judge.jsonl
mkdir -p "$build"
PVE_NATIVE_QUESTIONS=$questions PVE_NATIVE_QUESTIONS_TO=$answers \
    ${CARGO:-cargo} test --locked --quiet --test placement questions >&2
"$python" tests/placement/judge.py <"$answers"
