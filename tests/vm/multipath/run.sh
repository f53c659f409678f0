#!/bin/bash
# The health of LUNs as real multipathd tells it, of Debian 12 and of Debian 13: each walks through the states
# that paths and maps can have, and what pve-native makes of it is held against what was done to them. Then
# the broadcasts of that are those of a cluster. Runs in the virtual machine.
#
# $RESULTS/VERSION has what multipathd said in each state.
set -u

dmesg --console-level 1
for root in "$PWD/older" ''; do
    # Where it could not be had the host has said so.
    [ "$root" = '' ] || [ -d "$root" ] || continue
    perl/perl states.pl "$root" || exit
done
perl/perl nodes.pl
