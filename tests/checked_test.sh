#!/bin/bash
# SPDX-License-Identifier: MIT
#
# checked_test.sh SOURCE_DIR BUILD_DIR
#
# Every example, and a choice of the test programs, compiled for the checked build: the examples print what they print
# otherwise, and none of these programs is told of an order that may deadlock, or of a deadlock.
set -euo pipefail
source=$1 build=$2
[ -f "$build/libthrum-checked.a" ] || { echo "skipped: this build has no checked library"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c11 -O1 -DTHRUM_CHECKED "-I$source/include" "-I$source/tests/support" "-I$source/tests")
libraries=("$build/libthrum-checked.a" -lurcu-bp -lurcu-common -pthread)

# try NAME SOURCE [FLAG OR LIBRARY...]: compiles it.
try() {
    local name=$1
    "${CC:-cc}" "${flags[@]}" "${@:2}" "${libraries[@]}" -o "$work/$name" || { echo "$name does not compile"; return 1; }
}
# says_nothing FILE NAME: of what was written to stderr.
says_nothing() {
    ! grep -E -A 30 '^thrum: (an order that may deadlock|a deadlock of)' "$1" || { echo "$2 is told of a deadlock"; return 1; }
}

failed=0
for file in "$source"/examples/*.c; do
    name=$(basename "$file" .c)
    [ -f "$source/tests/examples/$name.txt" ] || continue
    case $name in
    stuck | fetch | inversion | failing) continue ;; # a deadlock; a library more; the one that deserves it; names of its functions
    esac
    try "$name" "$file" || { failed=1; continue; }
    timeout 60 bash "$source/tests/support/run-example" "$work/$name" "$source/tests/examples/$name.txt" 2>"$work/$name.err" ||
        { echo "$name fails:"; tail -n 30 "$work/$name.err"; failed=1; }
    says_nothing "$work/$name.err" "$name" || failed=1
done
for name in all cond cond_notify cond_predicate future future_callbacks future_wait monitor queue queue_shutdown queue_simple queue_waits \
    rlock rlock_fork snapshot with with_leave; do
    try "test_$name" "$source/tests/${name}_test.c" -D_GNU_SOURCE "$build/tests/libtest-support.a" || { failed=1; continue; }
    for test in $(sed -n 's/^TEST(\(\w*\)).*/\1/p' "$source/tests/${name}_test.c"); do
        status=0
        timeout 60 "$work/test_$name" "$test" >"$work/err" 2>&1 || status=$?
        [[ $status -eq 0 || $status -eq 77 ]] || { echo "$name.$test fails:"; tail -n 30 "$work/err"; failed=1; }
        says_nothing "$work/err" "$name.$test" || failed=1
    done
done
exit $failed
