#!/bin/bash
# Makes images with the real qemu-img and lets four ask what they are: qemu-img itself, the
# pve-native command, a C program and a Perl program. Shows the answers, whether they agree, and the
# time that each took, and where the guests of a failed node go. Called by `make demo`, which builds
# everything first; fails if two disagree.
set -euo pipefail

root=$(realpath "$(dirname "$0")/..")
build=$(realpath "${PVE_NATIVE_BUILD:?is not set: run this as 'make demo'}")
command=$build/bin/pve-native
c=("$build/examples/chain")
audit=("$build/examples/audit")
perl=(perl -T "-I$build/perl" "$root/examples/perl/chain.pl")

for needed in "$command" "${c[0]}" "${audit[0]}" "$build/perl/PVE/Native/Image.pm"; do
    [ -e "$needed" ] || { echo "demo: '$needed' is missing: run 'make' first" >&2; exit 1; }
done
for needed in qemu-img qemu-io perl json_pp awk; do
    command -v "$needed" >/dev/null || { echo "demo: '$needed' is not installed" >&2; exit 1; }
done

lab=$(mktemp -d "${TMPDIR:-/tmp}/pve-native-demo.XXXXXX")
trap 'rm -rf "$lab"' EXIT
cd "$lab"

failures=0

heading() {
    printf '\n=== %s ===\n\n' "$1"
}

# Shows a command as one would type it, then its answer and, unless it is 0, its exit status.
show() {
    local status=0
    printf '$ %s\n' "${*//"$build"/build}" | sed "s|$root/||g"
    "$@" 2>&1 || status=$?
    [ "$status" = 0 ] || echo "(exit status $status)"
    echo
}

make_images() {
    local top=disk-7.qcow2
    qemu-img create -q -f raw disk-0.raw 64M
    # Number, backing format, options: what a long-lived disk may have gone through.
    while read -r number format options; do
        local below=disk-$((number - 1)).${format}
        qemu-img create -q -f qcow2 -b "$below" -F "$format" -o "$options" "disk-$number.qcow2"
        qemu-io -f qcow2 -c "write -q -P $number ${number}M 256k" "disk-$number.qcow2"
    done <<'LIST'
1 raw compat=0.10
2 qcow2 compression_type=zstd
3 qcow2 cluster_size=4k
4 qcow2 lazy_refcounts=on
5 qcow2 cluster_size=2M,refcount_bits=64
6 qcow2 extended_l2=on,cluster_size=128k,preallocation=off
7 qcow2 extended_l2=on,cluster_size=128k
LIST
    for name in installed updated 'before the migration'; do
        qemu-img snapshot -c "$name" disk-3.qcow2
    done
    qemu-img bitmap --add "$top" daily
    qemu-img bitmap --add -g 1M --disable "$top" weekly

    qemu-img create -q -f qcow2 -o data_file=data.bin,data_file_raw=on with-data-file.qcow2 64M

    qemu-img create -q -f qcow2 -u -b middle.qcow2 -F qcow2 damaged.qcow2 64M
    qemu-img create -q -f qcow2 -u -b gone.qcow2 -F qcow2 middle.qcow2 64M
    qemu-img create -q -f qcow2 -u -b cycle-b.qcow2 -F qcow2 cycle-a.qcow2 64M
    qemu-img create -q -f qcow2 -u -b ./cycle-a.qcow2 -F qcow2 cycle-b.qcow2 64M

    # An upload that shows its owner a file of the host, and one that does not.
    qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw upload.qcow2 64M
    qemu-img create -q -f qcow2 harmless.qcow2 64M
    qemu-io -f qcow2 -c "write -q -P 1 1M 256k" harmless.qcow2
}

# Shows a command that has to answer with this exit status.
shows_status() {
    local wanted=$1 answer
    shift
    answer=$(show "$@")
    printf '%s\n\n' "$answer"
    if ! { [ "$wanted" = 0 ] && [[ $answer != *"(exit status "* ]]; } &&
        [[ $answer != *"(exit status $wanted)" ]]; then
        echo "demo: this should have ended with status $wanted" >&2
        failures=$((failures + 1))
    fi
}

# Whether the command's JSON is the document that qemu-img prints.
same_document() {
    local question=$1 path=$2 follow=() theirs ours
    [ "$question" = info ] || follow=(--backing-chain)
    theirs=$(qemu-img info --output=json "${follow[@]}" "$path" | json_pp -json_opt canonical,pretty)
    ours=$("$command" image "$question" --output json "$path" | json_pp -json_opt canonical,pretty)
    if [ "$ours" = "$theirs" ]; then
        echo "$path: pve-native image $question --output json: the same document as qemu-img's" \
            "($(wc -l <<<"$theirs") lines)"
    else
        echo "$path: pve-native image $question --output json: NOT the same document:"
        diff <(echo "$theirs") <(echo "$ours") || true
        failures=$((failures + 1))
    fi
}

