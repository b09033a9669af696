/* SPDX-License-Identifier: MIT */
/* Whom a barrier wakes, transition by transition: all that sleep, once, and nobody where nobody sleeps. */
#include "support/script.h"

#include <limits.h>

#include <thrum/barrier.h>

/* The upper half, on which threads sleep; src/futex/barrier.c has its bits. */
enum { SLEEPERS = 1, SHARED = 2, BROKEN = 8, MENDING = 16, GENERATION = 64 };

static thrum_barrier barrier;

static void begin(thrum_deadline deadline) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    script_begin((const thrum_u32 *)(const void *)((const char *)&barrier.state + (low_first ? 4 : 0)), false,
                 deadline);
}

static uint32_t upper(void) {
    return (uint32_t)(thrum_u64_load_relaxed(&barrier.state) >> 32);
}

static void *come_without_time(void *p) {
    (void)p;
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_TIMEOUT);
    return NULL;
}
static thrum_result let_somebody_give_up(void *p) {
    test_thread newcomer = test_start(come_without_time, p);
    test_join(&newcomer);
    return THRUM_OK;
}
static thrum_result do_nothing(void *p) {
    (void)p;
    return THRUM_OK;
}

TEST(a_cycle_in_which_nobody_sleeps_wakes_nobody) {
    CHECK_EQ(thrum_barrier_init(&barrier, 1), THRUM_OK);
    begin(THRUM_FOREVER);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(upper(), GENERATION);
    script_end(0, 0);

    CHECK_EQ(thrum_barrier_init_shared(&barrier, 1, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    CHECK_EQ(upper(), SHARED);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(upper(), GENERATION | SHARED);
    script_end(0, 0);

    CHECK_EQ(thrum_barrier_init_with(&barrier, 1, do_nothing, NULL, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(upper(), GENERATION);
    script_end(0, 0);
}

TEST(one_that_gives_up_beside_the_action_is_nobody_to_wake) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 1, let_somebody_give_up, NULL, THRUM_BARRIER_NO_TIMEOUT),
             THRUM_OK);
    begin(THRUM_FOREVER);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(upper(), GENERATION | BROKEN);
    thrum_barrier_reset(&barrier);
    CHECK_EQ(upper(), GENERATION);
    script_end(0, 0);
}

static void reset(void) {
    thrum_barrier_reset(&barrier);
}

TEST(a_reset_wakes_those_that_sleep_once) {
    CHECK_EQ(thrum_barrier_init(&barrier, 2), THRUM_OK);
    begin(THRUM_FOREVER);
    script_expect_wait(SLEEPERS, reset, THRUM_FUTEX_WOKEN);
    int32_t index = -7;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_BROKEN);
    CHECK_EQ(index, -7);
    CHECK_EQ(upper(), 0);
    script_end(1, INT_MAX);
}

static void time_comes(void) {
    script.now_ns = script.last_deadline.ns;
}
static void reset_and_come_until_it_gives_up(void) {
    reset();
    script_expect(
        (script_step){BROKEN | MENDING | SLEEPERS, THRUM_FUTEX_ANY, 100, time_comes, THRUM_FUTEX_TIMED_OUT});
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, (thrum_deadline){script.now_ns + 100}), THRUM_TIMEOUT);
    CHECK_EQ(upper(), BROKEN);
}

TEST(one_that_gives_up_a_mending_wakes_those_that_sleep_for_it_once) {
    CHECK_EQ(thrum_barrier_init(&barrier, 2), THRUM_OK);
    begin(THRUM_FOREVER);
    script_expect_wait(SLEEPERS, reset_and_come_until_it_gives_up, THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    reset();
    CHECK_EQ(upper(), 0);
    script_end(2, INT_MAX);
}

TEST(a_child_finds_a_broken_barrier_broken_and_a_mending_one_whole) {
    CHECK_EQ(thrum_barrier_init(&barrier, 2), THRUM_OK);
    begin(THRUM_FOREVER);
    thrum_barrier_abort(&barrier);
    thrum_barrier_reset_after_fork(&barrier);
    CHECK_EQ(upper(), BROKEN);

    const uint64_t leaving = (uint64_t)(BROKEN | MENDING | SLEEPERS) << 32 | 1;
    thrum_u64_store_relaxed(&barrier.state, leaving);
    thrum_barrier_reset_after_fork(&barrier);
    CHECK_EQ(thrum_u64_load_relaxed(&barrier.state), 0);
    script_end(0, 0);
}
