/* SPDX-License-Identifier: MIT */
/* The exact words of a lock, transition by transition; src/futex/lock.c has their table. */
#include "lock_script.h"

#include <limits.h>

#include <thrum/lock.h>

/* What waiters leave in the word while they wait, but for the wish to be woken. */
#define TRACES ((uint32_t)(THRUM_LOCK_HEIR_ | THRUM_LOCK_WAITERS_ | THRUM_LOCK_CLOSED_ | THRUM_LOCK_MARK_))

TEST(an_uncontended_cycle_changes_one_bit_and_makes_no_call) {
    begin(0);
    thrum_lock_acquire(&lock);
    CHECK_EQ(word(), LOCKED);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(), 0);
    CHECK(thrum_lock_try_acquire(&lock));
    CHECK_EQ(word(), LOCKED);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(word(), LOCKED);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(), 0);
    script_end(0, 0);
}

TEST(every_transition_keeps_the_shared_bit) {
    thrum_lock_init_shared(&lock);
    begin(word());
    CHECK_EQ(word(), SHARED);
    thrum_lock_acquire(&lock);
    CHECK_EQ(word(), SHARED | LOCKED);
    CHECK(!thrum_lock_try_acquire(&lock));
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(), SHARED);
    CHECK(thrum_lock_try_acquire(&lock));
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(), SHARED);
    script_end(0, 0);
}

TEST(releasing_an_unlocked_lock_changes_nothing_whatever_waiters_left) {
    const uint32_t traces[] = {0, SHARED, TRACES, TRACES | SHARED, TRACES | WAKE, TRACES | WAKE | SHARED};
    for (unsigned i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        begin(traces[i]);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_NOT_LOCKED);
        CHECK_EQ(word(), traces[i]);
        script_end(traces[i] & WAKE ? 1 : 0, traces[i] & WAKE ? INT_MAX : 0); /* as the release of a hold */
    }
}

/* It has released the word that would tell whether processes share the lock. */
TEST(a_release_wakes_only_the_sleepers_that_the_word_asks_it_to_wake) {
    for (uint32_t shared = 0; shared <= SHARED; shared += SHARED) {
        begin(LOCKED | TRACES | shared);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(word(), TRACES | shared);
        script_end(0, 0);

        begin(LOCKED | TRACES | WAKE | shared);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(word() & LOCKED, 0);
        CHECK_EQ(word() & SHARED, shared);
        CHECK_EQ(script.wakes, 1);
        CHECK_EQ(script.wake_channels, THRUM_LOCK_AT_RELEASE_);
        CHECK_EQ(script.strays, 1);

        begin(LOCKED | TRACES | WAKE | shared);
        script.to_find = 1;
        script.to_find_channels = THRUM_LOCK_AT_RELEASE_;
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(script.wakes, 1);
        CHECK_EQ(script.strays, shared ? 1 : 0);
    }
}

TEST(a_closed_lock_that_is_free_is_there_for_try) {
    const uint32_t closed = (uint32_t)(THRUM_LOCK_HEIR_ | THRUM_LOCK_CLOSED_);
    begin(closed);
    CHECK(thrum_lock_try_acquire(&lock));
    CHECK_EQ(word() & (LOCKED | closed), LOCKED | closed);
    begin(closed);
    CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(word() & (LOCKED | closed), LOCKED | closed);
    begin(closed);
    CHECK_EQ(thrum_lock_acquire_until(&lock, (thrum_deadline){1}), THRUM_OK);
    CHECK_EQ(word() & (LOCKED | closed), LOCKED | closed);
    script_end(0, 0);
}

TEST(a_held_lock_is_not_touched_by_try) {
    for (uint32_t others = 0; others <= TRACES; others += TRACES) {
        begin(LOCKED | others);
        CHECK(!thrum_lock_try_acquire(&lock));
        CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_TIMEOUT);
        CHECK_EQ(thrum_lock_acquire_until(&lock, (thrum_deadline){1}), THRUM_TIMEOUT);
        CHECK(thrum_lock_locked(&lock));
        CHECK_EQ(word(), LOCKED | others);
        script_end(0, 0);
    }
}