# Whether the command's map is the text that qemu-img prints, and what each image serves, in the
# drawing, adds up to the disk.
same_map() {
    local path=$1 size served
    if cmp -s <(qemu-img map --output=json "$path") <("$command" image map --output json "$path"); then
        echo "$path: pve-native image map --output json: the same bytes as qemu-img map's" \
            "($("$command" image map --output json "$path" | wc -l) extents)"
    else
        echo "$path: pve-native image map --output json: NOT the same bytes as qemu-img map's"
        failures=$((failures + 1))
    fi
    size=$(qemu-img info --output=json "$path" | perl -MJSON::PP -0777 -ne \
        'print decode_json($_)->{"virtual-size"}')
    served=$("$command" image map --output svg "$path" | perl -ne '
        $sum += $1 + $2 + $3 if /^(\d+) bytes of data, (\d+) compressed, (\d+) of zeros/;
        END { print $sum }')
    if [ "$served" = "$size" ]; then
        echo "$path: pve-native image map --output svg: what the images serve is the disk, $size bytes"
    else
        echo "$path: pve-native image map --output svg: the images serve '$served', NOT $size bytes"
        failures=$((failures + 1))
    fi
}

# Whether a line of this answer names the image with its format and its size in bytes.
agrees() {
    local answer=$1 image=$2 format=$3 size=$4
    if grep -F -w -e "$image" <<<"$answer" | grep -w -e "$format" | grep -q -w -e "$size"; then
        echo same
    else
        echo DIFFERS
    fi
}

# One line for each image in JSON as qemu-img prints it: name, format, size in bytes.
summary() {
    perl -MJSON::PP -0777 -ne \
        'print "$_->{filename} $_->{format} $_->{q(virtual-size)}\n" for decode_json($_)->@*'
}

# One row for each image: what qemu-img says, and who says the same.
side_by_side() {
    local path=$1 row='%-22s %-6s %9s  %-10s  %-7s  %s\n' expected by_command by_c by_perl
    expected=$(qemu-img info --output=json --backing-chain "$path" | summary)
    by_command=$("$command" image chain --output json "$path" | summary)
    by_c=$("${c[@]}" "$path")
    by_perl=$("${perl[@]}" "$path")
    # shellcheck disable=SC2059 # the same format for each row
    printf "$row" 'qemu-img info' format bytes pve-native C Perl
    while read -r image format size; do
        local answers=()
        for answer in "$by_command" "$by_c" "$by_perl"; do
            answers+=("$(agrees "$answer" "$image" "$format" "$size")")
        done
        # shellcheck disable=SC2059
        printf "$row" "$image" "$format" "$size" "${answers[@]}"
        [[ ${answers[*]} != *DIFFERS* ]] || failures=$((failures + 1))
    done <<<"$expected"
}

# Microseconds that a process takes from start to end: the median of 31 runs.
process_time() {
    local start end
    for _ in {1..31}; do
        start=${EPOCHREALTIME/[.,]/}
        "$@" >/dev/null
        end=${EPOCHREALTIME/[.,]/}
        echo $((end - start))
    done | sort -n | sed -n 16p
}

# Microseconds that a call takes inside a program: what its --repeat prints.
call_time() {
    "$@" --repeat 20000 disk-7.qcow2 | sed -n 's/^ *\([0-9.]*\) us per chain.*/\1/p'
}

times() {
    local base time
    base=$(process_time qemu-img info --output=json --backing-chain disk-7.qcow2)
    printf '%-49s %8s  %s\n' 'the chain of eight' us 'against qemu-img info'
    printf '%-49s %8.1f\n' 'qemu-img info --backing-chain, a process' "$base"
    while IFS='|' read -r what time; do
        if [ -z "$time" ]; then
            echo "$what: no time was printed"
            failures=$((failures + 1))
            continue
        fi
        awk -v what="$what" -v time="$time" -v base="$base" \
            'BEGIN { printf "%-49s %8.1f  %.0f times as fast\n", what, time, base / time }'
    done < <(
        echo "pve-native image chain --output json, a process|$(
            process_time "$command" image chain --output json disk-7.qcow2
        )"
        echo "Perl, in process: PVE::Native::Image::chain|$(call_time "${perl[@]}")"
        echo "C, in process: pven_chain_open|$(call_time "${c[@]}")"
    )
}

# shellcheck source-path=SCRIPTDIR
. "$root/demo/snapshots.sh"
# shellcheck source-path=SCRIPTDIR
. "$root/demo/placement.sh"

make_images

heading "A chain of eight images, as the command shows it"
show "$command" image chain disk-7.qcow2
heading "The same from C"
show "${c[@]}" disk-7.qcow2
heading "The same from Perl, under taint mode"
show "${perl[@]}" disk-7.qcow2

heading "Side by side with qemu-img info"
side_by_side disk-7.qcow2
echo
same_document chain disk-7.qcow2
for image in disk-*; do
    same_document info "$image"
done

heading "Which image of the chain serves which part of the disk"
show "$command" image map disk-7.qcow2
for image in disk-*; do
    same_map "$image"
done

heading "An image whose data lies in another file"
show "$command" image info with-data-file.qcow2
show "${c[@]}" with-data-file.qcow2
show "${perl[@]}" with-data-file.qcow2
side_by_side with-data-file.qcow2
same_document info with-data-file.qcow2

heading "A damaged chain: qemu-img gives up, the others tell how far it goes"
show qemu-img info --backing-chain damaged.qcow2
show "$command" image chain damaged.qcow2
show "${c[@]}" damaged.qcow2
show "${perl[@]}" damaged.qcow2

heading "A chain that bites its tail"
show "$command" image chain cycle-a.qcow2

heading "An upload that would make QEMU read a file of the host"
qemu-img convert -O raw upload.qcow2 taken.raw
echo "After 'qemu-img convert upload.qcow2 taken.raw' the disk begins with: $(head -n 1 taken.raw)"
echo
shows_status 3 "$command" image audit --preset upload upload.qcow2
shows_status 3 "${audit[@]}" upload.qcow2 refused.raw

heading "A harmless upload, converted by qemu-img from the very file that was audited"
shows_status 0 "$command" image audit --preset upload harmless.qcow2
shows_status 0 "${audit[@]}" harmless.qcow2 converted.raw
shows_status 0 qemu-img compare -f raw -F qcow2 converted.raw harmless.qcow2

snapshots
placements

heading "The time it takes"
times

echo
if [ "$failures" -gt 0 ]; then
    echo "demo: $failures answers differ" >&2
    exit 1
fi
echo "All answers agree."
