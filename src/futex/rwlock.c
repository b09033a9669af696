/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. How threads wait for a rwlock.
 *
 * Readers and writers that cannot enter wait in line for the lock `queue`. The holder of `queue` is the
 * candidate: the one thread that watches the state, and the only one that ever sleeps on it. It lets others
 * pass for a slice of time, then closes the rwlock and is next. Once inside it releases `queue`, and the next
 * in line becomes the candidate. A candidate that is a reader and finds readers inside goes in at once; so a
 * line of readers goes in one after the other.
 *
 *   bit       meaning                                 set by                   cleared by
 *   SHARED    it lies in memory of several processes  thrum_rwlock_init_shared nobody
 *   WRITER    a writer is inside                      a writer's acquire       its release, its downgrade
 *   CLOSED    newcomers stay out                      the candidate, after     the candidate, as it goes in
 *                                                     its slice                or gives up; a waiter
 *                                                                              that overtakes it
 *   PARKED    the candidate sleeps, or is about to    the candidate            the candidate, awake
 *   readers   how many are inside, and how many       every reader             every reader
 *             have just been turned away
 *
 * rwlock.I1: CLOSED and PARKED belong to the candidate, and the candidate is one: it holds `queue`. It closes
 *     the rwlock again when it has been overtaken.
 * rwlock.I2: a reader is inside if it counted itself in a word without WRITER, CLOSED and FULL. Else it takes
 *     itself out before it does anything else, and then never counts itself again in a word that has one of
 *     them. A writer goes in where the count is 0 and WRITER clear. So a writer inside is alone.
 * rwlock.I3: while CLOSED is set, each newcomer adds to the count at most once, for an instant: the count
 *     falls to 0 as soon as the sections under way have ended.
 * rwlock.I4: the kernel lets the candidate sleep only on the word that it was barred by, PARKED set in it.
 *     Each step that may let it in sees PARKED and wakes it: a writer that leaves or downgrades, the reader
 *     that takes the count from 1 to 0 with no writer inside, also one that was turned away. A word without
 *     WRITER bars a reader only when it is full; then the candidate sleeps a millisecond at most.
 * rwlock.I5: a release touches the rwlock once and never again.
 * rwlock.I6: a candidate that has closed the rwlock may get no processor. A waiter in line that finds the
 *     rwlock closed and empty waits a millisecond, looks again, and overtakes: it goes in and clears CLOSED.
 *     It leaves PARKED, so that its release wakes a candidate that is still to be woken (rwlock.I4).
 *     Overtaking a candidate that is about to run is harmless: by rwlock.I2 the overtaker is alone or among
 *     readers.
 *
 * No wake is lost: there is one sleeper, and by rwlock.I4 no step from barred to not barred passes it by.
 * Those in line depend on the candidate's release of `queue` alone, which is a lock's (src/futex/lock.c).
 */
#include "../atomic/law.h"
#include "probes.h"
#include "profile_inside.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/park.h>
#include <thrum/rwlock.h>

#include <stdio.h>

/*
 * The policy, chosen by bench/rwlock_bench; the lock's numbers, for the lock's reasons. Half and twice of
 * DRAIN cost no more than the noise of two processors (tools/neighbours, .3).
 */
#ifndef THRUM_RWLOCK_SPACING_NS
#define THRUM_RWLOCK_SPACING_NS 500 /* between a newcomer's looks: they take the line from those inside */
#endif
#ifndef THRUM_RWLOCK_DRAIN_NS
#define THRUM_RWLOCK_DRAIN_NS 2000 /* how long a writer that comes keeps new readers out */
#endif
#ifndef THRUM_RWLOCK_LOOK_NS
#define THRUM_RWLOCK_LOOK_NS 4000 /* one look of the candidate */
#endif
#ifndef THRUM_RWLOCK_IDLE_ROUNDS
#define THRUM_RWLOCK_IDLE_ROUNDS 16 /* of a look: free so long, it is idle */
#endif
#ifndef THRUM_RWLOCK_NAP_NS
#define THRUM_RWLOCK_NAP_NS 50000 /* the candidate's first nap; each is twice the one before */
#endif
#ifndef THRUM_RWLOCK_SLICE_NS
#define THRUM_RWLOCK_SLICE_NS 500000 /* its patience before it closes the rwlock */
#endif
/*
 * How long a reader sleeps that readers bar, of which there are too many to count; and how long a waiter
 * leaves a rwlock to its candidate that is closed and empty. Both are what an oversight costs at most, as the
 * lock's STALE_NS.
 */
#define FULL_NS 1000000
#define STALE_NS 1000000

