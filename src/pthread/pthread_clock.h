/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. Moments as POSIX gives them: of either clock. A wait until a moment of CLOCK_REALTIME
 * follows the steps of that clock: asleep on a word of its own the kernel sees to it, elsewhere within
 * THRUM_MOMENT_LOOK_NS.
 */
#ifndef THRUM_SRC_PTHREAD_CLOCK_H
#define THRUM_SRC_PTHREAD_CLOCK_H

#include <thrum/futex.h>

#include <sys/types.h>
#include <time.h>

#define THRUM_MOMENT_LOOK_NS 100000000 /* 0.1 s: ten looks a second cost nothing that could be measured */

typedef struct thrum_moment {
    bool is_realtime;
    uint64_t ns; /* UINT64_MAX: never */
} thrum_moment;

static const thrum_moment THRUM_NEVER = {false, UINT64_MAX};

/* False: a clock that cannot be waited by, or nanoseconds beyond 0 to 999,999,999. */
THRUM_MUST_USE bool thrum_moment_from_(clockid_t clock, const struct timespec *given, thrum_moment *moment);
bool thrum_moment_passed_(thrum_moment moment);
/* Until when to wait before asking again whether the moment has passed. */
thrum_deadline thrum_moment_look_(thrum_moment moment);
/* As thrum_futex_wait; also THRUM_FUTEX_INTERRUPTED for no reason. */
thrum_futex_outcome thrum_moment_sleep_(const thrum_u32 *word, uint32_t expected, thrum_moment moment);
/*
 * The same, but THRUM_FUTEX_INTERRUPTED only where a signal handler has run; THRUM_FUTEX_CHANGED for no
 * reason.
 */
thrum_futex_outcome thrum_moment_sleep_interruptibly_(const thrum_u32 *word, uint32_t expected,
                                                      thrum_moment moment);

#endif
