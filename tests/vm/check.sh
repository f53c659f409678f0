#!/bin/bash
# Runs the tests that need the virtual machine, all or those named: check.sh [--short] BUILD [TOPIC…]
#
# With --short a file of the name "short" is laid beside run.sh, which does less then. Without it a topic
# has an hour and a half.
#
# A topic is a directory beside this file with prepare.sh, which lays out on the host what the machine
# is given (prepare.sh BUILD DIRECTORY), and run.sh, which runs there. Lines "ok: what"
# and "FAILED: what" are the results. Where no machine can be had, a line "skipped: why" says so, and
# that is no failure.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
short=
if [ "${1-}" = --short ]; then
    short=1
    shift
fi
[ $short ] || export VM_SECONDS=${VM_SECONDS:-5400}
build=${1:?usage: check.sh [--short] BUILD [TOPIC…]}
shift
if [ $# = 0 ]; then
    for topic in "$here"/*/prepare.sh; do
        set -- "$@" "$(basename "$(dirname "$topic")")"
    done
fi

for topic; do
    work=$build/tests/vm/$topic
    rm -rf "$work"
    mkdir -p "$work/test"
    "$here/$topic/prepare.sh" "$build" "$work/test"
    [ -z $short ] || touch "$work/test/short"
    status=0
    SECONDS=0
    "$here/run.sh" "$work/test" "$work/output" || status=$?
    case $status in
        0) echo "the tests of $topic in the virtual machine are fine ($SECONDS s)" ;;
        77) ;;
        124) echo "FAILED: $topic: not finished in time" && exit 1 ;;
        *) echo "FAILED: $topic in the virtual machine (exit status $status)" && exit 1 ;;
    esac
done
