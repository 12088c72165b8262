#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh [--judge] BUILD - lines of src and cli that the tests reach; at least 90 %
#
# The unit tests, the fuzz corpus, the golden models and the command's own tests count.
# --judge only judges the figures of the run before.
set -u
cd "$(dirname "$0")/.."
MINIMUM=90
judge=
[ "$1" = --judge ] && judge=1 && shift
build=$1

report() {
    gcovr --root . --filter 'src/' --filter 'cli/' --fail-under-line "$MINIMUM" -j 2 \
        --txt "$build/coverage.txt" "$build"
}

if [ "$judge" ]; then
    report
    exit
fi
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" -Db_coverage=true -Dbuildtype=debug -Db_ndebug=true >/dev/null || exit 1
fi
ninja -C "$build" >/dev/null || exit 1
ln -sfn cli/fletch "$build/fletch"
find "$build" -name '*.gcda' -delete
SUITES='meson cli terminal golden layout' tools/test.sh "$build" \
    >"$build/coverage-tests.log" || tail -5 "$build/coverage-tests.log"
report
status=$?
cat "$build/coverage.txt"
exit $status
