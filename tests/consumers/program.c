/* SPDX-License-Identifier: MIT */
/* Four threads, and one object of each kind; a wrong count is a wrong exit status. */
#include <pthread.h>
#include <stdio.h>

#include <thrum.h>

enum { THREADS = 4, ROUNDS = 20000 };

static thrum_lock lock = THRUM_LOCK_INIT;
static thrum_rlock rlock = THRUM_RLOCK_INIT;
static thrum_spinlock spinlock = THRUM_SPINLOCK_INIT;
static thrum_semaphore permits = THRUM_SEMAPHORE_INIT(2);
static thrum_event go = THRUM_EVENT_INIT;
static int under_lock, under_rlock, under_spinlock;

static void *work(void *unused) {
    (void)unused;
    thrum_event_wait(&go);
    for (int i = 0; i < ROUNDS; i++) {
        THRUM_WITH(&permits) {
            THRUM_WITH(&lock) under_lock++;
        }
        THRUM_WITH(&rlock) {
            THRUM_WITH(&rlock) under_rlock++;
        }
        THRUM_WITH(&spinlock) under_spinlock++;
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, NULL);
    thrum_event_set(&go);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    printf("%d %d %d %s\n", under_lock, under_rlock, under_spinlock, thrum_result_name(THRUM_OK));
    const int all = THREADS * ROUNDS;
    return under_lock == all && under_rlock == all && under_spinlock == all ? 0 : 1;
}
