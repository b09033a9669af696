/* SPDX-License-Identifier: MIT */
/* Latches that are counted down, opened and reset without a pause. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/latch.h>

enum { COUNTERS = 3, WAITERS = 3 };

typedef struct relay {
    thrum_latch starts[2]; /* opened by one; that of the next round is shut before */
    thrum_latch ends;      /* opened by all */
    unsigned rounds;
    unsigned long written[COUNTERS]; /* plain: `ends` publishes them, `starts` hands them out again */
} relay;

typedef struct player {
    relay *relay;
    unsigned number;
    uint64_t random;
} player;

static void dawdle(uint64_t *random) {
    if (test_random(random) % 64 == 0) sched_yield();
    for (uint64_t i = test_random(random) % 256; i > 0; i--) thrum_cpu_pause();
}

static void pass(thrum_latch *latch, uint64_t *random) {
    if (test_random(random) % 2) {
        thrum_latch_wait(latch);
        return;
    }
    int64_t patience;
    do {
        patience = (int64_t)(test_random(random) % 200000) >> test_random(random) % 10;
    } while (thrum_latch_wait_until(latch, thrum_after_ns(patience)) != THRUM_OK);
}

static void *work(void *p) {
    player *self = p;
    relay *r = self->relay;
    for (unsigned i = 0; i < r->rounds; i++) {
        pass(&r->starts[i % 2], &self->random);
        r->written[self->number]++;
        dawdle(&self->random);
        thrum_latch_count_down(&r->ends);
    }
    return NULL;
}

TEST(rounds_begin_and_end_together) {
    static relay r;
    static player players[COUNTERS];
    test_thread threads[COUNTERS];
    uint64_t random = test_seed() + COUNTERS;
    r.rounds = 20000 / test_slowdown();
    CHECK_EQ(thrum_latch_reset(&r.starts[0], 1), THRUM_OK);
    for (unsigned i = 0; i < COUNTERS; i++) {
        players[i] = (player){&r, i, test_seed() + i};
        threads[i] = test_start(work, &players[i]);
    }
    for (unsigned i = 0; i < r.rounds; i++) {
        CHECK_EQ(thrum_latch_reset(&r.starts[(i + 1) % 2], 1), THRUM_OK);
        CHECK_EQ(thrum_latch_reset(&r.ends, COUNTERS), THRUM_OK);
        dawdle(&random);
        thrum_latch_count_down(&r.starts[i % 2]);
        pass(&r.ends, &random);
        for (unsigned c = 0; c < COUNTERS; c++) CHECK_EQ(r.written[c], i + 1);
    }
    for (unsigned i = 0; i < COUNTERS; i++) test_join(&threads[i]);
}

typedef struct storm {
    thrum_latch latch;
    atomic_uint done;
    unsigned rounds;
} storm;

static void *wait_often(void *p) {
    storm *s = p;
    for (unsigned i = 0; i < s->rounds; i++) thrum_latch_wait(&s->latch);
    atomic_fetch_add(&s->done, 1);
    return NULL;
}

/* Every opening is taken back at once, so that only the generation lets the waiters through. */
TEST(nobody_is_left_behind_by_a_reset_at_once) {
    static storm s;
    test_thread threads[WAITERS];
    uint64_t random = test_seed();
    s.rounds = 20000 / test_slowdown();
    CHECK_EQ(thrum_latch_reset(&s.latch, 2), THRUM_OK);
    for (unsigned i = 0; i < WAITERS; i++) threads[i] = test_start(wait_often, &s);
    while (atomic_load(&s.done) < WAITERS) {
        thrum_latch_count_down(&s.latch);
        thrum_latch_count_down(&s.latch);
        CHECK_EQ(thrum_latch_reset(&s.latch, 2), THRUM_OK);
        dawdle(&random);
    }
    for (unsigned i = 0; i < WAITERS; i++) test_join(&threads[i]);
}

static void *open_it(void *p) {
    thrum_latch_count_down(p);
    return NULL;
}

/* Waiters arrive while the latch opens: before it, in the middle of it, after it. */
TEST(everybody_gets_through_a_latch_that_stays_open) {
    uint64_t random = test_seed();
    for (unsigned round = 0; round < 3000 / test_slowdown(); round++) {
        storm s = {.latch = THRUM_LATCH_INIT(2), .rounds = 1};
        test_thread threads[4];
        const unsigned first = test_random(&random) % 4;
        for (unsigned i = 0; i < 4; i++)
            threads[i] = i == first || i == (first + 2) % 4 ? test_start(open_it, &s.latch)
                                                            : test_start(wait_often, &s);
        for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
        CHECK_EQ(atomic_load(&s.done), 2);
    }
}