#define SHARED ((uint32_t)THRUM_RWLOCK_SHARED_)
#define WRITER ((uint32_t)THRUM_RWLOCK_WRITER_)
#define CLOSED ((uint32_t)THRUM_RWLOCK_CLOSED_)
#define PARKED ((uint32_t)THRUM_RWLOCK_PARKED_)
#define READER ((uint32_t)THRUM_RWLOCK_READER_)

/* What a side adds to the word as it goes in, and what bars it. */
typedef struct side {
    uint32_t adds;
    uint32_t barriers;
} side;
static const side reading = {READER, WRITER | CLOSED | THRUM_RWLOCK_FULL_};
static const side writing = {WRITER, THRUM_RWLOCK_NO_WRITE_};

/* rwlock.I2: goes in from the word that was seen; false when it has changed. */
static bool step_in(thrum_rwlock *rwlock, uint32_t *seen, const side *mine, uint32_t clears) {
    THRUM_LAW(rwlock.I2, !(*seen & mine->barriers & ~CLOSED));
    /* rwlock.L1, rwlock.L4: acquire, pairs with rwlock.L2 and rwlock.L3 in the releases */
    return thrum_u32_cas_acquire(&rwlock->state, seen, (*seen & ~clears) + mine->adds);
}

/* A newcomer goes in if nothing bars it. */
static bool barge(thrum_rwlock *rwlock, const side *mine) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    while (!(seen & mine->barriers))
        if (step_in(rwlock, &seen, mine, 0)) return true;
    return false;
}

/*
 * `old` is the word as the step found it; `site`: where the program has called. rwlock.I5: the address only.
 */
static void wake(const thrum_rwlock *rwlock, uint32_t old, const void *site) {
    thrum_profile_let_go_(rwlock, site);
    thrum_futex_wake(&rwlock->state, 1, THRUM_FUTEX_ANY, old & SHARED);
}

void thrum_rwlock_wake_(thrum_rwlock *rwlock, uint32_t old) {
    wake(rwlock, old, THRUM_SITE_);
}

/* --- the candidate ---------------------------------------------------------------------------- */

typedef struct candidate {
    const side *mine;
    uint32_t barriers; /* those of its side, but for CLOSED, which is its own */
    uint32_t closed;   /* CLOSED once it has closed the rwlock */
    uint64_t slice_end_ns;
    uint64_t nap_ns;
    bool passed_on; /* others came and went while it looked */
    bool woken;     /* by a step that may have let it in: it need not wait for idleness */
    bool overtaken; /* though woken: waking it a second time would cost the others too much */
} candidate;

static bool go_in(thrum_rwlock *rwlock, uint32_t seen, const candidate *self) {
    return step_in(rwlock, &seen, self->mine, CLOSED | PARKED);
}

/*
 * Goes in if nothing bars it and it is its turn: a reader beside others, or it has closed the rwlock, was
 * woken for it, or sees it idle. A writer that took what others are passing among themselves would only slow
 * them down.
 */
static bool look(thrum_rwlock *rwlock, candidate *self) {
    thrum_park spin = thrum_park_look(THRUM_RWLOCK_LOOK_NS);
    const bool at_once = self->closed || self->woken || self->mine == &reading;
    const uint32_t first = thrum_u32_load_relaxed(&rwlock->state);
    uint32_t seen = first;
    unsigned idle = 0;
    self->passed_on = false;
    do {
        if (seen != first) self->passed_on = true;
        if (seen & self->barriers) {
            idle = 0;
        } else if ((at_once || ++idle > THRUM_RWLOCK_IDLE_ROUNDS) && go_in(rwlock, seen, self)) {
            return true;
        }
        seen = thrum_u32_load_relaxed(&rwlock->state);
    } while (thrum_park_again(&spin));
    return !self->passed_on && !(seen & self->barriers) && go_in(rwlock, seen, self);
}

static void park(thrum_rwlock *rwlock, uint32_t seen, candidate *self, thrum_deadline deadline) {
    THRUM_LAW(rwlock.I1, thrum_lock_locked(&rwlock->queue));
    THRUM_LAW(rwlock.I4, seen & self->barriers);
    /* relaxed, as every change of CLOSED and PARKED: they publish nothing (rwlock.I4) */
    if (!thrum_u32_cas_relaxed(&rwlock->state, &seen, seen | PARKED)) return;
    if (!self->closed) deadline = thrum_deadline_earlier(deadline, (thrum_deadline){self->slice_end_ns});
    if (self->mine == &reading && !(seen & WRITER))
        deadline = thrum_deadline_earlier(deadline, thrum_after_ns(FULL_NS));
    const thrum_futex_outcome outcome =
        thrum_futex_wait(&rwlock->state, seen | PARKED, THRUM_FUTEX_ANY, seen & SHARED, deadline);
    self->woken = outcome == THRUM_FUTEX_WOKEN;
    thrum_u32_fetch_and_relaxed(&rwlock->state, ~PARKED);
}

