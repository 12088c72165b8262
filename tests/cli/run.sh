#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh FLETCH [UPDATE] - plays the transcripts beside it, prints TAP
#
# A transcript (*.txt) is a list of cases, played in order in one scratch folder, where
# tests/golden, tests/torch, tests/foreign, tests/field and docs are to be found under these names:
#
#   == what is shown          begins a case
#   ? zstd                    leave it out where this build lacks that codec
#   $ fletch help nix         a line of shell; several make one script
#   1> exact line of stdout
#   1~ shell pattern of one   for what is not always the same: times, sizes
#   2> 2~                     the same of stderr
#   = 2                       the exit code, where it is not 0
#
# Other lines are comments. With a second argument the cases that fail are written to
# FILE.new as they should be to pass; read them before believing them.
set -u
here=$(cd "$(dirname "$0")" && pwd)
fletch=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
update=${2:-}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$scratch/bin"
ln -s "$(readlink -f "$fletch")" "$scratch/bin/fletch"
PATH=$scratch/bin:$PATH
LC_ALL=C
TERM=dumb
# What the user's cache of the hub holds is no part of the tests.
HF_HUB_CACHE=$scratch/no-cache
export PATH LC_ALL TERM HF_HUB_CACHE
codecs=$(fletch --version | sed -n 's/^codecs://p')
count=0
failed=0

# want_line got_line: whether the one (with its > or ~ in front) stands for the other
stands() {
    case "$1" in
    '>'*) [ "$1" = ">$2" ] ;;
    '~'*)
        # shellcheck disable=SC2254
        case "$2" in
        ${1#?}) true ;;
        *) false ;;
        esac
        ;;
    esac
}

# want got: whether two files agree, line by line
agree() {
    while :; do
        IFS= read -r want <&3
        more=$?
        IFS= read -r got <&4
        # Of output that does not end its line, the rest counts too.
        [ $? -ne 0 ] && [ -z "$got" ] && break
        [ $more -eq 0 ] || return 1
        stands "$want" "$got" || return 1
    done 3<"$1" 4<"$2"
    [ $more -ne 0 ]
}

verdict() {
    [ -n "$title" ] || return 0
    count=$((count + 1))
    if [ -n "$lacks" ]; then
        echo "ok $count - $title # SKIP $lacks is not in this build"
        return 0
    fi
    sh "$scratch/script" </dev/null >"$scratch/got1" 2>"$scratch/got2"
    code=$?
    if [ $code -eq "$exit" ] && agree "$scratch/want1" "$scratch/got1" &&
        agree "$scratch/want2" "$scratch/got2"; then
        echo "ok $count - $title"
        return 0
    fi
    failed=$((failed + 1))
    echo "not ok $count - $title"
    {
        sed 's/^/$ /' "$scratch/script"
        sed 's/^/1> /' "$scratch/got1"
        sed 's/^/2> /' "$scratch/got2"
        echo "= $code (expected $exit)"
    } | sed 's/^/# /'
    [ -z "$update" ] || {
        echo "== ${title#*: }"
        sed 's/^/$ /' "$scratch/script"
        sed 's/^/1> /; s/ $//' "$scratch/got1"
        sed 's/^/2> /; s/ $//' "$scratch/got2"
        [ $code -eq 0 ] || echo "= $code"
        echo
    } >>"$transcript.new"
}

begin() {
    verdict
    title=$1
    lacks=
    exit=0
    : >"$scratch/script"
    : >"$scratch/want1"
    : >"$scratch/want2"
}

for transcript in "$here"/*.txt; do
    mkdir "$scratch/$(basename "$transcript" .txt)"
    cd "$scratch/$(basename "$transcript" .txt)" || exit 1
    ln -s "$here/../golden" golden
    ln -s "$here/../torch" torch
    ln -s "$here/../foreign" foreign
    ln -s "$here/../field" field
    ln -s "$here/../../docs" docs
    title=
    while IFS= read -r line <&5; do
        case "$line" in
        '== '*) begin "$(basename "$transcript" .txt): ${line#== }" ;;
        '? '*)
            case " $codecs " in
            *" ${line#? } "*) ;;
            *) lacks=${line#? } ;;
            esac
            ;;
        '$ '*) printf '%s\n' "${line#$ }" >>"$scratch/script" ;;
        '1>' | '1>'*) line=${line#1>} && printf '>%s\n' "${line# }" >>"$scratch/want1" ;;
        '1~'*) printf '~%s\n' "${line#1~ }" >>"$scratch/want1" ;;
        '2>' | '2>'*) line=${line#2>} && printf '>%s\n' "${line# }" >>"$scratch/want2" ;;
        '2~'*) printf '~%s\n' "${line#2~ }" >>"$scratch/want2" ;;
        '= '*) exit=${line#= } ;;
        esac
    done 5<"$transcript"
    begin ''
done
echo "1..$count"
[ $failed -eq 0 ]
