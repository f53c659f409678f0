#!/bin/bash
# Each Perl file must be as perltidy writes it, and its POD must be valid.
set -euo pipefail

status=0
for file in "$@"; do
    if [[ $file == *.pod ]]; then
        podchecker -warnings "$file" 2>&1 | grep -v 'pod syntax OK' >&2 && status=1
        continue
    fi
    if ! perltidy --profile=.perltidyrc -st -se "$file" | diff -u "$file" - >&2; then
        echo "lint: $file is not tidy" >&2
        status=1
    fi
    case $file in
        *.pm)
            if grep -q '^=head1' "$file"; then
                podchecker -warnings "$file" 2>&1 | grep -v 'pod syntax OK' >&2 && status=1
            fi
            ;;
    esac
done
exit $status
