/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. How threads wait for a lock.
 *
 * Waking a thread costs as much as a thousand uncontended acquisitions, so a busy lock wakes
 * nobody: a running thread may take it, and one of the waiters, the heir, watches it from short
 * naps while all others sleep. After a slice of time the heir closes the lock to newcomers, takes
 * it at the next release, and wakes the next sleeper to be heir. It takes the lock sooner where that
 * is idle, or often free: there another thread makes more sections, and a processor may be idle.
 *
 *   bit      meaning                                 set by                    cleared by
 *   LOCKED   somebody holds it                       every acquire             every release
 *   SHARED   it lies in memory of several processes  thrum_lock_init_shared    nobody
 *   HEIR     an heir watches, or is on its way       a waiter, finding none    the heir that leaves and
 *                                                                              has nobody to appoint
 *   WAITERS  others may be asleep                    a sleeper, before it      the heir that leaves,
 *                                                    sleeps; a new heir        before it appoints
 *   CLOSED   only an heir (and try_) may take it     the heir, after a slice   an heir that takes the lock;
 *                                                                              that heir, when it resigns
 *   MARK     no acquire since the heir's look began  the heir                  every acquire; an heir that
 *                                                                              resigns
 *   WAKE     somebody is parked for the release,     the heir, a waiter for    as MARK
 *            or a profile wants to know where it is  a profile, or the holder
 *                                                    for a waiter of a
 *                                                    condition, while LOCKED
 *
 * lock.I1: the kernel queues a sleeper only at an instant when HEIR and WAITERS are both set. While one is
 *     queued, both stay set, or somebody is in appoint(), or a chosen sleeper is on its way.
 * lock.I2: HEIR set  =>  some thread is in watch() or appoint(), or is on its way to watch(). In watch() it
 *     looks at least once a nap, or is parked.
 * lock.I3: an heir, or a waiter of a condition, is parked for the release  =>  WAKE and LOCKED are set, or a
 *     wake for it is on its way. Every step that clears WAKE keeps this: an acquire follows a release that
 *     saw it and wakes; an heir that leaves wakes the others itself. Only the holder moves a waiter here, so
 *     no release comes between the move and WAKE.
 * lock.I4: HEIR is cleared in a step that finds WAITERS clear; or both are cleared in one step, and then one
 *     sleeper is woken.
 * lock.I5: the release of a hold touches the word once and never again. Only one that finds the lock not
 *     locked, which is its caller's bug, touches it until it has undone the hold that it made.
 *
 * No wake is lost. A sleeper sets WAITERS, and the kernel queues it only if the word still has HEIR and
 * WAITERS. An heir that leaves clears WAITERS and then wakes one sleeper. If that finds nobody, it
 * clears HEIR and WAITERS in one step: a sleeper queued before it is found by a second wake, and
 * after it the kernel queues nobody (lock.I4). A chosen sleeper always enters watch(), even if its deadline
 * has passed: there it sets WAITERS for those that may still sleep, and when it leaves, appoints.
 *
 * Two heirs are harmless: each looks at the lock and leaves by the same steps. They arise from a wake
 * that was meant for an earlier object at this address, and when a sleeper takes the heir for gone.
 *
 * tests/models/lock.pml is this protocol as a model, with variants that break one law each.
 */
#include "../atomic/law.h"
#include "probes.h"
#include "profile_inside.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

/*
 * The policy, chosen by bench/lock_bench. Half and twice of the spacing, LOOK, ROOM, NAP and SLICE cost no
 * more than the noise on two processors (AMD EPYC family 25 model 1, 4 and 16 threads): two runs of
 * tools/neighbours differ by up to .3 there.
 */
