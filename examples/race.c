/* SPDX-License-Identifier: MIT */
/*
 * Races and their cures: two threads that add and subtract without a lock lose updates; one that notifies
 * before the other waits is not heard. (The counter is read and written by relaxed atomic operations: a plain
 * one would be undefined in C, and lose updates just so.)
 */
#include "crew.h"

enum { TIMES = 2 };

static thrum_u32 counter;
static thrum_lock lock;
static thrum_barrier both = THRUM_BARRIER_INIT(2);

static void meet(void) {
    if (thrum_barrier_wait(&both, NULL) != THRUM_OK) abort();
}

/* Both read before either writes, each time: the worst interleaving, every time. */
static void add_badly(unsigned number) {
    (void)number;
    for (int i = 0; i < TIMES; i++) {
        const uint32_t seen = thrum_u32_load_relaxed(&counter);
        meet();
        thrum_u32_store_relaxed(&counter, seen + 1);
        meet();
    }
}

static void add_with_the_lock(unsigned number) {
    (void)number;
    for (int i = 0; i < TIMES; i++)
        THRUM_WITH(&lock) thrum_u32_store_relaxed(&counter, thrum_u32_load_relaxed(&counter) + 1);
}

/* ---- a race in timing: whoever notifies too early is not heard; a flag beside it cures that ---- */

static thrum_cond changed = THRUM_COND_INIT(&lock);
static bool ready; /* the lock protects it */
static thrum_event notified;

static void notify_early(unsigned number) {
    (void)number;
    THRUM_WITH(&changed) {
        ready = true;
        if (thrum_cond_notify(&changed, 1) != THRUM_OK) abort();
    }
    thrum_event_set(&notified);
}

static bool is_ready(void) {
    return ready;
}

int main(void) {
    crew_run(2, add_badly);
    printf("without a lock: %u of %d\n", thrum_u32_load_relaxed(&counter), 2 * TIMES);
    thrum_u32_store_relaxed(&counter, 0);
    crew_run(2, add_with_the_lock);
    printf("with the lock: %u of %d\n", thrum_u32_load_relaxed(&counter), 2 * TIMES);

    crew one = {.size = 0};
    crew_start(&one, notify_early);
    thrum_event_wait(&notified);
    THRUM_WITH(&changed) {
        printf("a bare wait, too late: %s\n",
               thrum_result_name(thrum_cond_wait_until(&changed, thrum_after_ms(20))));
        thrum_result result = THRUM_OK;
        while (!is_ready() && result == THRUM_OK)
            result = thrum_cond_wait_until(&changed, thrum_after_ms(20));
        printf("a wait that asks the flag first: %s\n", thrum_result_name(result));
    }
    crew_join(&one);
    thrum_shutdown();
}
