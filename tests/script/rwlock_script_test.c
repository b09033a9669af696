/* SPDX-License-Identifier: MIT */
/* The exact words of a rwlock, transition by transition; src/futex/rwlock.c has their table. */
#include "rwlock_script.h"

#include <thrum/rwlock.h>

#define FULL THRUM_RWLOCK_FULL_
static void begin(uint32_t initial) {
    begin_until(initial, THRUM_FOREVER);
}

/* So many wakes in all, each of one; the word afterwards. Nobody is left in line. */
static void end(unsigned wakes, uint32_t final) {
    CHECK_EQ(word(), final);
    script_end(wakes, wakes > 0);
    CHECK_EQ(thrum_u32_load_relaxed(&rwlock.queue.state), final & SHARED ? THRUM_LOCK_SHARED_ : 0);
}

/* --- releases ------------------------------------------------------------------------------------------ */

typedef struct release_case {
    uint32_t before, after;
    unsigned wakes;
    thrum_result result;
} release_case;

static void each_case(thrum_result (*release)(thrum_rwlock *), const release_case *cases, unsigned count) {
    for (unsigned i = 0; i < 2 * count; i++) {
        const release_case *c = &cases[i / 2];
        const uint32_t shared = i % 2 ? SHARED : 0;
        begin(c->before | shared);
        CHECK_EQ(release(&rwlock), c->result);
        end(c->wakes, c->after | shared);
    }
}

static thrum_result release_read(thrum_rwlock *r) {
    return thrum_rwlock_release_read(r);
}
static thrum_result release_write(thrum_rwlock *r) {
    return thrum_rwlock_release_write(r);
}
static thrum_result downgrade(thrum_rwlock *r) {
    return thrum_rwlock_downgrade(r);
}

TEST(a_readers_release_wakes_the_candidate_when_it_is_the_last) {
    const release_case cases[] = {
        {READER, 0, 0, THRUM_OK},
        {READER | CLOSED, CLOSED, 0, THRUM_OK},
        {2 * READER | CLOSED | PARKED, READER | CLOSED | PARKED, 0, THRUM_OK},
        {READER | CLOSED | PARKED, CLOSED | PARKED, 1, THRUM_OK},
        {READER | PARKED, PARKED, 1, THRUM_OK},
    };
    each_case(release_read, cases, 5);
}

TEST(a_readers_release_too_many_changes_nothing) {
    const release_case cases[] = {
        {0, 0, 0, THRUM_NOT_LOCKED},
        {CLOSED, CLOSED, 0, THRUM_NOT_LOCKED},
        {CLOSED | PARKED, CLOSED | PARKED, 1, THRUM_NOT_LOCKED},
        {WRITER, WRITER, 0, THRUM_NOT_LOCKED},
        {WRITER | PARKED, WRITER | PARKED, 1, THRUM_NOT_LOCKED},
        {WRITER | READER, WRITER | READER, 0, THRUM_NOT_LOCKED},
    };
    each_case(release_read, cases, 6);
}

TEST(a_writers_release_wakes_the_candidate) {
    const release_case cases[] = {
        {WRITER, 0, 0, THRUM_OK},
        {WRITER | CLOSED, CLOSED, 0, THRUM_OK},
        {WRITER | CLOSED | PARKED, CLOSED | PARKED, 1, THRUM_OK},
        {WRITER | READER | PARKED, READER | PARKED, 1, THRUM_OK},
        {0, 0, 0, THRUM_NOT_LOCKED},
        {READER | PARKED, READER | PARKED, 0, THRUM_NOT_LOCKED},
    };
    each_case(release_write, cases, 6);
}

TEST(a_downgrade_wakes_the_candidate) {
    const release_case cases[] = {
        {WRITER, READER, 0, THRUM_OK},
        {WRITER | CLOSED | PARKED, READER | CLOSED | PARKED, 1, THRUM_OK},
        {WRITER | READER | PARKED, 2 * READER | PARKED, 1, THRUM_OK},
        {READER, READER, 0, THRUM_NOT_LOCKED},
        {PARKED, PARKED, 0, THRUM_NOT_LOCKED},
    };
    each_case(downgrade, cases, 5);
}

