#!/bin/sh
# SPDX-License-Identifier: MIT
# static.sh BUILD - fletch as one static binary, BUILD/fletch, and the tests linked like it
#
# With musl, since glibc's static programs are larger and not quite static. The libraries are
# made for musl from the sources of the very packages that are installed here, as apt has them;
# they are kept in BUILD-libraries. snappy is left out: it is written in C++, for which musl
# has no library.
set -eu
cd "$(dirname "$0")/.."
build=$1
libraries=$PWD/$build-libraries
prefix=$libraries/prefix
packages='libzstd-dev liblz4-dev libjansson-dev libdeflate-dev zlib1g-dev libcmocka-dev'
size_max=$((2 << 20))

fail() {
    echo "static.sh: $*" >&2
    exit 1
}

# The sources, into $libraries/source. apt's lists of them are kept apart from the system's.
get_sources() {
    mkdir -p "$libraries/apt/parts" "$libraries/apt/lists/partial" "$libraries/source"
    for list in /etc/apt/sources.list.d/debian.sources; do
        [ ! -f "$list" ] || sed 's/^Types:.*/Types: deb-src/' "$list" >"$libraries/apt/parts/debian.sources"
    done
    [ ! -f /etc/apt/sources.list ] ||
        sed -n 's/^deb \(.*debian.*\)/deb-src \1/p' /etc/apt/sources.list >"$libraries/apt/parts/debian.list"
    apt="-q -o Dir::State::lists=$libraries/apt/lists -o Dir::Etc::sourcelist=/dev/null
        -o Dir::Etc::sourceparts=$libraries/apt/parts -o Dir::Cache::srcpkgcache=
        -o Dir::Cache::pkgcache= -o APT::Sandbox::User="
    # shellcheck disable=SC2086
    apt-get $apt update
    # shellcheck disable=SC2046,SC2086
    (cd "$libraries/source" && apt-get $apt source $(
        # shellcheck disable=SC2086
        dpkg-query -W -f '${source:Package}=${source:Version} ' $packages))
}

with_make() {
    make -s -C "$@" CC=musl-gcc CFLAGS="$flags" PREFIX="$prefix"
}

with_cmake() {
    cmake -S "$1" -B "$1/build-musl" -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_C_FLAGS="$flags" \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
        -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON \
        -DWITH_EXAMPLES=OFF -DWITH_STATIC_LIB=ON --log-level=ERROR
    cmake --build "$1/build-musl" -- -s
    cmake --install "$1/build-musl" >/dev/null
}

build_libraries() {
    rm -rf "$libraries"
    get_sources
    flags='-O2 -ffunction-sections -fdata-sections'
    cd "$libraries/source"
    with_make libzstd-*/lib install-static install-includes install-pc ZSTD_LEGACY_SUPPORT=0 \
        ZSTD_LIB_DICTBUILDER=0 ZSTD_LIB_DEPRECATED=0
    with_make lz4-*/lib install BUILD_SHARED=no
    with_make libdeflate-* install
    (cd zlib-* && CC=musl-gcc CFLAGS=$flags ./configure --static --prefix="$prefix" && make -s install)
    with_cmake "$(echo jansson-*/)"
    with_cmake "$(echo cmocka-*/)"
    rm -f "$prefix"/lib/*.so*
    cp cmocka-*/build-musl/src/libcmocka-static.a "$prefix/lib/libcmocka.a"
    cd - >/dev/null
    touch "$prefix/done"
}

command -v musl-gcc >/dev/null || fail "musl-gcc is missing; tools/install-deps.sh static installs it"
[ -f "$prefix/done" ] || build_libraries >"$build-libraries.log" 2>&1 || {
    tail -20 "$build-libraries.log" >&2
    fail "the libraries could not be built; see $build-libraries.log"
}

if [ ! -f "$build/build.ninja" ]; then
    mkdir -p "$build"
    cat >"$build/musl.ini" <<EOF
[binaries]
c = 'musl-gcc'
[built-in options]
c_args = ['-I$prefix/include', '-ffunction-sections', '-fdata-sections']
c_link_args = ['-static', '-L$prefix/lib', '-Wl,--gc-sections']
EOF
    PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig meson setup "$build" --native-file "$build/musl.ini" -Ddefault_library=static \
        -Dsnappy=disabled -Dlibcrypto=disabled -Dinline=disabled -Dpython=disabled
fi
ninja -C "$build"
strip -o "$build/fletch" "$build/cli/fletch"

size=$(wc -c <"$build/fletch")
[ "$size" -le "$size_max" ] || fail "$build/fletch has $size bytes, more than $size_max"
if readelf -d "$build/fletch" | grep -q NEEDED; then
    fail "$build/fletch needs a shared library"
fi
echo "$build/fletch: $size bytes, static"
