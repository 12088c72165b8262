#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh SECONDS [SURFACE...] - libFuzzer on each target for that long, under ASan and UBSan
#
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

failed=0
for program in $build/tests/fuzz/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    surface=${program##*/fuzz_}
    case " ${*:-$surface} " in
    *" $surface "*) ;;
    *) continue ;;
    esac
    found=$build/found/$surface
    mkdir -p "$found/corpus"
    dict=tests/fuzz/$surface.dict
    if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="$found/" \
        $([ -f "$dict" ] && echo "-dict=$dict") \
        "$found/corpus" "tests/fuzz/corpus/$surface" >"$found/log" 2>&1; then
        echo "$surface: no finding in $seconds s;" \
            "$(grep -o 'number_of_executed_units: *[0-9]*' "$found/log" | tr -s ' ');" \
            "$(grep -o 'cov: [0-9]* ft: [0-9]*' "$found/log" | tail -1)"
    else
        echo "$surface: FINDING, see $found/log"
        tail -20 "$found/log"
        failed=1
    fi
done
exit $failed
