# shellcheck shell=bash
# A part of demo.sh: a node has failed, and its guests need others.

: "${root:?is set by demo.sh}" "${command:?is set by demo.sh}" "${build:?is set by demo.sh}" "${failures:?is set by demo.sh}"

# Whether the command and Perl give the same answer, byte for byte.
same_answer() {
    local problem=$1 by_command by_perl
    # An answer that is "no" is one too.
    by_command=$("$command" placement solve --output json "$problem") || [ $? = 3 ]
    by_perl=$(perl -T "-I$build/perl" -MPVE::Native::Placement -0777 -ne \
        'print PVE::Native::Placement::solve_json($_)' <"$problem")
    if [ "$by_command" = "$by_perl" ]; then
        echo "$problem: PVE::Native::Placement::solve_json gives the same answer (${#by_perl} bytes)"
    else
        echo "$problem: PVE::Native::Placement::solve_json gives ANOTHER answer: $by_perl"
        failures=$((failures + 1))
    fi
}

placements() {
    heading "The node pve3 has failed: where its guests go, and how full the others become"
    cp "$root/docs/placement.json" .
    shows_status 0 "$command" placement solve placement.json
    same_answer placement.json

    heading "Why two of them go there and not elsewhere"
    shows_status 0 "$command" placement explain placement.json --guest vm:101 --guest vm:102

    heading "The same with a guest that fits on no node"
    sed '/vm:102/s/"mem": 51539607552/"mem": 91539607552/' placement.json >too-large.json
    shows_status 3 "$command" placement solve too-large.json
    same_answer too-large.json

    heading "Which two nodes must not fail together"
    shows_status 3 "$command" placement what-if placement.json --failures 2
}
