/* SPDX-License-Identifier: MIT */
/* The exact words of a once, transition by transition; src/futex/once.c has their table. */
#include "support/script.h"

#include <limits.h>

#include <thrum/once.h>

#define DONE ((uint32_t)THRUM_ONCE_DONE_)
#define RUNNING ((uint32_t)THRUM_ONCE_RUNNING_)
#define WAITERS ((uint32_t)THRUM_ONCE_WAITERS_)

static thrum_once once;
static uint32_t word_within;
static thrum_result answer;

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&once.state);
}

static void begin(uint32_t initial, thrum_deadline deadline) {
    thrum_u32_store_relaxed(&once.state, initial);
    script_begin(&once.state, false, deadline);
    word_within = ~0u;
    answer = THRUM_OK;
}

static thrum_result run(void *argument) {
    word_within = word();
    if (argument) thrum_u32_fetch_or_relaxed(&once.state, WAITERS); /* one comes meanwhile */
    return answer;
}
static void succeed(void) {
    thrum_once_end_(&once, THRUM_OK);
}
static void fail(void) {
    thrum_once_end_(&once, THRUM_NO_MEMORY);
}
static void expire(void) {
    script.now_ns = script.deadline.ns;
}

static const thrum_futex_outcome outcomes[] = {THRUM_FUTEX_WOKEN, THRUM_FUTEX_CHANGED,
                                               THRUM_FUTEX_INTERRUPTED, THRUM_FUTEX_TIMED_OUT};

TEST(a_run_that_nobody_waits_for_wakes_nobody) {
    begin(0, THRUM_FOREVER);
    CHECK_EQ(thrum_once_run(&once, run, NULL), THRUM_OK);
    CHECK_EQ(word_within, RUNNING);
    CHECK_EQ(word(), DONE);
    script_end(0, 0);
}

TEST(the_end_of_a_run_wakes_all_that_came_meanwhile) {
    begin(0, THRUM_FOREVER);
    CHECK_EQ(thrum_once_run(&once, run, &once), THRUM_OK);
    CHECK_EQ(word(), DONE);
    script_end(1, INT_MAX);
}

TEST(a_failure_opens_it_and_wakes_all_that_came_meanwhile) {
    begin(0, THRUM_FOREVER);
    answer = THRUM_NO_MEMORY;
    CHECK_EQ(thrum_once_run(&once, run, &once), THRUM_NO_MEMORY);
    CHECK_EQ(word(), 0);
    script_end(1, INT_MAX);
}

TEST(a_success_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(RUNNING, (thrum_deadline){5000});
        script_expect_wait(RUNNING | WAITERS, succeed, outcomes[i]);
        CHECK_EQ(thrum_once_run_until(&once, run, NULL, script.deadline), THRUM_OK);
        CHECK_EQ(word_within, ~0u);
        CHECK_EQ(word(), DONE);
        script_end(1, INT_MAX);
    }
}

TEST(after_a_failure_the_waiter_runs_it_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(RUNNING, (thrum_deadline){5000});
        script_expect_wait(RUNNING | WAITERS, fail, outcomes[i]);
        CHECK_EQ(thrum_once_run_until(&once, run, NULL, script.deadline), THRUM_OK);
        CHECK_EQ(word_within, RUNNING);
        CHECK_EQ(word(), DONE);
        script_end(1, INT_MAX);
    }
}

/* Interrupted, a stranger's wake: the same wait again, to the same deadline. */
TEST(a_run_that_goes_on_lets_nobody_through) {
    begin(RUNNING, (thrum_deadline){5000});
    script_expect_wait(RUNNING | WAITERS, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(RUNNING | WAITERS, NULL, THRUM_FUTEX_WOKEN);
    script_expect_wait(RUNNING | WAITERS, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_once_run_until(&once, run, NULL, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word(), RUNNING | WAITERS);
    script_end(0, 0);
}

TEST(a_past_deadline_does_not_wait) {
    begin(RUNNING, THRUM_NOW);
    CHECK_EQ(thrum_once_run_until(&once, run, NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(word(), RUNNING);
    script_end(0, 0);
}
