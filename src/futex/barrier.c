/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of a barrier:
 *
 *   bits 0-31   how many have arrived and have not left; see barrier.I3
 *   bit 32      SLEEPERS   threads may sleep on the upper half
 *   bit 33      SHARED     thrum_barrier_init_shared; nobody clears it
 *   bit 34      ACTING     all have arrived, and the last runs the action
 *   bit 35      BROKEN     every party that has arrived leaves without having met the others
 *   bit 36      MENDING    broken; whole again when the last one has left
 *   bit 37      DOOMED     ACTING; to be broken when this cycle is over
 *   bits 38-63  the generation
 *
 * Threads sleep on the upper half, which an arrival leaves as it is. Every transition is one
 * compare-and-swap of the whole word.
 *
 *   arrive     whole, not the last:       arrived + 1
 *   complete   the last, no action:       arrived 0, generation + 1
 *   act        the last, an action:       arrived + 1, ACTING
 *   acted      ACTING:                    arrived 0, generation + 1; BROKEN if DOOMED
 *   break      whole or ACTING:           BROKEN; a party that breaks it leaves in the same step
 *   leave      BROKEN, one that arrived:  arrived - 1; the last one leaves a MENDING barrier whole
 *   reset      somebody waits:            BROKEN and MENDING;  nobody is left in it:  whole
 *   doom       ACTING, a newcomer's deadline has passed:  DOOMED
 *
 * barrier.I1: a thread sleeps only on an upper half with SLEEPERS. Every transition that lets somebody go on
 *     (complete, acted, break, and the leave or reset that makes it whole) clears SLEEPERS and wakes
 *     all. So a wake is made once a cycle, when somebody sleeps.
 * barrier.I2: the generation is raised by complete and acted and by nothing else: a party that sees another
 *     one than at its arrival has met the others.
 * barrier.I3: a broken barrier stays broken until every party that had arrived has left: a party whose cycle
 *     broke sees its own generation and BROKEN, however late it looks. A complete cycle need not be counted
 *     out, for barrier.I2 tells it.
 * barrier.I4: the operation by which a party completes, breaks or leaves is its last touch of the barrier;
 *     for the others it is the look that shows the new generation.
 * barrier.I5: while the action runs, a guard that holds the barrier is in its thread's chain: by it a thread
 *     knows its own barrier, and the barrier breaks when the action is left in another way than by its
 *     return.
 *
 * No wake is lost: what a thread waits for (another generation, BROKEN, the end of ACTING or MENDING)
 * changes the upper half in the same step in which it becomes true, and the kernel compares that half
 * before it queues the thread. A step after that finds SLEEPERS.
 */
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "waits.h"

#include <thrum/barrier.h>
#include <thrum/cpus.h>
#include <thrum/futex.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

#define ARRIVED ((uint64_t)0xFFFFFFFF)
#define SLEEPERS ((uint64_t)1 << 32)
#define SHARED ((uint64_t)1 << 33)
#define ACTING ((uint64_t)1 << 34)
#define BROKEN ((uint64_t)1 << 35)
#define MENDING ((uint64_t)1 << 36)
#define DOOMED ((uint64_t)1 << 37)
#define LOWER (((uint64_t)1 << 38) - 1) /* all but the generation */
/* The generation's lowest bit; exploration narrows the counter by raising it. */
#ifndef THRUM_BARRIER_GENERATION_
#define THRUM_BARRIER_GENERATION_ (LOWER + 1)
#endif

/* How long a party spins: the policy's budget for each of so many parties. bench/barrier_bench. */
#ifndef THRUM_BARRIER_SPIN_PARTIES
#define THRUM_BARRIER_SPIN_PARTIES 1
#endif
#ifndef THRUM_BARRIER_SPIN_MOST
#define THRUM_BARRIER_SPIN_MOST 16
#endif

/*
 * How long a look keeps away from the word, which the others have yet to arrive at. Of two parties only one
 * arrival is to come, which is what the look waits for. bench/barrier_bench, on 16 Intel processors: with
 * looks after each pause 4, 8 and 16 parties take 1.27, 1.16 and 1.10 of the time.
 */
#ifndef THRUM_BARRIER_SPACING_NS
#define THRUM_BARRIER_SPACING_NS 130
#endif

/* The half of the word that the kernel compares. */
static const thrum_u32 *upper_half(const thrum_barrier *barrier) {
    const bool low_first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return (const thrum_u32 *)(const void *)((const char *)&barrier->state + (low_first ? 4 : 0));
}

