/* SPDX-License-Identifier: MIT */
/*
 * Deadlocks, found by a deadline and cured: a thread that waits for itself, cured by an rlock; two threads
 * that take two locks in opposite order, cured by acquiring both at once.
 */
#include "crew.h"

#include <thrum.h>

static thrum_lock plain, locks[2];
static thrum_rlock again;
static thrum_barrier meeting = THRUM_BARRIER_INIT(2);
static long shared; /* both locks protect it */

static void wait_for_oneself(void) {
    thrum_lock_acquire(&plain);
    printf("lock, by its holder: %s\n",
           thrum_result_name(thrum_lock_acquire_until(&plain, thrum_after_ms(20))));
    thrum_lock_release(&plain);

    THRUM_WITH(&again)
        THRUM_WITH(&again) printf("rlock, by its owner: depth %u\n", (unsigned)thrum_rlock_depth(&again));
}

static void meet(void) {
    if (thrum_barrier_wait(&meeting, NULL) != THRUM_OK) abort();
}

/* Each holds one and wants the other: neither can have it. */
static void one_by_one(unsigned number) {
    thrum_lock *first = &locks[number], *second = &locks[1 - number];
    THRUM_WITH(first) {
        meet();
        const thrum_result result = thrum_lock_acquire_until(second, thrum_after_ms(20));
        meet(); /* neither releases before both have tried */
        if (number == 0) printf("one by one, in opposite order: %s\n", thrum_result_name(result));
    }
}

static void at_once(unsigned number) {
    thrum_all both = THRUM_ALL(&locks[number], &locks[1 - number]);
    for (int i = 0; i < 10000; i++)
        THRUM_WITH(&both) shared++;
}

int main(void) {
    wait_for_oneself();
    crew_run(2, one_by_one);
    crew_run(2, at_once);
    printf("both at once, in opposite order: %ld times\n", shared);
    return 0;
}
