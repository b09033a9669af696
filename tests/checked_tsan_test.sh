#!/bin/bash
# SPDX-License-Identifier: MIT
#
# checked_tsan_test.sh SOURCE_DIR BUILD_DIR
#
# A program of the checked build that is compiled with ThreadSanitizer, by each compiler, and linked with the ordinary
# checked library: the sanitizer's own report of an order that may deadlock names the lines of the program, its report of a
# race names the locks, and a right program has none.
set -euo pipefail
source=$1 build=$2
[ -f "$build/libthrum-checked.a" ] || { echo "skipped: this build has no checked library"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TSAN_OPTIONS=detect_deadlocks=1:second_deadlock_stack=1:exitcode=66

# says FILE WORDS...: each of the words.
says() {
    local words
    for words in "${@:2}"; do grep -q -- "$words" "$1" || { echo "it does not say: $words"; return 1; }; done
}

# judge PROGRAM KIND CASE: runs it.
judge() {
    local status=0 wanted=66 out=$work/out
    [[ $2 == right ]] && wanted=0
    timeout 120 "$1" "$3" >"$out" 2>&1 || status=$?
    [[ $status == "$wanted" ]] || { echo "it ends with $status"; return 1; }
    case $2 in
    wrong) says "$out" 'lock-order-inversion (potential deadlock)' 'acquired here while holding mutex .* in thread' \
        'previously acquired by the same thread here' "${line[@]}" ;;
    raced) says "$out" 'data race' '(mutexes: write M[0-9]*)' '(mutexes: read M[0-9]*)' ;;
    right) [[ ! -s $out ]] || { echo "it says something"; return 1; } ;;
    *) echo "there is no such kind"; return 1 ;;
    esac
}

failed=0 judged=0
for compiler in gcc clang clang-19; do
    command -v "$compiler" >/dev/null || continue
    # A compiler may be there without the sanitizer's runtime, which is a package of its own.
    echo 'int main(void) { return 0; }' | "$compiler" -x c -fsanitize=thread -o "$work/probe" - 2>/dev/null ||
        { echo "$compiler has no ThreadSanitizer"; continue; }
    judged=1
    program=$work/$compiler
    line=()
    [[ $compiler != gcc ]] || line=('[ /]two_orders\.c:[0-9]') # clang's needs a program beside it to find lines
    "$compiler" -std=c11 -O1 -g -D_GNU_SOURCE -fsanitize=thread -DTHRUM_CHECKED "-I$source/include" \
        "$source/tests/checked/two_orders.c" "$build/libthrum-checked.a" -lurcu-bp -lurcu-common -pthread -o "$program"
    while read -r kind name; do
        judge "$program" "$kind" "$name" >"$work/why" || { echo "$compiler, $kind: $name: $(cat "$work/why")"; cat "$work/out"; failed=1; }
    done < <("$program")
done
[[ $judged == 1 ]] || { echo "skipped: no compiler has ThreadSanitizer"; exit 77; }
exit $failed
