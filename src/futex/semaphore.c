/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of a semaphore:
 *
 *   bits 0-31   the value; the half on which threads sleep
 *   bits 32-62  how many threads are registered as waiters
 *   bit 63      SHARED
 *
 * Every transition is one read-modify-write of the whole word.
 *
 *   take        value > 0:  value - 1; a registered waiter leaves in the same step
 *   register    value = 0:  waiters + 1, then it sleeps while the value is 0
 *   leave       value = 0 at the deadline:  waiters - 1
 *   leave for another object (wait_any), at any value:  waiters - 1; wakes 1 if value > 0
 *   add n       value + n;  wakes min(n, waiters - value), where positive
 *   exceed      an addition of 1 to the limit or more, which is the bound or THRUM_SEMAPHORE_MAX;
 *               takes itself back while the value is above the limit; else it stays, and wakes 1 if any
 *               thread is registered
 *
 * Let `asleep` be the registered threads that no wake has chosen, `coming` the wakes promised or
 * delivered whose threads have not looked at the word since.
 *
 * semaphore.I1: asleep > 0  =>  value <= coming, while no addition that exceeds is under way.
 *     register sleeps only at value 0 (the kernel compares again). take lowers the value. A woken
 *     thread looks: it takes a permit, or sees 0. It never leaves without having looked.
 *     add: waiters counts asleep and coming, so value >= waiters with asleep > 0 would be
 *     value > coming, against semaphore.I1; hence while anyone is asleep, add promises min(n, …) >= 1
 *     wakes, and semaphore.I1 holds after it, too.
 *     leave at value 0 needs nothing: semaphore.I1 asks for nothing then. leave for another object at value >
 *     0 may take away a thread that a wake had chosen, one of `coming`: the wake is passed on, to one of
 *     those asleep, or nobody is asleep. One wake too many is harmless: the waiter it chooses looks, and
 *     may sleep again at value 0.
 *     exceed: let e of them be under way. While a thread is asleep,
 *         (a) value - e <= coming, or (b) asleep <= e - (value - limit, where positive).
 *     With e = 0 each of them is semaphore.I1. A thread falls asleep at value 0 alone, where (a) holds. (a)
 *     ends only by an add that promises no wake, because value >= asleep + coming; its value is below the
 *     limit, so (b) holds then. (b) lasts: an exceed raises e, and value - limit by no more; a refused one
 *     lowers both; one that stays, at a value not above the limit, wakes 1 of those asleep.
 * semaphore.I2: add's read-modify-write is its last touch of the semaphore, but for exceed's, which comes of
 *     a release too many: that is the caller's bug.
 * semaphore.I3: an addition is refused for want of room alone. The value is above the limit by no more than
 *     there are additions that exceed and have not ended. Each of them lowers it by 1 and is refused, as long
 *     as it is above; when others have taken permits, an addition stays, as if it came after them. To take it
 *     back then would lose a permit: another release may have found no room because of this one.
 */
#include "../atomic/law.h"
#include "profile_inside.h"
#include "waitable.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/park.h>
#include <thrum/semaphore.h>

#include <stdio.h>

#define VALUE ((uint64_t)THRUM_SEMAPHORE_VALUE_)
#define WAITER ((uint64_t)1 << 32)
#define SHARED ((uint64_t)1 << 63)

static uint32_t waiters_in(uint64_t word) {
    return (uint32_t)((word & ~SHARED) >> 32);
}

/* The half of the word that the kernel compares. */
static const thrum_u32 *value_half(const thrum_semaphore *semaphore) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return (const thrum_u32 *)(const void *)((const char *)&semaphore->state + (low_first ? 0 : 4));
}

/* Takes a permit while there is one; `registered` is WAITER for a waiter that leaves with it. */
static bool take(thrum_semaphore *semaphore, uint64_t registered) {
    uint64_t seen = thrum_u64_load_relaxed(&semaphore->state);
    while (seen & VALUE) {
        /* semaphore.S1: acquire, pairs with semaphore.S2 */
        if (thrum_u64_cas_acquire(&semaphore->state, &seen, seen - 1 - registered)) return true;
    }
    return false;
}

