/* SPDX-License-Identifier: MIT */
/* Barriers without a pause: cycles, timeouts, aborts and resets. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/barrier.h>

enum { MOST = 16, TURNS = 4 };

typedef struct table {
    thrum_barrier barrier;
    unsigned rounds;
    unsigned long written[MOST]; /* plain: the barrier publishes it */
    unsigned long acted;         /* plain: so is what the action writes */
    atomic_uint indices[TURNS];  /* a bit an index, of the last rounds */
    atomic_bool over;
} table;

typedef struct party {
    table *table;
    unsigned number;
    uint64_t random;
} party;

static void dawdle(uint64_t *random) {
    if (test_random(random) % 64 == 0) sched_yield();
    for (uint64_t i = test_random(random) % 128; i > 0; i--) thrum_cpu_pause();
}

static thrum_result act(void *p) {
    table *t = p;
    t->acted++;
    for (unsigned i = 0; i < (unsigned)t->barrier.parties; i++) CHECK_EQ(t->written[i], t->acted);
    return THRUM_OK;
}

static void *meet(void *p) {
    party *self = p;
    table *t = self->table;
    const unsigned all = (1u << t->barrier.parties) - 1;
    for (unsigned long i = 1; i <= t->rounds; i++) {
        int32_t index;
        t->written[self->number] = i;
        dawdle(&self->random);
        const thrum_deadline far = thrum_after_ms(60000);
        const bool timed = test_random(&self->random) % 2;
        CHECK_EQ(timed ? thrum_barrier_wait_until(&t->barrier, &index, far)
                       : thrum_barrier_wait(&t->barrier, &index),
                 THRUM_OK);
        const unsigned seen = atomic_fetch_or(&t->indices[i % TURNS], 1u << index) | 1u << index;
        if (seen == all) atomic_store(&t->indices[i % TURNS], 0);
        CHECK_EQ(thrum_barrier_wait(&t->barrier, NULL), THRUM_OK);
    }
    return NULL;
}

static void cycles(unsigned parties, unsigned rounds) {
    static table t;
    static party players[MOST];
    test_thread threads[MOST];
    t = (table){.barrier = THRUM_BARRIER_INIT((int32_t)parties), .rounds = rounds / test_slowdown()};
    for (unsigned i = 0; i < parties; i++) {
        players[i] = (party){&t, i, test_seed() + i};
        threads[i] = test_start(meet, &players[i]);
    }
    for (unsigned i = 0; i < parties; i++) test_join(&threads[i]);
    for (unsigned i = 0; i < TURNS; i++) CHECK_EQ(atomic_load(&t.indices[i]), 0);
    CHECK_EQ(thrum_barrier_waiting(&t.barrier), 0);
}

TEST(two_meet_again_and_again) {
    cycles(2, 50000);
}
TEST(five_meet_again_and_again) {
    cycles(5, 10000);
}
TEST(sixteen_meet_again_and_again) {
    cycles(MOST, 2000);
}

static void *meet_and_act(void *p) {
    party *self = p;
    table *t = self->table;
    for (unsigned long i = 1; i <= t->rounds; i++) {
        t->written[self->number] = i;
        dawdle(&self->random);
        CHECK_EQ(thrum_barrier_wait(&t->barrier, NULL), THRUM_OK);
        CHECK_EQ(t->acted, i);
    }
    return NULL;
}

TEST(the_action_sees_all_and_all_see_the_action) {
    static table t;
    static party players[4];
    test_thread threads[4];
    t.rounds = 10000 / test_slowdown();
    CHECK_EQ(thrum_barrier_init_with(&t.barrier, 4, act, &t, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    for (unsigned i = 0; i < 4; i++) {
        players[i] = (party){&t, i, test_seed() + i};
        threads[i] = test_start(meet_and_act, &players[i]);
    }
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(t.acted, t.rounds);
}

/* Short deadlines break it all the time; a party that is sent away comes again. */
static void *come_often(void *p) {
    party *self = p;
    table *t = self->table;
    for (unsigned i = 0; i < t->rounds; i++) {
        dawdle(&self->random);
        const int64_t patience =
            (int64_t)(test_random(&self->random) % 400000) >> test_random(&self->random) % 8;
        const thrum_result result = thrum_barrier_wait_until(&t->barrier, NULL, thrum_after_ns(patience));
        CHECK(result == THRUM_OK || result == THRUM_TIMEOUT || result == THRUM_BROKEN);
    }
    return NULL;
}

static void *mend(void *p) {
    party *self = p;
    table *t = self->table;
    while (!atomic_load(&t->over)) {
        if (test_random(&self->random) % 4 == 0) thrum_barrier_abort(&t->barrier);
        thrum_barrier_reset(&t->barrier);
        for (unsigned i = 0; i < 8; i++) dawdle(&self->random);
    }
    return NULL;
}

TEST(nobody_is_left_behind_by_timeouts_aborts_and_resets) {
    static table t;
    static party players[6];
    test_thread threads[6];
    t.rounds = 8000 / test_slowdown();
    CHECK_EQ(thrum_barrier_init(&t.barrier, 3), THRUM_OK);
    for (unsigned i = 0; i < 6; i++) {
        players[i] = (party){&t, i, test_seed() + i};
        threads[i] = test_start(i == 5 ? mend : come_often, &players[i]);
    }
    for (unsigned i = 0; i < 5; i++) test_join(&threads[i]);
    atomic_store(&t.over, true);
    test_join(&threads[5]);
    thrum_barrier_reset(&t.barrier);
    CHECK_EQ(thrum_barrier_waiting(&t.barrier), 0);
    CHECK(!thrum_barrier_broken(&t.barrier));
}

static thrum_result fail_at_times(void *p) {
    table *t = p;
    return t->acted++ % 5 ? THRUM_OK : THRUM_NO_MEMORY;
}
static void *come_with_failures(void *p) {
    party *self = p;
    table *t = self->table;
    for (unsigned i = 0; i < t->rounds; i++) {
        const thrum_result result = thrum_barrier_wait_until(&t->barrier, NULL, thrum_after_us(200));
        CHECK(result == THRUM_OK || result == THRUM_TIMEOUT || result == THRUM_BROKEN ||
              result == THRUM_NO_MEMORY);
    }
    return NULL;
}

TEST(nobody_is_left_behind_by_failing_actions) {
    static table t;
    static party players[6];
    test_thread threads[6];
    t.rounds = 4000 / test_slowdown();
    CHECK_EQ(thrum_barrier_init_with(&t.barrier, 3, fail_at_times, &t, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    for (unsigned i = 0; i < 6; i++) {
        players[i] = (party){&t, i, test_seed() + i};
        threads[i] = test_start(i == 5 ? mend : come_with_failures, &players[i]);
    }
    for (unsigned i = 0; i < 5; i++) test_join(&threads[i]);
    atomic_store(&t.over, true);
    test_join(&threads[5]);
    CHECK_EQ(thrum_barrier_waiting(&t.barrier), 0);
}
