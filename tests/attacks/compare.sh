#!/bin/bash
# Writes all images of the catalogue of attacks and asks ours, oslo.utils, pve-storage and qemu-img
# about each of them; prints the table of docs/security.md.
#
# pve-storage is asked if PVE_STORAGE_DIR and PVE_COMMON_DIR are checkouts of pve-storage.git and
# pve-common.git; without them its column says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=$(realpath -m "${1:-build}")
images=$build/attacks
venv=$build/oslo

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/pip" -q install oslo.utils==10.2.0 cryptography >&2

rm -rf "$images"
mkdir -p "$images"
ATTACK_IMAGES=$images ${CARGO:-cargo} test --locked --quiet --test attacks attacks_fail >&2
"$venv/bin/python" tests/attacks/compare.py "$images/list.tsv"