/* Its deadline has passed: it goes in all the same if it may, or leaves without a trace. */
static thrum_result resign(thrum_rwlock *rwlock, const candidate *self) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    do {
        if (!(seen & self->barriers) && go_in(rwlock, seen, self)) return THRUM_OK;
    } while (!thrum_u32_cas_relaxed(&rwlock->state, &seen, seen & ~self->closed));
    return THRUM_TIMEOUT;
}

static thrum_result watch(thrum_rwlock *rwlock, const side *mine, thrum_deadline deadline) {
    candidate self = {.mine = mine,
                      .barriers = mine->barriers & ~CLOSED,
                      .slice_end_ns = thrum_futex_now_ns() + THRUM_RWLOCK_SLICE_NS,
                      .nap_ns = THRUM_RWLOCK_NAP_NS};
    for (;;) {
        if (look(rwlock, &self)) return THRUM_OK;
        const uint64_t now = thrum_futex_now_ns();
        if (deadline.ns <= now) return resign(rwlock, &self);
        if (now >= self.slice_end_ns) self.closed = CLOSED;
        const uint32_t missing = self.closed & ~thrum_u32_load_relaxed(&rwlock->state);
        /* rwlock.I1: for the first time, or overtaken */
        if (missing) {
            THRUM_PROBE_1_(closed, rwlock);
            THRUM_LAW(rwlock.I1, thrum_lock_locked(&rwlock->queue));
            thrum_u32_fetch_or_relaxed(&rwlock->state, missing); /* rwlock.I3 */
            continue;
        }
        if (self.woken) self.overtaken = true;
        self.woken = false;
        const uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
        if ((seen & self.barriers) && (self.closed || !(self.passed_on || self.overtaken))) {
            park(rwlock, seen, &self, deadline);
        } else if (!self.closed) {
            const thrum_deadline end = thrum_deadline_earlier(deadline, (thrum_deadline){self.slice_end_ns});
            thrum_futex_nap(thrum_deadline_earlier(end, (thrum_deadline){now + self.nap_ns}));
            self.nap_ns *= 2;
        }
    }
}

/* --- waiting ------------------------------------------------------------------------------------ */

/*
 * A writer that finds readers inside, and nobody in line, keeps new ones out for a moment: running readers
 * leave within it. If one has not, it reads long or was preempted, and the others are not to wait for it.
 * Behind another writer or a line it does so at a later look, but once: its looks alone would hardly ever
 * meet a rwlock without readers, and the line costs naps.
 */
static bool drain(thrum_rwlock *rwlock, bool *drained) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    if ((seen & WRITER) || !thrum_lock_try_acquire(&rwlock->queue)) return false;
    *drained = true;
    const candidate self = {.mine = &writing, .barriers = writing.barriers & ~CLOSED};
    thrum_u32_fetch_or_relaxed(&rwlock->state, CLOSED); /* rwlock.I1 */
    thrum_park spin = thrum_park_look(THRUM_RWLOCK_DRAIN_NS);
    bool inside = false;
    do {
        seen = thrum_u32_load_relaxed(&rwlock->state);
        if (!(seen & self.barriers)) inside = go_in(rwlock, seen, &self);
    } while (!inside && thrum_park_again(&spin));
    if (!inside) thrum_u32_fetch_and_relaxed(&rwlock->state, ~CLOSED);
    (void)thrum_lock_release(&rwlock->queue);
    return inside;
}

/* rwlock.I6: only the candidate keeps others out. */
static bool is_closed_and_empty(uint32_t seen) {
    return (seen & ~(SHARED | PARKED)) == CLOSED;
}

/* rwlock.I6 */
static bool overtake(thrum_rwlock *rwlock, const side *mine) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    while (is_closed_and_empty(seen))
        if (step_in(rwlock, &seen, mine, CLOSED)) return true;
    return false;
}

/*
 * Waits to be the candidate, whose turn comes then. `stale`: the rwlock was seen closed and empty, and was
 * not seen to be used since; what is counted may be readers that look in and are turned away.
 */
