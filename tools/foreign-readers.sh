#!/bin/sh
# SPDX-License-Identifier: MIT
# foreign-readers.sh BUILD RESULTS - hyparquet and parquet-wasm (npm) and Java's parquet (Maven)
# read our files
#
# Their packages are installed below BUILD, not in the tree.
set -u
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd)
results=$2
python=.venv/bin/python
work=$build/interop

mkdir -p "$work"
rm -rf "$work/hyparquet" "$work/java"
cp -r tests/interop/hyparquet tests/interop/java "$work"

(cd "$work/hyparquet" && npm install --no-audit --no-fund --silent </dev/null)
tools/tap.py run "$results" hyparquet "$python" tests/interop/foreign.py "$build/fletch" \
    "$build/test-work/hyparquet" hyparquet node "$work/hyparquet/read.mjs"
tools/tap.py run "$results" 'engines of JavaScript' "$python" tests/interop/engines.py \
    "$build/fletch" "$build/test-work/engines-node" node "$work/hyparquet"

(cd "$work/java" && mvn -q -B compile dependency:copy-dependencies </dev/null)
tools/tap.py run "$results" java "$python" tests/interop/foreign.py "$build/fletch" \
    "$build/test-work/java" parquet-java \
    java -Xmx1g -cp "$work/java/target/classes:$work/java/target/dependency/*" ReadRows
