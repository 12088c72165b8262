#!/bin/sh
# SPDX-License-Identifier: MIT
# check-style.sh - what clang-format does not see
#
# Files of at most 600 lines and functions of at most 60, an SPDX line first and the file's
# name second, no // comments, no tabs, nothing wider than 92, file names that occur once,
# none of the functions that cannot say how much they may write.
set -u
cd "$(dirname "$0")/.."
bad=0
FILE_LINES=600
FUNCTION_LINES=60
COLUMNS=92
# strtok and localtime keep state of their own.
BANNED='sprintf|vsprintf|strcpy|strcat|strncpy|strncat|atoi|atol|atof|gets|strtok|localtime|gmtime|asctime|ctime|alloca|tmpnam|mktemp|rand|srand|setjmp|longjmp'

say() {
    [ -z "$1" ] && return
    printf '%s\n' "$1"
    bad=1
}

sources=$(git ls-files --cached --others --exclude-standard '*.c' '*.h')
library=$(printf '%s\n' "$sources" | grep -E '^(src|cli|include)/')
scripts=$(git ls-files --cached --others --exclude-standard '*.sh' '*.py' '*.mjs' '*.java' Makefile)

say "$(wc -l $sources | awk -v m=$FILE_LINES '$2 != "total" && $1 > m {print $2 ": " $1 " lines, at most " m}')"
say "$(awk -v m=$COLUMNS '{sub(/\r$/, "")} length($0) > m {print FILENAME ":" FNR ": wider than " m}
        /\t/ {print FILENAME ":" FNR ": a tab"}' $sources)"
for file in $sources; do
    first=$(sed -n 1p "$file")
    [ "$first" = '/* SPDX-License-Identifier: MIT */' ] || say "$file: no SPDX line on top"
    name=$(basename "$file")
    sed -n 2p "$file" | grep -qE "^/\* (${name%.*}|$name) - " ||
        say "$file: line 2 is not \"/* $name - one line\""
done
for file in $scripts; do
    head -3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || say "$file: no SPDX line on top"
done

# Strings and block comments out, then what is left of //.
say "$(awk '{line = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", line); gsub(/\/\*.*\*\//, "", line)
         if (line ~ /\/\*/) {sub(/\/\*.*/, "", line); inside = 1}
         else if (inside) {if (line ~ /\*\//) {sub(/.*\*\//, "", line); inside = 0} else line = ""}
         if (FNR == 1) inside = line ~ /\/\*/
         if (line ~ /\/\//) print FILENAME ":" FNR ": a // comment"}' $sources)"
say "$(grep -nE "(^|[^A-Za-z0-9_>.])($BANNED) *\(" $sources | grep -vE '^[^:]*:[0-9]+: *(/?\*)' |
    sed 's/$/   <- banned function/')"
say "$(grep -nE '[^a-z_](system|popen|printf|puts|putchar|exit|abort|getenv|malloc|calloc|realloc|strdup) *\(' \
    $(printf '%s\n' "$library" | grep '^src/' | grep -v '^src/base/mem.c') |
    grep -vE ':[0-9]+: *(/?\*)' | grep -vE 'fletch_|format\(' |
    sed 's/$/   <- not in the library/')"
# The examples stand alone, so theirs are the names that say most.
say "$(printf '%s\n' $sources | grep -v '^examples/' | sed 's|.*/||' | sort | uniq -d | sed 's/$/: a file name that occurs twice/')"
say "$(grep -nE '^(extern|    extern) ' $(printf '%s\n' "$library" | grep '\.c$') |
    sed 's/$/   <- extern in a .c file/')"

# A function's last line is the first lone brace in column 1 behind its first.
say "$(awk -v m=$FUNCTION_LINES '
    FNR == 1 {start = 0}
    /^{$/ {start = FNR}
    /^}$/ {if (start && FNR - start - 1 > m)
               print FILENAME ":" start ": a function of " FNR - start - 1 " lines, at most " m
           start = 0}' $sources)"
exit $bad
