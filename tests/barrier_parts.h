/* SPDX-License-Identifier: MIT */
/* What the tests of barriers share. */
#ifndef THRUM_TESTS_BARRIER_PARTS_H
#define THRUM_TESTS_BARRIER_PARTS_H

#include "test.h"

#include <stdatomic.h>
#include <string.h>

#include <thrum/barrier.h>
#include <thrum/event.h>

enum { MOST = 8, MS = 1000000 };
static thrum_barrier barrier;
static thrum_event go;
static atomic_uint action_runs;
static thrum_result action_result;

static inline uint64_t word(void) {
    return thrum_u64_load_relaxed(&barrier.state);
}

static inline void begin(int32_t parties) {
    CHECK_EQ(thrum_barrier_init(&barrier, parties), THRUM_OK);
}

static inline void begin_with(int32_t parties, thrum_barrier_action *action) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, parties, action, &action_runs, THRUM_BARRIER_NO_TIMEOUT),
             THRUM_OK);
}

typedef struct party {
    thrum_deadline deadline;
    bool timed;
    int32_t index;
    thrum_result result;
    uint64_t ended_ns;
    atomic_bool over;
} party;

static party parties[MOST];
static test_thread threads[MOST];

static inline void *come(void *p) {
    party *self = p;
    self->index = -1;
    self->result = self->timed ? thrum_barrier_wait_until(&barrier, &self->index, self->deadline)
                               : thrum_barrier_wait(&barrier, &self->index);
    self->ended_ns = test_now_ns();
    atomic_store(&self->over, true);
    return NULL;
}

static inline void start(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        memset(&parties[i], 0, sizeof parties[i]);
        threads[i] = test_start(come, &parties[i]);
    }
}

static inline void start_asleep(unsigned from, unsigned to) {
    start(from, to);
    for (unsigned i = from; i < to; i++) test_await_asleep(&threads[i]);
}

static inline void start_timed(unsigned i, thrum_deadline deadline) {
    memset(&parties[i], 0, sizeof parties[i]);
    parties[i].timed = true;
    parties[i].deadline = deadline;
    threads[i] = test_start(come, &parties[i]);
}

static inline void join_all(unsigned from, unsigned to, thrum_result expected) {
    for (unsigned i = from; i < to; i++) {
        test_join(&threads[i]);
        CHECK_EQ(parties[i].result, expected);
    }
}

static inline void indices_are_distinct(unsigned count) {
    unsigned seen = 0;
    for (unsigned i = 0; i < count; i++) {
        CHECK(parties[i].index >= 0 && parties[i].index < (int32_t)count);
        seen |= 1u << parties[i].index;
    }
    CHECK_EQ(seen, (1u << count) - 1);
}

static unsigned long action_saw; /* plain: the action publishes it */

static inline thrum_result act(void *argument) {
    CHECK(argument == &action_runs);
    action_saw = atomic_fetch_add(&action_runs, 1) + 1;
    return action_result;
}

static inline thrum_result act_slowly(void *argument) {
    thrum_event_wait(&go);
    return act(argument);
}

#endif
