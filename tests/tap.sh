# SPDX-License-Identifier: MIT
# tap.sh - for scripts whose points are commands; sourced, not run
#
# point TITLE COMMAND... runs it: its exit status is the point, what it says the reason.
# points_end prints the plan; its status is that of the script.
count=0
failed=0

point() {
    title=$1
    shift
    count=$((count + 1))
    if out=$("$@" 2>&1); then
        echo "ok $count - $title"
    else
        failed=1
        echo "not ok $count - $title"
        printf '%s\n' "$out" | head -80 | sed 's/^/# /'
    fi
}

points_end() {
    echo "1..$count"
    return $failed
}
