/* SPDX-License-Identifier: MIT */
/* What the semaphore's explorations share. */
#ifndef THRUM_TESTS_SEMAPHORE_EXPLORE_H
#define THRUM_TESTS_SEMAPHORE_EXPLORE_H

#include "../../src/futex/waitable.h"
#include "explore.h"

#include <thrum/semaphore.h>

typedef enum kind { BLOCKING, TIMED, TRYING, KINDS } kind;

static struct {
    thrum_semaphore permits;
    thrum_bounded_semaphore bounded;
    thrum_u32 through;          /* how many have got a permit */
    int pages[EXPLORE_THREADS]; /* plain: each releaser's, written before his release */
    int refused[EXPLORE_THREADS];
    unsigned kinds[EXPLORE_THREADS];
    unsigned takers;
} s;

static inline void name_words(void) {
    explore_name(&s.permits, sizeof s.permits, "permits");
    explore_name(&s.bounded.permits, sizeof s.bounded.permits, "bounded");
    explore_name(&s.bounded.bound, sizeof s.bounded.bound, "bound");
    explore_name(&s.through, sizeof s.through, "through");
    explore_name(s.pages, sizeof s.pages, "pages");
}

/* The whole word: no permit too many or too few, and no waiter in it. */
static inline void only_permits(uint32_t permits) {
    REQUIRE(thrum_u64_load_relaxed(&s.permits.state) == permits);
}

static inline bool acquire(kind how) {
    switch (how) {
    case TIMED:
        if (thrum_semaphore_acquire_until(&s.permits, EXPLORE_SOON) == THRUM_OK) return true;
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
        return false;
    case TRYING:
        return thrum_semaphore_try_acquire(&s.permits);
    default:
        thrum_semaphore_acquire(&s.permits);
        return true;
    }
}

#endif