/* At value 0: the word changes by `change`. False when there is a permit instead. */
static bool at_zero(thrum_semaphore *semaphore, uint64_t change) {
    uint64_t seen = thrum_u64_load_relaxed(&semaphore->state);
    while (!(seen & VALUE)) {
        /* relaxed: it counts a waiter and publishes nothing */
        if (thrum_u64_cas_relaxed(&semaphore->state, &seen, seen + change)) return true;
    }
    return false;
}

bool thrum_semaphore_look_(thrum_semaphore *semaphore, bool registered) {
    return take(semaphore, registered ? WAITER : 0);
}

bool thrum_semaphore_register_(thrum_semaphore *semaphore, thrum_futex_choice *sleep) {
    if (!at_zero(semaphore, WAITER)) return false;
    const bool shared = thrum_u64_load_relaxed(&semaphore->state) & SHARED;
    *sleep = (thrum_futex_choice){value_half(semaphore), 0, shared};
    return true;
}

void thrum_semaphore_leave_(thrum_semaphore *semaphore) {
    /* relaxed: it counts a waiter out and publishes nothing */
    const uint64_t seen = thrum_u64_fetch_sub_relaxed(&semaphore->state, WAITER);
    THRUM_LAW(semaphore.I1, waiters_in(seen) > 0);
    /* semaphore.I1 */
    if (seen & VALUE) thrum_futex_wake(value_half(semaphore), 1, THRUM_FUTEX_ANY, seen & SHARED);
}

thrum_result thrum_semaphore_acquire_slow_(thrum_semaphore *semaphore, thrum_deadline deadline) {
    if (take(semaphore, 0)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;

    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (take(semaphore, 0)) return THRUM_OK;
    } while (thrum_park_again(&spin));

    THRUM_WAITS_(SEMAPHORE, semaphore, THRUM_SITE_);
    thrum_futex_choice sleep;
    while (!thrum_semaphore_register_(semaphore, &sleep)) {
        if (take(semaphore, 0)) return THRUM_OK;
    }
    for (;;) {
        const thrum_futex_outcome outcome = thrum_waitable_sleep_(&sleep, deadline);
        if (take(semaphore, WAITER)) return THRUM_OK; /* semaphore.I1: look first, whatever the outcome */
        if (outcome == THRUM_FUTEX_TIMED_OUT && at_zero(semaphore, 0 - WAITER)) return THRUM_TIMEOUT;
    }
}

bool thrum_semaphore_try_acquire_slow_(thrum_semaphore *semaphore) {
    return take(semaphore, 0);
}

/* After `n` permits were added to the word `seen`, by a call from `site`. */
static void wake_for(const thrum_semaphore *semaphore, uint64_t seen, int32_t n, const void *site) {
    const uint32_t value = (uint32_t)(seen & VALUE);
    const uint32_t waiters = waiters_in(seen);
    if (waiters > value) {
        const uint32_t missing = waiters - value;
        const int count = missing < (uint32_t)n ? (int)missing : (int)n;
        thrum_profile_let_go_(semaphore, site);
        thrum_futex_wake(value_half(semaphore), count, THRUM_FUTEX_ANY, seen & SHARED);
    }
}

/* The addition of 1 that exceeded. */
static thrum_result take_back(thrum_semaphore *semaphore, uint32_t limit, thrum_result beyond) {
    uint64_t seen = thrum_u64_load_relaxed(&semaphore->state);
    while ((seen & VALUE) > limit) {
        /* semaphore.I3. relaxed: it publishes nothing */
        if (thrum_u64_cas_relaxed(&semaphore->state, &seen, seen - 1)) return beyond;
    }
    if (waiters_in(seen))
        thrum_futex_wake(value_half(semaphore), 1, THRUM_FUTEX_ANY, seen & SHARED); /* semaphore.I1 */
    return THRUM_OK;
}

