/* SPDX-License-Identifier: MIT */
/* Onces asked by all at once: with failures, with little patience, and freed by the last to need them. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <thrum/once.h>

enum { CALLERS = 4, ONCES = 256 };

/* Plain but for the count of its holders: the once publishes what its function makes. */
typedef struct thing {
    thrum_once once;
    unsigned runs, failures;
    unsigned long made;
    atomic_uint holders; /* the last of them frees it */
} thing;

typedef struct game {
    atomic_uintptr_t things[ONCES];
    unsigned fail_most;    /* so many runs of a once fail at most, each by a toss */
    unsigned timed_in_8;   /* how many of eight calls have a deadline */
    atomic_ulong failures; /* that callers were told of */
} game;

typedef struct player {
    game *game;
    thing *thing; /* at which it is */
    uint64_t random;
} player;

static void dawdle(uint64_t *random) {
    if (test_random(random) % 16 == 0) sched_yield();
    for (uint64_t i = test_random(random) % 256; i > 0; i--) thrum_cpu_pause();
}

static thrum_result make(void *argument) {
    player *p = argument;
    thing *t = p->thing;
    t->runs++;
    dawdle(&p->random);
    if (t->failures < p->game->fail_most && test_random(&p->random) % 2) {
        t->failures++;
        return THRUM_NO_MEMORY;
    }
    CHECK_EQ(t->made, 0);
    t->made = 42;
    return THRUM_OK;
}

static thrum_result ask(player *p) {
    if (test_random(&p->random) % 8 >= p->game->timed_in_8) return thrum_once_run(&p->thing->once, make, p);
    const int64_t patience = (int64_t)(test_random(&p->random) % 100000) >> test_random(&p->random) % 10;
    return thrum_once_run_until(&p->thing->once, make, p, thrum_after_ns(patience));
}

static void *play(void *argument) {
    player *p = argument;
    for (unsigned i = 0; i < ONCES; i++) {
        while (!(p->thing = (thing *)atomic_load(&p->game->things[i]))) sched_yield();
        thrum_result result;
        while ((result = ask(p)) != THRUM_OK) {
            CHECK(result == THRUM_TIMEOUT || result == THRUM_NO_MEMORY);
            atomic_fetch_add(&p->game->failures, result == THRUM_NO_MEMORY);
        }
        CHECK(thrum_once_done(&p->thing->once));
        CHECK_EQ(p->thing->made, 42);
        CHECK_EQ(p->thing->runs, p->thing->failures + 1);
        if (atomic_fetch_sub(&p->thing->holders, 1) == 1) free(p->thing);
    }
    return NULL;
}

/* Each once is laid out while the callers are at the one before it, so that they meet at it. */
static void run(unsigned fail_most, unsigned timed_in_8) {
    static game g;
    player players[CALLERS];
    test_thread threads[CALLERS];
    uint64_t random = test_seed() + CALLERS;
    for (unsigned round = 0; round < 40 / test_slowdown() + 1; round++) {
        unsigned long failures = 0;
        for (unsigned i = 0; i < ONCES; i++) atomic_store(&g.things[i], 0);
        g.fail_most = fail_most;
        g.timed_in_8 = timed_in_8;
        atomic_store(&g.failures, 0);
        for (unsigned i = 0; i < CALLERS; i++) {
            players[i] = (player){&g, NULL, test_seed() + i + round * CALLERS};
            threads[i] = test_start(play, &players[i]);
        }
        for (unsigned i = 0; i < ONCES; i++) {
            thing *t = calloc(1, sizeof *t);
            CHECK(t);
            atomic_store(&t->holders, CALLERS + 1);
            atomic_store(&g.things[i], (uintptr_t)t);
            dawdle(&random);
            while (!thrum_once_done(&t->once)) sched_yield();
            CHECK_EQ(t->made, 42);
            failures += t->failures;
            if (atomic_fetch_sub(&t->holders, 1) == 1) free(t);
        }
        for (unsigned i = 0; i < CALLERS; i++) test_join(&threads[i]);
        CHECK_EQ(atomic_load(&g.failures), failures);
    }
}

TEST(it_runs_once_whichever_thread_comes_first) {
    run(0, 0);
}
TEST(failures_are_tried_again_by_a_waiter) {
    run(3, 0);
}
TEST(impatient_callers_leave_the_run_to_others) {
    run(2, 5);
}
