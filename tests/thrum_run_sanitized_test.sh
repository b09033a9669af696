#!/bin/bash
# SPDX-License-Identifier: MIT
#
# thrum_run_sanitized_test.sh SOURCE_DIR BUILD_DIR
#
# A program that is linked to ThreadSanitizer's library: its functions must stand before libthrum-pthread.so's, else it sees
# no mutex and reports races that are none; and its wrappers of conditions must find libthrum-pthread.so's, else they hang.
set -euo pipefail
library=$2/libthrum-pthread.so
[[ -f $library ]] || { echo "skipped: $library is not built"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/turns.c" <<'CODE'
#include <pthread.h>
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static long turn, count;
static void *take_turns(void *me) {
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != (long)me) pthread_cond_wait(&turned, &mutex);
        turn = !turn;
        count++;
        pthread_cond_signal(&turned);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}
int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, 0, take_turns, (void *)1)) return 2;
    take_turns(0);
    if (pthread_join(thread, 0)) return 2;
    return count != 600;
}
CODE
gcc -g -O1 -fsanitize=thread "$work/turns.c" -o "$work/turns"
# Where the kernel randomises addresses widely, ThreadSanitizer of gcc 12 runs without alone.
setarch -R "$work/turns" || { echo "skipped: ThreadSanitizer does not run here"; exit 77; }
setarch -R timeout 60 "$1/tools/thrum-run" --library "$library" "$work/turns"
