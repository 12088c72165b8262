#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh - every header compiles alone, the public one also as C++
set -u
cd "$(dirname "$0")/../.."
. tests/tap.sh
flags='-fsyntax-only -D_XOPEN_SOURCE=700 -Iinclude -Isrc -Wall -Wextra -Werror -Wundef -Wstrict-prototypes'

# Twice in one unit: the guard works too.
in_c() { printf '#include <%s>\n#include <%s>\n' "$1" "$1" | ${CC:-cc} -std=c17 $flags -x c -; }
in_cxx() {
    printf '#include <%s>\nint main() { return fletch_version() == nullptr; }\n' "$1" |
        ${CXX:-c++} -std=c++17 -pedantic-errors -fsyntax-only -Iinclude -Wall -Wextra -Werror -x c++ -
}

for header in src/*/*.h cli/*.h; do
    [ -e "$header" ] || continue
    case "$header" in
    cli/*) flags="$flags -Icli" ;;
    esac
    point "$header alone" in_c "$(echo "$header" | sed 's|^src/||; s|^cli/||')"
done
# Lines of the first header of this API version that are there no more: only what was kept
# for later may go.
in_first_only() {
    for header in tests/headers/fletch-1.h include/fletch/fletch.h; do
        ${CC:-cc} -E -P "$header" >"$work/${header%%/*}"
    done
    ! diff "$work/tests" "$work/include" | grep '^<' | grep -v '\breserved\b'
}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
point 'fletch/fletch.h only adds to the first one of its version' in_first_only
point 'docs/api-c.md says what fletch.h says' tools/api-doc.py --check
point 'fletch/fletch.h as C17' in_c fletch/fletch.h
point 'fletch/fletch.h as C++17' in_cxx fletch/fletch.h
points_end
