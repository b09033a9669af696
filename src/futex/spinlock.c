/* SPDX-License-Identifier: MIT */
/*
 * Floor 2 (it gives up the processor). The word is 0 when free and 1 when held; acquire changes
 * 0 to 1 by compare-and-swap, release stores 0.
 *
 * spinlock.I1: a thread that waits reads, and writes only when it has read 0, so that waiters share the
 * line and the holder's release is the only transfer it costs.
 */
#include <thrum/backoff.h>
#include <thrum/park.h>
#include <thrum/spinlock.h>

#include <stdio.h>

thrum_result thrum_spinlock_acquire_slow_(thrum_spinlock *lock, thrum_deadline deadline) {
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    for (;;) {
        if (thrum_spinlock_try_acquire(lock)) return THRUM_OK; /* spinlock.I1 */
        if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;
        if (backoff.bound == THRUM_BACKOFF_MAX) thrum_park_give_way();
        thrum_backoff_pause(&backoff);
    }
}

size_t thrum_spinlock_describe(const thrum_spinlock *lock, char *text, size_t size) {
    return (size_t)snprintf(text, size, "spinlock: %s", thrum_spinlock_locked(lock) ? "locked" : "free");
}