static void wake(const thrum_barrier *barrier, uint64_t seen) {
    if (seen & SLEEPERS)
        thrum_futex_wake(upper_half(barrier), INT_MAX, THRUM_FUTEX_ANY, seen & SHARED); /* barrier.I1 */
}

/* The generation's carry leaves at the top. */
static uint64_t completed(uint64_t seen) {
    const uint64_t next = (seen & ~(ARRIVED | SLEEPERS | ACTING | DOOMED)) + THRUM_BARRIER_GENERATION_;
    THRUM_LAW(barrier.I2, (next ^ seen) & ~LOWER);
    THRUM_LAW(barrier.I1, !(next & SLEEPERS));
    return next;
}

static uint64_t broken(uint64_t seen) {
    return (seen & ~(SLEEPERS | ACTING | DOOMED)) | BROKEN;
}

/* After a party has left a broken barrier. */
static uint64_t left(uint64_t seen) {
    THRUM_LAW(barrier.I3, (seen & BROKEN) && (seen & ARRIVED));
    const uint64_t rest = seen - 1;
    /* barrier.I3 */
    return (rest & ARRIVED) || !(rest & MENDING) ? rest : rest & ~(BROKEN | MENDING | SLEEPERS);
}

/* A party leaves a barrier that is broken, or breaks it. */
static void leave(thrum_barrier *barrier) {
    uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    uint64_t next;
    do {
        next = left(seen & BROKEN ? seen : broken(seen));
        /* barrier.B2: acquire and release, pairs with itself and with barrier.B3. barrier.I4. */
    } while (!thrum_u64_cas_acq_rel(&barrier->state, &seen, next));
    if (seen & ~next & SLEEPERS) wake(barrier, seen);
}

/* One look longer: spins while the spin lasts, then sleeps. THRUM_FUTEX_TIMED_OUT: the time is over. */
static thrum_futex_outcome linger(thrum_barrier *barrier, thrum_park *spin, uint64_t seen,
                                  thrum_deadline deadline) {
    if (spin->budget_ns != 0) {
        if (!thrum_park_again(spin))
            spin->budget_ns = 0;
        else if (barrier->parties > 2 && (uint32_t)barrier->parties <= thrum_cpus())
            thrum_park_keep_away(spin, THRUM_BARRIER_SPACING_NS);
        return THRUM_FUTEX_CHANGED;
    }
    /* relaxed: it announces a sleeper and publishes nothing */
    if (!(seen & SLEEPERS) && !thrum_u64_cas_relaxed(&barrier->state, &seen, seen | SLEEPERS))
        return THRUM_FUTEX_CHANGED;
    return thrum_futex_wait(upper_half(barrier), (uint32_t)((seen | SLEEPERS) >> 32), THRUM_FUTEX_ANY,
                            seen & SHARED, deadline);
}

static thrum_park spin_for(const thrum_barrier *barrier) {
    const uint32_t parties = (uint32_t)barrier->parties;
    const uint32_t most = parties < THRUM_BARRIER_SPIN_MOST ? parties : THRUM_BARRIER_SPIN_MOST;
    const uint32_t share = (most + THRUM_BARRIER_SPIN_PARTIES - 1) / THRUM_BARRIER_SPIN_PARTIES;
    return thrum_park_among(THRUM_PARK_SPIN_NS * share, parties);
}

/* A party that arrived in the generation of `mine` waits for the others. */
static thrum_result meet(thrum_barrier *barrier, uint64_t mine, thrum_deadline deadline) {
    thrum_park spin = spin_for(barrier);
    bool over = false;
    for (;;) {
        /* barrier.B3: acquire, pairs with barrier.B1, barrier.B2 and barrier.B4 */
        const uint64_t seen = thrum_u64_load_acquire(&barrier->state);
        if ((seen ^ mine) & ~LOWER) return THRUM_OK; /* barrier.I2 */
        if (seen & BROKEN) {
            leave(barrier);
            return THRUM_BROKEN;
        }
        if (over) {
            uint64_t expected = seen;
            /*
             * relaxed: what this party wrote its arrival has published, and every step since continues that
             */
            if (!thrum_u64_cas_relaxed(&barrier->state, &expected, left(broken(seen)))) continue;
            wake(barrier, seen);
            return THRUM_TIMEOUT;
        }
        over = linger(barrier, &spin, seen, deadline) == THRUM_FUTEX_TIMED_OUT;
    }
}

