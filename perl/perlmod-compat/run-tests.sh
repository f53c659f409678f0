#!/bin/sh
# Builds the test library and runs the Perl tests against it.
#
#   run-tests.sh [--profile NAME] [prove's arguments]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
profile=dev
if [ "${1:-}" = --profile ]; then
    profile=$2
    shift 2
fi
cd "$here"
"${CARGO:-cargo}" build --quiet --locked -p perlmod-compat-testlib --profile "$profile"
target=$("${CARGO:-cargo}" metadata --format-version 1 --no-deps |
    perl -MJSON::PP -0777 -ne 'print decode_json($_)->{target_directory}')
case $profile in
    dev) directory=debug ;;
    *) directory=$profile ;;
esac
COMPAT_TESTLIB="$target/$directory/libperlmod_compat_testlib.so"
export COMPAT_TESTLIB
if [ $# -eq 0 ]; then
    set -- "$here/tests"
fi
exec prove -I"$here/tests" "$@"
