# SPDX-License-Identifier: MIT
# fletch.fish - completion of fletch for fish; the command itself says what there is

# Commands, a tab, what each does.
function __fletch_commands
    fletch help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)$/\1\t\2/p'
end

# $argv[1]: a command; its options, a tab, the first line of what each does
function __fletch_options
    fletch help $argv[1] 2>/dev/null |
        sed -n '/^Options:/,/^$/ {
            s/^  [ -].*\(--[a-z0-9-]*\) [A-Z]*$/\1/p
            t
            s/^  [ -].*\(--[a-z0-9-]*\) *[A-Z=]*  *\(.*\)$/\1\t\2/p
        }'
end

# What may stand behind the option before the cursor; nothing where it takes no listed value.
function __fletch_values
    switch (commandline -opc)[-1]
        case -t --type
            echo auto
            fletch families 2>/dev/null | sed -n 's/^\([a-z-]*\) .*/\1/p'
        case -c --compression
            fletch --version 2>/dev/null | sed -n 's/^codecs: //p' | string split ' '
        case --on-overflow
            printf '%s\n' keep inf error
        case --sort
            printf '%s\n' none name size params dtype
    end
end

function __fletch_value_wanted
    contains -- (commandline -opc)[-1] -t --type -c --compression --on-overflow --sort
end

# Of an option whose value only its user knows.
function __fletch_value_free
    contains -- (commandline -opc)[-1] --compression-level --threads --memory --prefix --set
end

function __fletch_first
    test (count (commandline -opc)) -eq 1
end

function __fletch_rest
    not __fletch_first; and not __fletch_value_wanted; and not __fletch_value_free
end

complete -c fletch -f -n __fletch_first -a '(__fletch_commands)'
complete -c fletch -f -n __fletch_first -a '--version --help'
complete -c fletch -f -n __fletch_value_wanted -a '(__fletch_values)'
complete -c fletch -f -n __fletch_value_free
complete -c fletch -f -n '__fletch_rest; and contains -- (commandline -opc)[2] help' \
    -a '(__fletch_commands)'
complete -c fletch -n '__fletch_rest; and string match -q -- "-*" (commandline -ct)' \
    -a '(__fletch_options (commandline -opc)[2])'
complete -c fletch -F -n '__fletch_rest; and not contains -- (commandline -opc)[2] help'