#ifndef THRUM_LOCK_SPACING_NS
#define THRUM_LOCK_SPACING_NS 0, 150, 600, 2000 /* between a newcomer's looks; the last, from there on */
#endif
#ifndef THRUM_LOCK_LOOK_NS
#define THRUM_LOCK_LOOK_NS 4000 /* one look of the heir: longer than the sections worth waiting for */
#endif
#ifndef THRUM_LOCK_IDLE_ROUNDS
#define THRUM_LOCK_IDLE_ROUNDS 16 /* of a look, about half a microsecond: free so long, it is idle */
#endif
#ifndef THRUM_LOCK_ROOM_ROUNDS
#define THRUM_LOCK_ROOM_ROUNDS 32 /* of a look, before it tells whether there is room for one more */
#endif
#ifndef THRUM_LOCK_NAP_NS
#define THRUM_LOCK_NAP_NS 50000 /* the heir's first nap; each is twice the one before */
#endif
#ifndef THRUM_LOCK_SLICE_NS
#define THRUM_LOCK_SLICE_NS 500000 /* the heir's patience before it closes the lock */
#endif
#ifndef THRUM_LOCK_STALE_NS
/*
 * A park on a word found free: what a stale mark costs at most. Half of it wakes the sleepers of a lock whose
 * mark is not stale for nothing twice as often; twice it is as much later.
 */
#define THRUM_LOCK_STALE_NS 1000000
#endif
#ifndef THRUM_LOCK_DEATH_NS
/*
 * A park in a shared lock, whose heir may be of a process that died. Each sleeper of such a lock wakes ten
 * times a second; half of it is twice as often, twice it a stop of up to 0.2 s.
 */
#define THRUM_LOCK_DEATH_NS 100000000
#endif

#define LOCKED THRUM_LOCK_LOCKED_
#define SHARED ((uint32_t)THRUM_LOCK_SHARED_)
#define HEIR ((uint32_t)THRUM_LOCK_HEIR_)
#define WAITERS ((uint32_t)THRUM_LOCK_WAITERS_)
#define CLOSED ((uint32_t)THRUM_LOCK_CLOSED_)
#define MARK ((uint32_t)THRUM_LOCK_MARK_)
#define WAKE ((uint32_t)THRUM_LOCK_WAKE_)

/* Futex channels. */
enum { AT_RELEASE = THRUM_LOCK_AT_RELEASE_, SLEEPERS = 2 };

static thrum_deadline moment(uint64_t ns) {
    const thrum_deadline deadline = {ns};
    return deadline;
}

static bool is_free(uint32_t word) {
    return !(word & LOCKED);
}

static bool barge(thrum_lock *lock, uint32_t barriers) {
    return thrum_lock_barge_(lock, thrum_u32_load_relaxed(&lock->state), barriers);
}

/* --- leaving as heir ------------------------------------------------------------------------ */

/* The word without what an heir leaves behind: WAITERS if there is one to appoint, else HEIR. */
static uint32_t without_heir(uint32_t word, uint32_t closed) {
    const uint32_t rest = word & ~(MARK | WAKE | closed | (word & WAITERS ? WAITERS : HEIR));
    THRUM_LAW(lock.I4, !(rest & WAITERS) && (!(word & WAITERS) || !((word ^ rest) & HEIR)));
    return rest;
}

/* Wakes the next sleeper to be heir; HEIR is set on its behalf, WAITERS has been cleared. */
static void appoint(thrum_lock *lock, bool shared) {
    if (thrum_futex_wake(&lock->state, 1, SLEEPERS, shared)) return;
    /* relaxed, as every change of the waiting bits: they publish nothing (lock.I4) */
    if (thrum_u32_fetch_and_relaxed(&lock->state, ~(HEIR | WAITERS)) & WAITERS)
        thrum_futex_wake(&lock->state, 1, SLEEPERS, shared);
}

/*
 * The heir takes the lock, which it saw free, and appoints the next. This is the one wake made while the
 * lock is held: its release could not make it, since when nobody is found the word must be touched again
 * (lock.I5). It comes once a turn, not once an acquisition.
 */
static bool inherit(thrum_lock *lock, uint32_t seen) {
    /* lock.L1: acquire, pairs with lock.L2 */
    if (!thrum_u32_cas_acquire(&lock->state, &seen, without_heir(seen, CLOSED) | LOCKED)) return false;
    THRUM_PROBE_1_(handed_over, lock);
    if (seen & WAITERS) appoint(lock, seen & SHARED);
    return true;
}

