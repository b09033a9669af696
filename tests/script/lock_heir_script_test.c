/* SPDX-License-Identifier: MIT */
/* What an heir does, in the exact words of a lock. */
#include "lock_script.h"

#include <limits.h>

#include <thrum/lock.h>

static void add(uint32_t bits) {
    (void)thrum_u32_fetch_or_relaxed(&lock.state, bits);
}
static void fall_asleep(void) {
    add(WAITERS);
}
static void fall_asleep_and_release(void) {
    fall_asleep(), release();
}
static void close_it(void) {
    add(CLOSED);
}
static void the_time_has_almost_come(void) {
    script.now_ns = script.last_deadline.ns - 1;
}
static void the_time_comes_and_close(void) {
    the_time_comes(), close_it();
}
static void appoint(void) {
    forget(WAITERS);
}
static void appoint_when_the_time_comes(void) {
    the_time_comes(), appoint();
}
static void release_at_the_next_look_at_the_clock(void) {
    the_time_comes();
    script.at_clock = release;
}
static void the_time_comes_next(void) {
    script.at_clock = the_time_comes;
}

TEST(an_heir_with_others_behind_it_parks_until_its_slice_ends) {
    begin(LOCKED | WAITERS);
    expect_park(PARKED | WAITERS, SLICE_NS, the_time_has_almost_come, THRUM_FUTEX_INTERRUPTED);
    expect_park(PARKED | WAITERS, 1, release,
                THRUM_FUTEX_WOKEN); /* the slice is one, however often it parks */
    thrum_lock_acquire(&lock);
    end(2, LOCKED);
    last_wake(1, SLEEPERS);
}

static void the_slice_is_over_and_pass_on(void) {
    script.now_ns += SLICE_NS, pass_on();
}
TEST(an_heir_alone_closes_the_lock_after_a_hold_longer_than_its_slice) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, the_slice_is_over_and_pass_on, THRUM_FUTEX_WOKEN);
    expect_park(PARKED | CLOSED, WHOLE_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 0);
    end(2, LOCKED);
}

static void another_heir_leaves(void) {
    forget(HEIR);
}
TEST(an_heir_whose_bit_another_heir_took_along_sets_it_again) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, another_heir_leaves, THRUM_FUTEX_INTERRUPTED);
    expect_park(PARKED, WHOLE_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(1, LOCKED);
}

TEST(an_heir_that_sees_the_lock_passed_on_naps_and_wants_no_wake) {
    begin(LOCKED);
    script.at_clock = pass_on_next;
    script.at_nap = release;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(0, LOCKED);
}

/*
 * At each look at the clock some time has passed. Once there is an heir, another thread takes the lock and
 * releases it, without end: it is free at so many of eight looks.
 */
static unsigned free_looks, clock_looks;
static void time_goes_on(void) {
    script.now_ns += 50;
    script.at_clock = time_goes_on;
    if (!(word() & HEIR)) return;
    forget(MARK);
    if (clock_looks++ % 8 < free_looks)
        forget(LOCKED);
    else
        add(LOCKED);
}
static void release_for_good(void) {
    forget(LOCKED);
    script.at_clock = NULL;
}
TEST(an_heir_takes_a_lock_that_is_often_free_and_no_other) {
    for (free_looks = 0; free_looks <= 8; free_looks++) {
        begin(LOCKED);
        script.cpus = 2;
        script.at_clock = time_goes_on;
        script.at_nap = release_for_good;
        clock_looks = 7; /* held, and that for all rounds of the look that read no clock */
        thrum_lock_acquire(&lock);
        CHECK_EQ(script.naps, free_looks < 3 ? 1 : 0);
        end(0, LOCKED);
    }
}

/* The rounds of a look that read no clock find it free, all others find it held. */
static void free_at_first(void) {
    script.now_ns += 50;
    script.at_clock = free_at_first;
    if (!(word() & HEIR)) return;
    forget(MARK);
    if (clock_looks++ == 0)
        forget(LOCKED);
    else
        add(LOCKED);
}
TEST(an_heir_leaves_a_lock_that_it_has_seen_free_only_a_few_times) {
    begin(LOCKED);
    script.cpus = 2;
    script.at_clock = free_at_first;
    script.at_nap = release_for_good;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(0, LOCKED);
}

/* It has closed the lock for itself. */
TEST(an_heir_leaves_a_closed_lock_to_another_heir_however_long_it_is_free) {
    begin(LOCKED | CLOSED);
    script.cpus = 2;
    script.at_clock = time_goes_on;
    script.at_nap = open_it;
    free_looks = 8;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(0, LOCKED);
}

TEST(an_heir_that_was_woken_in_vain_naps_and_wants_no_second_wake) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, pass_on, THRUM_FUTEX_WOKEN);
    script.at_nap = release;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(1, LOCKED);
}

static void close_it_and_release(void) {
    close_it(), release();
}
TEST(an_heir_that_was_woken_leaves_a_closed_lock_to_the_heir_that_closed_it) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, close_it_and_release, THRUM_FUTEX_WOKEN);
    script.at_nap = open_it;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(1, LOCKED);
}

