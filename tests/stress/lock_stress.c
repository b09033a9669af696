/* SPDX-License-Identifier: MIT */
/* Callers of every kind on one lock, at random. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <thrum/lock.h>

enum { MOST_THREADS = 32 };

typedef struct arena {
    thrum_lock lock;
    unsigned long count; /* plain: the lock protects it */
    atomic_uint arrived;
    unsigned threads;
    unsigned rounds;
    unsigned hold_pauses; /* the longest section */
    unsigned tries_in_8;  /* how many of eight callers only try, */
    unsigned timed_in_8;  /* and how many have a deadline; the others wait */
} arena;

typedef struct player {
    arena *arena;
    uint64_t random;
    unsigned long successes;
} player;

static bool acquire(arena *a, uint64_t *random) {
    const unsigned kind = test_random(random) % 8;
    if (kind < a->tries_in_8) return thrum_lock_try_acquire(&a->lock);
    if (kind < a->tries_in_8 + a->timed_in_8) {
        const int64_t patience = (int64_t)(test_random(random) % 1500000) >> test_random(random) % 12;
        return thrum_lock_acquire_until(&a->lock, thrum_after_ns(patience)) == THRUM_OK;
    }
    thrum_lock_acquire(&a->lock);
    return true;
}

static void pauses(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) thrum_cpu_pause();
}

static void *play(void *p) {
    player *self = p;
    arena *a = self->arena;
    atomic_fetch_add(&a->arrived, 1);
    while (atomic_load(&a->arrived) < a->threads) sched_yield();
    for (unsigned i = 0; i < a->rounds; i++) {
        if (acquire(a, &self->random)) {
            const unsigned long seen = a->count;
            pauses(test_random(&self->random) % a->hold_pauses);
            if (test_random(&self->random) % 256 == 0) sched_yield();
            a->count = seen + 1;
            self->successes++;
            CHECK_EQ(thrum_lock_release(&a->lock), THRUM_OK);
        }
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
    CHECK_EQ(a->count, successes);
    CHECK(!thrum_lock_locked(&a->lock));
    char text[80];
    thrum_lock_describe(&a->lock, text, sizeof text);
    printf("%lu of %lu got it; %s\n", successes, (unsigned long)a->threads * a->rounds, text);
    CHECK_EQ(thrum_lock_acquire_until(&a->lock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&a->lock), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&a->lock.state), 0); /* nobody is left, and no trace of them */
}

TEST(trying_timed_and_patient_callers_exclude_each_other) {
    static arena a = {.threads = 6, .rounds = 60000, .hold_pauses = 16, .tries_in_8 = 2, .timed_in_8 = 3};
    run(&a);
}

TEST(two_threads_exclude_each_other) {
    static arena a = {.threads = 2, .rounds = 200000, .hold_pauses = 16, .tries_in_8 = 1, .timed_in_8 = 3};
    run(&a);
}

TEST(timed_callers_alone_leave_nobody_behind) {
    static arena a = {.threads = 8, .rounds = 15000, .hold_pauses = 200, .timed_in_8 = 8};
    run(&a);
}

TEST(patient_callers_of_long_sections_all_get_in) {
    static arena a = {.threads = 8, .rounds = 4000, .hold_pauses = 1000};
    run(&a);
}

TEST(impatient_callers_of_long_sections_take_no_wake_from_the_patient) {
    static arena a = {.threads = 8, .rounds = 4000, .hold_pauses = 2000, .tries_in_8 = 1, .timed_in_8 = 4};
    run(&a);
}

TEST(many_more_threads_than_processors) {
    static arena a = {.threads = 32, .rounds = 8000, .hold_pauses = 32, .tries_in_8 = 1, .timed_in_8 = 2};
    run(&a);
}
