#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh BUILD WORK - the installed copy is complete: header, both libraries, pkg-config,
# the command; the examples compile against it, in C and in C++, and work
set -u
cd "$(dirname "$0")/../.."
. tests/tap.sh
build=$1
rm -rf "$2"
mkdir -p "$2"
work=$(cd "$2" && pwd)
root=$work/root

point 'meson install' meson install -C "$build" --no-rebuild --destdir "$root"
pc=$(find "$root" -name fletch.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
export PKG_CONFIG_SYSROOT_DIR="$root"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH")
export LD_LIBRARY_PATH

point 'header' test -f "$root$prefix/include/fletch/fletch.h"
point 'nothing else of ours is installed as a header' \
    test "$(find "$root" -name '*.h' | wc -l)" = 1
point 'static library' test -f "$LD_LIBRARY_PATH/libfletch.a"
point 'pkg-config knows the version' \
    test "$(pkg-config --modversion fletch)" = "$("$root$prefix/bin/fletch" --version |
        grep -o '[0-9]*\.[0-9]*\.[0-9]*' | head -1)"

# shellcheck disable=SC2046
compile() {
    ${CC:-cc} -std=c17 -Wall -Wextra -Werror "$@" -o "$work/out" $(pkg-config --cflags --libs fletch)
}
for example in examples/*.c; do
    point "$example compiles" compile "$example"
    mv "$work/out" "$work/$(basename "$example" .c)"
done
compile_static() {
    ${CC:-cc} -std=c17 examples/list.c -o "$work/list-static" $(pkg-config --cflags fletch) \
        "$LD_LIBRARY_PATH/libfletch.a" $(pkg-config --static --libs-only-l fletch | sed 's/-lfletch//')
}
point 'and against the static library' compile_static
compile_cxx() {
    printf '#include <fletch/fletch.h>\nint main() { return fletch_version() ? 0 : 1; }\n' |
        ${CXX:-c++} -std=c++17 -Wall -Wextra -Werror -x c++ - -o "$work/cxx" \
            $(pkg-config --cflags --libs fletch) && "$work/cxx"
}
point 'and C++' compile_cxx

"$build/tests/make/make_models" "$work/models" whisper
point 'the convert example converts' "$work/convert" "$work/models/whisper" "$work/converted"
lists() { "$1" "$2" | grep -q "$3"; }
point 'the list example lists rows' lists "$work/list" "$work/converted" \
    '^encoder.position_embedding torch.float16 \[100, 64\] begins 0x'
point 'and tensors' lists "$work/list" "$work/models/whisper" \
    '^model.encoder.embed_positions.weight torch.float32 \[100, 64\] in model.safetensors'
point 'and so does the static one' lists "$work/list-static" "$work/converted" \
    '^encoder.conv1.bias '
"$root$prefix/bin/fletch" convert "$work/models/whisper" -o "$work/plain" -c none -q
point 'the map example has values without copies' lists "$work/map" "$work/plain" \
    '^encoder.position_embedding torch.float16, 12800 bytes, mapped, largest magnitude 0x'
point 'and compressed ones with' lists "$work/map" "$work/converted" \
    '^encoder.position_embedding torch.float16, 12800 bytes, copied, largest magnitude 0x'
point 'a wrong model is an error' sh -c "! '$work/convert' '$work/nowhere' '$work/never'"
rm -rf "$work"
points_end
