#!/bin/sh
# SPDX-License-Identifier: MIT
# check-symbols.sh BUILD - the libraries export fletch_ names only, the shared one just the
# public header's
set -u
cd "$(dirname "$0")/.."
build=$1
bad=0
shared=$(ls "$build"/src/libfletch.so.*.*.* | head -1)

exported=$(nm -D --defined-only "$shared" | awk '{print $NF}' | sort)
declared=$(sed -n '/^FLETCH_API/,/;/p' include/fletch/fletch.h |
    grep -o 'fletch_[a-z0-9_]*(' | tr -d '(' | sort -u)

extra=$(printf '%s\n' "$exported" | grep -vxF "$declared")
[ -z "$extra" ] || { echo "exported, but not in fletch.h:" $extra; bad=1; }
missing=$(printf '%s\n' "$declared" | grep -vxF "$exported")
[ -z "$missing" ] || { echo "in fletch.h, but not exported:" $missing; bad=1; }

foreign=$(nm -g --defined-only "$build"/src/libfletch.a 2>/dev/null |
    awk 'NF == 3 {print $3}' | grep -v '^fletch_')
[ -z "$foreign" ] || { echo "global in libfletch.a without the prefix:" $foreign; bad=1; }

# Nothing in .data or .bss (tables of pointers are in .data.rel.ro): the library keeps no
# global state.
state=$(objdump -t "$build"/src/libfletch.a 2>/dev/null |
    awk '$0 ~ / O (\.data|\.bss|\.tdata|\.tbss|\*COM\*)[. \t]/ && $0 !~ /\.data\.rel\.ro/ {print $NF}' |
    sort -u)
[ -z "$state" ] || { echo "writable global data:" $state; bad=1; }
exit $bad