/* The heir's deadline has passed: it takes a free lock all the same, or leaves without a trace. */
static thrum_result resign(thrum_lock *lock, uint32_t closed) {
    uint32_t seen = thrum_u32_load_relaxed(&lock->state);
    do {
        if (is_free(seen) && inherit(lock, seen)) return THRUM_OK;
    } while (!thrum_u32_cas_relaxed(&lock->state, &seen, without_heir(seen, closed)));
    if (seen & WAKE) thrum_futex_wake(&lock->state, INT_MAX, AT_RELEASE, seen & SHARED); /* lock.I3 */
    if (seen & WAITERS) appoint(lock, seen & SHARED);
    return THRUM_TIMEOUT;
}

/* --- watching as heir ----------------------------------------------------------------------- */

typedef struct watcher {
    uint64_t slice_end_ns;
    uint64_t nap_ns;
    uint32_t closed; /* CLOSED once this heir has closed the lock */
    bool woken;      /* by a release, for which it was parked: it need not wait for idleness */
    bool overtaken;  /* though woken: waking it a second time would cost the holder too much */
} watcher;

/* Free in more than five of sixteen rounds: its users do much of their work outside. */
static bool has_room(unsigned rounds, unsigned free_rounds) {
    return rounds >= THRUM_LOCK_ROOM_ROUNDS && free_rounds * 16 > rounds * 5;
}

/*
 * Takes the lock if it is free and for this heir: closed by it, released for it, idle, or with room for one
 * more. An heir that took a lock which others are passing among themselves would only slow them down.
 */
static bool look(thrum_lock *lock, const watcher *self) {
    thrum_park spin = thrum_park_look(THRUM_LOCK_LOOK_NS);
    unsigned idle = 0, rounds = 0, free_rounds = 0;
    uint32_t seen;
    do {
        seen = thrum_u32_load_relaxed(&lock->state);
        rounds++;
        if (!is_free(seen)) {
            idle = 0;
            continue;
        }
        free_rounds++;
        const bool open = !(seen & CLOSED);
        const bool mine = self->closed || (self->woken && open);
        const bool unused = (seen & MARK) && open && ++idle > THRUM_LOCK_IDLE_ROUNDS;
        if ((mine || unused || (open && has_room(rounds, free_rounds))) && inherit(lock, seen)) return true;
    } while (thrum_park_again(&spin));
    return is_free(seen) && (seen & MARK) && !(seen & CLOSED) && inherit(lock, seen);
}

/* A deadline that also ends when the state that was seen may have become stale. */
static thrum_deadline patience(uint32_t seen, thrum_deadline deadline) {
    if (is_free(seen)) return thrum_deadline_earlier(deadline, thrum_after_ns(THRUM_LOCK_STALE_NS));
    if (seen & SHARED) return thrum_deadline_earlier(deadline, thrum_after_ns(THRUM_LOCK_DEATH_NS));
    return deadline;
}

/*
 * Sleeps until the release: the heir saw one unbroken hold, or has closed the lock. One with others behind it
 * sleeps no longer than its slice, and closes the lock amid the hold: else each of their turns would last one
 * hold more. A timer that is not reached delays a wake by microseconds, so an heir alone does without: where
 * the hold was longer than its slice and another thread is faster at its end, the heir closes the lock then.
 */
static void park(thrum_lock *lock, uint32_t seen, watcher *self, thrum_deadline deadline) {
    THRUM_LAW(lock.I3, !is_free(seen));
    if (!(seen & WAKE) && !thrum_u32_cas_relaxed(&lock->state, &seen, seen | WAKE)) return; /* lock.I3 */
    thrum_deadline end = patience(seen, deadline);
    if ((seen & WAITERS) && !self->closed) end = thrum_deadline_earlier(end, moment(self->slice_end_ns));
    const thrum_futex_outcome outcome =
        thrum_futex_wait(&lock->state, seen | WAKE, AT_RELEASE, seen & SHARED, end);
    self->woken = outcome == THRUM_FUTEX_WOKEN;
}

