#!/bin/sh
# SPDX-License-Identifier: MIT
# uninstall.sh BUILD - removes what `make install` put below DESTDIR and the prefix
#
# What that is Meson knows, whichever installation came last. Folders that are then empty go
# too, but for those that every prefix has.
set -eu
build=$1
list=$(mktemp)
trap 'rm -f "$list"' EXIT
meson introspect "$build" --installed |
    python3 -c 'import json, sys; print("\n".join(sorted(json.load(sys.stdin).values())))' >"$list"
prefix=$(meson introspect "$build" --buildoptions | python3 -c '
import json, sys
print(next(each["value"] for each in json.load(sys.stdin) if each["name"] == "prefix"))')

removed=0
while IFS= read -r path; do
    # Some versions of Meson list links by their names alone.
    case "$path" in /*) ;; *) continue ;; esac
    at=${DESTDIR:-}$path
    if [ -e "$at" ] || [ -L "$at" ]; then
        rm -f "$at"
        removed=$((removed + 1))
    fi
    folder=$(dirname "$path")
    while :; do
        case "$folder" in
        "$prefix" | "$prefix"/bin | "$prefix"/include | "$prefix"/lib | "$prefix"/share | \
            "$prefix"/share/man | / | .) break ;;
        esac
        rmdir "${DESTDIR:-}$folder" 2>/dev/null || break
        folder=$(dirname "$folder")
    done
done <"$list"
echo "fletch: $removed files removed from ${DESTDIR:-}$prefix"
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" = 0 ]; then
    PATH=$PATH:/usr/sbin:/sbin
    command -v ldconfig >/dev/null 2>&1 && ldconfig
fi
exit 0
