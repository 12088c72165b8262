#!/bin/sh
# SPDX-License-Identifier: MIT
# release.sh [--rehearse] FOLDER - makes what a release consists of, into a new folder
#
#     fletch-VERSION.tar.gz   the tree of HEAD, the same bytes whoever makes it
#     NOTES.md                the version's section of CHANGELOG.md
#     fletch.spdx.json        what is linked into the command that the tarball builds
#     SHA256SUMS              of the three
#
# The version stands in meson.build and nowhere else. Nothing is tagged or sent anywhere; the
# last line says how. --rehearse takes a tree with changes and a section without a date.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "release.sh: $1" >&2
    exit 1
}

rehearse=false
[ "${1:-}" != --rehearse ] || { rehearse=true && shift; }
[ $# = 1 ] || { echo 'usage: tools/release.sh [--rehearse] FOLDER' >&2 && exit 2; }
case $1 in /*) out=$1 ;; *) out=$PWD/$1 ;; esac

version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)
name=fletch-$version
heading=$(grep "^## $version " CHANGELOG.md) || fail "CHANGELOG.md: has no section '## $version'"
if ! $rehearse; then
    [ -z "$(git status --porcelain)" ] || fail 'the tree has changes, expected a commit'
    case $heading in
    *[0-9]-[0-9][0-9]-[0-9][0-9]) ;;
    *) fail "CHANGELOG.md: '$heading' has no date, expected '## $version - YYYY-MM-DD'" ;;
    esac
    ! git rev-parse -q --verify "refs/tags/v$version" >/dev/null ||
        fail "v$version is tagged already: raise the version in meson.build"
fi

mkdir -p "$(dirname "$out")"
mkdir "$out"
git archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$out/$name.tar.gz"
awk -v heading="$heading" '$0 == heading { on = 1; next } /^## / { on = 0 } on' CHANGELOG.md |
    sed '/./,$!d' >"$out/NOTES.md"
[ -s "$out/NOTES.md" ] || fail "CHANGELOG.md: the section '$heading' is empty"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$out/$name.tar.gz" -C "$work"
(
    cd "$work/$name"
    meson setup build -Dtests=false >/dev/null
    ninja -C build cli/fletch >/dev/null
    [ "$(build/cli/fletch --version | sed -n 1p)" = "fletch $version" ] ||
        fail "the command does not say that it is $version"
    SOURCE_DATE_EPOCH=$(cd "$OLDPWD" && git log -1 --format=%ct) \
        tools/sbom.py build/cli/fletch build/cli/fletch.map >"$out/fletch.spdx.json"
)
cd "$out"
sha256sum "$name.tar.gz" NOTES.md fletch.spdx.json >SHA256SUMS
cat SHA256SUMS
$rehearse || echo "now: git tag -s v$version -F $out/NOTES.md"