static void pass_on_at_each_look_at_the_clock(void) {
    pass_on();
    script.at_clock = pass_on_at_each_look_at_the_clock;
}
static void the_slice_is_over_now_and_release(void) {
    CHECK_EQ(script.now_ns, 1000 + SLICE_NS);
    release();
}
TEST(an_heir_naps_twice_as_long_each_time_and_not_beyond_its_slice) {
    begin(LOCKED);
    script.at_clock = pass_on_at_each_look_at_the_clock;
    expect_park((PARKED | CLOSED) & ~MARK, WHOLE_NS, the_slice_is_over_now_and_release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 4); /* 50, 100 and 200 microseconds, and what is left of 500 */
    end(1, LOCKED);
}

TEST(after_its_slice_an_heir_closes_the_lock_and_parks_until_its_own_deadline) {
    begin(LOCKED | WAITERS);
    expect_park(PARKED | WAITERS, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(PARKED | WAITERS | CLOSED, WHOLE_NS, pass_on, THRUM_FUTEX_WOKEN);
    expect_park(PARKED | WAITERS | CLOSED, WHOLE_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 0);
    end(3, LOCKED);
    last_wake(1, SLEEPERS);

    begin(LOCKED | SHARED | WAITERS);
    expect_park(PARKED | SHARED | WAITERS, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(PARKED | WAITERS | CLOSED | SHARED, DEATH_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(2, LOCKED | SHARED);

    begin(LOCKED | SHARED); /* alone, and its holder may die */
    expect_park(PARKED | SHARED, DEATH_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(1, LOCKED | SHARED);
}

TEST(an_heir_that_takes_the_lock_appoints_a_sleeper) {
    begin(LOCKED);
    one_sleeper_waits();
    expect_park(PARKED, WHOLE_NS, fall_asleep_and_release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(2, LOCKED | HEIR);
    last_wake(1, SLEEPERS);
}

TEST(an_heir_that_finds_nobody_to_appoint_leaves_no_heir) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, fall_asleep_and_release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(2, LOCKED);
    last_wake(1, SLEEPERS);
}

TEST(a_waiter_that_falls_asleep_while_nobody_was_found_is_woken_by_a_second_wake) {
    begin_until(LOCKED | HEIR, soon);
    expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, appoint_when_the_time_comes, THRUM_FUTEX_WOKEN);
    script.at_wake = fall_asleep;
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(2, LOCKED);
    last_wake(1, SLEEPERS);
}

static void another_heir_closes(void) {
    add(CLOSED | MARK);
}
TEST(an_heir_that_finds_nobody_takes_nothing_of_another_heir_along) {
    begin_until(LOCKED | HEIR, soon);
    expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, appoint_when_the_time_comes, THRUM_FUTEX_WOKEN);
    script.at_wake = another_heir_closes;
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(1, LOCKED | CLOSED | MARK);
}

TEST(a_chosen_sleeper_watches_for_those_that_may_still_sleep) {
    begin(LOCKED | HEIR);
    one_sleeper_waits();
    expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, appoint, THRUM_FUTEX_WOKEN);
    expect_park(PARKED | WAITERS, STALE_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(2, LOCKED | HEIR);
    last_wake(1, SLEEPERS);
}

TEST(a_chosen_sleeper_whose_deadline_has_passed_appoints_the_next) {
    for (unsigned sleepers = 0; sleepers <= 1; sleepers++) {
        begin_until(LOCKED | HEIR, soon);
        if (sleepers) one_sleeper_waits();
        expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, appoint_when_the_time_comes, THRUM_FUTEX_WOKEN);
        CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
        end(1, sleepers ? LOCKED | HEIR : LOCKED);
        last_wake(1, SLEEPERS);
    }
}

TEST(an_heir_whose_deadline_passes_clears_its_bits_and_wakes_other_heirs) {
    begin_until(LOCKED, soon);
    expect_park(PARKED, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(1, LOCKED);
    last_wake(INT_MAX, AT_RELEASE);

    begin_until(LOCKED | WAITERS, far);
    expect_park(PARKED | WAITERS, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(PARKED | WAITERS | CLOSED, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, far), THRUM_TIMEOUT);
    end(2, LOCKED);
    last_wake(1, SLEEPERS);
}

TEST(an_heir_that_leaves_a_lock_it_has_closed_opens_it_and_appoints) {
    begin_until(LOCKED | WAITERS, far);
    one_sleeper_waits();
    expect_park(PARKED | WAITERS, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(PARKED | WAITERS | CLOSED, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, far), THRUM_TIMEOUT);
    end(2, LOCKED | HEIR);
    last_wake(1, SLEEPERS);
}

static void the_time_comes_and_close_and_fall_asleep(void) {
    the_time_comes_and_close(), fall_asleep();
}
TEST(an_heir_that_leaves_keeps_the_lock_closed_for_the_heir_that_closed_it) {
    begin_until(LOCKED, soon);
    expect_park(PARKED, WHOLE_NS, the_time_comes_and_close, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(1, LOCKED | CLOSED);

    begin_until(LOCKED, soon);
    one_sleeper_waits();
    expect_park(PARKED, WHOLE_NS, the_time_comes_and_close_and_fall_asleep, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(2, LOCKED | HEIR | CLOSED);
}

TEST(an_heir_that_was_not_parked_leaves_without_a_wake) {
    begin_until(LOCKED, soon);
    script.last_deadline = soon;
    script.at_clock = the_time_comes_next;
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
    end(0, LOCKED);
}

TEST(an_heir_whose_deadline_passes_takes_a_lock_that_is_free_by_then) {
    begin_until(LOCKED, soon);
    expect_park(PARKED, WHOLE_NS, release_at_the_next_look_at_the_clock, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_OK);
    end(1, LOCKED);
}
