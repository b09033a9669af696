/* SPDX-License-Identifier: MIT */
/* The exact words of a lock, transition by transition; src/futex/lock.c has their table. */
#include "support/script.h"

#include <limits.h>

#include <thrum/lock.h>

#define SHARED ((uint32_t)THRUM_LOCK_SHARED_)
#define LOCKED THRUM_LOCK_LOCKED_
#define HEIR ((uint32_t)THRUM_LOCK_HEIR_)
#define WAITERS ((uint32_t)THRUM_LOCK_WAITERS_)
#define CLOSED ((uint32_t)THRUM_LOCK_CLOSED_)
#define MARK ((uint32_t)THRUM_LOCK_MARK_)
/* What waiters leave in the word while they wait, but for the wish to be woken. */
#define TRACES ((uint32_t)(THRUM_LOCK_HEIR_ | THRUM_LOCK_WAITERS_ | THRUM_LOCK_CLOSED_ | THRUM_LOCK_MARK_))
#define WAKE ((uint32_t)THRUM_LOCK_WAKE_)

static thrum_lock lock;

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&lock.state);
}

static void begin_until(uint32_t initial, thrum_deadline deadline) {
    thrum_u32_store_relaxed(&lock.state, initial);
    script_begin(&lock.state, initial & SHARED, deadline);
}

static void begin(uint32_t initial) {
    begin_until(initial, THRUM_FOREVER);
}

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

/* It has let go of the word that would tell whether processes share the lock. */
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

/* --- how it waits --------------------------------------------------------------------------- */

enum { AT_RELEASE = 1, SLEEPERS = 2 }; /* the channels of src/futex/lock.c */
enum { SLICE_NS = 500000, STALE_NS = 1000000, DEATH_NS = 100000000, SOON_NS = 100000 };
enum { WHOLE_NS = 0 }; /* as long as the caller's own deadline */
/* What an heir has in the word while it is parked for the release. */
#define PARKED (LOCKED | HEIR | MARK | WAKE)

static const thrum_deadline soon = {1000 + SOON_NS};   /* before any slice ends */
static const thrum_deadline far = {UINT64_C(1) << 60}; /* but not THRUM_FOREVER */

static void expect_sleep(uint32_t expected, uint64_t within_ns, script_act *meanwhile,
                         thrum_futex_outcome outcome) {
    script_expect((script_step){expected, SLEEPERS, within_ns, meanwhile, outcome});
}

static void expect_park(uint32_t expected, uint64_t within_ns, script_act *meanwhile,
                        thrum_futex_outcome outcome) {
    script_expect((script_step){expected, AT_RELEASE, within_ns, meanwhile, outcome});
}

/* So many wakes in all; the word afterwards. */
static void end(unsigned wakes, uint32_t final) {
    CHECK_EQ(word(), final);
    CHECK_EQ(script.played, script.written);
    CHECK_EQ(script.wakes, wakes);
}

static void last_wake(int count, uint32_t channels) {
    CHECK_EQ(script.wake_count, count);
    CHECK_EQ(script.wake_channels, channels);
}

static void one_sleeper_waits(void) {
    script.to_find = 1;
    script.to_find_channels = SLEEPERS;
}

/* What the others do. */
static void forget(uint32_t bits) {
    (void)thrum_u32_fetch_and_relaxed(&lock.state, ~bits);
}
static void add(uint32_t bits) {
    (void)thrum_u32_fetch_or_relaxed(&lock.state, bits);
}
static void release(void) {
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}
static void take(void) {
    CHECK(thrum_lock_try_acquire(&lock));
}
static void pass_on(void) {
    release(), take();
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
static void open_it(void) {
    forget(CLOSED);
}
static void all_leave(void) {
    forget(LOCKED | HEIR | WAITERS | CLOSED | MARK | WAKE);
}
static void the_time_comes(void) {
    script.now_ns = script.last_deadline.ns;
}
static void the_time_has_almost_come(void) {
    script.now_ns = script.last_deadline.ns - 1;
}
static void the_time_comes_and_close(void) {
    the_time_comes(), close_it();
}
static void the_time_comes_and_take(void) {
    the_time_comes(), take();
}
static void the_time_comes_and_release(void) {
    the_time_comes(), release();
}
static void appoint(void) {
    forget(WAITERS);
}
static void appoint_when_the_time_comes(void) {
    the_time_comes(), appoint();
}
static void the_mark_is_gone_in_time(void) {
    the_time_comes(), forget(MARK | WAKE);
}
static void release_at_the_next_look_at_the_clock(void) {
    the_time_comes();
    script.at_clock = release;
}
/* A first look at the clock begins the slice or finds the deadline ahead; this comes at the second. */
static void pass_on_next(void) {
    script.at_clock = pass_on;
}
static void the_time_comes_next(void) {
    script.at_clock = the_time_comes;
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
 * lets it go, without end: it is free at so many of eight looks.
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