TEST(a_waiter_of_a_condition_is_moved_for_the_next_release_or_woken_now) {
    static thrum_u32 waiter = {5};
    for (int moved = -1; moved <= 1; moved++) {
        begin(LOCKED);
        script.other = &waiter;
        script.moved = moved;
        thrum_lock_wake_at_release_(&lock, &waiter, 5);
        CHECK_EQ(word(), LOCKED | (moved > 0 ? WAKE : 0));
        script_end(moved < 0, moved < 0);
    }
}
static void all_leave(void) {
    forget(LOCKED | HEIR | WAITERS | CLOSED | MARK | WAKE);
}
static void the_time_comes_and_take(void) {
    the_time_comes(), take();
}
static void the_time_comes_and_release(void) {
    the_time_comes(), release();
}
static void the_mark_is_gone_in_time(void) {
    the_time_comes(), forget(MARK | WAKE);
}

TEST(a_newcomer_leaves_a_closed_lock_to_its_heir_for_a_millisecond_at_a_time) {
    begin(HEIR | CLOSED);
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, all_leave, THRUM_FUTEX_CHANGED);
    thrum_lock_acquire(&lock);
    end(0, LOCKED);

    begin_until(HEIR | CLOSED, far);
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, NULL, THRUM_FUTEX_INTERRUPTED);
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, all_leave, THRUM_FUTEX_CHANGED);
    CHECK_EQ(thrum_lock_acquire_until(&lock, far), THRUM_OK);
    end(0, LOCKED);

    begin_until(HEIR | CLOSED, soon);
    expect_sleep(HEIR | CLOSED | WAITERS, WHOLE_NS, all_leave, THRUM_FUTEX_CHANGED);
    CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_OK);
    end(0, LOCKED);
}

TEST(a_sleeper_at_a_held_lock_waits_without_bound_unless_processes_share_it) {
    for (uint32_t closed = 0; closed <= CLOSED; closed += CLOSED) {
        begin(LOCKED | HEIR | closed);
        expect_sleep(LOCKED | HEIR | WAITERS | closed, WHOLE_NS, all_leave, THRUM_FUTEX_CHANGED);
        thrum_lock_acquire(&lock);
        end(0, LOCKED);

        begin(LOCKED | HEIR | SHARED | closed);
        expect_sleep(LOCKED | HEIR | WAITERS | SHARED | closed, DEATH_NS, all_leave, THRUM_FUTEX_CHANGED);
        thrum_lock_acquire(&lock);
        end(0, LOCKED | SHARED);
    }
}

TEST(a_waiter_that_finds_no_heir_becomes_it_and_parks_until_its_own_deadline) {
    begin(LOCKED);
    expect_park(PARKED, WHOLE_NS, NULL, THRUM_FUTEX_INTERRUPTED);
    expect_park(PARKED, WHOLE_NS, release, THRUM_FUTEX_WOKEN);
    thrum_lock_acquire(&lock);
    end(1, LOCKED);
    last_wake(INT_MAX, AT_RELEASE);
}

TEST(a_timed_sleeper_leaves_whatever_the_futex_answers) {
    const thrum_futex_outcome unchosen[] = {THRUM_FUTEX_CHANGED, THRUM_FUTEX_INTERRUPTED,
                                            THRUM_FUTEX_TIMED_OUT};
    for (unsigned i = 0; i < sizeof unchosen / sizeof unchosen[0]; i++) {
        begin_until(LOCKED | HEIR, soon);
        expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, NULL, THRUM_FUTEX_CHANGED);
        expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, NULL, THRUM_FUTEX_INTERRUPTED);
        expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, the_time_comes, unchosen[i]);
        CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_TIMEOUT);
        end(0, LOCKED | HEIR | WAITERS);

        begin_until(LOCKED | HEIR, soon);
        expect_sleep(LOCKED | HEIR | WAITERS, WHOLE_NS, the_time_comes_and_release, unchosen[i]);
        CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_OK);
        end(0, LOCKED | HEIR | WAITERS);
    }
}