/* --- those that may not wait ---------------------------------------------------------------------------- */

TEST(a_reader_that_may_not_wait_goes_in_where_nothing_bars_it) {
    const uint32_t open[] = {0, PARKED, READER, SHARED, READER | PARKED | SHARED};
    for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++) {
        begin(open[i]);
        CHECK(thrum_rwlock_try_acquire_read(&rwlock));
        CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_OK);
        end(0, open[i] + 2 * READER);
    }
    const uint32_t barred[] = {WRITER,          CLOSED,          FULL,   WRITER | PARKED,
                               CLOSED | READER, WRITER | SHARED, CLOSED, FULL | PARKED};
    for (unsigned i = 0; i < sizeof barred / sizeof barred[0]; i++) {
        begin(barred[i]);
        CHECK(!thrum_rwlock_try_acquire_read(&rwlock));
        CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
        end(0, barred[i]);
    }
}

TEST(the_last_reader_that_is_turned_away_wakes_the_candidate) {
    begin(CLOSED | PARKED);
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
    end(1, CLOSED | PARKED);
    begin(CLOSED | PARKED | READER);
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
    end(0, CLOSED | PARKED | READER);
}

TEST(a_writer_that_may_not_wait_goes_in_where_nothing_bars_it) {
    const uint32_t open[] = {0, PARKED, SHARED, PARKED | SHARED};
    for (unsigned i = 0; i < sizeof open / sizeof open[0]; i++) {
        begin(open[i]);
        CHECK(thrum_rwlock_try_acquire_write(&rwlock));
        CHECK_EQ(word(), open[i] | WRITER);
        set(open[i]);
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, THRUM_NOW), THRUM_OK);
        end(0, open[i] | WRITER);
    }
    const uint32_t barred[] = {WRITER,         CLOSED, READER, FULL, CLOSED | PARKED, 5 * READER | SHARED,
                               CLOSED | SHARED};
    for (unsigned i = 0; i < sizeof barred / sizeof barred[0]; i++) {
        begin(barred[i]);
        CHECK(!thrum_rwlock_try_acquire_write(&rwlock));
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
        end(0, barred[i]);
    }
}

static void expect_park(uint32_t expected, uint64_t within_ns, script_act *meanwhile,
                        thrum_futex_outcome outcome) {
    script_expect((script_step){expected, THRUM_FUTEX_ANY, within_ns, meanwhile, outcome});
}
static void leave_read(void) {
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
}
static void pass_on(void) {
    leave();
    set((word() & ~CLOSED) + WRITER); /* another goes in, or overtakes */
}
static void leave_at_the_next_look_at_the_clock(void) {
    the_time_comes();
    script.at_clock = leave;
}

TEST(a_candidate_parks_until_its_slice_ends_and_goes_in_when_it_is_woken) {
    for (uint32_t shared = 0; shared <= SHARED; shared++) {
        begin(WRITER | shared);
        expect_park(WRITER | PARKED | shared, SLICE_NS, leave, THRUM_FUTEX_WOKEN);
        thrum_rwlock_acquire_write(&rwlock);
        CHECK_EQ(script.naps, 0);
        end(1, WRITER | shared);

        begin(WRITER | shared);
        expect_park(WRITER | PARKED | shared, SLICE_NS, leave, THRUM_FUTEX_WOKEN);
        thrum_rwlock_acquire_read(&rwlock);
        CHECK_EQ(script.naps, 0);
        end(1, READER | shared);

        begin(READER | shared);
        expect_park(READER | PARKED | shared, SLICE_NS, leave_read, THRUM_FUTEX_WOKEN);
        thrum_rwlock_acquire_write(&rwlock);
        end(1, WRITER | shared);
    }
}

TEST(a_candidate_that_was_woken_in_vain_naps_and_wants_no_second_wake) {
    begin(WRITER);
    expect_park(WRITER | PARKED, SLICE_NS, pass_on, THRUM_FUTEX_WOKEN);
    script.at_nap = leave;
    thrum_rwlock_acquire_write(&rwlock);
    CHECK_EQ(script.naps, 1);
    end(1, WRITER);
}

