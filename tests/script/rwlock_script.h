/* SPDX-License-Identifier: MIT */
/* What the scripts of a rwlock share: its words, and what others do meanwhile. */
#ifndef THRUM_TESTS_SCRIPT_RWLOCK_SCRIPT_H
#define THRUM_TESTS_SCRIPT_RWLOCK_SCRIPT_H

#include "support/script.h"

#include <thrum/rwlock.h>

#define SHARED ((uint32_t)THRUM_RWLOCK_SHARED_)
#define WRITER ((uint32_t)THRUM_RWLOCK_WRITER_)
#define CLOSED ((uint32_t)THRUM_RWLOCK_CLOSED_)
#define PARKED ((uint32_t)THRUM_RWLOCK_PARKED_)
#define READER ((uint32_t)THRUM_RWLOCK_READER_)

static thrum_rwlock rwlock;

static inline uint32_t word(void) {
    return thrum_u32_load_relaxed(&rwlock.state);
}
static inline void set(uint32_t state) {
    thrum_u32_store_relaxed(&rwlock.state, state);
}

static inline void begin_until(uint32_t initial, thrum_deadline deadline) {
    set(initial);
    thrum_u32_store_relaxed(&rwlock.queue.state, initial & SHARED ? THRUM_LOCK_SHARED_ : 0);
    script_begin(&rwlock.state, initial & SHARED, deadline);
}

/* --- the candidate -------------------------------------------------------------------------------------- */

enum { SLICE_NS = 500000, STALE_NS = 1000000, FULL_NS = 1000000, SOON_NS = 100000 };
enum { WHOLE_NS = 0 }; /* as long as the caller's own deadline */

static const thrum_deadline soon = {1000 + SOON_NS};   /* before any slice ends */
static const thrum_deadline far = {UINT64_C(1) << 60}; /* but not THRUM_FOREVER */

static inline void leave(void) {
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
}
static inline void the_time_comes(void) {
    script.now_ns = script.last_deadline.ns;
}

#endif
