#!/bin/bash
# Makes test data of what multipathd said in the virtual machine: capture.sh BUILD, after the test has run.
set -euo pipefail

results=${1:?usage: capture.sh BUILD}/tests/vm/multipath/output
captured=src/cluster/multipathd/captured
for folder in "$results"/*.*.*/; do
    version=$(basename "$folder")
    rm -rf "${captured:?}/$version"
    mkdir -p "$captured/$version"
    cp "$folder"/{*.json,*.paths,unknown-map.txt,no-answer.txt} "$captured/$version"
    echo "$captured/$version"
done
