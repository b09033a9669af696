/* SPDX-License-Identifier: MIT */
/* The exact words of a semaphore, transition by transition; src/futex/semaphore.c has their table. */
#include "support/script.h"

#include <thrum/semaphore.h>

#define WAITER ((uint64_t)1 << 32)
#define SHARED ((uint64_t)1 << 63)

static thrum_bounded_semaphore bounded;
static thrum_semaphore *const semaphore = &bounded.permits;

static uint64_t word(void) {
    return thrum_u64_load_relaxed(&semaphore->state);
}

/* The half of the word on which threads sleep is the value, wherever the processor keeps it. */
static const thrum_u32 *value_half(void) {
    const unsigned index = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 1;
    return (const thrum_u32 *)(const void *)&semaphore->state + index;
}

static void begin(uint64_t initial, thrum_deadline deadline) {
    thrum_u64_store_relaxed(&semaphore->state, initial);
    bounded.bound = 4;
    script_begin(value_half(), (initial & SHARED) != 0, deadline);
}

static void release(void) {
    CHECK_EQ(thrum_semaphore_release(semaphore), THRUM_OK);
}
static void release_two(void) {
    CHECK_EQ(thrum_semaphore_release_n(semaphore, 2), THRUM_OK);
}
static void steal(void) {
    release(), CHECK(thrum_semaphore_try_acquire(semaphore));
}
static void expire(void) {
    script.now_ns = script.deadline.ns;
}

static const thrum_futex_outcome outcomes[] = {THRUM_FUTEX_WOKEN, THRUM_FUTEX_CHANGED,
                                               THRUM_FUTEX_INTERRUPTED, THRUM_FUTEX_TIMED_OUT};

TEST(nobody_waiting_costs_no_wake) {
    begin(0, THRUM_FOREVER);
    release();
    CHECK_EQ(word(), 1);
    release_two();
    CHECK_EQ(word(), 3);
    thrum_semaphore_acquire(semaphore);
    CHECK_EQ(word(), 2);
    script_end(0, 0);
}

TEST(a_waiter_is_counted_before_it_sleeps_and_leaves_with_its_permit) {
    for (unsigned i = 0; i < 4; i++) {
        begin(0, (thrum_deadline){5000});
        script_expect_wait(0, release, outcomes[i]);
        CHECK_EQ(thrum_semaphore_acquire_until(semaphore, script.deadline), THRUM_OK);
        CHECK_EQ(word(), 0);
        script_end(1, 1);
    }
}

static uint64_t seen_asleep;
static void look_and_release_two(void) {
    seen_asleep = word(), release_two();
}

TEST(the_count_of_waiters_lies_above_the_value) {
    begin(3 * WAITER, THRUM_FOREVER);
    script_expect_wait(0, look_and_release_two, THRUM_FUTEX_WOKEN);
    thrum_semaphore_acquire(semaphore);
    CHECK_EQ(seen_asleep, 4 * WAITER);
    CHECK_EQ(word(), 3 * WAITER + 1);
    script_end(1, 2);
}

/* Interrupted, a stranger's wake, a stolen permit: the same wait again, to the same deadline. */
TEST(without_a_permit_the_wait_goes_on) {
    begin(0, (thrum_deadline){5000});
    script_expect_wait(0, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(0, NULL, THRUM_FUTEX_WOKEN);
    script_expect_wait(0, steal, THRUM_FUTEX_WOKEN);
    script_expect_wait(0, steal, THRUM_FUTEX_CHANGED);
    script_expect_wait(0, release, THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, script.deadline), THRUM_OK);
    CHECK_EQ(word(), 0);
    script_end(3, 1);
}

TEST(a_timeout_leaves_the_word_as_it_was) {
    begin(2 * WAITER, (thrum_deadline){5000});
    script_expect_wait(0, NULL, THRUM_FUTEX_INTERRUPTED);
    script_expect_wait(0, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, script.deadline), THRUM_TIMEOUT);
    CHECK_EQ(word(), 2 * WAITER);
    script_end(0, 0);
}

