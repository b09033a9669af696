/* SPDX-License-Identifier: MIT */
#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/park.h>
#include <stdio.h>

#ifndef GREEDY
#define GREEDY 1
#endif
#ifndef LOOK_NS
#define LOOK_NS 5000
#endif
#ifndef NAP_NS
#define NAP_NS 50000
#endif
#ifndef SLICE_NS
#define SLICE_NS 1000000
#endif
#ifndef NAP_MAX
#define NAP_MAX 1000000
#endif

enum {
    SHARED = THRUM_LOCK_SHARED_,
    HEIR = THRUM_LOCK_HEIR_,
    WAITERS = THRUM_LOCK_WAITERS_,
    CLOSED = THRUM_LOCK_CLOSED_,
    MARK = THRUM_LOCK_MARK_,
    WAKE = THRUM_LOCK_WAKE_
};
#define LOCKED THRUM_LOCK_LOCKED_
#define CH_HEIR 1u
#define CH_SLEEPER 2u

static bool barge(thrum_lock *l, uint32_t blockers) {
    uint32_t w = thrum_u32_load_relaxed(&l->state);
    while (!(w & blockers))
        if (thrum_u32_cas_acquire(&l->state, &w, (w | LOCKED) & ~(uint32_t)(MARK | WAKE))) return true;
    return false;
}

static void appoint(thrum_lock *l, bool shared) {
    for (;;) {
        if (thrum_futex_wake(&l->state, 1, CH_SLEEPER, shared)) return;
        uint32_t w = thrum_u32_load_relaxed(&l->state);
        while (!thrum_u32_cas_relaxed(&l->state, &w, w & WAITERS ? w & ~(uint32_t)WAITERS : w & ~(uint32_t)HEIR)) {
        }
        if (!(w & WAITERS)) return;
    }
}

static bool take_over(thrum_lock *l, uint32_t w) {
    uint32_t next = (w | LOCKED) & ~(uint32_t)(MARK | WAKE | CLOSED);
    next &= ~(uint32_t)(w & WAITERS ? WAITERS : HEIR);
    if (!thrum_u32_cas_acquire(&l->state, &w, next)) return false;
    if (w & WAITERS) appoint(l, w & SHARED);
    return true;
}

static thrum_result resign(thrum_lock *l, uint32_t closed) {
    uint32_t w = thrum_u32_load_relaxed(&l->state);
    while (!thrum_u32_cas_relaxed(&l->state, &w, w & ~(uint32_t)((w & WAITERS ? WAITERS : HEIR) | closed))) {
    }
    if (w & WAITERS) appoint(l, w & SHARED);
    return THRUM_TIMEOUT;
}

static thrum_deadline at(uint64_t ns) { thrum_deadline d = {ns}; return d; }

static thrum_result watch(thrum_lock *l, thrum_deadline deadline, uint32_t known) {
    thrum_u32_fetch_or_relaxed(&l->state, HEIR | known);
    uint64_t begun = thrum_clock_now_ns(), nap = NAP_NS;
    uint32_t closed = 0;
    bool willing = true;
    for (;;) {
        uint32_t w = thrum_u32_fetch_or_relaxed(&l->state, MARK | closed);
        thrum_spin spin = thrum_spin_begin(LOOK_NS);
        unsigned idle = 0;
        do {
            w = thrum_u32_load_relaxed(&l->state);
            if (!(w & LOCKED) && (closed || !(w & CLOSED))) {
                if (closed || GREEDY || ((w & MARK) && ++idle > 20)) {
                    if (take_over(l, w)) return THRUM_OK;
                }
            }
        } while (thrum_spin_again(&spin));
        const uint64_t now = thrum_clock_now_ns();
        if (deadline.ns <= now) return resign(l, closed);
        if (!closed && now - begun >= SLICE_NS) {
            closed = CLOSED;
            continue;
        }
        w = thrum_u32_load_relaxed(&l->state);
        if (!(w & LOCKED) ) continue;
        if ((w & MARK) && (willing || closed)) {
            if (!(w & WAKE) && !thrum_u32_cas_relaxed(&l->state, &w, w | WAKE)) continue;
            willing = false;
            thrum_futex_wait(&l->state, w | WAKE, CH_HEIR, w & SHARED, closed ? deadline : thrum_deadline_earlier(deadline, at(begun + SLICE_NS)));
        } else if (!closed) {
            uint64_t end = now + nap;
            if (end > begun + SLICE_NS) end = begun + SLICE_NS;
            thrum_clock_nap(thrum_deadline_earlier(deadline, at(end)));
            nap *= 2;
            if (nap > NAP_MAX) nap = NAP_MAX;
        }
    }
}

static thrum_result wait(thrum_lock *l, thrum_deadline deadline) {
    thrum_spin spin = thrum_spin_begin(THRUM_SPIN_NS);
    do {
        uint32_t w = thrum_u32_load_relaxed(&l->state);
        if (!(w & (LOCKED | CLOSED)) && barge(l, LOCKED | CLOSED)) return THRUM_OK;
        if (w & CLOSED) break;
    } while (thrum_spin_again(&spin));
    for (;;) {
        uint32_t w = thrum_u32_load_relaxed(&l->state);
        if (!(w & (LOCKED | CLOSED))) {
            if (barge(l, LOCKED | CLOSED)) return THRUM_OK;
            continue;
        }
        if (!(w & HEIR)) {
            if (thrum_u32_cas_relaxed(&l->state, &w, w | HEIR)) return watch(l, deadline, 0);
            continue;
        }
        if (!(w & WAITERS) && !thrum_u32_cas_relaxed(&l->state, &w, w | WAITERS)) continue;
        bool bounded = !(w & LOCKED);
        switch (thrum_futex_wait(&l->state, w | WAITERS, CH_SLEEPER, w & SHARED, bounded ? thrum_deadline_earlier(deadline, thrum_after_ns(1000000)) : deadline)) {
        case THRUM_FUTEX_WOKEN:
            return watch(l, deadline, WAITERS);
        case THRUM_FUTEX_TIMED_OUT:
            if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;
            if (!(thrum_u32_load_relaxed(&l->state) & LOCKED)) return watch(l, deadline, WAITERS);
            break;
        default:
            break;
        }
    }
}

void thrum_lock_acquire_slow_(thrum_lock *l) {
    if (barge(l, LOCKED | CLOSED)) return;
    (void)wait(l, THRUM_FOREVER);
}
bool thrum_lock_try_acquire_slow_(thrum_lock *l) { return barge(l, LOCKED); }
thrum_result thrum_lock_acquire_until_slow_(thrum_lock *l, thrum_deadline d) {
    if (barge(l, d.ns == 0 ? LOCKED : LOCKED | CLOSED)) return THRUM_OK;
    if (thrum_deadline_passed(d)) return barge(l, LOCKED) ? THRUM_OK : THRUM_TIMEOUT;
    return wait(l, d);
}
thrum_result thrum_lock_release_slow_(thrum_lock *l, uint32_t old) {
    thrum_result r = THRUM_OK;
    while (!(old & LOCKED)) { r = THRUM_NOT_LOCKED; old = thrum_u32_fetch_add_release(&l->state, LOCKED); }
    if (old & WAKE) thrum_futex_wake(&l->state, INT32_MAX, CH_HEIR, old & SHARED);
    return r;
}
