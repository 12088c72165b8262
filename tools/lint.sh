#!/bin/sh
# SPDX-License-Identifier: MIT
# lint.sh BUILD - the house rules, one TAP point each; BUILD is a finished build
#
# SKIP_TIDY=1 leaves clang-tidy out, which takes longer than all the others.
set -u
cd "$(dirname "$0")/.."
. tests/tap.sh
build=$1
tab=$(printf '\t')

format() { git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror; }

# Two processes; the findings with their notes stay in BUILD/tidy.log.
tidy() {
    git ls-files 'src/*.c' 'cli/*.c' 'examples/*.c' 'python/*.c' |
        xargs -P 2 -n 4 clang-tidy -p "$build" --quiet 2>/dev/null | grep -v '^$' >"$build/tidy.log"
    ! grep -E 'error:|warning:' "$build/tidy.log"
}

trailing() { ! git grep -nIE "[ $tab]+\$" -- ':!tests/golden' ':!tests/fuzz/corpus' ':!tests/cli' ':!tests/tokenizers/*/source/*'; }

point 'clang-format' format
point 'layers' tools/check-layers.sh
point 'symbols' tools/check-symbols.sh "$build"
point 'style' tools/check-style.sh
point 'no blanks at line ends' trailing
if [ "${SKIP_TIDY:-0}" = 1 ]; then
    count=$((count + 1))
    echo "ok $count - clang-tidy # SKIP as asked"
else
    point 'clang-tidy' tidy
fi
points_end