thrum_result thrum_semaphore_added_(thrum_semaphore *semaphore, uint64_t seen, uint32_t limit,
                                    thrum_result beyond) {
    if ((seen & VALUE) >= limit) return take_back(semaphore, limit, beyond);
    wake_for(semaphore, seen, 1, THRUM_SITE_);
    return THRUM_OK;
}

thrum_result thrum_semaphore_add_slow_(thrum_semaphore *semaphore, int32_t n, uint32_t limit,
                                       thrum_result beyond) {
    if (n < 1) return THRUM_INVALID;
    uint64_t seen = thrum_u64_load_relaxed(&semaphore->state);
    do {
        if ((seen & VALUE) + (uint64_t)n > limit) return beyond;
        /* semaphore.S2: release, pairs with semaphore.S1. semaphore.I2: the last touch. */
    } while (!thrum_u64_cas_release(&semaphore->state, &seen, seen + (uint64_t)n));
    wake_for(semaphore, seen, n, THRUM_SITE_);
    return THRUM_OK;
}

static thrum_result init(thrum_semaphore *semaphore, int32_t value, uint64_t flags) {
    if (value < 0) return THRUM_INVALID;
    thrum_u64_store_relaxed(&semaphore->state, (uint64_t)value | flags);
    return THRUM_OK;
}

thrum_result thrum_semaphore_init(thrum_semaphore *semaphore, int32_t value) {
    return init(semaphore, value, 0);
}

thrum_result thrum_semaphore_init_shared(thrum_semaphore *semaphore, int32_t value) {
    return init(semaphore, value, SHARED);
}

thrum_result thrum_bounded_semaphore_init(thrum_bounded_semaphore *semaphore, int32_t value) {
    if (value < 0) return THRUM_INVALID;
    semaphore->bound = (uint32_t)value;
    return init(&semaphore->permits, value, 0);
}

thrum_result thrum_bounded_semaphore_init_shared(thrum_bounded_semaphore *semaphore, int32_t value) {
    if (value < 0) return THRUM_INVALID;
    semaphore->bound = (uint32_t)value;
    return init(&semaphore->permits, value, SHARED);
}

static void reset_after_fork(thrum_semaphore *semaphore, uint32_t limit) {
    const uint64_t word = thrum_u64_load_relaxed(&semaphore->state);
    if (!(word & SHARED)) thrum_u64_store_relaxed(&semaphore->state, thrum_semaphore_value_in_(word, limit));
}

void thrum_semaphore_reset_after_fork(thrum_semaphore *semaphore) {
    reset_after_fork(semaphore, THRUM_SEMAPHORE_MAX);
}

void thrum_bounded_semaphore_reset_after_fork(thrum_bounded_semaphore *semaphore) {
    reset_after_fork(&semaphore->permits, semaphore->bound);
}

size_t thrum_semaphore_describe(const thrum_semaphore *semaphore, char *text, size_t size) {
    const uint64_t word = thrum_u64_load_relaxed(&semaphore->state);
    return (size_t)snprintf(text, size, "semaphore: value %u, waiters %u%s",
                            (unsigned)thrum_semaphore_value_in_(word, THRUM_SEMAPHORE_MAX),
                            (unsigned)waiters_in(word), word & SHARED ? ", shared" : "");
}

size_t thrum_bounded_semaphore_describe(const thrum_bounded_semaphore *semaphore, char *text, size_t size) {
    const uint64_t word = thrum_u64_load_relaxed(&semaphore->permits.state);
    return (size_t)snprintf(text, size, "bounded semaphore: value %u of %u, waiters %u%s",
                            (unsigned)thrum_semaphore_value_in_(word, semaphore->bound),
                            (unsigned)semaphore->bound, (unsigned)waiters_in(word),
                            word & SHARED ? ", shared" : "");
}
