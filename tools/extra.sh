#!/bin/sh
# SPDX-License-Identifier: MIT
# extra.sh BUILD - the suites that need gigabytes, on a finished build; ends with the line
# `N passed, N failed`
#
# Each tests/extra/NAME.py is a suite: called with BUILD/fletch and a folder of its own to work
# in, it prints TAP. It runs with what tests/extra/requirements.txt names, in .venv-extra, and
# may import what lies in tests. Results go to BUILD/extra.jsonl. SUITES, a list of names, runs
# only those.
set -u
cd "$(dirname "$0")/.."
build=$1
results=$build/extra.jsonl
work=$build/extra-work

rm -rf "$results" "$work"
mkdir -p "$work"
: >"$results"

for file in tests/extra/*.py; do
    name=$(basename "$file" .py)
    case " ${SUITES:-$name} " in
    *" $name "*)
        tools/tap.py run "$results" "$name" .venv-extra/bin/python "$file" "$build/fletch" \
            "$work/$name"
        ;;
    esac
done

rm -rf "$work"
tools/tap.py sum "$results"
