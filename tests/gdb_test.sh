#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gdb_test.sh SOURCE_DIR BUILD_DIR
#
# tools/gdb/thrum-gdb.py tells the threads and the deadlock of tests/gdb/stuck.c and prints its objects, in the living process
# and in the core file that GDB makes of it.
set -euo pipefail
source=$1 build=$2
command -v gdb >/dev/null || { echo "skipped: gdb is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBUGINFOD_URLS=

"${CC:-cc}" -std=c11 -g -D_GNU_SOURCE -I"$source/include" "$source/tests/gdb/stuck.c" -o "$work/stuck" \
    "$build/libthrum.a" -lurcu-bp -lurcu-common -pthread
asks=(-ex "thrum threads" -ex "thrum deadlock" -ex "print ledger" -ex "print journal" -ex "print nobodys" -ex "print permits"
      -ex "print happened" -ex "print two_more" -ex "print read_by_one" -ex "print written"
      -ex "print never_run" -ex "print changed" -ex "print own" -ex "print slots" -ex "print spin" -ex "print below_zero"
      -ex "print position" -ex "print of_two" -ex "print never")
debugger=(gdb -nx -batch -ex "set confirm off" -ex "source $source/tools/gdb/thrum-gdb.py")
"${debugger[@]}" -ex run "${asks[@]}" -ex "generate-core-file $work/core" "$work/stuck" >"$work/living" 2>&1 || true
grep -q "SIGABRT" "$work/living" || { echo "skipped: gdb cannot run a program here"; cat "$work/living"; exit 77; }
"${debugger[@]}" "${asks[@]}" "$work/stuck" "$work/core" >"$work/dead" 2>&1

thread='"(book|audit)", native [0-9]+, ident [0-9]+: waits (SINCE)?for (lock|rlock) 0x[0-9a-f]+, held by [0-9] "(book|audit)", called in (book|audit|thrum_[a-z_]+) at .*[a-z]+\.[ch]:[0-9]+; holds 0x[0-9a-f]+'
# The script and src/futex/waits.h have one list of kinds.
diff <(sed -n 's/^ *X([A-Z]*, "\(.*\)").*/\1/p' "$source/src/futex/waits.h") \
    <(sed -n '/^KINDS = (/,/)$/p' "$source/tools/gdb/thrum-gdb.py" | grep -o '"[^"]*"' | tr -d '"') ||
    { echo "left: waits.h; right: the script"; exit 1; }
expect() {
    grep -qE "^$2\$" "$work/$1" || { echo "$1: no line like: $2"; cat "$work/$1"; exit 1; }
}
for where in living dead; do
    since=''
    [ $where = dead ] || since='[0-9]+\.[0-9]{3} s '
    line=${thread//(SINCE)?/$since}
    expect $where '1 "MainThread", native [0-9]+, ident [0-9]+: runs'
    expect $where "[0-9] $line"
    expect $where 'deadlock of 2 threads:'
    expect $where "    [0-9] $line"
    expect $where '\$1 = rlock: owned by ident [0-9]+, depth 1, waited for'
    expect $where '\$2 = lock: locked, waited for'
    expect $where '\$3 = lock: free'
    expect $where '\$4 = semaphore: value 3, waiters 0'
    expect $where '\$5 = event: set'
    expect $where '\$6 = latch: count 2'
    expect $where '\$7 = rwlock: 1 readers'
    expect $where '\$8 = rwlock: a writer'
    expect $where '\$9 = once: open'
    expect $where '\$10 = cond: of a lock at 0x[0-9a-f]+, 0 waiting'
    expect $where '\$11 = monitor: free, 1 waiting'
    expect $where '\$12 = bounded_semaphore: value 4, waiters 0, bound 4'
    expect $where '\$13 = spinlock: free'
    expect $where '\$14 = counter: -3'
    expect $where '\$15 = seqlock: sequence 0'
    expect $where '\$16 = barrier: 1 of 2 parties have arrived'
    expect $where '\$17 = deadline: for ever'
    [ "$(grep -cE "^    [0-9] $line\$" "$work/$where")" = 2 ] || { echo "$where: not two threads in it"; exit 1; }
    [ "$(grep -c '^deadlock' "$work/$where")" = 1 ] || { echo "$where: not one deadlock"; exit 1; }
done

# A circle through a future: its waiter holds the lock that the job waits for.
"${CC:-cc}" -std=c11 -g -D_GNU_SOURCE -I"$source/include" "$source/tests/gdb/promised.c" -o "$work/promised" \
    "$build/libthrum.a" -lurcu-bp -lurcu-common -pthread
"${debugger[@]}" -ex run -ex "thrum deadlock" -ex "thrum threads" "$work/promised" >"$work/promised.out" 2>&1 || true
wait='native [0-9]+, ident [0-9]+: waits [0-9.]+ s for'
expect promised.out 'deadlock of 2 threads:'
expect promised.out "    [0-9]+ \"asks\", $wait a future's event 0x[0-9a-f]+, completed by [0-9]+ \"pool_0\", called in .*; holds 0x[0-9a-f]+"
expect promised.out "    [0-9]+ \"pool_0\", $wait lock 0x[0-9a-f]+, held by [0-9]+ \"asks\", called in .*"
expect promised.out "[0-9]+ \"waits\", $wait event 0x[0-9a-f]+, called in .*"
[ "$(grep -c '^deadlock' "$work/promised.out")" = 1 ] || { echo "promised: not one deadlock"; exit 1; }

# Without being asked for: from a section of the program, and beside a shared library.
loads() {
    gdb -nx -batch -iex "add-auto-load-safe-path $work" -ex "set confirm off" "$@" >"$work/out" 2>&1 || true
    grep -q 'deadlock of 2 threads:' "$work/out" || { echo "not loaded by itself: $*"; cat "$work/out"; exit 1; }
}
"${CC:-cc}" -std=c11 -fexceptions -I"$source/include" -DTHRUM_GDB_SCRIPT_="\"$source/tools/gdb/thrum-gdb.py\"" \
    -c "$source/src/futex/self.c" -o "$work/self.o"
"${CC:-cc}" -std=c11 -g -D_GNU_SOURCE -I"$source/include" "$source/tests/gdb/stuck.c" "$work/self.o" -o "$work/section" \
    "$build/libthrum.a" -lurcu-bp -lurcu-common -pthread
loads -ex run -ex "thrum deadlock" "$work/section"
"${CC:-cc}" -shared -Wl,--whole-archive "$build/libthrum.a" -Wl,--no-whole-archive -lurcu-bp -lurcu-common -pthread \
    -o "$work/libthrum-core.so.0"
cp "$source/tools/gdb/thrum-gdb.py" "$work/libthrum-core.so.0-gdb.py"
"${CC:-cc}" -std=c11 -g -D_GNU_SOURCE -I"$source/include" "$source/tests/gdb/stuck.c" -o "$work/shared" "$work/libthrum-core.so.0" \
    -Wl,-rpath,"$work" -pthread
loads -ex run -ex "thrum deadlock" "$work/shared"