TEST(a_past_deadline_does_not_wait) {
    begin(0, THRUM_NOW);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, (thrum_deadline){script.now_ns}), THRUM_TIMEOUT);
    CHECK(!thrum_semaphore_try_acquire(semaphore));
    CHECK_EQ(word(), 0);
    script_end(0, 0);
}

/* min(n, waiters - value): a waiter that a permit is promised to is not woken again. */
TEST(a_release_wakes_as_many_as_no_earlier_permit_is_for) {
    begin(5 * WAITER, THRUM_FOREVER);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, 3), THRUM_OK);
    CHECK_EQ(word(), 5 * WAITER + 3);
    script_end(1, 3);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, 3), THRUM_OK);
    CHECK_EQ(word(), 5 * WAITER + 6);
    script_end(2, 2);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, 3), THRUM_OK);
    release();
    CHECK_EQ(word(), 5 * WAITER + 10);
    script_end(2, 2);
}

TEST(a_release_of_more_than_wait_wakes_those_that_wait) {
    begin(2 * WAITER, THRUM_FOREVER);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, THRUM_SEMAPHORE_MAX), THRUM_OK);
    CHECK_EQ(word(), 2 * WAITER + THRUM_SEMAPHORE_MAX);
    script_end(1, 2);
}

/* Also beside waiters, whose permits may be on their way while the value is at its limit. */
TEST(a_refused_release_changes_nothing_and_wakes_nobody) {
    static const int32_t invalid[] = {0, -1, INT32_MIN};
    begin(9 * WAITER, THRUM_FOREVER);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_semaphore_release_n(semaphore, invalid[i]), THRUM_INVALID);
        CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, invalid[i]), THRUM_INVALID);
    }
    CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, 5), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, INT32_MAX), THRUM_LIMIT);
    CHECK_EQ(word(), 9 * WAITER);

    begin(9 * WAITER + 4, THRUM_FOREVER);
    CHECK_EQ(thrum_bounded_semaphore_release(&bounded), THRUM_LIMIT);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, THRUM_SEMAPHORE_MAX - 3), THRUM_OVERFLOW);
    CHECK_EQ(word(), 9 * WAITER + 4);

    begin(UINT64_C(0x7FFFFFFF) * WAITER + THRUM_SEMAPHORE_MAX, THRUM_FOREVER);
    CHECK_EQ(thrum_semaphore_release(semaphore), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(semaphore, INT32_MAX), THRUM_OVERFLOW);
    CHECK_EQ(word(), UINT64_C(0x7FFFFFFF) * WAITER + THRUM_SEMAPHORE_MAX);
    script_end(0, 0);
}

TEST(a_bounded_release_up_to_the_bound_wakes) {
    begin(9 * WAITER + 1, THRUM_FOREVER);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, 2), THRUM_OK);
    script_end(1, 2);
    CHECK_EQ(thrum_bounded_semaphore_release(&bounded), THRUM_OK);
    CHECK_EQ(word(), 9 * WAITER + 4);
    script_end(2, 1);
}

TEST(every_transition_keeps_the_shared_bit) {
    CHECK_EQ(thrum_semaphore_init_shared(semaphore, 1), THRUM_OK);
    CHECK(word() == SHARED + 1);
    begin(word(), (thrum_deadline){5000});
    CHECK(thrum_semaphore_try_acquire(semaphore));
    CHECK(word() == SHARED);
    script_expect_wait(0, release_two, THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, script.deadline), THRUM_OK);
    CHECK(word() == SHARED + 1);
    thrum_semaphore_acquire(semaphore);
    script_expect_wait(0, expire, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, script.deadline), THRUM_TIMEOUT);
    CHECK(word() == SHARED);
    script_end(1, 1);
}
