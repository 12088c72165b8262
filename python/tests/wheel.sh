#!/bin/sh
# SPDX-License-Identifier: MIT
# wheel.sh WORK - the wheel: what is in it, what it needs, and that it works in a bare Debian
#
# The wheel is made anew, from an sdist and without a network, by tools/wheel.sh. The bare Debian
# is a root of its own with this system's libc, Python and what Python itself needs, in which
# none of the libraries is that fletch is made of. PYTHONS names further interpreters to try.
set -u
cd "$(dirname "$0")/../.."
. tests/tap.sh
rm -rf "$1"
mkdir -p "$1"
work=$(cd "$1" && pwd)
python=${PYTHON:-$PWD/.venv/bin/python}
model=$PWD/tests/golden/bert-safetensors/source

point 'the wheel is made from the sdist, without a network' \
    env PYTHON="$python" tools/wheel.sh "$work/dist"
wheel=$(ls "$work"/dist/*.whl)
unpacked=$work/unpacked
mkdir "$unpacked"
"$python" -m zipfile -e "$wheel" "$unpacked"
module=$(ls "$unpacked"/fletch/_fletch*.so)
info=$(ls -d "$unpacked"/*.dist-info)

named() { ls "$work"/dist/*-cp311-abi3-manylinux_2_*_"$(uname -m)".whl; }
point 'one wheel for CPython 3.11 and later, with a manylinux tag' named
small() { [ "$(wc -c <"$wheel")" -lt 1048576 ]; }
point 'it is under 1 MiB' small
alone() { ! readelf -d "$module" | grep NEEDED | grep -v -e libc.so -e ld-linux; }
point 'it needs libc and nothing else' alone
exports() { [ "$(nm -D --defined-only "$module" | awk '{print $3}')" = PyInit__fletch ]; }
point 'it exports what Python looks for, and nothing else' exports
stripped() { ! readelf -S "$module" | grep -e '\.symtab' -e '\.debug'; }
point 'it is stripped' stripped
point 'abi3audit --strict' "$python" -m abi3audit --strict "$wheel"
consistent() {
    "$python" -m auditwheel show "$wheel" | tr '\n' ' ' |
        grep -F "$(basename "$wheel" .whl | sed 's/.*-//')"
}
point 'auditwheel finds its tag to be true' consistent
no_needs() { ! grep '^Requires-Dist' "$info/METADATA"; }
point 'it requires no other package' no_needs
listed() {
    "$python" -c '
import json, sys
names = {package["name"] for package in json.load(open(sys.argv[1]))["packages"]}
wanted = {"fletch", "zstd", "lz4", "snappy", "libdeflate", "zlib", "jansson", "glibc"}
sys.exit(str(wanted - names) if wanted - names else 0)' "$info"/sboms/fletch.spdx.json
}
point 'its SBOM lists what is linked' listed
recorded() {
    "$python" -c '
import base64, csv, hashlib, os, sys
root, record = sys.argv[1:]
rows = {row[0]: row[1] for row in csv.reader(open(record)) if row[1]}
for name, said in rows.items():
    digest = hashlib.sha256(open(os.path.join(root, name), "rb").read()).digest()
    assert said == "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), name
here = sum(len(files) for _, _, files in os.walk(root))
assert len(rows) == here - 1, (len(rows), here)' "$unpacked" "$info/RECORD"
}
point 'RECORD has every file and its hash' recorded

# ---- A bare Debian ----

debian=/usr/bin/python3.11
root=$work/root
with() { # $1: a file; it and the libraries that it names
    for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        [ -e "$root$file" ] || cp -L --parents "$file" "$root"
    done
}
make_root() {
    mkdir -p "$root/tmp" "$root/proc" "$root/dev"
    : >"$root/dev/null"
    for program in "$debian" /bin/sh; do with "$program"; done
    cp -r --parents /usr/lib/python3.11 /usr/share/python-wheels "$root"
    rm -rf "$root"/usr/lib/python3.11/config-*
    cp -r "$model" "$root/model"
    cp "$wheel" "$root/tmp"
    # what the interpreter itself is linked with may stay
    for name in zstd lz4 snappy deflate jansson crypto 'stdc++'; do
        ! find "$root" -name "lib$name.so*" -o -name "lib$name.a" | grep . || return 1
    done
}
# The wheel of Debian's pip installs it, into a virtual environment without pip.
in_root() {
    unshare -r chroot "$root" /bin/sh -euc "
        cd /tmp
        [ -d venv ] || $debian -m venv --without-pip venv
        [ -e venv/bin/fletch ] || PYTHONPATH=\$(echo /usr/share/python-wheels/pip-*.whl) \
            venv/bin/python -m pip install -q --no-index --no-deps *.whl
        $1" </dev/null
}
if [ -x "$debian" ] && unshare -r true 2>/dev/null; then
    point 'a root without the libraries' make_root
    point 'it is installed there' in_root 'venv/bin/python -c "import fletch"'
    point 'it converts there, with each codec' in_root 'venv/bin/python -c "
import fletch
for codec in fletch.codecs():
    assert codec.built_in, codec
    out = \"/tmp/\" + codec.name
    assert fletch.convert(\"/model\", out, compression=codec.name).passed
    assert fletch.verify(out, source=\"/model\").compared
"'
    point 'the command comes with it' in_root 'venv/bin/fletch verify /tmp/zstd --source /model -q'
    point 'python -m fletch too' in_root \
        '[ "$(venv/bin/python -m fletch --version)" = "$(venv/bin/fletch --version)" ]'
else
    echo "# no bare Debian: $debian or unshare is missing"
    point 'a root without the libraries' false
fi

# ---- Other interpreters ----

try() {
    "$1" -m venv --without-pip "$work/venv-$2" && cp -r "$unpacked/fletch" \
        "$(echo "$work/venv-$2"/lib/python*/site-packages)" &&
        "$work/venv-$2/bin/python" -c "
import fletch
assert fletch.convert('$model', '$work/out-$2').passed
assert len(fletch.open_checkpoint('$model')) == 199"
}
for other in "$debian" ${PYTHONS:-}; do
    name=$("$other" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
    point "the same file works with CPython $name" try "$other" "$name"
done
points_end
