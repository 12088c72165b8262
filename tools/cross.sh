#!/bin/sh
# SPDX-License-Identifier: MIT
# cross.sh BUILD [RESULTS] - builds for 64-bit ARM, runs the unit tests, the fuzz corpus and the
# golden models there
#
# QEMU takes the place of the processor: what is right is found, not what is fast.
set -u
cd "$(dirname "$0")/.."
build=$1
results=${2:-}

# A stage that never ran is a failed one.
lost() {
    [ -z "$results" ] || tools/tap.py check "$results" "$1" false
    exit 1
}

tools/install-deps.sh cross || lost 'aarch64: packages'
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" --cross-file tools/aarch64.ini -Dinline=disabled -Dwerror=true \
        >/dev/null || lost 'aarch64: meson setup'
fi
ninja -C "$build" >/dev/null || lost 'aarch64: build'
rm -f "$build/fletch"
printf '#!/bin/sh\nexec qemu-aarch64 "%s/cli/fletch" "$@"\n' "$(cd "$build" && pwd)" \
    >"$build/fletch"
chmod +x "$build/fletch"
SUITES='meson golden' RESULTS_PREFIX='aarch64: ' tools/test.sh "$build"
status=$?
[ -z "$results" ] || cat "$build/results.jsonl" >>"$results"
exit $status