TEST(a_timed_sleeper_takes_a_free_lock_whatever_else_the_word_says) {
    const uint32_t others[] = {0, CLOSED, MARK, SHARED, MARK | WAKE};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        begin_until(LOCKED | HEIR | others[i], soon);
        expect_sleep(LOCKED | HEIR | WAITERS | others[i], WHOLE_NS, the_time_comes_and_release,
                     THRUM_FUTEX_TIMED_OUT);
        CHECK_EQ(thrum_lock_acquire_until(&lock, soon), THRUM_OK);
        end(others[i] & WAKE ? 1 : 0, LOCKED | HEIR | WAITERS | (others[i] & ~(MARK | WAKE)));
    }
}

TEST(a_caller_that_may_not_wait_takes_a_closed_lock_whatever_else_the_word_says) {
    const uint32_t others[] = {0, WAITERS, MARK, SHARED, MARK | WAKE};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        begin_until(HEIR | CLOSED | others[i], soon);
        CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_OK);
        end(0, LOCKED | HEIR | CLOSED | (others[i] & ~(MARK | WAKE)));
    }
}

static void the_time_comes_and_open(void) {
    the_time_comes(), open_it();
}
TEST(a_lock_that_is_open_again_has_not_lost_its_heir) {
    begin(HEIR | CLOSED);
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, the_time_comes_and_open, THRUM_FUTEX_TIMED_OUT);
    thrum_lock_acquire(&lock);
    end(0, LOCKED | HEIR | WAITERS);
}

TEST(a_lock_that_stays_closed_and_free_has_lost_its_heir) {
    begin(HEIR | CLOSED);
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, the_time_comes_and_take, THRUM_FUTEX_TIMED_OUT);
    expect_sleep(LOCKED | HEIR | CLOSED | WAITERS, WHOLE_NS, release, THRUM_FUTEX_INTERRUPTED); /* it lives */
    expect_sleep(HEIR | CLOSED | WAITERS, STALE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    thrum_lock_acquire(&lock);
    CHECK(script.naps > 0); /* the new heir gives the old one a slice */
    end(1, LOCKED);
    last_wake(1, SLEEPERS);
}

TEST(an_unmarked_hold_in_a_shared_lock_has_lost_its_heir) {
    const uint32_t held = LOCKED | HEIR | WAITERS | SHARED;
    const uint32_t signs[] = {MARK, WAKE, MARK | WAKE};
    for (unsigned i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        begin((held & ~WAITERS) | signs[i]);
        expect_sleep(held | signs[i], DEATH_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT); /* it lives */
        expect_sleep(held | signs[i], DEATH_NS, the_mark_is_gone_in_time, THRUM_FUTEX_TIMED_OUT);
        expect_park(PARKED | WAITERS | SHARED, STALE_NS, release, THRUM_FUTEX_WOKEN);
        thrum_lock_acquire(&lock);
        end(2, LOCKED | SHARED);
        last_wake(1, SLEEPERS);
    }
}

static void the_heir_dies_with_those_it_chose_and_the_lock_is_passed_on(void) {
    the_time_comes(), forget(MARK | WAKE | WAITERS);
    script.at_clock = pass_on_next;
}
TEST(a_waiter_that_finds_the_heir_gone_watches_for_the_sleepers_and_wants_no_wake_before_it_parks) {
    begin(LOCKED | HEIR | SHARED);
    one_sleeper_waits();
    expect_sleep(LOCKED | HEIR | WAITERS | SHARED, DEATH_NS,
                 the_heir_dies_with_those_it_chose_and_the_lock_is_passed_on, THRUM_FUTEX_TIMED_OUT);
    script.at_nap = release;
    thrum_lock_acquire(&lock);
    CHECK_EQ(script.naps, 1);
    end(1, LOCKED | HEIR | SHARED);
    last_wake(1, SLEEPERS);
}
