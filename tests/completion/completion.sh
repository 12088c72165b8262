#!/bin/sh
# SPDX-License-Identifier: MIT
# completion.sh FLETCH - what bash, zsh and fish offer is what help lists: every command, every
# option of each, every value of those with a list
#
# A shell that is not installed is skipped by name.
set -u
fletch=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/../.."
. tests/tap.sh
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/bin"
ln -s "$(readlink -f "$fletch")" "$scratch/bin/fletch"
PATH=$scratch/bin:$PATH
export PATH
here=contrib/completion

# Each: SHELL's words for the line `fletch ARGUMENTS`, of which the last is being typed.
cat >"$scratch/offer.bash" <<'END'
. contrib/completion/fletch.bash
COMP_WORDS=(fletch "$@")
COMP_CWORD=$#
before=${COMP_WORDS[$#-1]}
_fletch fletch "${COMP_WORDS[$#]}" "$before"
printf '%s\n' "${COMPREPLY[@]}"
END
# zsh's own functions need its editor; those that the file calls say here what they are given.
cat >"$scratch/offer.zsh" <<'END'
_describe() { local list=${@[-1]}; print -rl -- ${${(P)list}%%:*} }
_files() { print -l -- *(N) }
_message() { : }
words=(fletch "$@") CURRENT=$(($# + 1))
. contrib/completion/_fletch
END
cat >"$scratch/offer.fish" <<'END'
source contrib/completion/fletch.fish
complete -C "fletch $argv" | string replace -r '\t.*' ''
END

offers() { # shell arguments...
    shell=$1
    shift
    case "$shell" in
    bash) bash --norc "$scratch/offer.bash" "$@" ;;
    zsh) zsh -f "$scratch/offer.zsh" "$@" ;;
    fish) HOME=$scratch fish --no-config "$scratch/offer.fish" "$@" ;;
    esac
}

# $1: a shell, $2: the words that must be offered, and no others like them; the rest: the line
offered() {
    shell=$1 want=$(printf '%s\n' $2 | sort)
    shift 2
    got=$(offers "$shell" "$@" | grep . | sort)
    [ "$want" = "$got" ] || {
        printf 'want: %s\ngot: %s\n' "$(echo $want)" "$(echo $got)"
        return 1
    }
}

commands=$(fletch --help | sed -n '/^Commands:/,/^$/p' | awk '/^  /{print $1}')
# Every option has its name at the same place, whatever stands behind it.
options_of() {
    fletch "$1" --help | sed -n '/^Options:/,/^$/p' | cut -c1-30 | grep -o -e '--[a-z0-9-]*'
}
words_after() { # command option: the list at the end of the option's help
    fletch "$1" --help | sed -n "/ $2 /,/^      *-/p" | sed "1s/.* $2 [A-Z]*//; 2,\${/ -/d}" |
        tr -s ' \n' '  ' | sed 's/.*: //; s/,//g'
}

for option in --type --compression; do
    point "help lists values of $option" test -n "$(words_after plan $option)"
done
point 'help lists values of --on-overflow' test -n "$(words_after convert --on-overflow)"
point 'help lists values of --sort' test -n "$(words_after show --sort)"

for shell in bash zsh fish; do
    if ! command -v $shell >/dev/null 2>&1; then
        count=$((count + 1))
        echo "ok $count - $shell completes # SKIP $shell is not installed"
        continue
    fi
    file=$here/fletch.$shell
    [ $shell = zsh ] && file=$here/_fletch
    point "$shell takes its file" $shell -n $file
    point "$shell: the commands" offered $shell "$commands --version --help" ''
    point "$shell: the commands to read about" offered $shell "$commands" help ''
    for command in $commands; do
        point "$shell: the options of $command" \
            offered $shell "$(options_of "$command")" "$command" --
    done
    for option in --type --compression; do
        point "$shell: the values of $option" \
            offered $shell "$(words_after plan $option)" plan $option ''
    done
    point "$shell: the values of --on-overflow" \
        offered $shell "$(words_after convert --on-overflow)" convert --on-overflow ''
    point "$shell: the values of --sort" offered $shell "$(words_after show --sort)" show x --sort ''
    point "$shell: nothing for a value that only its user knows" \
        offered $shell '' convert x --threads ''
done
if command -v zsh >/dev/null 2>&1; then
    point 'zsh finds the function for fletch by itself' test _fletch = "$(zsh -f -c "
        fpath=($here \$fpath); autoload -Uz compinit
        compinit -u -d '$scratch/dump'; print -r -- \$_comps[fletch]")"
fi
points_end
