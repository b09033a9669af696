/* SPDX-License-Identifier: MIT */
/* The exact words of a latch, transition by transition; src/futex/latch.c has their table. */
#include "support/script.h"

#include <limits.h>

#include <thrum/latch.h>

enum { WAITERS = 1, SHARED = 2 };
#define LAST_GENERATION (((uint32_t)1 << 30) - 1)
#define CLOSED(generation, count, flags) \
    (((uint64_t)(generation) << 34 | (uint64_t)(0u - (uint32_t)(count)) << 2) | (uint64_t)(flags))
#define OPEN(generation, flags) CLOSED(generation, 0, flags)
/* The upper half, on which threads sleep. */
#define ASLEEP(generation) ((uint32_t)(generation) << 2 | 3)

static thrum_latch latch;

static uint64_t word(void) {
    return thrum_u64_load_relaxed(&latch.state);
}

static void begin(uint64_t initial, thrum_deadline deadline) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    thrum_u64_store_relaxed(&latch.state, initial);
    script_begin((const thrum_u32 *)(const void *)((const char *)&latch.state + (low_first ? 4 : 0)),
                 initial & SHARED, deadline);
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
    begin(CLOSED(5, 3, WAITERS), THRUM_FOREVER);
    count();
    CHECK_EQ(word(), CLOSED(5, 2, WAITERS));
    script_end(0, 0);
}

TEST(an_opening_raises_the_generation_and_wakes_all_that_may_sleep) {
    begin(CLOSED(5, 3, WAITERS), THRUM_FOREVER);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 4), THRUM_OK);
    CHECK_EQ(word(), OPEN(6, WAITERS));
    script_end(1, INT_MAX);
    begin(CLOSED(5, 1, WAITERS), THRUM_FOREVER);
    count();
    CHECK_EQ(word(), OPEN(6, WAITERS));
    script_end(1, INT_MAX);
}

TEST(a_count_too_many_leaves_the_word_as_it_was_and_wakes_nobody) {
    begin(OPEN(6, WAITERS | SHARED), THRUM_FOREVER);
    count();
    CHECK_EQ(word(), OPEN(6, WAITERS | SHARED));
    CHECK_EQ(thrum_latch_count_down_n(&latch, 4), THRUM_OK);
    CHECK_EQ(word(), OPEN(6, WAITERS | SHARED));
    script_end(0, 0);
}

TEST(a_reset_keeps_the_generation_and_forgets_the_sleepers_of_the_last_one) {
    begin(OPEN(6, WAITERS | SHARED), THRUM_FOREVER);
    CHECK_EQ(thrum_latch_reset(&latch, THRUM_LATCH_MAX), THRUM_OK);
    CHECK_EQ(word(), CLOSED(6, THRUM_LATCH_MAX, SHARED));
    script_end(0, 0);
}

TEST(an_opening_without_waiters_wakes_nobody) {
    begin(CLOSED(0, 1, 0), THRUM_FOREVER);
    count();
    CHECK_EQ(word(), OPEN(1, 0));
    script_end(0, 0);
}

TEST(an_opening_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(CLOSED(0, 1, 0), (thrum_deadline){5000});
        script_expect_wait(ASLEEP(0), count, outcomes[i]);
        CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_OK);
        CHECK_EQ(word(), OPEN(1, WAITERS));
        script_end(1, INT_MAX);
    }
}

TEST(opened_and_reset_it_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(CLOSED(3, 1, 0), (thrum_deadline){5000});
        script_expect_wait(ASLEEP(3), count_and_reset, outcomes[i]);
        CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_OK);
        CHECK_EQ(word(), CLOSED(4, 1, 0));
        script_end(1, INT_MAX);
    }
}

/*
 * Interrupted, a stranger's wake, a count-down that does not open: the same wait again, to the same deadline.
 */
TEST(what_does_not_open_lets_nobody_through) {
    begin(CLOSED(7, 2, 0), (thrum_deadline){5000});
    script_expect_wait(ASLEEP(7), NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(ASLEEP(7), NULL, THRUM_FUTEX_WOKEN);
    script_expect_wait(ASLEEP(7), count, THRUM_FUTEX_CHANGED);
    script_expect_wait(ASLEEP(7), expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word() & ~(uint64_t)WAITERS, CLOSED(7, 1, 0));
    script_end(0, 0);
}

TEST(a_past_deadline_does_not_wait) {
    begin(CLOSED(0, 1, 0), THRUM_NOW);
    CHECK_EQ(thrum_latch_wait_until(&latch, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_latch_wait_until(&latch, (thrum_deadline){script.now_ns}), THRUM_TIMEOUT);
    CHECK_EQ(word(), CLOSED(0, 1, 0));
    script_end(0, 0);
}

TEST(the_generation_wraps_without_touching_the_flags) {
    begin(CLOSED(LAST_GENERATION, 1, SHARED), THRUM_FOREVER);
    script_expect_wait(ASLEEP(LAST_GENERATION), count, THRUM_FUTEX_WOKEN);
    thrum_latch_wait(&latch);
    CHECK_EQ(word(), OPEN(0, SHARED | WAITERS));
    script_end(1, INT_MAX);
}

/* The upper half holds the count's two highest bits, too: a waiter sleeps on what it is at that moment. */
TEST(a_large_count_is_slept_on) {
    begin(CLOSED(2, THRUM_LATCH_MAX, 0), (thrum_deadline){5000});
    script_expect_wait(2 << 2 | 2, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_latch_wait_until(&latch, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word(), CLOSED(2, THRUM_LATCH_MAX, WAITERS));
    script_end(0, 0);
}