static thrum_result line_up(thrum_rwlock *rwlock, const side *mine, bool stale, thrum_deadline deadline) {
    for (;;) {
        const uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
        if (is_closed_and_empty(seen)) stale = true;
        if ((seen & (WRITER | CLOSED)) != CLOSED) stale = false;
        const thrum_deadline end =
            stale ? thrum_deadline_earlier(deadline, thrum_after_ns(STALE_NS)) : deadline;
        if (thrum_lock_acquire_until(&rwlock->queue, end) == THRUM_OK) break;
        if (thrum_deadline_passed(deadline)) return barge(rwlock, mine) ? THRUM_OK : THRUM_TIMEOUT;
        if (overtake(rwlock, mine)) return THRUM_OK;
    }
    const thrum_result result = watch(rwlock, mine, deadline);
    if (result == THRUM_OK) THRUM_PROBE_1_(handed_over, rwlock);
    (void)thrum_lock_release(&rwlock->queue);
    return result;
}

/* `site`: where the program has called. */
static thrum_result wait(thrum_rwlock *rwlock, const side *mine, thrum_deadline deadline, const void *site) {
    if (barge(rwlock, mine)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    bool stale = false, drained = mine != &writing;
    for (;;) {
        if (!drained && drain(rwlock, &drained)) return THRUM_OK;
        stale |= is_closed_and_empty(thrum_u32_load_relaxed(&rwlock->state));
        if (!thrum_park_again(&spin)) break;
        thrum_park_keep_away(&spin, THRUM_RWLOCK_SPACING_NS);
        if (barge(rwlock, mine)) return THRUM_OK;
    }
    if (mine == &reading) {
        THRUM_WAITS_(READ, rwlock, site);
        return line_up(rwlock, mine, stale, deadline);
    }
    THRUM_WAITS_(WRITE, rwlock, site);
    return line_up(rwlock, mine, stale, deadline);
}

/* A reader has taken itself out of the word `old`; `site`: NULL for one that was not inside. */
static void after_a_reader(thrum_rwlock *rwlock, uint32_t old, const void *site) {
    const bool last = old < 2 * READER && !(old & WRITER);
    if ((old & PARKED) && last) wake(rwlock, old, site); /* rwlock.I4 */
}

/* The reader has counted itself, and was turned away. */
thrum_result thrum_rwlock_acquire_read_slow_(thrum_rwlock *rwlock, thrum_deadline deadline) {
    /* relaxed: it has read nothing and publishes nothing */
    after_a_reader(rwlock, thrum_u32_fetch_sub_relaxed(&rwlock->state, READER), NULL);
    return wait(rwlock, &reading, deadline, THRUM_SITE_);
}

thrum_result thrum_rwlock_acquire_write_slow_(thrum_rwlock *rwlock, thrum_deadline deadline) {
    return wait(rwlock, &writing, deadline, THRUM_SITE_);
}

/*
 * The candidate sleeps, or a read was ended that had not begun: the count was 0, or a writer is inside, and
 * by rwlock.I2 those that are counted are being turned away. The count is short by one for a moment, which
 * may have wrapped it and keeps everybody out; it is put right, and the candidate woken if it fell asleep
 * meanwhile. Additions and subtractions commute: the sum is right whatever others do between.
 */
thrum_result thrum_rwlock_release_read_slow_(thrum_rwlock *rwlock, uint32_t old) {
    if (THRUM_LIKELY(old >= READER && !(old & WRITER))) {
        after_a_reader(rwlock, old, THRUM_SITE_);
        return THRUM_OK;
    }
    old = thrum_u32_fetch_add_relaxed(&rwlock->state, READER); /* relaxed: it undoes, and publishes nothing */
    if (old & PARKED) wake(rwlock, old, THRUM_SITE_);          /* rwlock.I4 */
    return THRUM_NOT_LOCKED;
}

void thrum_rwlock_reset_after_fork(thrum_rwlock *rwlock) {
    if (!(thrum_u32_load_relaxed(&rwlock->state) & SHARED)) thrum_rwlock_init(rwlock);
}

size_t thrum_rwlock_describe(const thrum_rwlock *rwlock, char *text, size_t size) {
    const uint32_t word = thrum_u32_load_relaxed(&rwlock->state);
    const unsigned readers = (unsigned)(word / READER);
    const char *const more = word & CLOSED                       ? ", closed"
                             : thrum_lock_locked(&rwlock->queue) ? ", waited for"
                                                                 : "";
    const char *const shared = word & SHARED ? ", shared" : "";
    if (word & WRITER) return (size_t)snprintf(text, size, "rwlock: a writer%s%s", more, shared);
    if (!readers) return (size_t)snprintf(text, size, "rwlock: free%s%s", more, shared);
    return (size_t)snprintf(text, size, "rwlock: %u reader%s%s%s", readers, readers == 1 ? "" : "s", more,
                            shared);
}
