#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh SECONDS [SURFACE...] - libFuzzer on each target for that long, under ASan and UBSan
#
# SECONDS are of processor time: on a busy machine a target runs longer by the clock, not less.
# New inputs and findings stay in build-fuzz/; a finding goes into tests/fuzz/corpus/SURFACE
# together with its fix. Prints runs and coverage per target; exits 1 when one found anything.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
build=build-fuzz

if [ ! -f $build/build.ninja ]; then
    CC=clang meson setup $build -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false \
        -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link \
        -Dc_link_args=-fno-sanitize=vptr
fi
ninja -C $build >/dev/null

# Sets `used` to the processor seconds that this shell's children have used. Through a file:
# a command substitution is a shell of its own, and its children are none yet.
measure() {
    times >$build/found/times.$$
    used=$(tail -1 $build/found/times.$$ | tr 'ms' '  ' |
        awk '{ printf "%d", $1 * 60 + $2 + $3 * 60 + $4 }')
    rm $build/found/times.$$
}

# Fuzzes $surface with $program, in stretches, until it has used its processor time.
fuzz() {
    spent=0 units=0
    measure
    start=$used
    while [ "$spent" -lt "$seconds" ]; do
        rest=$((seconds - spent))
        "$program" -max_total_time=$((rest < 300 ? rest : 300)) -timeout=10 \
            -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
            -artifact_prefix="$found/" $([ -f "$dict" ] && echo "-dict=$dict") \
            "$found/corpus" "tests/fuzz/corpus/$surface" >"$found/log" 2>&1 || return 1
        units=$((units + $(sed -n 's/.*number_of_executed_units: *//p' "$found/log")))
        measure
        spent=$((used - start))
    done
    echo "$surface: no finding in $spent s of processor time; $units inputs;" \
        "$(grep -o 'cov: [0-9]* ft: [0-9]*' "$found/log" | tail -1)"
}

failed=0
for program in $build/tests/fuzz/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    surface=${program##*/fuzz_}
    case " ${*:-$surface} " in
    *" $surface "*) ;;
    *) continue ;;
    esac
    found=$build/found/$surface
    dict=tests/fuzz/$surface.dict
    mkdir -p "$found/corpus"
    if ! fuzz; then
        echo "$surface: FINDING, see $found/log"
        tail -20 "$found/log"
        failed=1
    fi
done
exit $failed
