/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of a latch:
 *
 *   bit 0       WAITERS
 *   bit 1       SHARED
 *   bits 2-33   the count below 0, in two's complement: -count while the latch is closed; open from 0 upward
 *   bits 34-63  the generation
 *
 * Threads sleep on the upper half. Every transition is one read-modify-write of the whole word.
 *
 *   count down  closed:                       + min(n, count)
 *   open        the count-down to 0:          its carry raises the generation; wakes all if WAITERS is set
 *   exceed      a count-down by one, open:    + 1, and - 1 by its second step, unless the word is 0 or below
 *   announce    closed, own generation:       WAITERS
 *   reset       open:                         -count; WAITERS cleared
 *
 * latch.I1: a thread sleeps only on an upper half of a closed latch with the generation of its first look,
 *     and after WAITERS was set in that generation.
 * latch.I2: the generation is raised by every opening and by nothing else: only the step from -1 to 0
 *     carries. So a waiter may leave when it sees the latch open, or another generation than at its first
 *     look: the latch opened while it waited.
 * latch.I3: the addition is the last touch of a count-down that lowers the count.
 * latch.I4: an open word is at most as far above 0 as there are count-downs between exceed's two steps. Each
 *     second step takes one back while any is there. A reset drops them all: those calls came before it. A
 *     count-down that exceeds was one too many, so no other thread could free the latch beside it.
 *
 * WAITERS means something in a closed latch only: the opening reads it in the step by which it opens, and
 * the reset clears it. A waiter that times out may leave it to the next opening, which then makes one wake
 * that finds nobody.
 *
 * No wake is lost: from the announcement to the sleep only an opening changes the generation, and the
 * kernel compares the upper half again before it queues the thread. An opening before that has
 * changed it; one after it finds WAITERS, and its wake finds the thread. A count-down may change the upper
 * half, too, every 2^30 counts: the waiter then announces itself again.
 */
#include "../atomic/law.h"
#include "waitable.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

#define ONE THRUM_LATCH_ONE_
#define WAITERS ((uint64_t)1 << 0)
#define SHARED ((uint64_t)1 << 1)
#define GENERATION (ONE << 32) /* its lowest bit */

/* The half of the word that the kernel compares. */
static const thrum_u32 *upper_half(const thrum_latch *latch) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return (const thrum_u32 *)(const void *)((const char *)&latch->state + (low_first ? 4 : 0));
}

static bool is_open(uint64_t word) {
    return thrum_latch_below_(word) >= 0;
}

static uint64_t closed_by(uint32_t count) {
    return (0 - count) * ONE;
}

static bool passed(uint64_t now, uint64_t first) {
    return is_open(now) || (now ^ first) / GENERATION; /* latch.I2 */
}

static void wake_all(const thrum_latch *latch, uint64_t seen) {
    if (seen & WAITERS) thrum_futex_wake(upper_half(latch), INT_MAX, THRUM_FUTEX_ANY, seen & SHARED);
}

/* The second step of a count-down that exceeds. */
static void take_back(thrum_latch *latch) {
    uint64_t seen = thrum_u64_load_relaxed(&latch->state);
    /* latch.I4. relaxed: it publishes nothing */
    while (thrum_latch_below_(seen) > 0 && !thrum_u64_cas_relaxed(&latch->state, &seen, seen - ONE)) {
    }
}

void thrum_latch_counted_(thrum_latch *latch, uint64_t seen) {
    if (is_open(seen))
        take_back(latch);
    else
        wake_all(latch, seen);
}

thrum_result thrum_latch_count_down_slow_(thrum_latch *latch, int32_t n) {
    if (n < 1) return THRUM_INVALID;
    uint64_t seen = thrum_u64_load_relaxed(&latch->state);
    bool opens;
    uint64_t down;
    do {
        if (is_open(seen)) return THRUM_OK;
        opens = n >= -thrum_latch_below_(seen);
        down = (opens ? 0 - (uint32_t)thrum_latch_below_(seen) : (uint32_t)n) * ONE;
        THRUM_LAW(latch.I2, opens == (((seen + down) ^ seen) / GENERATION != 0));
        /* latch.T2: release, pairs with latch.T1, latch.T3 and latch.T4. latch.I2, latch.I3. */
    } while (!thrum_u64_cas_release(&latch->state, &seen, seen + down));
    if (opens) wake_all(latch, seen);
    return THRUM_OK;
}

bool thrum_latch_passed_(const thrum_latch *latch, uint64_t first) {
    return passed(thrum_u64_load_acquire(&latch->state), first); /* latch.T3: acquire, pairs with latch.T2 */
}

bool thrum_latch_announce_(thrum_latch *latch, uint64_t first, thrum_futex_choice *sleep) {
    uint64_t seen;
    do {
        seen = thrum_u64_load_acquire(&latch->state); /* latch.T3 */
        if (passed(seen, first)) return false;
        /* relaxed: it announces a sleeper and publishes nothing */
        /* latch.I1 */
    } while (!(seen & WAITERS) && !thrum_u64_cas_relaxed(&latch->state, &seen, seen | WAITERS));
    THRUM_LAW(latch.I1, !is_open(seen) && !passed(seen, first));
    *sleep = (thrum_futex_choice){upper_half(latch), (uint32_t)(seen >> 32), seen & SHARED};
    return true;
}

thrum_result thrum_latch_wait_slow_(thrum_latch *latch, thrum_deadline deadline) {
    const uint64_t first = thrum_u64_load_acquire(&latch->state); /* latch.T3 */
    if (is_open(first)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;

    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (thrum_latch_passed_(latch, first)) return THRUM_OK;
    } while (thrum_park_again(&spin));

    THRUM_WAITS_(LATCH, latch, THRUM_SITE_);
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
    uint64_t kept;
    do {
        if (!is_open(seen)) return THRUM_INVALID;
        kept = seen & (SHARED | ~(GENERATION - 1)); /* latch.I4 */
        /*
         * latch.T4: acquire and release, pairs with latch.T2 before it and with latch.T1 and latch.T3 after
         *     it
         */
    } while (!thrum_u64_cas_acq_rel(&latch->state, &seen, kept | closed_by((uint32_t)count)));
    return THRUM_OK;
}

static thrum_result init(thrum_latch *latch, int32_t count, uint64_t flags) {
    if (count < 0) return THRUM_INVALID;
    thrum_u64_store_relaxed(&latch->state, closed_by((uint32_t)count) | flags);
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
    const bool sleepers = !is_open(w) && (w & WAITERS);
    return (size_t)snprintf(text, size, "latch: count %u%s%s, generation %u",
                            is_open(w) ? 0 : 0 - (unsigned)thrum_latch_below_(w), sleepers ? ", waiters" : "",
                            w & SHARED ? ", shared" : "", (unsigned)(w / GENERATION));
}
