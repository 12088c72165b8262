#!/bin/sh
# SPDX-License-Identifier: MIT
# wheel.sh FOLDER - makes the sdist and the wheel of the Python package, of HEAD, into FOLDER
#
# The wheel is made from the sdist, without a network: what it needs besides are the static
# libraries and the build tools that tools/install-deps.sh installs. It gets a list of what is
# linked into it (dist-info/sboms), and the oldest manylinux tag that auditwheel finds true.
# PYTHON chooses the interpreter, which needs the packages of tests/requirements.txt.
set -eu
cd "$(dirname "$0")/.."
[ $# = 1 ] || { echo 'usage: tools/wheel.sh FOLDER' >&2 && exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
python=${PYTHON:-$PWD/.venv/bin/python}
# The build tools that the interpreter has, before those of the system.
PATH=$(dirname "$python"):$PATH
export PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m build --no-isolation --sdist --outdir "$work" . >"$work/sdist.log" 2>&1 ||
    { cat "$work/sdist.log" >&2 && exit 1; }
sdist=$(ls "$work"/*.tar.gz)

# Without a network, where a namespace without one can be had.
alone=
unshare -rn true 2>/dev/null && alone='unshare -rn'
tar -xzf "$sdist" -C "$work"
tree=${sdist%.tar.gz}
$alone "$python" -m build --no-isolation --skip-dependency-check --wheel --outdir "$work" \
    "-Cbuild-dir=$work/build" "$tree" >"$work/wheel.log" 2>&1 ||
    { tail -40 "$work/wheel.log" >&2 && exit 1; }
wheel=$(ls "$work"/*.whl)

version=$(basename "$wheel" | cut -d- -f2)
mkdir "$work/sboms"
"$python" tools/sbom.py "$(ls "$work"/build/python/fletch/_fletch.*so)" \
    "$work/build/python/fletch/fletch.map" "$version" >"$work/sboms/fletch.spdx.json"
cp "$sdist" "$out"
"$python" tools/wheel_finish.py "$wheel" "$work/sboms/fletch.spdx.json" "$out"
