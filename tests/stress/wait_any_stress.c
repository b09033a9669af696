/* SPDX-License-Identifier: MIT */
/* Permits of several semaphores, taken by waits for any of them and by plain acquires, in every form. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/wait_any.h>

enum { POOLS = 3, THREADS = 8 };

static thrum_semaphore pools[POOLS];
static thrum_event bell;
static atomic_int inside[POOLS]; /* permits that somebody has: at most one of each */
static unsigned rounds;

static void hold(unsigned pool, uint64_t random) {
    CHECK_EQ(atomic_fetch_add(&inside[pool], 1), 0);
    if (random % 32 == 0) sched_yield();
    atomic_fetch_sub(&inside[pool], 1);
    CHECK_EQ(thrum_semaphore_release(&pools[pool]), THRUM_OK);
}

static void take_any(uint64_t random) {
    const unsigned first = (unsigned)(random >> 8) % POOLS;
    const unsigned order[] = {first, (first + 1) % POOLS, (first + 2) % POOLS};
    const thrum_waitable set[] = {THRUM_WAITABLE(&pools[order[0]]), THRUM_WAITABLE(&pools[order[1]]),
                                  THRUM_WAITABLE(&bell), THRUM_WAITABLE(&pools[order[2]])};
    unsigned which = 99;
    thrum_result result;
    if (random % 4 == 0)
        result = thrum_wait_any_until(set, 4, &which, thrum_after_us((int64_t)(random >> 32) % 200));
    else
        result = thrum_wait_any(set, 4, &which);
    CHECK(result == THRUM_OK || (result == THRUM_TIMEOUT && random % 4 == 0));
    if (result == THRUM_OK && which != 2) hold(order[which == 3 ? 2 : which], random);
}

static void *take(void *argument) {
    const unsigned me = (unsigned)(uintptr_t)argument;
    uint64_t state = test_seed() + me;
    for (unsigned i = 0; i < rounds; i++) {
        const uint64_t random = test_random(&state);
        if (me % 4 == 3) {
            const unsigned pool = (unsigned)(random >> 8) % POOLS;
            thrum_semaphore_acquire(&pools[pool]);
            hold(pool, random);
        } else {
            take_any(random);
        }
        if (random % 64 == 0) {
            thrum_event_set(&bell);
            thrum_event_clear(&bell);
        }
    }
    return NULL;
}

TEST(permits_of_several_semaphores_are_neither_lost_nor_made) {
    test_thread threads[THREADS];
    rounds = 20000 / test_slowdown();
    for (unsigned i = 0; i < POOLS; i++) CHECK_EQ(thrum_semaphore_init(&pools[i], 1), THRUM_OK);
    for (unsigned i = 0; i < THREADS; i++) threads[i] = test_start(take, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    for (unsigned i = 0; i < POOLS; i++) CHECK_EQ(thrum_u64_load_relaxed(&pools[i].state), 1);
}
