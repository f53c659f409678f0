#!/bin/sh
# Installs what building and testing need on Debian 12 and 13, if it is missing.
# As root it installs; otherwise it prints the one command to run and fails.
set -eu

# Debian 13's Rust is new enough, Debian 12's is not.
rust_packages() {
    if command -v cargo >/dev/null; then
        command -v cargo-fmt >/dev/null || echo rustfmt
        command -v cargo-clippy >/dev/null || echo rust-clippy
    elif [ "$(. /etc/os-release && echo "${VERSION_ID:-0}")" -ge 13 ]; then
        printf '%s\n' cargo rustc rustfmt rust-clippy
    else
        echo "bootstrap: cargo is missing: install Rust 1.85 or newer with rustup" >&2
        return 1
    fi
}

# Left: a command or a Perl module. Right: the package that brings it.
missing() {
    while read -r thing package; do
        case $thing in
            *::* | RRDs) perl "-M$thing" -e 1 2>/dev/null && continue ;;
            *) command -v "$thing" >/dev/null && continue ;;
        esac
        echo "$package"
    done <<'LIST'
cc gcc
c++ g++
pkg-config pkg-config
perl perl
ExtUtils::Embed perl
JSON::XS libjson-xs-perl
RRDs librrds-perl
rrdcached rrdcached
Test::More perl
podchecker perl
prove perl
perltidy perltidy
qemu-img qemu-utils
qemu-storage-daemon qemu-utils
losetup mount
mke2fs e2fsprogs
valgrind valgrind
strace strace
python3 python3
LIST
    perl -MConfig -e 'exit !-e "$Config{archlibexp}/CORE/perl.h"' 2>/dev/null || echo libperl-dev
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

rust=$(rust_packages)
packages=$({ echo "$rust" && missing; } | sed '/^$/d' | sort -u | tr '\n' ' ')
if [ -n "${packages% }" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "bootstrap: packages are missing; please run: sudo apt-get install $packages" >&2
        exit 1
    fi
    echo "bootstrap: installing $packages"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of packages
    { apt-get -qq update && apt-get -qq -y install --no-install-recommends $packages; } >/dev/null
fi

# Answers are compared with QEMU 10's; Debian 12 has it in its backports.
version=$(qemu-img --version | sed -n '1s/.*version \([0-9]*\).*/\1/p')
if [ "${version:-0}" -lt 10 ]; then
    if [ "$(id -u)" = 0 ]; then
        echo "bootstrap: installing qemu-utils from bookworm-backports"
        apt-get -qq -y install --no-install-recommends -t bookworm-backports qemu-utils >/dev/null ||
            version=
    fi
    if [ "$(id -u)" != 0 ] || [ -z "$version" ]; then
        echo "bootstrap: qemu-utils 10 or newer is needed; on Debian 12 enable bookworm-backports" >&2
        echo "bootstrap: and run: sudo apt-get install -t bookworm-backports qemu-utils" >&2
        exit 1
    fi
fi
