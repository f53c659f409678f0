# shellcheck shell=bash
# A LUN with four paths, inside the virtual machine: sourced by tests. The paths are four simulated
# SCSI hosts that see the same disk in memory; real multipathd, real device-mapper. Requests wait
# for ever while no path is left (no_path_retry queue), as on shared storage.

# Makes the LUN; its name is in $multipath_device then.
multipath_up() { # MiB
    modprobe scsi_debug add_host=4 num_tgts=1 max_luns=1 vpd_use_hostno=0 "dev_size_mb=$1"
    cat >/etc/multipath.conf <<'CONF'
defaults {
    find_multipaths no
    polling_interval 1
    max_polling_interval 1
    no_path_retry queue
    checker_timeout 3
}
CONF
    multipathd -d -s >/run/multipathd.log 2>&1 &
    multipath_wait 4
    udevadm settle
    for multipath_device in /dev/mapper/*; do
        [ "$multipath_device" = /dev/mapper/control ] || break
    done
}

# Waits until so many paths are usable.
multipath_wait() {
    for _ in $(seq 150); do
        multipathd show maps json 2>/dev/null | grep -q "\"paths\" : $1," && return
        sleep 0.2
    done
    echo "there are not $1 paths"
    multipath -ll
    return 1
}

# Lets all paths die.
multipath_dead() {
    multipath_set offline
    multipath_wait 0
}

# Brings them back.
multipath_alive() {
    multipath_set running
    multipath_wait 4
}

multipath_set() {
    local state
    for state in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/state; do
        echo "$1" >"$state"
    done
}
