/* SPDX-License-Identifier: MIT */
/*
 * Races and their cures: one thread adds and another subtracts, without a lock and with it; one notifies
 * before the other waits, and is not heard. (The number is read and written by relaxed atomic operations: a
 * plain one would be undefined in C, and lose updates just so.)
 */
#include "crew.h"

enum { TIMES = 2 };

static thrum_u32 counter;
static thrum_lock lock;
static thrum_barrier both = THRUM_BARRIER_INIT(2);

static void meet(void) {
    if (thrum_barrier_wait(&both, NULL) != THRUM_OK) abort();
}

static int value(void) {
    return (int)thrum_u32_load_relaxed(&counter);
}

/* Both read before either writes, and the one that subtracts writes last: the worst case, every time. */
static void add_or_subtract_badly(unsigned number) {
    for (int i = 0; i < TIMES; i++) {
        const int seen = value();
        meet();
        if (number == 0) thrum_u32_store_relaxed(&counter, (uint32_t)(seen + 1));
        meet();
        if (number == 1) thrum_u32_store_relaxed(&counter, (uint32_t)(seen - 1));
        meet();
    }
}

static void add_or_subtract_with_the_lock(unsigned number) {
    for (int i = 0; i < TIMES; i++)
        THRUM_WITH(&lock) thrum_u32_store_relaxed(&counter, (uint32_t)(value() + (number == 0 ? 1 : -1)));
}

/* ---- a race in timing: a notify that comes too early is not heard; a flag beside it or an event is ---- */

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
    crew_run(2, add_or_subtract_badly);
    printf("without a lock: %d, and not 0\n", value());
    thrum_u32_store_relaxed(&counter, 0);
    crew_run(2, add_or_subtract_with_the_lock);
    printf("with the lock: %d\n", value());

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
    /* an event that was set stays set */
    printf("a wait for an event, too late: %s\n",
           thrum_result_name(thrum_event_wait_until(&notified, thrum_after_ms(20))));
    thrum_shutdown();
}
