/* SPDX-License-Identifier: MIT */
/* What the barrier's explorations share. */
#ifndef THRUM_TESTS_BARRIER_EXPLORE_H
#define THRUM_TESTS_BARRIER_EXPLORE_H

#include "explore.h"

#include <thrum/barrier.h>
#include <thrum/futex.h>

enum { CYCLES = 5 };

static struct {
    thrum_barrier barrier;
    int written[EXPLORE_THREADS][CYCLES]; /* plain: the barrier publishes it */
    int acted[CYCLES], reason;            /* plain, too */
    unsigned action_runs;
    bool action_fails, action_aborts, shared;
    thrum_u32 indices[CYCLES]; /* a bit an index */
    thrum_u32 timeouts, broken, passed, failed, left;
} s;

static inline void name_words(void) {
    explore_name(&s.barrier.state, sizeof s.barrier.state, "barrier");
    explore_name(&s.barrier.parties, sizeof s.barrier - sizeof s.barrier.state, "constants");
    explore_name(s.written, sizeof s.written, "written");
    explore_name(s.acted, sizeof s.acted, "acted");
}

static inline void parties(int32_t count) {
    name_words();
    const thrum_result made = s.shared
                                  ? thrum_barrier_init_shared(&s.barrier, count, THRUM_BARRIER_NO_TIMEOUT)
                                  : thrum_barrier_init(&s.barrier, count);
    REQUIRE(made == THRUM_OK);
}

static inline uint64_t flags(void) {
    return thrum_u64_load_relaxed(&s.barrier.state) << 26; /* all but the generation */
}
static inline void whole_and_empty(void) {
    REQUIRE(flags() == (s.shared ? (uint64_t)1 << 59 : 0));
}
static inline void empty(void) {
    REQUIRE(thrum_barrier_waiting(&s.barrier) == 0);
    REQUIRE((uint32_t)thrum_u64_load_relaxed(&s.barrier.state) == 0); /* all that had come have left */
}

/* --- cycles ------------------------------------------------------------------------------------------- */

/* All wrote before anyone is through, and each has an index of its own. */
static inline void meet(unsigned me, unsigned cycle) {
    const unsigned count = (unsigned)s.barrier.parties;
    int32_t index = -1;
    s.written[me][cycle] = 1;
    REQUIRE(thrum_barrier_wait(&s.barrier, &index) == THRUM_OK);
    for (unsigned t = 0; t < count; t++) REQUIRE(s.written[t][cycle] == 1);
    REQUIRE(index >= 0 && index < (int32_t)count);
    REQUIRE(!(thrum_u32_fetch_or_relaxed(&s.indices[cycle], 1u << index) & 1u << index));
}

/* What is left of a break is nothing: the next reset makes it whole. */
static inline void can_be_mended(void) {
    empty();
    thrum_barrier_reset(&s.barrier);
    whole_and_empty();
}

/* --- the last one frees it ------------------------------------------------------------------------------ */

/* All but the party with the last index count; its call may not have returned. */
static inline void leave_and_free(unsigned me) {
    (void)me;
    const int32_t last = s.barrier.parties - 1;
    int32_t index;
    REQUIRE(thrum_barrier_wait(&s.barrier, &index) == THRUM_OK);
    if (index == last) return;
    if (thrum_u32_fetch_add_acq_rel(&s.left, 1) == (uint32_t)last - 1)
        explore_free(&s.barrier, sizeof s.barrier);
}

#endif
