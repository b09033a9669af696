/* SPDX-License-Identifier: MIT */
/*
 * A livelock: each of two threads holds one lock, tries the other, and politely releases its own, again and
 * again. Its cure: to acquire both at once.
 */
#include "crew.h"

enum { POLITE = 3 };

static thrum_lock locks[2];
static thrum_barrier both = THRUM_BARRIER_INIT(2);
static thrum_u32 retreats, done;

static void meet(void) {
    if (thrum_barrier_wait(&both, NULL) != THRUM_OK) abort();
}

/* In step with each other, so that neither ever gets both. */
static void be_polite(unsigned number) {
    for (int i = 0; i < POLITE; i++) {
        thrum_lock_acquire(&locks[number]);
        meet();
        if (!thrum_lock_try_acquire(&locks[1 - number])) thrum_u32_fetch_add_relaxed(&retreats, 1);
        meet();
        thrum_lock_release(&locks[number]);
    }
}

static void take_both(unsigned number) {
    thrum_all together = THRUM_ALL(&locks[number], &locks[1 - number]);
    THRUM_WITH(&together) thrum_u32_fetch_add_relaxed(&done, 1);
}

int main(void) {
    crew_run(2, be_polite);
    printf("tries: %d, retreats: %u\n", 2 * POLITE, thrum_u32_load_relaxed(&retreats));
    crew_run(2, take_both);
    printf("both at once: %u done\n", thrum_u32_load_relaxed(&done));
    thrum_shutdown();
}
