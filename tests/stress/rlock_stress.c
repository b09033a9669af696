/* SPDX-License-Identifier: MIT */
/* Callers of every kind on one rlock, at random depths. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <thrum/rlock.h>

enum { MOST_THREADS = 32, DEEPEST = 6 };

typedef struct arena {
    thrum_rlock rlock;
    unsigned long count; /* plain: the rlock protects it */
    atomic_uint arrived;
    unsigned threads;
    unsigned rounds;
    unsigned hold_pauses; /* the longest section */
} arena;

typedef struct player {
    arena *arena;
    uint64_t random;
    unsigned long successes;
} player;

/* In one of five forms; how deep it is after it, 0: it was not to be had. */
static uint32_t acquire(arena *a, uint64_t *random) {
    const uint32_t depth = (uint32_t)(test_random(random) % DEEPEST) + 1;
    const thrum_deadline soon =
        thrum_after_ns((int64_t)(test_random(random) % 1500000) >> test_random(random) % 12);
    switch (test_random(random) % 8) {
    case 0:
        return thrum_rlock_try_acquire(&a->rlock);
    case 1:
    case 2:
        return thrum_rlock_acquire_until(&a->rlock, soon) == THRUM_OK;
    case 3:
        return thrum_rlock_acquire_depth_until(&a->rlock, depth, soon) == THRUM_OK ? depth : 0;
    case 4:
        CHECK_EQ(thrum_rlock_acquire_depth(&a->rlock, depth), THRUM_OK);
        return depth;
    default:
        CHECK_EQ(thrum_rlock_acquire(&a->rlock), THRUM_OK);
        return 1;
    }
}

static void pauses(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) thrum_cpu_pause();
}

/* Up and down at random; the owner's acquires all succeed. Returns the depth at which it ends. */
static uint32_t wander(arena *a, uint64_t *random, uint32_t depth) {
    for (uint64_t steps = test_random(random) % 8; steps > 0; steps--) {
        CHECK_EQ(thrum_rlock_depth(&a->rlock), depth);
        if (depth > 1 && test_random(random) % 2) {
            CHECK_EQ(thrum_rlock_release(&a->rlock), THRUM_OK);
            depth--;
        } else {
            const uint32_t more = acquire(a, random);
            CHECK(more > 0);
            depth += more;
        }
    }
    return depth;
}

static void leave(arena *a, uint64_t *random, uint32_t depth) {
    uint32_t was = 0;
    if (test_random(random) % 2) {
        CHECK_EQ(thrum_rlock_release_all(&a->rlock, &was), THRUM_OK);
        CHECK_EQ(was, depth);
    } else {
        for (; depth > 0; depth--) CHECK_EQ(thrum_rlock_release(&a->rlock), THRUM_OK);
    }
    CHECK_EQ(thrum_rlock_release(&a->rlock), THRUM_NOT_OWNER);
}

static void *play(void *p) {
    player *self = p;
    arena *a = self->arena;
    atomic_fetch_add(&a->arrived, 1);
    while (atomic_load(&a->arrived) < a->threads) sched_yield();
    for (unsigned i = 0; i < a->rounds; i++) {
        uint32_t depth = acquire(a, &self->random);
        if (depth) {
            const unsigned long seen = a->count;
            depth = wander(a, &self->random, depth);
            pauses(test_random(&self->random) % a->hold_pauses);
            if (test_random(&self->random) % 256 == 0) sched_yield();
            a->count = seen + 1;
            self->successes++;
            leave(a, &self->random, depth);
        }
        CHECK_EQ(thrum_rlock_depth(&a->rlock), 0);
        pauses(test_random(&self->random) % 32);
    }
    return NULL;
}

/* Everybody returns (a lost wake hangs here), and nothing was counted twice or not at all. */
static void run(arena *a) {
    static player players[MOST_THREADS];
    test_thread threads[MOST_THREADS];
    a->rounds /= test_slowdown();
    for (unsigned i = 0; i < a->threads; i++) {
        players[i] = (player){a, test_seed() + i, 0};
        threads[i] = test_start(play, &players[i]);
    }
    unsigned long successes = 0;
    for (unsigned i = 0; i < a->threads; i++) {
        test_join(&threads[i]);
        successes += players[i].successes;
    }
    printf("%lu of %lu got it\n", successes, (unsigned long)a->threads * a->rounds);
    CHECK_EQ(a->count, successes);
    CHECK_EQ(thrum_u32_load_relaxed(&a->rlock.lock.state), 0); /* nobody is left, and no trace of them */
    CHECK_EQ(thrum_u64_load_relaxed(&a->rlock.owner), 0);
    CHECK_EQ(a->rlock.depth, 0);
}

TEST(two_threads_at_random_depths) {
    static arena a = {.threads = 2, .rounds = 100000, .hold_pauses = 16};
    run(&a);
}

TEST(six_threads_at_random_depths) {
    static arena a = {.threads = 6, .rounds = 40000, .hold_pauses = 16};
    run(&a);
}

TEST(long_sections) {
    static arena a = {.threads = 8, .rounds = 4000, .hold_pauses = 1000};
    run(&a);
}

TEST(many_more_threads_than_processors) {
    static arena a = {.threads = 32, .rounds = 6000, .hold_pauses = 32};
    run(&a);
}
