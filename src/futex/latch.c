/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of a latch:
 *
 *   bits 0-31   the count, at most THRUM_LATCH_MAX
 *   bit 32      WAITERS
 *   bit 33      SHARED
 *   bits 34-63  the generation
 *
 * Threads sleep on the upper half, which a count-down that does not open leaves as it is. Every
 * transition is one compare-and-swap of the whole word.
 *
 *   count down  count > 0:                    count - min(n, count)
 *   open        the count-down to 0:          generation + 1, WAITERS cleared; wakes all that slept
 *   announce    count > 0, own generation:    WAITERS
 *   reset       count = 0:                    the new count
 *
 * I1: a thread sleeps only on an upper half with WAITERS and the generation of its first look, and
 *     when it announced itself the count was above 0.
 * I2: the generation is raised by every opening and by nothing else. So a waiter may leave when it
 *     sees count 0, or another generation than at its first look: the latch opened while it waited.
 * I3: the compare-and-swap is the last touch of the latch.
 *
 * WAITERS may stay behind when a waiter times out. Harmless: the next opening makes one wake that
 * finds nobody.
 *
 * No wake is lost: from the announcement to the sleep only an opening changes the generation, and the
 * kernel compares the upper half again before it queues the thread. An opening before that has
 * changed it; one after it finds WAITERS, and its wake finds the thread.
 */
#include "waitable.h"

#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

#define COUNT ((uint64_t)THRUM_LATCH_COUNT_)
#define WAITERS ((uint64_t)1 << 32)
#define SHARED ((uint64_t)1 << 33)
#define LOWER (COUNT | WAITERS | SHARED) /* all but the generation */
/* The generation's lowest bit; exploration narrows the counter by raising it. */
#ifndef THRUM_LATCH_GENERATION_
#define THRUM_LATCH_GENERATION_ (LOWER + 1)
#endif

/* The half of the word that the kernel compares. */
static const thrum_u32 *upper_half(const thrum_latch *latch) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return (const thrum_u32 *)(const void *)((const char *)&latch->state + (low_first ? 4 : 0));
}

static bool passed(uint64_t now, uint64_t first) {
    return !(now & COUNT) || ((now ^ first) & ~LOWER); /* I2 */
}

/* The word after it has opened; the generation's carry leaves at the top. */
static uint64_t opened(uint64_t seen) {
    return (seen & ~(COUNT | WAITERS)) + THRUM_LATCH_GENERATION_;
}

thrum_result thrum_latch_count_down_slow_(thrum_latch *latch, int32_t n) {
    if (n < 1) return THRUM_INVALID;
    uint64_t seen = thrum_u64_load_relaxed(&latch->state);
    bool opens;
    do {
        if (!(seen & COUNT)) return THRUM_OK;
        opens = (seen & COUNT) <= (uint64_t)n;
        /* T2: release, pairs with T1, T3 and T4. I3. */
    } while (!thrum_u64_cas_release(&latch->state, &seen, opens ? opened(seen) : seen - (uint64_t)n));
    if (opens && (seen & WAITERS))
        thrum_futex_wake(upper_half(latch), INT_MAX, THRUM_FUTEX_ANY, seen & SHARED);
    return THRUM_OK;
}

bool thrum_latch_passed_(const thrum_latch *latch, uint64_t first) {
    return passed(thrum_u64_load_acquire(&latch->state), first); /* T3: acquire, pairs with T2 */
}

bool thrum_latch_announce_(thrum_latch *latch, uint64_t first, thrum_futex_choice *sleep) {
    uint64_t seen;
    do {
        seen = thrum_u64_load_acquire(&latch->state); /* T3 */
        if (passed(seen, first)) return false;
        /* relaxed: it announces a sleeper and publishes nothing */
    } while (!(seen & WAITERS) && !thrum_u64_cas_relaxed(&latch->state, &seen, seen | WAITERS)); /* I1 */
    *sleep = (thrum_futex_choice){upper_half(latch), (uint32_t)((seen | WAITERS) >> 32), seen & SHARED};
    return true;
}

thrum_result thrum_latch_wait_slow_(thrum_latch *latch, thrum_deadline deadline) {
    const uint64_t first = thrum_u64_load_acquire(&latch->state); /* T3 */
    if (!(first & COUNT)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;

    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (thrum_latch_passed_(latch, first)) return THRUM_OK;
    } while (thrum_park_again(&spin));

    thrum_futex_choice sleep;
    while (thrum_latch_announce_(latch, first, &sleep)) {
        const thrum_futex_outcome outcome = thrum_waitable_sleep_(&sleep, deadline);
        if (outcome == THRUM_FUTEX_TIMED_OUT)
            return thrum_latch_passed_(latch, first) ? THRUM_OK : THRUM_TIMEOUT;
    }
    return THRUM_OK;
}

thrum_result thrum_latch_reset_(thrum_latch *latch, int32_t count) {
    if (count < 0) return THRUM_INVALID;
    uint64_t seen = thrum_u64_load_relaxed(&latch->state);
    do {
        if (seen & COUNT) return THRUM_INVALID;
        /* T4: acquire and release, pairs with T2 before it and with T1 and T3 after it */
    } while (!thrum_u64_cas_acq_rel(&latch->state, &seen, seen | (uint64_t)count));
    return THRUM_OK;
}

static thrum_result init(thrum_latch *latch, int32_t count, uint64_t flags) {
    if (count < 0) return THRUM_INVALID;
    thrum_u64_store_relaxed(&latch->state, (uint64_t)count | flags);
    return THRUM_OK;
}

thrum_result thrum_latch_init(thrum_latch *latch, int32_t count) {
    return init(latch, count, 0);
}

thrum_result thrum_latch_init_shared(thrum_latch *latch, int32_t count) {
    return init(latch, count, SHARED);
}

void thrum_latch_reset_after_fork(thrum_latch *latch) {
    if (!(thrum_u64_load_relaxed(&latch->state) & SHARED))
        thrum_u64_fetch_and_relaxed(&latch->state, ~WAITERS);
}

size_t thrum_latch_describe(const thrum_latch *latch, char *text, size_t size) {
    const uint64_t w = thrum_u64_load_relaxed(&latch->state);
    return (size_t)snprintf(text, size, "latch: count %u%s%s, generation %u", (unsigned)(w & COUNT),
                            w & WAITERS ? ", waiters" : "", w & SHARED ? ", shared" : "",
                            (unsigned)(w / THRUM_LATCH_GENERATION_));
}
