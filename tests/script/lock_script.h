/* SPDX-License-Identifier: MIT */
/* What the scripts of a lock share: its words, and what others do meanwhile. */
#ifndef THRUM_TESTS_SCRIPT_LOCK_SCRIPT_H
#define THRUM_TESTS_SCRIPT_LOCK_SCRIPT_H

#include "support/script.h"

#include <thrum/lock.h>

#define SHARED ((uint32_t)THRUM_LOCK_SHARED_)
#define LOCKED THRUM_LOCK_LOCKED_
#define HEIR ((uint32_t)THRUM_LOCK_HEIR_)
#define WAITERS ((uint32_t)THRUM_LOCK_WAITERS_)
#define CLOSED ((uint32_t)THRUM_LOCK_CLOSED_)
#define MARK ((uint32_t)THRUM_LOCK_MARK_)
#define WAKE ((uint32_t)THRUM_LOCK_WAKE_)

static thrum_lock lock;

static inline uint32_t word(void) {
    return thrum_u32_load_relaxed(&lock.state);
}

static inline void begin_until(uint32_t initial, thrum_deadline deadline) {
    thrum_u32_store_relaxed(&lock.state, initial);
    script_begin(&lock.state, initial & SHARED, deadline);
}

static inline void begin(uint32_t initial) {
    begin_until(initial, THRUM_FOREVER);
}

/* --- how it waits --------------------------------------------------------------------------- */

enum { AT_RELEASE = 1, SLEEPERS = 2 }; /* the channels of src/futex/lock.c */
enum { SLICE_NS = 500000, STALE_NS = 1000000, DEATH_NS = 100000000, SOON_NS = 100000 };
enum { WHOLE_NS = 0 }; /* as long as the caller's own deadline */
/* What an heir has in the word while it is parked for the release. */
#define PARKED (LOCKED | HEIR | MARK | WAKE)

static const thrum_deadline soon = {1000 + SOON_NS};   /* before any slice ends */
static const thrum_deadline far = {UINT64_C(1) << 60}; /* but not THRUM_FOREVER */

static inline void expect_sleep(uint32_t expected, uint64_t within_ns, script_act *meanwhile,
                                thrum_futex_outcome outcome) {
    script_expect((script_step){expected, SLEEPERS, within_ns, meanwhile, outcome});
}

static inline void expect_park(uint32_t expected, uint64_t within_ns, script_act *meanwhile,
                               thrum_futex_outcome outcome) {
    script_expect((script_step){expected, AT_RELEASE, within_ns, meanwhile, outcome});
}

/* So many wakes in all; the word afterwards. */
static inline void end(unsigned wakes, uint32_t final) {
    CHECK_EQ(word(), final);
    CHECK_EQ(script.played, script.written);
    CHECK_EQ(script.wakes, wakes);
}

static inline void last_wake(int count, uint32_t channels) {
    CHECK_EQ(script.wake_count, count);
    CHECK_EQ(script.wake_channels, channels);
}

static inline void one_sleeper_waits(void) {
    script.to_find = 1;
    script.to_find_channels = SLEEPERS;
}

/* What the others do. */
static inline void forget(uint32_t bits) {
    (void)thrum_u32_fetch_and_relaxed(&lock.state, ~bits);
}
static inline void release(void) {
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}
static inline void take(void) {
    CHECK(thrum_lock_try_acquire(&lock));
}
static inline void pass_on(void) {
    release(), take();
}
static inline void open_it(void) {
    forget(CLOSED);
}
static inline void the_time_comes(void) {
    script.now_ns = script.last_deadline.ns;
}
/* A first look at the clock begins the slice or finds the deadline ahead; this comes at the second. */
static inline void pass_on_next(void) {
    script.at_clock = pass_on;
}

#endif
