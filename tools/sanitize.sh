#!/bin/sh
# SPDX-License-Identifier: MIT
# sanitize.sh address|thread BUILD [RESULTS] - the tests in a build that watches itself
#
# address: AddressSanitizer and UBSan, all unit tests, the fuzz corpus, the command's tests
# and the golden models. thread: ThreadSanitizer, what works with several threads.
set -u
cd "$(dirname "$0")/.."
kind=$1
build=$2
results=${3:-}

# A stage that never ran is a failed one.
lost() {
    [ -z "$results" ] || tools/tap.py check "$results" "$1" false
    exit 1
}

suites="meson cli golden"

case "$kind" in
address) sanitizers=address,undefined ;;
thread)
    sanitizers=thread
    suites="meson golden"
    export MESON_SUITE=threads
    ;;
*)
    echo "usage: tools/sanitize.sh address|thread BUILD [RESULTS]" >&2
    exit 2
    ;;
esac
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" -Dbuildtype=debugoptimized -Db_ndebug=false -Db_lundef=false \
        -Db_sanitize="$sanitizers" >/dev/null || lost "$kind: meson setup"
fi
ninja -C "$build" >/dev/null || lost "$kind: build"
ln -sfn cli/fletch "$build/fletch"
SUITES=$suites RESULTS_PREFIX=$kind: tools/test.sh "$build"
status=$?
# The Python module in an interpreter that knows of no sanitizer: what it keeps to its end is no
# leak. Of the tests those that make the module work, not those that start many interpreters, nor
# a fork beside busy threads, whose child waits for ASan's own locks.
if [ "$kind" = address ] && [ -f "$build/python/fletch/__init__.py" ] && [ -x .venv/bin/python ]; then
    runtime=$(${CC:-cc} -print-file-name=libasan.so)
    RESULTS_PREFIX=$kind: tools/tap.py run "$build/results.jsonl" python \
        env LD_PRELOAD="$runtime" PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0 \
        .venv/bin/python python/tests/run.py "$build" "$build/test-work/python" \
        -k '(checkpoint or errors or plan or anything or convert or reader_tensor or reader_ahead) and not fork'
    tools/tap.py sum "$build/results.jsonl" || status=1
fi
[ -z "$results" ] || cat "$build/results.jsonl" >>"$results"
exit $status
