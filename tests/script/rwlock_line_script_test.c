/* SPDX-License-Identifier: MIT */
/* Waiters in line behind a candidate, in the exact words of a rwlock. */
#include "rwlock_script.h"

#include <thrum/rwlock.h>

#define IN_LINE (THRUM_LOCK_LOCKED_ | (uint32_t)(THRUM_LOCK_HEIR_ | THRUM_LOCK_MARK_ | THRUM_LOCK_WAKE_))

/* Another thread is the candidate: it holds the queue. */
static void begin_in_line(uint32_t initial, thrum_deadline deadline) {
    begin_until(initial, deadline);
    CHECK(thrum_lock_try_acquire(&rwlock.queue));
    script.other = &rwlock.queue.state;
}
static void expect_in_line(uint32_t more, uint64_t within_ns, script_act *meanwhile,
                           thrum_futex_outcome outcome) {
    const uint32_t shared = script.shared ? THRUM_LOCK_SHARED_ : 0;
    script_expect(
        (script_step){IN_LINE | more | shared, THRUM_LOCK_AT_RELEASE_, within_ns, meanwhile, outcome});
}
static void end_in_line(uint32_t final) {
    CHECK_EQ(word(), final);
    CHECK_EQ(script.played, script.written);
    CHECK_EQ(thrum_u32_load_relaxed(&rwlock.queue.state),
             THRUM_LOCK_LOCKED_ | (script.shared ? THRUM_LOCK_SHARED_ : 0));
}

TEST(a_waiter_in_line_overtakes_a_candidate_that_leaves_the_rwlock_closed_and_empty) {
    const uint32_t others[] = {0, PARKED, SHARED, SHARED | PARKED};
    for (unsigned i = 0; i < 2 * sizeof others / sizeof others[0]; i++) {
        const uint32_t other = others[i / 2];
        begin_in_line(CLOSED | other, THRUM_FOREVER);
        expect_in_line(0, STALE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
        if (i % 2)
            thrum_rwlock_acquire_read(&rwlock);
        else
            thrum_rwlock_acquire_write(&rwlock);
        CHECK_EQ(script.now_ns, 1000 + STALE_NS);
        end_in_line(other | (i % 2 ? READER : WRITER));
    }
}

static void the_time_comes_and_a_reader_looks_in(void) {
    the_time_comes(), set(word() + READER);
}
static void the_time_comes_and_it_is_gone(void) {
    the_time_comes(), set(word() - READER);
}
TEST(a_reader_that_looks_in_does_not_make_a_closed_rwlock_used) {
    begin_in_line(CLOSED, THRUM_FOREVER);
    expect_in_line(0, STALE_NS, the_time_comes_and_a_reader_looks_in, THRUM_FUTEX_TIMED_OUT);
    expect_in_line(0, STALE_NS, the_time_comes_and_it_is_gone, THRUM_FUTEX_TIMED_OUT);
    thrum_rwlock_acquire_write(&rwlock);
    end_in_line(WRITER);
}

static void the_time_comes_and_another_writes(void) {
    the_time_comes(), set((word() & ~CLOSED) | WRITER);
}
static void the_time_comes_and_another_writes_and_it_is_closed_again(void) {
    the_time_comes(), set(word() | WRITER);
}
static void the_time_comes_and_a_writer_leaves(void) {
    the_time_comes(), leave();
}
TEST(a_waiter_in_line_behind_one_that_is_served_waits_until_its_own_deadline) {
    const uint32_t used[] = {WRITER, WRITER | CLOSED, READER | CLOSED};
    for (unsigned i = 0; i < sizeof used / sizeof used[0]; i++) {
        begin_in_line(used[i], far);
        expect_in_line(0, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, far), THRUM_TIMEOUT);
        end_in_line(used[i]);
    }

    script_act *const uses[] = {the_time_comes_and_another_writes,
                                the_time_comes_and_another_writes_and_it_is_closed_again};
    for (unsigned i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        begin_in_line(CLOSED, far);
        expect_in_line(0, STALE_NS, uses[i], THRUM_FUTEX_TIMED_OUT);
        expect_in_line(0, WHOLE_NS, the_time_comes, THRUM_FUTEX_TIMED_OUT);
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, far), THRUM_TIMEOUT);
        end_in_line(WRITER | (i ? CLOSED : 0));
    }
}

TEST(a_waiter_in_line_goes_in_at_its_deadline_where_nothing_bars_it) {
    begin_in_line(WRITER, soon);
    expect_in_line(0, WHOLE_NS, the_time_comes_and_a_writer_leaves, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, soon), THRUM_OK);
    end_in_line(WRITER);

    begin_in_line(WRITER, soon);
    expect_in_line(0, WHOLE_NS, the_time_comes_and_a_writer_leaves, THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, soon), THRUM_OK);
    end_in_line(READER);
}
