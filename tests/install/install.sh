#!/bin/sh
# SPDX-License-Identifier: MIT
# install.sh BUILD WORK - the installed copy is complete: header, both libraries, pkg-config,
# the CMake package, the command, completions; the examples compile against it, in C and in C++,
# shared and static, and work; what was installed can be removed
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
compile_half() {
    ${CC:-cc} -std=c17 examples/list.c -o "$work/list-half" $(pkg-config --cflags fletch) \
        "$LD_LIBRARY_PATH/libfletch.a" $(pkg-config --static --libs-only-l fletch | sed 's/-lfletch//')
}
point 'and against the static library' compile_half
# By a C compiler, though one of the libraries is written in C++.
compile_static() {
    ${CC:-cc} -std=c17 -static "examples/$1.c" -o "$work/$1-static" \
        $(pkg-config --static --cflags --libs fletch)
}
point 'a static program links as pkg-config --static says' compile_static list
point 'also one that converts' compile_static convert
needs_nothing() { readelf -h "$1" >/dev/null && ! readelf -d "$1" | grep -q NEEDED; }
point 'and needs no shared library' needs_nothing "$work/convert-static"
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
for kind in half static; do
    point "and so does the $kind one" lists "$work/list-$kind" "$work/converted" \
        '^encoder.conv1.bias '
done
point 'the static one converts' env -i "$work/convert-static" "$work/models/whisper" \
    "$work/converted-static"
point 'to the same bytes' cmp "$work/converted/weights.parquet" \
    "$work/converted-static/weights.parquet"
"$root$prefix/bin/fletch" convert "$work/models/whisper" -o "$work/plain" -c none -q
point 'the map example has values without copies' lists "$work/map" "$work/plain" \
    '^encoder.position_embedding torch.float16, 12800 bytes, mapped, largest magnitude 0x'
point 'and compressed ones with' lists "$work/map" "$work/converted" \
    '^encoder.position_embedding torch.float16, 12800 bytes, copied, largest magnitude 0x'
point 'a wrong model is an error' sh -c "! '$work/convert' '$work/nowhere' '$work/never'"

. tests/install/cmake.sh

for place in bash-completion/completions/fletch zsh/site-functions/_fletch \
    fish/vendor_completions.d/fletch.fish man/man1/fletch.1; do
    point "$place is where it is looked for" test -s "$root$prefix/share/$place"
done

# The loader's list, in play: a machine's own is not touched.
mkdir "$work/play" "$work/play/lib"
touch "$work/play/lib/libfletch.so"
cat >"$work/play/ldconfig" <<'END'
#!/bin/sh
case "$*" in
-p) [ -n "$KNOWN" ] && echo "	libfletch.so.1 (libc6,x86-64) => $KNOWN/libfletch.so.1" ;;
*-v*) [ -n "$SEARCHED" ] && echo "$SEARCHED: (from /etc/ld.so.conf:1)" ;;
*) echo run >>"$RAN" ;;
esac
exit 0
END
printf '#!/bin/sh\necho "${UID_IN_PLAY:-1000}"\n' >"$work/play/id"
chmod +x "$work/play/ldconfig" "$work/play/id"
# $1: how often ldconfig ran; $2: what is said, or nothing; the rest: the machine
registers() {
    want=$1 said=$2
    shift 2
    rm -f "$work/play/ran"
    got=$(env -u DESTDIR RAN="$work/play/ran" KNOWN= SEARCHED= "$@" \
        PATH="$work/play:$PATH" tools/installed.sh "$work/play/lib") || return 1
    echo "$got"
    test "$(cat "$work/play/ran" 2>/dev/null | wc -l)" = "$want" || return 1
    if [ -n "$said" ]; then echo "$got" | grep -qF -- "$said"; else test -z "$got"; fi
}
point 'as root the loader is told, without a word' registers 1 '' UID_IN_PLAY=0 KNOWN="$work/play/lib"
point 'others are told to do so' registers 0 'sudo ldconfig' SEARCHED="$work/play/lib"
point 'where the loader does not look, what else there is' registers 1 \
    "-Wl,-rpath,$work/play/lib" UID_IN_PLAY=0 SEARCHED=/elsewhere
point 'with DESTDIR nothing of this machine is touched' registers 0 '' UID_IN_PLAY=0 DESTDIR=/x

# Of a copy of somebody else's, which has to stay.
echo other >"$root$prefix/share/man/man1/other.1"
point 'uninstall' env DESTDIR="$root" tools/uninstall.sh "$build"
is_all() { test "$(cd "$root$prefix" && find . ! -type d)" = "$1"; }
point 'leaves nothing but what others put there' is_all ./share/man/man1/other.1
rm "$root$prefix/share/man/man1/other.1"
point 'a second time there is nothing to remove' env DESTDIR="$root" tools/uninstall.sh "$build"
no_folders() { test -z "$(cd "$root$prefix" && find . -mindepth 3 | head -3)"; }
point 'and no folder below those that every prefix has' no_folders
rm -rf "$work"
points_end
