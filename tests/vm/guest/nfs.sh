# shellcheck shell=bash
# An NFS server and a mount of it, inside the virtual machine: sourced by tests. The server is the
# kernel's own in a network namespace of its own, with a cable to the client that can be pulled.

# Serves a directory.
nfs_up() { # DIRECTORY
    ip netns add server
    ip link add client type veth peer name server netns server
    ip address add 10.0.0.2/24 dev client
    ip link set client up
    ip -n server address add 10.0.0.1/24 dev server
    ip -n server link set server up
    ip -n server link set lo up
    mkdir -p /run/rpcbind /run/sendsigs.omit.d
    # All in one, so that all see the same mounts.
    ip netns exec server bash -e -s "$1" <<'SERVER'
        mount -t nfsd nfsd /proc/fs/nfsd
        rpcbind -w
        exportfs -o rw,no_root_squash,no_subtree_check,insecure,fsid=0 "*:$1"
        rpc.mountd
        echo 10 >/proc/fs/nfsd/nfsv4leasetime
        echo 10 >/proc/fs/nfsd/nfsv4gracetime
        rpc.nfsd 2
SERVER
}

# Mounts what is served, as Proxmox VE would: hard.
nfs_mount() { # DIRECTORY MOUNTPOINT OPTIONS
    local from=$1
    case $3 in *vers=4*) from=/ ;; esac
    mkdir -p "$2"
    mount -t nfs -o "hard,$3" "10.0.0.1:$from" "$2"
}

# The server is gone: nothing answers any more.
nfs_dead() {
    ip -n server link set server down
}

nfs_alive() {
    ip -n server link set server up
}
