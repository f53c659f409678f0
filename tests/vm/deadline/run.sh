#!/bin/bash
# Deadlines on real storage that is dead: a LUN that has lost all its paths, bare, under LVM and
# under a file system, and an NFS server that is gone. Runs in the virtual machine.
set -u
. guest/multipath.sh
. guest/nfs.sh

# The short form asks the questions on each storage; the full one also leaves a process on each.
short=
[ ! -e short ] || short=questions

failed=0
ok() { # what, a command that shows it
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAILED: $what"
        failed=1
    fi
}
program() {
    "$@" || failed=1
}
perl() { # PATH
    echo "# Perl, $1"
    perl/perl hang.pl "$1" "$near" 2>&1 | sed -uE "s|^ok [0-9]+ - |ok: Perl, $1: |"
    [ "${PIPESTATUS[0]}" = 0 ] || failed=1
}
must() {
    "$@" || {
        echo "FAILED: could not set up: $*"
        exit 1
    }
}

# The command comes back in time and says why.
command_times_out() { # PATH
    local start=${EPOCHREALTIME/./} said taken
    said=$(./pve-native image info --format qcow2 --timeout 0.3 "$1" 2>&1)
    [ $? = 1 ] || return
    taken=$(((${EPOCHREALTIME/./} - start) / 1000))
    [ $taken -ge 300 ] && [ $taken -lt 3000 ] && [[ $said == *'in time'* ]]
}
command_answers() { # PATH
    ./pve-native image info --format qcow2 --timeout 2 "$1" >/dev/null
}
# For as long as that takes: what a dead server has held up comes back little by little.
answers_again() { # PATH
    for _ in $(seq 60); do
        command_answers "$1" 2>/dev/null && return
        sleep 0.5
    done
    return 1
}
no_helper_left() {
    for _ in $(seq 100); do
        pgrep -x pven-io >/dev/null || return 0
        sleep 0.1
    done
    return 1
}
# Something that reads without a deadline proves that storage is dead, and that it comes back.
control() { # PATH
    dd "if=$1" of=/dev/null bs=4096 count=1 status=none &
    control=$!
}
hangs() {
    kill -0 "$control" 2>/dev/null
}
image() {
    must qemu-img create -q -f qcow2 "$@"
}

echo 0 >/proc/sys/kernel/hung_task_timeout_secs
near=/var/tmp/near.qcow2
image $near 1M

echo '== a LUN without paths'
must multipath_up 256
must pvcreate -q "$multipath_device"
must vgcreate -q lun "$multipath_device"
for volume in image held fs; do
    must lvcreate -q -Wn -Zn -L 64M -n $volume lun
done
image /dev/lun/image 32M
image /dev/lun/held 32M
must mkfs.ext4 -q /dev/lun/fs
mkdir /mnt/fs
must mount -o strictatime /dev/lun/fs /mnt/fs
mkdir /mnt/fs/{near,far}
image /mnt/fs/near/cached.qcow2 1M
image /mnt/fs/near/uncached.qcow2 1M
image /mnt/fs/far/unknown.qcow2 1M
sync
echo 3 >/proc/sys/vm/drop_caches
stat /mnt/fs/near/*.qcow2 >/dev/null
cat /mnt/fs/near/cached.qcow2 >/dev/null
# As a running guest would: somebody has it open, and what was read is kept.
exec 8</dev/lun/held
dd if=/dev/lun/held of=/dev/null bs=1M count=1 status=none

must multipath_dead
control "$multipath_device"
sleep 0.5
ok 'a reader without a deadline hangs' hangs

program ./hang /dev/lun/image $near unkillable
program ./hang "$multipath_device" $near unkillable questions
program ./hang /mnt/fs/far/unknown.qcow2 $near unkillable questions
program ./hang /mnt/fs/near/uncached.qcow2 $near killable questions
perl /dev/lun/image
for path in /dev/lun/image "$multipath_device" /mnt/fs/{far/unknown,near/uncached}.qcow2; do
    ok "command, $path: comes back in time" command_times_out "$path"
done
ok 'command, an image in the cache of a file system on it is answered' \
    command_answers /mnt/fs/near/cached.qcow2
ok 'command, a volume whose beginning is in the cache is answered' command_answers /dev/lun/held

ok 'the reader without a deadline still hangs' hangs
must multipath_alive
wait $control
ok 'when the paths are back, it has ended' test $? = 0
ok 'no helper is left' no_helper_left
ok 'the volume is answered' command_answers /dev/lun/image

for version in 4.2 3,nolock; do
    echo "== an NFS server that is gone, vers=$version"
    if [ ! -d /srv/nfs ]; then
        mkdir -p /srv/nfs/{near,far,lost}
        for name in near/{cached,uncached} far/unknown lost/awaited; do
            image /srv/nfs/$name.qcow2 1M
        done
        must nfs_up /srv/nfs
    fi
    mount=/mnt/nfs${version%%,*}
    must nfs_mount /srv/nfs $mount "vers=$version,timeo=20,actimeo=600"
    # What is near is known by name, and of one image what is in it; of what is far the folder.
    stat $mount/far $mount/near/*.qcow2 >/dev/null
    cat $mount/near/cached.qcow2 >/dev/null
    ok 'while it is there, it answers' command_answers $mount/near/uncached.qcow2
    nfs_dead
    control $mount/lost/awaited.qcow2
    sleep 0.5
    ok 'a reader without a deadline hangs' hangs
    program ./hang $mount/far/unknown.qcow2 $near killable
    # Waiting for the server can be ended by a signal. Waiting for somebody else who looks up the
    # same folder cannot.
    program ./hang $mount/lost/awaited.qcow2 $near unkillable $short
    program ./hang $mount/near/cached.qcow2 $near killable questions
    [ $short ] || perl $mount/far/unknown.qcow2
    for path in near/cached near/uncached far/unknown; do
        ok "command, $mount/$path.qcow2: comes back in time" command_times_out $mount/$path.qcow2
    done
    ok 'the reader without a deadline still hangs' hangs
    nfs_alive
    ok 'when the server is back, the image is answered' answers_again $mount/far/unknown.qcow2
    wait $control
    ok 'and the reader has ended' test $? = 0
    ok 'no helper is left' no_helper_left
    [ ! $short ] || break
done
exit $failed
