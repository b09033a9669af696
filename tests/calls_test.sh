#!/bin/bash
# SPDX-License-Identifier: MIT
# calls_test.sh SOURCE_DIR BUILD_DIR
# Each system call that src/futex/futex.c makes is refused by tests/conditions/walk_test.c, and no other.
set -eu
source=$1/src/futex/futex.c
walk=$1/tests/conditions/walk_test.c
made=$({
    grep -oE 'syscall\(SYS_[a-z0-9_]+' "$source" | sed 's/.*SYS_//'
    grep -oE '\b(getpid|sched_[a-z]+|clock_[a-z]+)\(' "$source" | tr -d '('
} | sort -u)
walked=$(sed -n '/^static const call calls/,/^};/s/^ *{"\([a-z0-9_]*\)".*/\1/p' "$walk" | sort -u)
[ -n "$made" ] || { echo "no call found in $source" >&2; exit 1; }
diff <(echo "$made") <(echo "$walked") || {
    echo "left: what futex.c calls; right: what walk_test.c refuses" >&2
    exit 1
}
