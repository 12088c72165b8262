#!/bin/sh
# SPDX-License-Identifier: MIT
# test.sh [--as-is] BUILD - runs every suite on a finished build, ends with `N passed, N failed`
#
# Results go to BUILD/results.jsonl (see tools/tap.py). SUITES, a list of names, runs only
# those, and MESON_SUITE only that suite of Meson's tests. With --as-is, suites in Python are
# left out, and named, where there is no .venv.
set -u
cd "$(dirname "$0")/.."
as_is=
[ "$1" = --as-is ] && as_is=1 && shift
build=$1
results=$build/results.jsonl
python=.venv/bin/python
work=$build/test-work

rm -rf "$results" "$work"
mkdir -p "$work"
: >"$results"

suite() {
    name=$1
    shift
    if [ -n "$as_is" ] && [ "$1" = "$python" ] && [ ! -x "$python" ]; then
        echo "$name: left out, there is no .venv (make test makes one)"
        return
    fi
    case " ${SUITES:-$name} " in
    *" $name "*) tools/tap.py run "$results" "$name" "$@" ;;
    esac
}

case " ${SUITES:-meson} " in
*" meson "*) tools/tap.py meson "$results" unit: "$build" ${MESON_SUITE:-} ;;
esac
suite headers sh tests/headers/headers.sh
suite cli sh tests/cli/run.sh "$build/fletch"
suite terminal "$python" tests/cli/terminal.py "$build"
suite golden "$python" tests/golden/check.py "$build/fletch"
suite tokenizers "$python" tests/tokenizers/check.py "$build/fletch"
suite layout "$python" tests/interop/layout.py "$build/fletch" "$work/layout"
suite dialects "$python" tests/interop/dialects.py "$build/fletch" "$work/dialects"
suite prefixes "$python" tests/interop/prefixes.py "$build/fletch" "$work/prefixes"
suite same "$python" tests/interop/same.py "$build/fletch" "$work/same"
suite readers "$python" tests/interop/readers.py "$build/fletch" "$work/readers"
suite engines "$python" tests/interop/engines.py "$build/fletch" "$work/engines" test
suite faults "$python" tests/faults/faults.py "$build" "$work/faults"
suite limits "$python" tests/faults/limits.py "$build" "$work/limits"
suite kill "$python" tests/faults/kill.py "$build" "$work/kill"
if [ -n "$as_is" ] && [ ! -f "$build/python/fletch/__init__.py" ]; then
    echo "python: left out, $build has no Python package (python3-dev makes it one)"
else
    suite python "$python" python/tests/run.py "$build" "$work/python"
fi
if [ -n "$as_is" ] && [ ! -x "$python" ]; then
    echo "wheel: left out, there is no .venv (make test makes one)"
else
    suite wheel sh python/tests/wheel.sh "$work/wheel"
fi
if [ -n "$as_is" ]; then
    echo "quickstart: left out, it installs packages"
else
    suite quickstart "$python" tests/documents/quickstart.py "$work/wheel/dist" "$work/quickstart"
fi
suite documents "$python" tests/documents/console.py "$build" "$work/documents"
suite completion sh tests/completion/completion.sh "$build/fletch"
suite install sh tests/install/install.sh "$build" "$work/install"

tools/tap.py sum "$results"
