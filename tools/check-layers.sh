#!/bin/sh
# SPDX-License-Identifier: MIT
# check-layers.sh - no folder includes what tools/layers.txt does not allow it
#
# Also: includes are written from src/, and of another folder only its face: FOLDER.h, or the
# headers that layers.txt says; of base and tensor, any.
set -u
cd "$(dirname "$0")/.."
bad=0

complain() {
    echo "$1"
    bad=1
}

# $1 file, $2 folder it is in, $3 included path
judge() {
    target=${3%%/*}
    header=${3#*/}
    [ "$target" = "$2" ] && return
    allowed=$(sed -n "s/^$2: *//p" tools/layers.txt)
    case " $allowed " in
    *" $target "*) ;;
    *) complain "$1: $2 may not include $3" && return ;;
    esac
    faces=$(sed -n "s/^face $target: *//p" tools/layers.txt)
    case "$target: ${faces:-$target.h} " in
    base:* | tensor:* | *" $header "*) ;;
    *) complain "$1: $3 is not the face of $target" ;;
    esac
}

for folder in src/*/ cli/; do
    name=$(basename "$folder")
    grep -q "^$name:" tools/layers.txt || complain "$folder is not in tools/layers.txt"
    for file in "$folder"*.[ch]; do
        [ -e "$file" ] || continue
        for path in $(sed -n 's/^#include "\(.*\)".*/\1/p' "$file"); do
            case "$name:$path" in
            cli:*/*) complain "$file: cli sees only <fletch/fletch.h>, not $path" ;;
            cli:*) ;;
            *:*/*) judge "$file" "$name" "$path" ;;
            *) complain "$file: write \"$name/$path\"" ;;
            esac
        done
    done
done
# The Python module stands over the public header.
for file in python/src/*.[ch]; do
    for path in $(sed -n 's/^#include "\(.*\)".*/\1/p' "$file"); do
        [ -e "python/src/$path" ] ||
            complain "$file: python sees only <fletch/fletch.h>, not $path"
    done
done
exit $bad
