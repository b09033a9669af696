#!/bin/bash
# SPDX-License-Identifier: MIT
#
# thrum_run_test.sh SOURCE_DIR BUILD_DIR
#
# tools/thrum-run: what it loads, what it refuses, what it says, and that the program's end is its own.
set -euo pipefail

library=$2/libthrum-pthread.so
[[ -f $library ]] || { echo "skipped: no $library"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
run() { "$1/tools/thrum-run" --library "$library" "${@:2}"; }
source=$1

fail() {
    echo "FAILED: $*"
    exit 1
}
ends_with() { # ends_with STATUS WORDS COMMAND...
    local status=0
    "${@:3}" >"$work/out" 2>&1 || status=$?
    [[ $status == "$1" ]] || { cat "$work/out"; fail "status $status, not $1: ${*:3}"; }
    [[ -z $2 ]] || grep -qF -- "$2" "$work/out" || { cat "$work/out"; fail "does not say '$2': ${*:3}"; }
}

ends_with 0 "$(realpath "$library")" run "$source" cat /proc/self/maps
ends_with 7 "" run "$source" sh -c 'exit 7'
ends_with 0 "only: mutex,sem" run "$source" --only mutex,sem sh -c 'echo "only: $THRUM_PTHREAD_ONLY"'
ends_with 0 ":/nonexistent.so" env LD_PRELOAD=/nonexistent.so "$source/tools/thrum-run" --library "$library" \
    sh -c 'echo "$LD_PRELOAD"'
ends_with 2 "--only knows no mutexes" run "$source" --only mutexes true
ends_with 2 "no program /nonexistent" run "$source" /nonexistent
ends_with 2 "no /nonexistent.so" "$source/tools/thrum-run" --library /nonexistent.so true

# The loader would run these without the library.
cp "$(type -P true)" "$work/changes"
chmod u+s "$work/changes"
ends_with 2 "$work/changes is set-uid" run "$source" "$work/changes"
printf '#!%s\n' "$work/changes" >"$work/script"
chmod +x "$work/script"
ends_with 2 "$work/changes is set-uid" run "$source" "$work/script"
chmod u-s "$work/changes"
ends_with 0 "" run "$source" "$work/script"

printf '#include <stdio.h>\nint main(void) { return puts("static") < 0; }\n' >"$work/static.c"
if cc -static -o "$work/static" "$work/static.c" 2>/dev/null; then
    ends_with 0 "static is statically linked" run "$source" "$work/static"
    grep -qx static "$work/out" || fail "a static program does not run"
fi

# A program that was never built for it does the same, each kind taken over alone.
cat >"$work/program.py" <<'CODE'
import queue, threading
items, done = queue.Queue(8), []
lock = threading.RLock()
def work():
    while (item := items.get()) is not None:
        with lock, lock:
            done.append(item)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for item in [*range(2000), None, None, None, None]: items.put(item)
for thread in threads: thread.join()
print(sum(done), threading.Event().wait(0.01))
CODE
python=$(python3 -c 'import sys; print(sys.executable)')
for only in mutex,cond,rwlock,sem,barrier,spin,once mutex cond sem rwlock,barrier,spin,once; do
    ends_with 0 "1999000 False" run "$source" --only "$only" "$python" -IS "$work/program.py"
done
# The report names the call that waited and the one that held.
cat >"$work/holds.c" <<'CODE'
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t held;
__attribute__((noinline)) void *the_holder(void *unused) {
    const struct timespec while_held = {0, 100000000};
    pthread_mutex_lock(&mutex);
    sem_post(&held);
    nanosleep(&while_held, NULL);
    pthread_mutex_unlock(&mutex);
    return unused;
}
__attribute__((noinline)) int the_waiter(void) {
    const int failed = pthread_mutex_lock(&mutex);
    return failed + pthread_mutex_unlock(&mutex);
}
int main(void) {
    pthread_t thread;
    sem_init(&held, 0, 0);
    pthread_create(&thread, NULL, the_holder, NULL);
    sem_wait(&held);
    const int failed = the_waiter();
    return pthread_join(thread, NULL) + failed + 5;
}
CODE
if command -v addr2line >/dev/null && cc -g -O1 -o "$work/holds" "$work/holds.c" -pthread; then
    ends_with 5 "mutex    " run "$source" --report "$work/holds"
    grep -q 'mutex 0x[0-9a-f]*: 1 of 2 contended, waited [0-9.]* ms' "$work/out" || { cat "$work/out"; fail "the mutex"; }
    grep -q 'waited longest: .*the_waiter at .*holds.c:' "$work/out" || { cat "$work/out"; fail "the waiter"; }
    grep -q 'held longest: .*the_holder at .*holds.c:' "$work/out" || { cat "$work/out"; fail "the holder"; }
fi
ends_with 2 "exclude each other" run "$source" --report --compare true

echo "thrum-run runs what it can, and refuses the rest"
