/* SPDX-License-Identifier: MIT */
/* Storms of set and clear, and hand-overs through events. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/event.h>

enum { WAITERS = 6 };

typedef struct storm {
    thrum_event event;
    atomic_uint done;
    unsigned rounds;
} storm;

typedef struct player {
    storm *storm;
    uint64_t random;
    bool sets;
} player;

static bool pass(thrum_event *event, uint64_t *random) {
    if (test_random(random) % 2) {
        thrum_event_wait(event);
        return true;
    }
    const int64_t patience = (int64_t)(test_random(random) % 200000) >> test_random(random) % 10;
    return thrum_event_wait_until(event, thrum_after_ns(patience)) == THRUM_OK;
}

static void *wait_often(void *p) {
    player *self = p;
    for (unsigned passed = 0; passed < self->storm->rounds;)
        passed += pass(&self->storm->event, &self->random);
    atomic_fetch_add(&self->storm->done, 1);
    return NULL;
}

/* Every set is taken back at once; only who waited at that moment gets through. */
static void *set_and_clear(void *p) {
    player *self = p;
    while (atomic_load(&self->storm->done) < WAITERS) {
        thrum_event_set(&self->storm->event);
        thrum_event_clear(&self->storm->event);
        for (uint64_t i = test_random(&self->random) % 256; i > 0; i--) thrum_cpu_pause();
        if (test_random(&self->random) % 16 == 0) sched_yield();
    }
    return NULL;
}

static void storm_with(unsigned setters, unsigned rounds) {
    static storm s;
    static player players[WAITERS + 2];
    test_thread threads[WAITERS + 2];
    s = (storm){.rounds = rounds / test_slowdown()};
    for (unsigned i = 0; i < WAITERS + setters; i++) {
        players[i] = (player){&s, test_seed() + i, i >= WAITERS};
        threads[i] = test_start(players[i].sets ? set_and_clear : wait_often, &players[i]);
    }
    for (unsigned i = 0; i < WAITERS + setters; i++) test_join(&threads[i]);
    CHECK(!thrum_event_is_set(&s.event));
}

TEST(nobody_is_left_behind_by_a_setter_that_clears_at_once) {
    storm_with(1, 10000);
}
TEST(nobody_is_left_behind_by_two_setters_that_clear_at_once) {
    storm_with(2, 10000);
}

static thrum_event there, back;
static unsigned long carried; /* plain: the events pass it to and fro */

static void take_turn(thrum_event *own, thrum_event *others, uint64_t *random) {
    while (!pass(own, random)) {
    }
    thrum_event_clear(own);
    carried++;
    thrum_event_set(others);
}

static void *far_side(void *p) {
    player *self = p;
    for (unsigned i = 0; i < self->storm->rounds; i++) take_turn(&there, &back, &self->random);
    return NULL;
}

TEST(a_set_carries_what_was_written_before_it) {
    static storm s;
    s.rounds = 30000 / test_slowdown();
    static player far;
    far = (player){&s, test_seed() + 1, false};
    uint64_t random = test_seed() + 2;
    test_thread t = test_start(far_side, &far);
    thrum_event_set(&there);
    for (unsigned i = 0; i < s.rounds; i++) take_turn(&back, &there, &random);
    test_join(&t);
    CHECK_EQ(carried, 2ul * s.rounds);
}

typedef struct gathering {
    thrum_event gate;
    unsigned long payload;
    atomic_uint through;
} gathering;

static void *gather(void *p) {
    gathering *g = p;
    thrum_event_wait(&g->gate);
    CHECK_EQ(g->payload, 42);
    atomic_fetch_add(&g->through, 1);
    return NULL;
}

/* Waiters arrive while the set is made: before it, in the middle of it, after it. */
TEST(everybody_gets_through_a_gate_that_stays_open) {
    uint64_t random = test_seed();
    for (unsigned round = 0; round < 3000 / test_slowdown(); round++) {
        gathering g = {.payload = 0};
        test_thread threads[3];
        const unsigned before = test_random(&random) % 4;
        for (unsigned i = 0; i < 3; i++) {
            if (i == before) g.payload = 42, thrum_event_set(&g.gate);
            threads[i] = test_start(gather, &g);
        }
        if (before == 3) g.payload = 42, thrum_event_set(&g.gate);
        for (unsigned i = 0; i < 3; i++) test_join(&threads[i]);
        CHECK_EQ(atomic_load(&g.through), 3);
    }
}
