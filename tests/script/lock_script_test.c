/* SPDX-License-Identifier: MIT */
/* The exact words of a lock on its inlined paths and in its release. */
#include "support/script.h"

#include <thrum/lock.h>

#define SHARED ((uint32_t)THRUM_LOCK_SHARED_)
#define LOCKED THRUM_LOCK_LOCKED_
/* What waiters leave in the word while they wait, but for the wish to be woken. */
#define TRACES ((uint32_t)(THRUM_LOCK_HEIR_ | THRUM_LOCK_WAITERS_ | THRUM_LOCK_CLOSED_ | THRUM_LOCK_MARK_))
#define WAKE ((uint32_t)THRUM_LOCK_WAKE_)

static thrum_lock lock;

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&lock.state);
}

static void begin(uint32_t initial) {
    thrum_u32_store_relaxed(&lock.state, initial);
    script_begin(&lock.state, initial & SHARED, THRUM_FOREVER);
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
        script_end(0, 0);
    }
}

TEST(a_release_wakes_only_whom_the_word_asks_it_to_wake) {
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
        CHECK(script.wake_channels != 0);
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
