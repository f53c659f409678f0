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
# Two machines at once are slower each.
export VM_SECONDS=${VM_SECONDS:-$([ $short ] && echo 1200 || echo 5400)}
build=${1:?usage: check.sh [--short] BUILD [TOPIC…]}
shift
if [ $# = 0 ]; then
    for topic in "$here"/*/prepare.sh; do
        set -- "$@" "$(basename "$(dirname "$topic")")"
    done
fi

check() { # TOPIC
    local topic=$1 status=0 work=$build/tests/vm/$1
    rm -rf "$work"
    mkdir -p "$work/test"
    "$here/$topic/prepare.sh" "$build" "$work/test" || return
    [ -z $short ] || touch "$work/test/short"
    SECONDS=0
    "$here/run.sh" "$work/test" "$work/output" || status=$?
    case $status in
        0) echo "the tests of $topic in the virtual machine are fine ($SECONDS s)" ;;
        77) ;;
        124) echo "FAILED: $topic: not finished in time" && return 1 ;;
        *) echo "FAILED: $topic in the virtual machine (exit status $status)" && return 1 ;;
    esac
}

# A machine keeps less than one processor busy. So the short form, for which somebody waits, has two of them
# where there is room; each topic is told of when it is done.
available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
if [ -z $short ] || [ "$(nproc)" -lt 2 ] || [ "${available:-0}" -lt $((6 << 20)) ]; then
    for topic; do
        check "$topic" || exit 1
    done
    exit
fi
mkdir -p "$build/tests/vm"
running=0
failed=0
for topic; do
    if [ $running = 2 ]; then
        wait -n || failed=1
        running=1
    fi
    [ $failed = 0 ] || break
    log=$build/tests/vm/$topic.log
    {
        status=0
        check "$topic" >"$log" 2>&1 || status=$?
        flock "$here" cat "$log"
        exit $status
    } &
    running=$((running + 1))
done
while [ $running -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
exit $failed
