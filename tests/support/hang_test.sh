#!/bin/bash
# SPDX-License-Identifier: MIT
# hang_test.sh RUN_TEST: it must catch a hang, show the stacks, hand statuses on and leave nothing running.
set -euo pipefail

run=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $1" >&2
    exit 1
}

# Ends with this test's own limit when the process does not end.
await_end() {
    while grep -sq '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; do :; done
}

cat >"$work/hang.c" <<'CODE'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *asleep_in_a_thread(void *p) { for (;;) pause(); return p; }
int main(void) {
    pthread_t t;
    pthread_create(&t, 0, asleep_in_a_thread, 0);
    FILE *f = fopen("pid", "w");
    fprintf(f, "%d\n", (int)getpid());
    fclose(f);
    return pthread_join(t, 0);
}
CODE
cd "$work"
cc -g -pthread -o hang hang.c

status=0
"$run" 1 ./hang >out 2>&1 || status=$?
[[ $status -eq 1 ]] || fail "a hang gave status $status"
grep -q 'still running after 1 s' out || fail "a hang was not named"
await_end "$(<pid)"
rm pid
if command -v gdb >/dev/null; then
    grep -q asleep_in_a_thread out || { cat out; fail "the second thread's stack was not shown"; }
fi

for expected in 0 3 77; do
    status=0
    "$run" 10 sh -c "exit $expected" || status=$?
    [[ $status -eq $expected ]] || fail "status $expected became $status"
done

status=0
"$run" 10 sh -c 'kill -ABRT $$' >out || status=$?
[[ $status -eq 1 ]] || fail "a crash gave status $status"
grep -q 'ended by signal 6' out || fail "a crash was not named"

"$run" 10 sh -c './hang & until [ -s pid ]; do :; done' # the program ends, what it started does not
await_end "$(<pid)"