TEST(a_candidate_naps_twice_as_long_each_time_and_not_beyond_its_slice) {
    begin(WRITER);
    expect_park(WRITER | PARKED, SLICE_NS, pass_on, THRUM_FUTEX_WOKEN);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, leave, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_write(&rwlock);
    CHECK_EQ(script.naps, 4); /* 50, 100 and 200 microseconds, and what is left of 500 */
    CHECK_EQ(script.now_ns, 1000 + SLICE_NS);
    end(2, WRITER);
}

TEST(after_its_slice_a_candidate_closes_the_rwlock_and_parks_until_its_own_deadline) {
    begin(WRITER);
    expect_park(WRITER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, leave, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_write(&rwlock);
    CHECK_EQ(script.naps, 0);
    end(1, WRITER);

    begin(READER);
    expect_park(READER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(READER | PARKED | CLOSED, WHOLE_NS, leave_read, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_write(&rwlock);
    end(1, WRITER);
}

static void closed_and_not_parked(void) {
    CHECK_EQ(word(), WRITER | CLOSED);
}
static void closed_and_not_parked_twice(void) {
    closed_and_not_parked();
    script.at_clock = closed_and_not_parked;
}
static void look_at_the_clock(void) {
    script.at_clock = closed_and_not_parked_twice;
}
TEST(a_candidate_that_is_awake_keeps_the_rwlock_closed_and_wants_no_wake) {
    begin(WRITER);
    expect_park(WRITER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, look_at_the_clock, THRUM_FUTEX_INTERRUPTED);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, leave, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_write(&rwlock);
    end(1, WRITER);
}

TEST(a_candidate_that_was_overtaken_closes_the_rwlock_again) {
    begin(WRITER);
    expect_park(WRITER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, pass_on, THRUM_FUTEX_WOKEN);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, leave, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_write(&rwlock);
    CHECK_EQ(script.naps, 0);
    end(2, WRITER);
}

TEST(a_candidate_whose_deadline_passes_leaves_no_trace) {
    begin_until(WRITER, soon);
    expect_park(WRITER | PARKED, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, soon), THRUM_TIMEOUT);
    end(0, WRITER);

    begin_until(WRITER, far);
    expect_park(WRITER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(WRITER | PARKED | CLOSED, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, far), THRUM_TIMEOUT);
    end(0, WRITER);
}

TEST(a_candidate_whose_deadline_passes_goes_in_where_nothing_bars_it_by_then) {
    begin_until(WRITER, soon);
    expect_park(WRITER | PARKED, WHOLE_NS, leave_at_the_next_look_at_the_clock, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, soon), THRUM_OK);
    end(0, WRITER);
}

static void room_for_one(void) {
    set(word() - READER);
}
static void empty_it(void) {
    set(CLOSED);
}
TEST(a_reader_that_readers_bar_looks_again_within_a_millisecond) {
    begin(FULL);
    expect_park(FULL | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(FULL | PARKED | CLOSED, FULL_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(FULL | PARKED | CLOSED, FULL_NS, room_for_one, THRUM_FUTEX_TIMED_OUT);
    thrum_rwlock_acquire_read(&rwlock);
    end(0, FULL);

    /* A writer inside wakes it, and a writer is woken by the last reader: they need not look. */
    begin(FULL + WRITER);
    expect_park(FULL | WRITER | PARKED, SLICE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
    expect_park(FULL | WRITER | PARKED | CLOSED, WHOLE_NS, empty_it, THRUM_FUTEX_WOKEN);
    thrum_rwlock_acquire_read(&rwlock);
    end(0, READER);
}

/* --- a child -------------------------------------------------------------------------------------------- */

TEST(a_child_finds_a_free_rwlock_unless_processes_share_it) {
    begin(5 * READER | CLOSED | PARKED);
    CHECK(thrum_lock_try_acquire(&rwlock.queue));
    thrum_rwlock_reset_after_fork(&rwlock);
    end(0, 0);
    begin(5 * READER | CLOSED | PARKED | SHARED);
    thrum_rwlock_reset_after_fork(&rwlock);
    end(0, 5 * READER | CLOSED | PARKED | SHARED);

    thrum_rwlock_init_shared(&rwlock);
    end(0, SHARED);
    thrum_rwlock_init(&rwlock);
    end(0, 0);
}
