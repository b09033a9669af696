/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. Moments of either clock.
 *
 * floor 2 knows CLOCK_MONOTONIC alone, so the one sleep that ends at a moment of CLOCK_REALTIME is made here.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "pthread_clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND 1000000000u

bool thrum_moment_from_(clockid_t clock, const struct timespec *given, thrum_moment *moment) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return false;
    if (given->tv_nsec < 0 || given->tv_nsec >= (long)SECOND) return false;
    moment->is_realtime = clock == CLOCK_REALTIME;
    if (given->tv_sec < 0)
        moment->ns = 0;
    else if ((uint64_t)given->tv_sec >= UINT64_MAX / SECOND - 1)
        moment->ns = UINT64_MAX;
    else
        moment->ns = (uint64_t)given->tv_sec * SECOND + (uint64_t)given->tv_nsec;
    return true;
}

static uint64_t now_of(bool realtime) {
    if (!realtime) return thrum_futex_now_ns();
    struct timespec now = {0, 0};
    THRUM_KEEPS_ERRNO_;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

bool thrum_moment_passed_(thrum_moment moment) {
    return moment.ns != UINT64_MAX && moment.ns <= now_of(moment.is_realtime);
}

thrum_deadline thrum_moment_look_(thrum_moment moment) {
    const thrum_deadline plain = {moment.ns};
    if (!moment.is_realtime || moment.ns == UINT64_MAX) return plain;
    const uint64_t now = now_of(true);
    if (moment.ns <= now) return THRUM_NOW;
    const uint64_t left = moment.ns - now;
    return thrum_after_ns(left < THRUM_MOMENT_LOOK_NS ? (int64_t)left : THRUM_MOMENT_LOOK_NS);
}

static thrum_futex_outcome sleep_by_looks(const thrum_u32 *word, uint32_t expected, thrum_moment moment) {
    const thrum_futex_outcome outcome =
        thrum_futex_wait(word, expected, THRUM_FUTEX_ANY, false, thrum_moment_look_(moment));
    if (outcome != THRUM_FUTEX_TIMED_OUT) return outcome;
    return thrum_moment_passed_(moment) ? THRUM_FUTEX_TIMED_OUT : THRUM_FUTEX_INTERRUPTED;
}

/* The sleep itself; INTERRUPTED by a signal handler alone. */
thrum_futex_outcome thrum_moment_sleep_interruptibly_(const thrum_u32 *word, uint32_t expected,
                                                      thrum_moment moment) {
    if (thrum_moment_passed_(moment)) return THRUM_FUTEX_TIMED_OUT;
    THRUM_KEEPS_ERRNO_;
    const int clock = moment.is_realtime ? FUTEX_CLOCK_REALTIME : 0;
    const struct timespec end = {(time_t)(moment.ns / SECOND), (long)(moment.ns % SECOND)};
    const long answer = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | clock, expected,
                                moment.ns == UINT64_MAX ? NULL : &end, NULL, THRUM_FUTEX_ANY);
    const int why = answer < 0 ? errno : 0;
    if (answer >= 0) return THRUM_FUTEX_WOKEN;
    if (why == EINTR) return THRUM_FUTEX_INTERRUPTED;
    if (why == ETIMEDOUT) return thrum_moment_passed_(moment) ? THRUM_FUTEX_TIMED_OUT : THRUM_FUTEX_CHANGED;
    if (why == EAGAIN && thrum_u32_load_relaxed(word) != expected) return THRUM_FUTEX_CHANGED;
    const thrum_futex_outcome outcome = sleep_by_looks(word, expected, moment); /* refused */
    return outcome == THRUM_FUTEX_INTERRUPTED ? THRUM_FUTEX_CHANGED : outcome;
}

thrum_futex_outcome thrum_moment_sleep_(const thrum_u32 *word, uint32_t expected, thrum_moment moment) {
    if (moment.is_realtime) return thrum_moment_sleep_interruptibly_(word, expected, moment);
    return thrum_futex_wait(word, expected, THRUM_FUTEX_ANY, false, (thrum_deadline){moment.ns});
}
