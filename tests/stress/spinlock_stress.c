/* SPDX-License-Identifier: MIT */
/* Threads in every form of acquire at once, by a printed seed: no addition is lost, nobody is in twice. */
#include "test.h"

#include <thrum/spinlock.h>

enum { ROUNDS = 100000 };

static thrum_spinlock guard;
static uint64_t a, b; /* plain, and always equal while the lock is free */
static thrum_u64 expected;

static bool acquire_somehow(uint64_t choice) {
    switch (choice % 4) {
    case 0:
        return thrum_spinlock_try_acquire(&guard);
    case 1:
        return thrum_spinlock_acquire_until(&guard, thrum_after_us((int64_t)(choice >> 8) % 50)) == THRUM_OK;
    default:
        thrum_spinlock_acquire(&guard);
        return true;
    }
}

static void *work(void *number) {
    uint64_t random = test_seed() + (uint64_t)(uintptr_t)number * 0x9E3779B97F4A7C15u;
    uint64_t held = 0;
    for (unsigned i = 0; i < ROUNDS / test_slowdown(); i++) {
        const uint64_t choice = test_random(&random);
        if (!acquire_somehow(choice)) continue;
        CHECK(thrum_spinlock_locked(&guard));
        CHECK_EQ(a, b);
        a += 1;
        for (unsigned pauses = (unsigned)(choice >> 60); pauses > 0; pauses--) thrum_cpu_pause();
        b += 1;
        held++;
        CHECK_EQ(thrum_spinlock_release(&guard), THRUM_OK);
    }
    thrum_u64_fetch_add_relaxed(&expected, held);
    return NULL;
}

static void run(unsigned threads) {
    test_thread thread[8];
    a = b = 0;
    thrum_u64_store_relaxed(&expected, 0);
    for (unsigned i = 0; i < threads; i++) thread[i] = test_start(work, (void *)(uintptr_t)(i + 1));
    for (unsigned i = 0; i < threads; i++) test_join(&thread[i]);
    CHECK_EQ(a, thrum_u64_load_relaxed(&expected));
    CHECK_EQ(b, a);
    CHECK(a > 0);
    CHECK(!thrum_spinlock_locked(&guard));
}

TEST(two_threads_lose_nothing) {
    run(2);
}

TEST(more_threads_than_processors_lose_nothing) {
    run(8);
}