static thrum_result watch(thrum_lock *lock, thrum_deadline deadline, uint32_t others) {
    watcher self = {.slice_end_ns = thrum_futex_now_ns() + THRUM_LOCK_SLICE_NS, .nap_ns = THRUM_LOCK_NAP_NS};
    for (;;) {
        thrum_u32_fetch_or_relaxed(&lock->state, HEIR | MARK | others | self.closed);
        if (look(lock, &self)) return THRUM_OK;
        const uint64_t now = thrum_futex_now_ns();
        if (deadline.ns <= now) return resign(lock, self.closed);
        if (now >= self.slice_end_ns && !self.closed) {
            self.closed = CLOSED;
            THRUM_PROBE_1_(closed, lock);
            continue;
        }
        if (self.woken) self.overtaken = true;
        self.woken = false;
        const uint32_t seen = thrum_u32_load_relaxed(&lock->state);
        if (!is_free(seen) && (self.closed || ((seen & MARK) && !self.overtaken))) {
            park(lock, seen, &self, deadline);
        } else if (!self.closed) {
            const thrum_deadline end = thrum_deadline_earlier(deadline, moment(self.slice_end_ns));
            thrum_futex_nap(thrum_deadline_earlier(end, moment(now + self.nap_ns)));
            self.nap_ns *= 2;
        }
    }
}

/* --- for the waiters of a condition ---------------------------------------------------------- */

/*
 * Where the move is refused the waiter is woken now. One that was not asleep yet sees that its word has
 * changed.
 */
void thrum_lock_wake_at_release_(thrum_lock *lock, const thrum_u32 *word, uint32_t value) {
    THRUM_LAW(lock.I3, thrum_lock_locked(lock));
    const int moved = thrum_futex_requeue(word, value, 0, 1, &lock->state, false);
    if (moved > 0) thrum_u32_fetch_or_relaxed(&lock->state, WAKE); /* lock.I3 */
    if (moved < 0) thrum_futex_wake(word, 1, THRUM_FUTEX_ANY, false);
}

/* --- waiting -------------------------------------------------------------------------------- */

/*
 * Spins while the lock is held or closed: an heir that closes it takes it within microseconds. Each look
 * takes the line from the holder. The first ones find a lock free that is held shortly and seldom; a holder
 * that comes back at once is left alone for longer and longer.
 */
static bool spin_for(thrum_lock *lock) {
    static const uint32_t spacing_ns[] = {THRUM_LOCK_SPACING_NS};
    enum { LAST = sizeof spacing_ns / sizeof spacing_ns[0] - 1 };
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    unsigned looks = 0;
    while (!barge(lock, LOCKED | CLOSED)) {
        if (!thrum_park_again(&spin)) return false;
        thrum_park_keep_away(&spin, spacing_ns[looks]);
        if (looks < LAST) looks++;
    }
    return true;
}

/*
 * After a park that lasted as long as patience() gives it: is there still an heir? A closed lock is not
 * left free by a living one; behind one long hold a living one is parked, and behind many, its mark is
 * likely to be seen. Taking a living heir for gone is harmless.
 */
static bool is_heir_gone(const thrum_lock *lock, uint32_t then) {
    const uint32_t now = thrum_u32_load_relaxed(&lock->state);
    return is_free(then) ? is_free(now) && (now & CLOSED) : !(now & (MARK | WAKE));
}

/*
 * For a profile: the hold that the waiter meets ends by the slow release, which tells where. Nobody need be
 * parked for WAKE (lock.I3), and the acquire that follows clears it: a sleeper that times out may leave it
 * behind. A lock that processes share is left alone: its holder may be of a process that counts nothing, and
 * WAKE tells of a living heir (is_heir_gone).
 */
static void ask_for_the_holder(thrum_lock *lock) {
    uint32_t seen = thrum_u32_load_relaxed(&lock->state);
    while (!is_free(seen) && !(seen & (WAKE | SHARED)))
        if (thrum_u32_cas_relaxed(&lock->state, &seen, seen | WAKE)) return;
}

