/* SPDX-License-Identifier: MIT */
/* The exact words of a latch, transition by transition; src/futex/latch.c has their table. */
#include "support/script.h"

#include <limits.h>

#include <thrum/latch.h>

/* The upper half, on which threads sleep. */
enum { WAITERS = 1, SHARED = 2, GENERATION = 4 };
#define UPPER(half) ((uint64_t)(half) << 32)
#define LAST_GENERATION ((uint32_t)~0u - (GENERATION - 1))

static thrum_latch latch;

static uint64_t word(void) {
    return thrum_u64_load_relaxed(&latch.state);
}

static void begin(uint64_t initial, thrum_deadline deadline) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    thrum_u64_store_relaxed(&latch.state, initial);
    script_begin((const thrum_u32 *)(const void *)((const char *)&latch.state + (low_first ? 4 : 0)),
                 initial & UPPER(SHARED), deadline);
}

static void count(void) {
    thrum_latch_count_down(&latch);
}
static void count_and_reset(void) {
    count();
    CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
}
static void expire(void) {
    script.now_ns = script.deadline.ns;
}

static const thrum_futex_outcome outcomes[] = {THRUM_FUTEX_WOKEN, THRUM_FUTEX_CHANGED,
                                               THRUM_FUTEX_INTERRUPTED, THRUM_FUTEX_TIMED_OUT};

TEST(a_count_down_that_does_not_open_changes_the_count_alone_and_wakes_nobody) {
    begin(UPPER(5 * GENERATION | WAITERS) | 3, THRUM_FOREVER);
    count();
    CHECK_EQ(word(), UPPER(5 * GENERATION | WAITERS) | 2);
    script_end(0, 0);
}

TEST(an_opening_raises_the_generation_and_wakes_all_who_may_sleep) {
    begin(UPPER(5 * GENERATION | WAITERS) | 3, THRUM_FOREVER);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 4), THRUM_OK);
    CHECK_EQ(word(), UPPER(6 * GENERATION));
    script_end(1, INT_MAX);
    count();
    CHECK_EQ(word(), UPPER(6 * GENERATION));
    script_end(1, INT_MAX);
}

TEST(an_opening_without_waiters_wakes_nobody) {
    begin(1, THRUM_FOREVER);
    count();
    CHECK_EQ(word(), UPPER(GENERATION));
    script_end(0, 0);
}

TEST(an_opening_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(1, (thrum_deadline){5000});
        script_expect_wait(WAITERS, count, outcomes[i]);
        CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_OK);
        CHECK_EQ(word(), UPPER(GENERATION));
        script_end(1, INT_MAX);
    }
}

TEST(opened_and_reset_it_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(UPPER(3 * GENERATION) | 1, (thrum_deadline){5000});
        script_expect_wait(3 * GENERATION | WAITERS, count_and_reset, outcomes[i]);
        CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_OK);
        CHECK_EQ(word(), UPPER(4 * GENERATION) | 1);
        script_end(1, INT_MAX);
    }
}

/*
 * Interrupted, a stranger's wake, a count-down that does not open: the same wait again, to the same deadline.
 */
TEST(what_does_not_open_lets_nobody_through) {
    begin(UPPER(7 * GENERATION) | 2, (thrum_deadline){5000});
    script_expect_wait(7 * GENERATION | WAITERS, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(7 * GENERATION | WAITERS, NULL, THRUM_FUTEX_WOKEN);
    script_expect_wait(7 * GENERATION | WAITERS, count, THRUM_FUTEX_CHANGED);
    script_expect_wait(7 * GENERATION | WAITERS, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word() & ~UPPER(WAITERS), UPPER(7 * GENERATION) | 1);
    script_end(0, 0);
}

TEST(a_past_deadline_does_not_wait) {
    begin(1, THRUM_NOW);
    CHECK_EQ(thrum_latch_wait_until(&latch, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_latch_wait_until(&latch, (thrum_deadline){script.now_ns}), THRUM_TIMEOUT);
    CHECK_EQ(word(), 1);
    script_end(0, 0);
}

TEST(the_generation_wraps_without_touching_the_flags) {
    begin(UPPER(LAST_GENERATION | SHARED) | 1, THRUM_FOREVER);
    script_expect_wait(LAST_GENERATION | SHARED | WAITERS, count, THRUM_FUTEX_WOKEN);
    thrum_latch_wait(&latch);
    CHECK_EQ(word(), UPPER(SHARED));
    script_end(1, INT_MAX);
}
