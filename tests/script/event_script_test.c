/* SPDX-License-Identifier: MIT */
/* The exact words of an event, transition by transition; src/futex/event.c has their table. */
#include "support/script.h"

#include <limits.h>

#include <thrum/event.h>

#define SET ((uint32_t)THRUM_EVENT_SET_)
#define WAITERS ((uint32_t)THRUM_EVENT_WAITERS_)
#define SHARED ((uint32_t)THRUM_EVENT_SHARED_)
#define GENERATION (2 * SHARED)
#define LAST_GENERATION (WAITERS - GENERATION)

static thrum_event event;

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&event.state);
}

static void begin(uint32_t initial, thrum_deadline deadline) {
    thrum_u32_store_relaxed(&event.state, initial);
    script_begin(&event.state, initial & SHARED, deadline);
}

static void set(void) {
    thrum_event_set(&event);
}
static void clear(void) {
    thrum_event_clear(&event);
}
static void set_and_clear(void) {
    set(), clear();
}
static void expire(void) {
    script.now_ns = script.deadline.ns;
}

static const thrum_futex_outcome outcomes[] = {THRUM_FUTEX_WOKEN, THRUM_FUTEX_CHANGED,
                                               THRUM_FUTEX_INTERRUPTED, THRUM_FUTEX_TIMED_OUT};

TEST(a_set_without_waiters_changes_one_bit_and_wakes_nobody) {
    begin(0, THRUM_FOREVER);
    set();
    CHECK_EQ(word(), SET);
    set();
    CHECK_EQ(word(), SET);
    clear();
    CHECK_EQ(word(), 0);
    script_end(0, 0);
}

TEST(a_set_of_an_event_with_waiters_raises_the_generation_and_wakes_all) {
    begin(5 * GENERATION | WAITERS, THRUM_FOREVER);
    set();
    CHECK_EQ(word(), 6 * GENERATION | SET);
    script_end(1, INT_MAX);
    set();
    CHECK_EQ(word(), 6 * GENERATION | SET);
    clear();
    CHECK_EQ(word(), 6 * GENERATION);
    script_end(1, INT_MAX);
}

/* Between the two steps of a set that finds waiters. */
TEST(a_set_amid_lets_nobody_through_until_its_second_step) {
    begin(5 * GENERATION | WAITERS | SET, (thrum_deadline){5000});
    CHECK(!thrum_event_is_set(&event));
    script_expect_wait(5 * GENERATION | WAITERS | SET, clear, THRUM_FUTEX_CHANGED);
    script_expect_wait(5 * GENERATION | WAITERS, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(5 * GENERATION | WAITERS, set, THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_OK);
    CHECK_EQ(word(), 6 * GENERATION | SET);
    script_end(1, INT_MAX);
}

TEST(a_clear_keeps_the_waiters_and_the_generation) {
    begin(5 * GENERATION | WAITERS, THRUM_FOREVER);
    clear();
    CHECK_EQ(word(), 5 * GENERATION | WAITERS);
    script_end(0, 0);
}

TEST(a_set_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(0, (thrum_deadline){5000});
        script_expect_wait(WAITERS, set, outcomes[i]);
        CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_OK);
        CHECK_EQ(word(), GENERATION | SET);
        script_end(1, INT_MAX);
    }
}

TEST(set_then_clear_lets_the_waiter_through_whatever_the_kernel_says) {
    for (unsigned i = 0; i < 4; i++) {
        begin(3 * GENERATION, (thrum_deadline){5000});
        script_expect_wait(3 * GENERATION | WAITERS, set_and_clear, outcomes[i]);
        CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_OK);
        CHECK_EQ(word(), 4 * GENERATION);
        script_end(1, INT_MAX);
    }
}

TEST(the_waits_without_a_deadline_take_the_same_steps) {
    begin(0, THRUM_FOREVER);
    script_expect_wait(WAITERS, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(WAITERS, set_and_clear, THRUM_FUTEX_WOKEN);
    thrum_event_wait(&event);
    CHECK_EQ(word(), GENERATION);
    script_end(1, INT_MAX);
}

/* Interrupted, a stranger's wake, a clear: the same wait again, to the same deadline. */
TEST(what_is_no_set_lets_nobody_through) {
    begin(7 * GENERATION, (thrum_deadline){5000});
    script_expect_wait(7 * GENERATION | WAITERS, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(7 * GENERATION | WAITERS, NULL, THRUM_FUTEX_WOKEN);
    script_expect_wait(7 * GENERATION | WAITERS, clear, THRUM_FUTEX_CHANGED);
    script_expect_wait(7 * GENERATION | WAITERS, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_TIMEOUT);
    script_end(0, 0);
}

/* The bit that a timeout may leave behind costs the next set a wake, and a new waiter nothing. */
TEST(a_timeout_leaves_at_most_the_waiters_bit) {
    begin(0, (thrum_deadline){5000});
    script_expect_wait(WAITERS, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word() & ~WAITERS, 0);
    begin(WAITERS, THRUM_FOREVER);
    script_expect_wait(WAITERS, set, THRUM_FUTEX_WOKEN);
    thrum_event_wait(&event);
    CHECK_EQ(word(), GENERATION | SET);
    script_end(1, INT_MAX);
}

TEST(a_past_deadline_does_not_wait) {
    begin(0, THRUM_NOW);
    CHECK_EQ(thrum_event_wait_until(&event, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_event_wait_until(&event, (thrum_deadline){script.now_ns}), THRUM_TIMEOUT);
    CHECK_EQ(word(), 0);
    set();
    CHECK_EQ(thrum_event_wait_until(&event, THRUM_NOW), THRUM_OK);
    script_end(0, 0);
}

TEST(the_generation_wraps_without_touching_the_flags) {
    begin(LAST_GENERATION, THRUM_FOREVER);
    script_expect_wait(LAST_GENERATION | WAITERS, set_and_clear, THRUM_FUTEX_WOKEN);
    thrum_event_wait(&event);
    CHECK_EQ(word(), 0);
    script_end(1, INT_MAX);

    begin(LAST_GENERATION | SHARED, THRUM_FOREVER);
    script_expect_wait(LAST_GENERATION | SHARED | WAITERS, set, THRUM_FUTEX_WOKEN);
    thrum_event_wait(&event);
    CHECK_EQ(word(), SHARED | SET);
    script_end(1, INT_MAX);
}

TEST(every_transition_keeps_the_shared_bit) {
    thrum_event_init_shared(&event);
    begin(word(), (thrum_deadline){5000});
    CHECK_EQ(word(), SHARED);
    set();
    CHECK_EQ(word(), SHARED | SET);
    set();
    clear();
    CHECK_EQ(word(), SHARED);
    script_expect_wait(SHARED | WAITERS, set_and_clear, THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_OK);
    CHECK_EQ(word(), SHARED | GENERATION);
    script_expect_wait(SHARED | GENERATION | WAITERS, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_event_wait_until(&event, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word() & ~WAITERS, SHARED | GENERATION);
    script_end(1, INT_MAX);
}
