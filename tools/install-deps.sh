#!/bin/sh
# SPDX-License-Identifier: MIT
# install-deps.sh SET - says what is missing for SET, then installs just that (Debian 12+)
#
# SET is build, test or ci; each holds the ones before it; or static, which is `build` and what
# tools/static.sh needs; or cross, which is `test` and what tools/cross.sh needs besides; or
# extra, which is `test` and Java for Spark. Tools count as present when their command is found,
# wherever it came from; libraries when Debian's package is installed. All but `build` and
# `static` also make the virtual environment .venv for tests/requirements.txt, and `extra` makes .venv-extra for tests/extra/requirements.txt.
set -eu
cd "$(dirname "$0")/.."

# package:command, or just the package of a library
build='gcc:gcc libc6-dev meson:meson ninja-build:ninja pkg-config:pkg-config libzstd-dev
    liblz4-dev libsnappy-dev libdeflate-dev zlib1g-dev
    libjansson-dev libssl-dev libcmocka-dev'
test="$build g++:g++ python3:python3 python3-venv python3-dev cmake:cmake zsh:zsh fish:fish"
musl='cmake:cmake musl-tools:musl-gcc dpkg-dev:dpkg-source binutils:readelf'
static="$build $musl"
ci="$test $musl clang:clang clang-format:clang-format clang-tidy:clang-tidy libclang-rt-dev
    binutils:nm gcovr:gcovr nodejs:node npm:npm
    default-jdk-headless:javac maven:mvn"

# The libraries once more, for the other processor.
other=$(printf '%s\n' $build | grep -- '-dev$' | sed 's/$/:arm64/')
extra="$test default-jre-headless:java"
cross="$test qemu-user:qemu-aarch64 gcc-aarch64-linux-gnu:aarch64-linux-gnu-gcc $other"

case "${1:-}" in
build) wanted=$build ;;
test) wanted=$test ;;
ci) wanted=$ci ;;
static) wanted=$static ;;
cross) wanted=$cross ;;
extra) wanted=$extra ;;
*)
    echo "usage: tools/install-deps.sh build|test|ci|static|cross|extra" >&2
    exit 2
    ;;
esac

# $1: a package, for this processor unless it says another
installed() {
    case "$1" in *:*) for=${1#*:} ;; *) for=$(dpkg --print-architecture) ;; esac
    dpkg-query -W -f '${db:Status-Status} ${Architecture}\n' "$1" 2>/dev/null |
        grep -qx -e "installed $for" -e 'installed all'
}

missing=
for entry in $wanted; do
    case "$entry" in
    *:arm64) package=$entry ;;
    *) package=${entry%%:*} ;;
    esac
    case "$entry" in
    *:arm64) ;;
    *:*) command -v "${entry#*:}" >/dev/null 2>&1 && continue ;;
    esac
    installed "$package" || missing="$missing $package"
done

# $1: what to run as root
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "install-deps.sh: neither root nor sudo here; install these first:$missing" >&2
        exit 1
    fi
}

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "install-deps.sh: no apt-get here; needed, by Debian's names:$missing" >&2
        exit 1
    fi
    echo "About to install with apt-get:$missing"
    case "$missing" in *:arm64*) as_root dpkg --add-architecture arm64 ;; esac
    as_root apt-get update -q </dev/null
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing </dev/null
fi

case "$1" in build | static) exit 0 ;; esac

# Debian's own interpreter has the venv module that was just installed.
python=${PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=python3

# $1: a virtual environment, $2: what it must hold; made anew when that changes
environment() {
    cmp -s "$2" "$1/requirements.txt" && return
    echo "About to install with pip, into $1 only:" "$(grep -v '^#' "$2" | tr '\n' ' ')"
    rm -rf "$1"
    "$python" -m venv "$1"
    "$1/bin/pip" install -q --disable-pip-version-check --no-input -r "$2" </dev/null
    cp "$2" "$1/requirements.txt"
}

environment .venv tests/requirements.txt
if [ "$1" = extra ]; then
    environment .venv-extra tests/extra/requirements.txt
fi
