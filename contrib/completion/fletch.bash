# SPDX-License-Identifier: MIT
# fletch.bash - completion of fletch for bash; the command itself says what there is

# $1: the command, or nothing for the list of commands
_fletch_words()
{
    if [ -n "$1" ]; then
        fletch help "$1" 2>/dev/null |
            sed -n '/^Options:/,/^$/s/^  [ -].*\(--[a-z0-9-]*\).*$/\1/p'
    else
        fletch help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*$/\1/p'
    fi
}

_fletch()
{
    local word=$2 before=$3 command=${COMP_WORDS[1]} words

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="$(_fletch_words) --version --help"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case "$before" in
    -t | --type) words="auto $(fletch families 2>/dev/null | sed -n 's/^\([a-z-]*\) .*/\1/p')" ;;
    -c | --compression) words=$(fletch --version 2>/dev/null | sed -n 's/^codecs: //p') ;;
    --on-overflow) words='keep inf error' ;;
    --sort) words='none name size params dtype' ;;
    --compression-level | --threads | --memory | --prefix | --set) return ;;
    *)
        case "$command/$word" in
        */-*) words=$(_fletch_words "$command") ;;
        help/*) words=$(_fletch_words) ;;
        *)
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o filenames -F _fletch fletch
