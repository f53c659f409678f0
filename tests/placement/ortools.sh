#!/bin/bash
# Prints a Python that has OR-tools, from PyPI if need be; fails if that cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."

for python in "${PVE_NATIVE_PYTHON:-python3}" build/ortools/bin/python; do
    if "$python" -c 'import ortools.sat.python.cp_model' 2>/dev/null; then
        echo "$python"
        exit
    fi
done
mkdir -p build
exec 9>build/ortools.lock
flock 9
python3 -m venv build/ortools >&2
build/ortools/bin/pip -q install --retries 1 --timeout 15 'ortools>=9.10,<10' >&2
echo build/ortools/bin/python