/* A newcomer must not wait any longer: the cycle that it came for shall not be waited for. */
static bool give_up(thrum_barrier *barrier, uint64_t seen) {
    uint64_t next = seen & ACTING ? seen | DOOMED : seen & ~(MENDING | SLEEPERS);
    if (!thrum_u64_cas_release(&barrier->state, &seen, next)) return false; /* barrier.B2 */
    if (!(seen & ACTING)) wake(barrier, seen);
    return true;
}

thrum_result thrum_barrier_arrive_(thrum_barrier *barrier, const thrum_deadline *given, int32_t *index) {
    const uint64_t last = (uint64_t)(uint32_t)barrier->parties - 1;
    if (barrier->parties < 1) return THRUM_INVALID;
    thrum_deadline deadline = THRUM_FOREVER;
    if (given)
        deadline = *given;
    else if (barrier->timeout_ns != THRUM_BARRIER_NO_TIMEOUT)
        deadline = thrum_after_ns(barrier->timeout_ns);

    THRUM_WAITS_(BARRIER, barrier, THRUM_SITE_);
    thrum_park spin = spin_for(barrier);
    bool asked = false;
    /* barrier.B3: acquire, pairs with barrier.B2 */
    uint64_t seen = thrum_u64_load_acquire(&barrier->state);
    for (;;) {
        if (THRUM_UNLIKELY(seen & (ACTING | MENDING))) {
            if (!asked && thrum_self_holds_(barrier)) return THRUM_DEADLOCK; /* barrier.I5 */
            const bool over = !asked ? thrum_deadline_passed(deadline)
                                     : linger(barrier, &spin, seen, deadline) == THRUM_FUTEX_TIMED_OUT;
            asked = true;
            if (over) {
                seen = thrum_u64_load_relaxed(&barrier->state);
                if (seen & (ACTING | MENDING)) {
                    if (give_up(barrier, seen)) return THRUM_TIMEOUT;
                    asked = false;
                }
            }
            seen = thrum_u64_load_acquire(&barrier->state);
            continue;
        }
        if (THRUM_UNLIKELY(seen & BROKEN)) return THRUM_BROKEN;
        THRUM_LAW(barrier.I3, (seen & ARRIVED) <= last);
        const bool completes = (seen & ARRIVED) == last;
        const bool acts = completes && barrier->action;
        const uint64_t next = acts ? (seen + 1) | ACTING : completes ? completed(seen) : seen + 1;
        uint64_t expected = seen;
        /* barrier.B1: acquire and release, pairs with itself and with barrier.B3 */
        if (!thrum_u64_cas_acq_rel(&barrier->state, &expected, next)) {
            seen = thrum_u64_load_acquire(&barrier->state);
            continue;
        }
        if (acts) return THRUM_BARRIER_ACT_;
        thrum_result result = THRUM_OK;
        if (completes)
            wake(barrier, seen); /* barrier.I4 */
        else
            result = meet(barrier, seen, deadline);
        if (result == THRUM_OK && index) *index = (int32_t)(seen & ARRIVED);
        return result;
    }
}

static thrum_result acted(thrum_barrier *barrier, thrum_result result, int32_t *index) {
    const int32_t last = barrier->parties - 1;
    uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    while (result == THRUM_OK) {
        if (seen & BROKEN) {
            result = THRUM_BROKEN;
            break;
        }
        const uint64_t next = seen & DOOMED ? completed(seen) | BROKEN : completed(seen);
        /* barrier.B4: release, pairs with barrier.B3. barrier.I4. */
        if (!thrum_u64_cas_release(&barrier->state, &seen, next)) continue;
        wake(barrier, seen);
        if (index) *index = last;
        return THRUM_OK;
    }
    leave(barrier);
    return result;
}

/* ---- the action ---- */

static void abandon(void *object) {
    THRUM_TELL_OWN_RELEASE(object);
    (void)acted(object, THRUM_CANCELLED, NULL);
}

struct act {
    const thrum_barrier *barrier;
    thrum_result result;
};

static void act(void *p) {
    struct act *const act = p;
    THRUM_LAW(barrier.I5, thrum_self_holds_(act->barrier));
    act->result = act->barrier->action(act->barrier->argument);
}

