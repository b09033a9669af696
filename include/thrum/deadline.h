/* SPDX-License-Identifier: MIT */
/*
 * deadline: a moment, the one type of time in thrum.
 *
 * Every wait with a limit takes an absolute moment of CLOCK_MONOTONIC, so that a wait that has to
 * begin again (a signal, a lost race) needs no arithmetic, and steps of the wall clock change
 * nothing. Eight bytes, passed by value.
 *
 *     thrum_deadline end = thrum_after_ms(50);                  // one limit for both waits
 *     if (thrum_lock_acquire_until(&l, end) == THRUM_OK) { ... }
 *     if (thrum_event_wait_until(&e, end) == THRUM_OK) { ... }
 *
 * A deadline that has already passed makes an attempt without waiting: on something free it
 * succeeds. `THRUM_NOW` is such a deadline, `THRUM_FOREVER` one that never passes.
 *
 * Every function here may be called by any thread and in a signal handler.
 */
#ifndef THRUM_DEADLINE_H
#define THRUM_DEADLINE_H

#include <thrum/result.h>

/* Nanoseconds of CLOCK_MONOTONIC. 0: always passed. UINT64_MAX: never passes. */
typedef struct thrum_deadline {
    uint64_t ns;
} thrum_deadline;

static const thrum_deadline THRUM_NOW = {0};
static const thrum_deadline THRUM_FOREVER = {UINT64_MAX};

/* The longest timeout, in seconds, that thrum_deadline_from_seconds takes. */
#define THRUM_TIMEOUT_MAX 9223372036.0

THRUM_BEGIN_DECLS

/*
 * The moment that lies so far from now. Negative or zero: already passed. Never wraps: what is
 * too far away to be counted becomes THRUM_FOREVER.
 */
THRUM_API thrum_deadline thrum_after_ns(int64_t ns);
THRUM_API thrum_deadline thrum_after_us(int64_t us);
THRUM_API thrum_deadline thrum_after_ms(int64_t ms);

/*
 * The same in seconds, rounded up to whole nanoseconds: thrum_after(1e-12) waits, for 1 ns. NaN
 * and negative numbers are already passed; above THRUM_TIMEOUT_MAX, infinity too, is
 * THRUM_FOREVER.
 */
THRUM_API thrum_deadline thrum_after(double seconds);

/*
 * The checking form, for numbers from outside. THRUM_OK; THRUM_INVALID for NaN or a negative
 * number; THRUM_OVERFLOW above THRUM_TIMEOUT_MAX. On an error *deadline is left as it was.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_deadline_from_seconds(double seconds, thrum_deadline *deadline);

/*
 * The same check for a duration, as thrum_barrier_init_with and thrum_scheduler_every take it: so many
 * nanoseconds, rounded up. On an error *ns is left as it was.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_deadline_ns_from_seconds(double seconds, int64_t *ns);

/* Whether the moment has come. Reads the clock only when it must. */
THRUM_API bool thrum_deadline_passed(thrum_deadline deadline);

/* Nanoseconds from now until then: 0 when it has passed, UINT64_MAX for THRUM_FOREVER. */
THRUM_API uint64_t thrum_deadline_left_ns(thrum_deadline deadline);

/*
 * Sleeps until the moment has come: not at all where it has passed, for ever with THRUM_FOREVER. A signal
 * handler that runs meanwhile neither shortens nor lengthens the sleep. A thread that another one is to wake
 * earlier waits for an event instead.
 */
THRUM_API void thrum_sleep(thrum_deadline deadline);

/* The earlier of two moments. */
THRUM_INLINE thrum_deadline thrum_deadline_earlier(thrum_deadline a, thrum_deadline b) {
    return a.ns < b.ns ? a : b;
}

THRUM_END_DECLS

#endif