/* `site`: where the program has called. */
static thrum_result wait(thrum_lock *lock, thrum_deadline deadline, const void *site) {
    if (spin_for(lock)) return THRUM_OK;
    THRUM_WAITS_(LOCK, lock, site);
    if (thrum_profile_asks_(lock)) ask_for_the_holder(lock);
    for (;;) {
        uint32_t seen = thrum_u32_load_relaxed(&lock->state);
        if (!(seen & (LOCKED | CLOSED))) {
            if (barge(lock, LOCKED | CLOSED)) return THRUM_OK;
        } else if (!(seen & HEIR)) {
            if (thrum_u32_cas_relaxed(&lock->state, &seen, seen | HEIR)) return watch(lock, deadline, 0);
        } else if ((seen & WAITERS) || thrum_u32_cas_relaxed(&lock->state, &seen, seen | WAITERS)) {
            THRUM_LAW(lock.I1, seen & HEIR);
            const thrum_futex_outcome outcome =
                thrum_futex_wait(&lock->state, seen | WAITERS, SLEEPERS, /* lock.I1 */
                                 seen & SHARED, patience(seen, deadline));
            if (outcome == THRUM_FUTEX_WOKEN) return watch(lock, deadline, WAITERS);
            if (thrum_deadline_passed(deadline)) return barge(lock, LOCKED) ? THRUM_OK : THRUM_TIMEOUT;
            if (outcome == THRUM_FUTEX_TIMED_OUT && is_heir_gone(lock, seen))
                return watch(lock, deadline, WAITERS);
        }
    }
}

void thrum_lock_acquire_slow_(thrum_lock *lock) {
    if (!barge(lock, LOCKED | CLOSED)) (void)wait(lock, THRUM_FOREVER, THRUM_SITE_);
}

thrum_result thrum_lock_acquire_until_slow_(thrum_lock *lock, thrum_deadline deadline) {
    if (barge(lock, LOCKED | CLOSED)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return barge(lock, LOCKED) ? THRUM_OK : THRUM_TIMEOUT;
    return wait(lock, deadline, THRUM_SITE_);
}

/*
 * lock.I5: the address only, since the lock may be gone. Its word would tell whether processes share it:
 * where nobody of this process is parked at it, the others are asked.
 */
static void wake_parked(const thrum_lock *lock) {
    if (!thrum_futex_wake(&lock->state, INT_MAX, AT_RELEASE, false))
        thrum_futex_wake(&lock->state, INT_MAX, AT_RELEASE, true);
}

/*
 * Not locked: the program releases once too often, and what this call did was to acquire the free lock. It
 * releases that and says so. Meanwhile another release may have taken that hold for its own (and is told
 * nothing), and this one goes on until it has found the lock locked.
 */
thrum_result thrum_lock_release_slow_(thrum_lock *lock, thrum_dropped_ was) {
    if (was == THRUM_DROPPED_MARKED_) {
        thrum_profile_let_go_(lock, THRUM_SITE_); /* lock.I5: the address only */
        wake_parked(lock);
        return THRUM_OK;
    }
    uint32_t old;
    do {
        /* relaxed: it goes on with the release sequence of the addition before (lock.L2) */
        old = thrum_u32_fetch_add_relaxed(&lock->state, LOCKED);
    } while (is_free(old));
    if (old & WAKE) thrum_futex_wake(&lock->state, INT_MAX, AT_RELEASE, old & SHARED); /* lock.I5 */
    return THRUM_NOT_LOCKED;
}

void thrum_lock_reset_after_fork(thrum_lock *lock) {
    if (!(thrum_u32_load_relaxed(&lock->state) & SHARED)) thrum_u32_store_relaxed(&lock->state, 0);
}

size_t thrum_lock_describe(const thrum_lock *lock, char *text, size_t size) {
    const uint32_t word = thrum_u32_load_relaxed(&lock->state);
    return (size_t)snprintf(text, size, "lock: %s%s%s%s%s", is_free(word) ? "free" : "locked",
                            word & HEIR ? ", waited for" : "", word & WAITERS ? ", sleepers" : "",
                            word & CLOSED ? ", closed" : "", word & SHARED ? ", shared" : "");
}
