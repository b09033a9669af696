/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of a once:
 *
 *   0                  open: the function has not run, or has failed
 *   RUNNING            a thread runs the function
 *   RUNNING | WAITERS  and others may sleep until it has ended
 *   DONE               it has succeeded; nothing changes any more
 *
 * once.I1: from open to RUNNING there is one thread, and only that thread ends it: the function runs in
 *     one thread at a time, and never again after DONE.
 * once.I2: a thread sleeps only on RUNNING | WAITERS. The thread that ends the run clears both and
 *     wakes every sleeper.
 *     After a failure each of them looks at an open word and tries to begin: all but one sleep again.
 * once.I3: the exchange that ends the run is the last touch of the once.
 * once.I4: while the function runs, a guard that holds the once is in its thread's chain: by it a thread
 *     knows its own once, and the once is open again whatever way the function is left.
 */
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/once.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

enum { DONE = THRUM_ONCE_DONE_, RUNNING = THRUM_ONCE_RUNNING_, WAITERS = THRUM_ONCE_WAITERS_ };

/* once.O3: acquire, pairs with once.O2 */
static bool take(thrum_once *once) {
    uint32_t open = 0;
    return thrum_u32_cas_acquire(&once->state, &open, RUNNING); /* once.I1 */
}

thrum_result thrum_once_begin_(thrum_once *once, thrum_deadline deadline) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    bool spins = true, asked = false;
    THRUM_WAITS_(ONCE, once, THRUM_SITE_);
    for (;;) {
        /* once.O1: acquire, pairs with once.O2 */
        uint32_t seen = thrum_u32_load_acquire(&once->state);
        if (seen & DONE) return THRUM_OK;
        if (!(seen & RUNNING)) {
            if (take(once)) return THRUM_ONCE_YOURS_;
            continue;
        }
        if (!asked) {
            if (thrum_self_holds_(once)) return THRUM_DEADLOCK; /* once.I4 */
            if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;
            asked = true;
        }
        if (spins && (spins = thrum_park_again(&spin))) continue;
        /* relaxed: it announces a sleeper and publishes nothing */
        if (!(seen & WAITERS) && !thrum_u32_cas_relaxed(&once->state, &seen, seen | WAITERS)) continue;
        const thrum_futex_outcome outcome =
            thrum_futex_wait(&once->state, RUNNING | WAITERS, THRUM_FUTEX_ANY, false, deadline); /* once.I2 */
        if (outcome == THRUM_FUTEX_TIMED_OUT) asked = false; /* a look first, whatever the outcome */
    }
}

void thrum_once_end_(thrum_once *once, thrum_result result) {
    /* once.O2: release, pairs with once.O1 and once.O3. once.I3. */
    const uint32_t seen = thrum_u32_exchange_release(&once->state, result == THRUM_OK ? DONE : 0);
    THRUM_LAW(once.I1, seen & RUNNING);
    if (seen & WAITERS) thrum_futex_wake(&once->state, INT_MAX, THRUM_FUTEX_ANY, false); /* once.I2 */
}

/* ---- the function ---- */

void thrum_once_abandon_(void *object) {
    THRUM_TELL_OWN_RELEASE(object);
    thrum_once_end_(object, THRUM_CANCELLED);
}

struct run {
    const thrum_once *once;
    thrum_once_function *function;
    void *argument;
    thrum_result result;
};

static void run(void *p) {
    struct run *const run = p;
    THRUM_LAW(once.I4, thrum_self_holds_(run->once));
    run->result = run->function(run->argument);
}

thrum_result thrum_once_call_(thrum_once *once, thrum_once_function *function, void *argument,
                              thrum_deadline deadline) {
    const thrum_result begun = thrum_once_begin_(once, deadline);
    if (begun == THRUM_OK || begun == THRUM_ONCE_YOURS_) THRUM_TELL_OWN_ACQUIRE(once);
    if (begun != THRUM_ONCE_YOURS_) return begun;
    struct run mine = {once, function, argument, THRUM_OK};
    thrum_guard_ running = {thrum_once_abandon_, once, NULL};
    if (!thrum_self_call_(&running, run, &mine)) return THRUM_CANCELLED; /* once.I4: released meanwhile */
    THRUM_TELL_OWN_RELEASE(once);
    thrum_once_end_(once, mine.result);
    return mine.result;
}

/* ---- fork, and a look ---- */

void thrum_once_reset_after_fork(thrum_once *once) {
    const uint32_t seen = thrum_u32_load_relaxed(&once->state);
    if (seen & RUNNING) thrum_u32_store_relaxed(&once->state, thrum_self_holds_(once) ? RUNNING : 0);
}

size_t thrum_once_describe(const thrum_once *once, char *text, size_t size) {
    const uint32_t w = thrum_u32_load_relaxed(&once->state);
    return (size_t)snprintf(text, size, "once: %s%s",
                            w & DONE      ? "done"
                            : w & RUNNING ? "running"
                                          : "open",
                            w & WAITERS ? ", waiters" : "");
}
