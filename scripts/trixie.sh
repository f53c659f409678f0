#!/bin/bash
# Runs a command in a clean Debian 13, on a copy of this tree: trixie.sh COMMAND [ARGUMENT…]
#
# The chroot is made once and used again. It lies in $PVE_NATIVE_CHROOT, by default in
# ~/.cache/pve-native/trixie, and holds the least that a build needs: Debian's Rust 1.85, a C
# compiler, Perl and its headers. The command runs in the copy, which the next run replaces; what was
# compiled is kept. Mounts live in a mount namespace of this script's own and go with it, however it
# ends. Root and debootstrap are needed.
set -euo pipefail

if [ $# = 0 ]; then
    echo "usage: $0 COMMAND [ARGUMENT…]" >&2
    exit 2
fi
if [ "$(id -u)" != 0 ]; then
    echo "trixie: a chroot is needed, and only root can make and enter one: run this as root" >&2
    exit 1
fi
if ! command -v debootstrap >/dev/null; then
    echo "trixie: debootstrap is missing; please run: apt-get install debootstrap" >&2
    exit 1
fi
if [ -z "${PVE_NATIVE_IN_NAMESPACE:-}" ]; then
    PVE_NATIVE_IN_NAMESPACE=1 exec unshare --mount --propagation private "$0" "$@"
fi
unset PVE_NATIVE_IN_NAMESPACE

cd "$(dirname "$0")/.."
root=${PVE_NATIVE_CHROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/pve-native/trixie}
packages='ca-certificates cargo g++ gcc git libperl-dev make perl pkg-config rustc'

# One run at a time.
mkdir -p "$(dirname "$root")"
exec 9>"$root.lock"
flock 9

# The mirror of this machine's apt, if it uses one of Debian's main archive.
mirror() {
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
        'Component: main' 2>/dev/null | grep -v security | head -n 1
}

make_chroot() {
    local site proxy
    site=$(mirror) || site=
    proxy=$(apt-config shell proxy Acquire::http::Proxy) && eval "$proxy"
    echo "trixie: making a chroot in $root"
    rm -rf "$root.new"
    http_proxy=${proxy:-${http_proxy:-}} \
        debootstrap --variant=minbase trixie "$root.new" "${site:-http://deb.debian.org/debian}" \
        >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        exit 1
    }
    mv "$root.new" "$root"
}

# What this machine needs to reach the outside, the chroot needs too.
copy_network() {
    local cargo_home=${CARGO_HOME:-$HOME/.cargo}
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    cp -a /etc/apt/auth.conf.d/. "$root/etc/apt/auth.conf.d/"
    mkdir -p "$root/root/.cargo"
    rm -f "$root/root/.cargo/config.toml"
    if [ -f "$cargo_home/config.toml" ]; then
        cp "$cargo_home/config.toml" "$root/root/.cargo/"
    fi
}

copy_certificates() {
    local bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    if [ -f "$bundle" ]; then
        cp -L "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
    fi
}

inside() {
    env -u CARGO -u CARGO_TARGET_DIR -u MAKEFLAGS -u MAKELEVEL -u RUSTC -u RUSTUP_HOME \
        -u RUSTUP_TOOLCHAIN -u SSL_CERT_DIR -u SSL_CERT_FILE -u TMPDIR \
        HOME=/root CARGO_HOME=/root/.cargo LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        chroot "$root" "$@" 9>&-
}

[ -d "$root" ] || make_chroot
copy_network
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# shellcheck disable=SC2086 # a list of packages
if ! inside dpkg-query -W $packages >/dev/null 2>&1; then
    echo "trixie: installing $packages"
    { inside apt-get -qq update &&
        inside apt-get -qq -y install --no-install-recommends $packages; } >"$root.log" 2>&1 || {
        tail -n 5 "$root.log" >&2
        exit 1
    }
fi
copy_certificates

copy=$root/usr/src/pve-native
mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
tar -c --exclude-vcs --exclude=./build --exclude=target . | tar -x --no-same-owner -C "$copy"

inside sh -c 'cd /usr/src/pve-native && exec "$@"' sh "$@"
