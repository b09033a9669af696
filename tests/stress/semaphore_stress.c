/* SPDX-License-Identifier: MIT */
/* Callers of every kind on one semaphore, at random: permits are neither lost nor made. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/semaphore.h>

enum { PERMITS = 3, THREADS = 8 };

typedef struct player {
    uint64_t random;
    unsigned rounds;
    int64_t taken;
} player;

static thrum_bounded_semaphore pool = THRUM_BOUNDED_SEMAPHORE_INIT(PERMITS);
static thrum_semaphore flow; /* from producers to consumers */
static atomic_int inside;

static uint64_t word(const thrum_semaphore *semaphore) {
    return thrum_u64_load_relaxed(&semaphore->state);
}

static thrum_deadline soon(uint64_t *random) {
    const int64_t most = 300000;
    return thrum_after_ns((int64_t)(test_random(random) % (uint64_t)most) >> test_random(random) % 10);
}

static bool take(thrum_semaphore *semaphore, uint64_t *random) {
    switch (test_random(random) % 4) {
    case 0:
        return thrum_semaphore_try_acquire(semaphore);
    case 1:
    case 2:
        return thrum_semaphore_acquire_until(semaphore, soon(random)) == THRUM_OK;
    default:
        thrum_semaphore_acquire(semaphore);
        return true;
    }
}

static void pauses(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) thrum_cpu_pause();
}

static void *borrow(void *p) {
    player *self = p;
    for (unsigned i = 0; i < self->rounds; i++) {
        if (take(&pool.permits, &self->random)) {
            CHECK(atomic_fetch_add(&inside, 1) < PERMITS);
            pauses(test_random(&self->random) % 64);
            if (test_random(&self->random) % 128 == 0) sched_yield();
            atomic_fetch_sub(&inside, 1);
            CHECK_EQ(thrum_bounded_semaphore_release(&pool), THRUM_OK);
        }
        pauses(test_random(&self->random) % 32);
    }
    return NULL;
}

TEST(a_pool_never_lends_more_than_it_has_and_ends_full) {
    static player players[THREADS];
    test_thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        players[i] = (player){test_seed() + i, 40000 / test_slowdown(), 0};
        threads[i] = test_start(borrow, &players[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(word(&pool.permits), PERMITS); /* no waiter is left in the count, either */
    CHECK_EQ(thrum_bounded_semaphore_release(&pool), THRUM_LIMIT);
}

static void *produce(void *p) {
    player *self = p;
    int64_t left = self->taken;
    while (left > 0) {
        int32_t n = (int32_t)(test_random(&self->random) % 5) + 1;
        if (n > left) n = (int32_t)left;
        CHECK_EQ(n == 1 ? thrum_semaphore_release(&flow) : thrum_semaphore_release_n(&flow, n), THRUM_OK);
        left -= n;
        pauses(test_random(&self->random) % 256);
    }
    return NULL;
}

/* Takes exactly its share, by whatever call, so that a lost permit or a lost wake hangs. */
static void *consume(void *p) {
    player *self = p;
    for (int64_t taken = 0; taken < self->taken;) taken += take(&flow, &self->random);
    return NULL;
}

TEST(what_is_released_is_acquired_neither_more_nor_less) {
    static player players[THREADS];
    test_thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        players[i] = (player){test_seed() + i, 0, 60000 / (int64_t)test_slowdown()};
        threads[i] = test_start(i % 2 ? produce : consume, &players[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(word(&flow), 0);
}

static thrum_semaphore there, back;
static unsigned long carried; /* plain: the permits pass it to and fro */

static void *carry(void *p) {
    player *self = p;
    for (unsigned i = 0; i < self->rounds; i++) {
        while (!take(&there, &self->random)) {
        }
        carried++;
        CHECK_EQ(thrum_semaphore_release(&back), THRUM_OK);
    }
    return NULL;
}

TEST(a_permit_carries_what_was_written_before_it) {
    static player far, near;
    far = (player){test_seed() + 1, 30000 / test_slowdown(), 0};
    near = (player){test_seed() + 2, far.rounds, 0};
    test_thread t = test_start(carry, &far);
    for (unsigned i = 0; i < near.rounds; i++) {
        carried++;
        CHECK_EQ(thrum_semaphore_release(&there), THRUM_OK);
        while (!take(&back, &near.random)) {
        }
        CHECK_EQ(carried, 2ul * (i + 1));
    }
    test_join(&t);
    CHECK_EQ(word(&there), 0);
    CHECK_EQ(word(&back), 0);
}