thrum_result thrum_barrier_act_(thrum_barrier *barrier, int32_t *index) {
    struct act mine = {barrier, THRUM_OK};
    thrum_guard_ acting = {abandon, barrier, NULL};
    THRUM_TELL_OWN_ACQUIRE(barrier);
    if (!thrum_self_call_(&acting, act, &mine)) return THRUM_CANCELLED; /* barrier.I5: released meanwhile */
    THRUM_TELL_OWN_RELEASE(barrier);
    return acted(barrier, mine.result, index);
}

/* ---- from outside ---- */

void thrum_barrier_abort(thrum_barrier *barrier) {
    if (barrier->parties < 1) return;
    THRUM_TELL_OWN_RELEASE(barrier);
    uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    uint64_t next;
    do {
        next = broken(seen) & ~MENDING;
        /* barrier.B2 */
    } while (!thrum_u64_cas_release(&barrier->state, &seen, next));
    wake(barrier, seen);
}

void thrum_barrier_reset(thrum_barrier *barrier) {
    if (barrier->parties < 1) return;
    uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    uint64_t next;
    do {
        if (seen & ACTING) return;
        if (!(seen & (ARRIVED | BROKEN))) return;
        THRUM_TELL_OWN_RELEASE(barrier);
        next = seen & ARRIVED ? broken(seen) | MENDING : seen & ~(BROKEN | MENDING | SLEEPERS);
        /* barrier.B2 */
    } while (!thrum_u64_cas_release(&barrier->state, &seen, next));
    wake(barrier, seen);
}

int32_t thrum_barrier_waiting(const thrum_barrier *barrier) {
    const uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    return seen & BROKEN ? 0 : (int32_t)(seen & ARRIVED);
}

bool thrum_barrier_broken(const thrum_barrier *barrier) {
    return (thrum_u64_load_relaxed(&barrier->state) & (BROKEN | MENDING)) == BROKEN;
}

static thrum_result init(thrum_barrier *barrier, int32_t parties, thrum_barrier_action *action,
                         void *argument, int64_t timeout_ns, uint64_t flags) {
    if (parties < 1) return THRUM_INVALID;
    thrum_u64_store_relaxed(&barrier->state, flags);
    barrier->parties = parties;
    barrier->unused_ = 0;
    barrier->timeout_ns = timeout_ns;
    barrier->action = action;
    barrier->argument = argument;
    return THRUM_OK;
}

thrum_result thrum_barrier_init(thrum_barrier *barrier, int32_t parties) {
    return init(barrier, parties, NULL, NULL, THRUM_BARRIER_NO_TIMEOUT, 0);
}

thrum_result thrum_barrier_init_with(thrum_barrier *barrier, int32_t parties, thrum_barrier_action *action,
                                     void *argument, int64_t timeout_ns) {
    return init(barrier, parties, action, argument, timeout_ns, 0);
}

thrum_result thrum_barrier_init_seconds(thrum_barrier *barrier, int32_t parties, thrum_barrier_action *action,
                                        void *argument, double seconds) {
    int64_t timeout_ns;
    const thrum_result result = thrum_deadline_ns_from_seconds(seconds, &timeout_ns);
    return result == THRUM_OK ? init(barrier, parties, action, argument, timeout_ns, 0) : result;
}

thrum_result thrum_barrier_init_shared(thrum_barrier *barrier, int32_t parties, int64_t timeout_ns) {
    return init(barrier, parties, NULL, NULL, timeout_ns, SHARED);
}

void thrum_barrier_reset_after_fork(thrum_barrier *barrier) {
    const uint64_t seen = thrum_u64_load_relaxed(&barrier->state);
    if (seen & SHARED) return;
    const bool stays = (seen & (BROKEN | MENDING)) == BROKEN;
    thrum_u64_store_relaxed(&barrier->state, (seen & ~LOWER) | (stays ? BROKEN : 0));
}

size_t thrum_barrier_describe(const thrum_barrier *barrier, char *text, size_t size) {
    const uint64_t w = thrum_u64_load_relaxed(&barrier->state);
    return (size_t)snprintf(text, size, "barrier: %s%d of %d %s%s%s, generation %u",
                            w & MENDING  ? "resetting, "
                            : w & BROKEN ? "broken, "
                            : w & ACTING ? "acting, "
                                         : "",
                            (int)(w & ARRIVED), (int)barrier->parties, w & BROKEN ? "leave" : "wait",
                            w & SLEEPERS ? ", sleepers" : "", w & SHARED ? ", shared" : "",
                            (unsigned)(w / THRUM_BARRIER_GENERATION_));
}
