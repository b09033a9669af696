/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. A condition is a ring of waiters, each on its own stack, oldest first. A notify takes those that
 * it chooses out of the ring and into a group, a ring of its own. The word of a waiter:
 *
 *   WAITING   it is not to go for the lock yet; it is awake
 *   ASLEEP    as WAITING, and it sleeps on its word or is about to
 *   TOLD      it is to go for the lock
 *
 * Only the waiter makes ASLEEP of WAITING, by compare-and-swap; only the lock's holder makes TOLD.
 *
 * cond.I1: the ring, the groups, and of every waiter its links, `chosen` and `tells`, are read and written
 *     with the lock held.
 * cond.I2: a waiter is in the ring until a notifier takes it out, or itself: with the lock, and not chosen.
 *     It is in a group from then on until it takes itself out, with the lock.
 * cond.I3: a waiter's memory lives until its thread has the lock again, so as long as somebody else holds it.
 * cond.I4: a waiter that is TOLD is awake, or the lock's next release wakes it, or a wake is on its way: the
 *     step that made it TOLD says whether it was ASLEEP.
 * cond.I5: while a group has waiters that are not TOLD, one of its TOLD waiters is a teller, which has not
 *     had the lock since: the notifier tells the first batches, and the last of a batch, when it has the
 *     lock, tells the next one.
 *
 * No notify is lost: it chooses waiters of the ring, and one that times out at that moment finds itself
 * chosen when it has the lock (cond.I2). None is remembered: what a notify does, it does to waiters of the
 * ring. No group stops: a chosen waiter that times out before it is told takes itself out; one that times out
 * when it is told, a teller too, goes for the lock as it would have, and does what it owes (cond.I5).
 *
 * A notifier wakes no waiter while it holds the lock: the waiter could only wait for the lock. It moves a
 * sleeping waiter to the lock's own word, and the next release wakes it, with all others that were moved
 * (lock.c). Of many waiters only some go for the lock at a time: more would preempt its holder and queue up
 * behind it. They are told by batches, since one call of the kernel wakes a whole batch; by two batches,
 * since processors would be idle between one batch and the next.
 * All this is by bench/cond_bench: to wake each under the lock takes up to seven times as long on busy
 * processors; to tell the next one at each turn, 32 at a time, 1.1 to 1.4 times as long with 256 on idle ones
 * (two virtual processors, AMD EPYC, family 25, model 17).
 */
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "waits.h"

#include <thrum/cond.h>
#include <thrum/futex.h>
#include <thrum/monitor.h>
#include <thrum/park.h>

#include <stddef.h>
#include <stdio.h>

/*
 * So many waiters are told together, and so many batches of them go for the lock at a time. Half and twice of
 * either cost no more than the noise of two processors (tools/neighbours, .3).
 */
#ifndef THRUM_COND_BATCH
#define THRUM_COND_BATCH 32
#endif
#ifndef THRUM_COND_BATCHES
#define THRUM_COND_BATCHES 2
#endif

enum { WAITING, ASLEEP, TOLD };

struct thrum_waiter_ {
    thrum_waiter_ *next, *previous;
    thrum_u32 state;
    bool chosen;
    bool tells; /* the next ones of its group, when it has the lock */
};

/* --- the lock ------------------------------------------------------------------------------------- */

thrum_result thrum_cond_check_slow_(const void *lock) {
    if (lock == NULL) return THRUM_INVALID;
    const thrum_lock *plain = thrum_cond_plain_(lock);
    if (!plain) return thrum_rlock_is_owned(thrum_cond_rlock_(lock)) ? THRUM_OK : THRUM_NOT_OWNER;
    if (thrum_u32_load_relaxed(&plain->state) & THRUM_LOCK_SHARED_) return THRUM_INVALID;
    return thrum_lock_locked(plain) ? THRUM_OK : THRUM_NOT_LOCKED;
}

static thrum_lock *inner(const void *lock) {
    thrum_lock *plain = thrum_cond_plain_(lock);
    return plain ? plain : &thrum_cond_rlock_(lock)->lock;
}

/* Releases it, and says how to take it back. */
static uint32_t release_lock(const void *lock) {
    uint32_t depth = 1;
    THRUM_TELL_OWN_RELEASE(inner(lock)); /* lock.L2, which is inlined here */
    if (thrum_cond_plain_(lock))
        (void)thrum_lock_release(thrum_cond_plain_(lock));
    else
        THRUM_IGNORE_(thrum_rlock_release_all(thrum_cond_rlock_(lock), &depth));
    return depth;
}

static void take_back(const void *lock, uint32_t depth) {
    if (thrum_cond_plain_(lock))
        thrum_lock_acquire(thrum_cond_plain_(lock));
    else
        (void)thrum_rlock_acquire_depth(thrum_cond_rlock_(lock), depth);
    THRUM_TELL_OWN_ACQUIRE(inner(lock)); /* lock.L1 */
}

/* --- the ring ------------------------------------------------------------------------------------- */

static void append(thrum_waiter_ **last, thrum_waiter_ *waiter) {
    if (*last) {
        waiter->next = (*last)->next;
        waiter->previous = *last;
    } else {
        waiter->next = waiter->previous = waiter;
    }
    waiter->next->previous = waiter->previous->next = waiter;
    *last = waiter;
}

static void take_out(thrum_waiter_ **last, thrum_waiter_ *waiter) {
    if (*last == waiter) *last = waiter->next == waiter ? NULL : waiter->previous;
    waiter->next->previous = waiter->previous;
    waiter->previous->next = waiter->next;
}

unsigned thrum_cond_waiters_(const thrum_waiter_ *last) {
    unsigned count = 0;
    for (const thrum_waiter_ *w = last; w; w = w->next == last ? NULL : w->next) count++;
    return count;
}

/* --- telling -------------------------------------------------------------------------------------- */

static bool is_told(const thrum_waiter_ *waiter) {
    /* relaxed, as all of a waiter's states: what was written before the notify is published by the lock */
    return thrum_u32_load_relaxed(&waiter->state) == TOLD;
}

static void tell(const void *lock, thrum_waiter_ *waiter) {
    THRUM_LAW(cond.I3, waiter->chosen && thrum_lock_locked(inner(lock)));
    if (thrum_u32_exchange_relaxed(&waiter->state, TOLD) == ASLEEP) /* cond.I4 */
        thrum_lock_wake_at_release_(inner(lock), &waiter->state, TOLD);
}

/* Whether all of a group are told, or one of them is to tell the others (cond.I5). */
static bool goes_on(const thrum_waiter_ *group) {
    bool all_told = true;
    const thrum_waiter_ *w = group;
    do {
        if (w->tells) return true;
        all_told = all_told && is_told(w);
    } while ((w = w->next) != group);
    return all_told;
}

/*
 * The next ones of a group, from the first that is not told yet; the last of them is to tell those behind it.
 * The one behind it.
 */
static thrum_waiter_ *tell_batch(const void *lock, thrum_waiter_ *next) {
    for (int i = 0; i < THRUM_COND_BATCH && !is_told(next); i++, next = next->next) tell(lock, next);
    next->previous->tells = true; /* cond.I5 */
    return next;
}

/* What a teller, which is told, owes to its group, which it has left. */
static void tell_next(const void *lock, const thrum_waiter_ *teller) {
    thrum_waiter_ *next = teller->next;
    for (; is_told(next); next = next->next)
        if (next == teller->previous) return; /* the last of them */
    (void)tell_batch(lock, next);
}

void thrum_cond_notify_slow_(const void *lock, thrum_waiter_ **last, int n) {
    thrum_waiter_ *group = NULL;
    for (int i = 0; i < n && *last; i++) {
        thrum_waiter_ *waiter = (*last)->next;
        take_out(last, waiter);
        THRUM_LAW(cond.I2, !waiter->chosen);
        waiter->chosen = true; /* cond.I2 */
        append(&group, waiter);
    }
    if (!group) return;
    thrum_waiter_ *next = group->next;
    for (int i = 0; i < THRUM_COND_BATCHES && !is_told(next); i++) next = tell_batch(lock, next);
    THRUM_LAW(cond.I5, goes_on(group));
}

/* --- waiting -------------------------------------------------------------------------------------- */

/*
 * A spin is for a partner that answers at once. The third waiter is not the next to be answered, and its
 * yields would delay it when it is. By bench/cond_bench: queue_4p4c spins for two, notify_all_busy for
 * none.
 */
static uint32_t worth_spinning(const thrum_waiter_ *waiter) {
    return waiter->next->next == waiter ? THRUM_PARK_SPIN_NS : 0; /* the only one, or one of two */
}

/* The object in which the ring lies: a monitor, whose rlock lies right before the ring, or a condition. */
static const void *object_of(const void *lock, thrum_waiter_ **last) {
    const uintptr_t ring = (uintptr_t)last, monitor = ring - offsetof(thrum_monitor, last);
    const bool own = (uintptr_t)lock == monitor + 1; /* an rlock's address, and one */
    return (const void *)(own ? monitor : ring - offsetof(thrum_cond, last));
}

static void sleep_until_told(thrum_waiter_ *waiter, uint32_t spin_ns, thrum_deadline deadline) {
    thrum_park spin = thrum_park_spin(spin_ns);
    do {
        if (is_told(waiter)) return;
    } while (thrum_park_again(&spin));
    uint32_t seen = WAITING;
    if (!thrum_u32_cas_relaxed(&waiter->state, &seen, ASLEEP)) return;
    while (!is_told(waiter))
        if (thrum_futex_wait(&waiter->state, ASLEEP, THRUM_LOCK_AT_RELEASE_, false, deadline) ==
            THRUM_FUTEX_TIMED_OUT)
            return;
}

thrum_result thrum_cond_wait_(const void *lock, thrum_waiter_ **last, thrum_deadline deadline) {
    const thrum_result checked = thrum_cond_check_(lock);
    if (checked != THRUM_OK) return checked;

    THRUM_WAITS_(CONDITION, object_of(lock, last), THRUM_SITE_);
    thrum_waiter_ self = {NULL, NULL, {WAITING}, false, false};
    append(last, &self); /* cond.I1 */
    const uint32_t spin_ns = worth_spinning(&self);
    const uint32_t depth = release_lock(lock);
    if (!thrum_deadline_passed(deadline)) sleep_until_told(&self, spin_ns, deadline);
    take_back(lock, depth);
    THRUM_LAW(cond.I1, thrum_cond_check_(lock) == THRUM_OK);
    THRUM_LAW(cond.I2, self.next->previous == &self && self.previous->next == &self);

    if (!self.chosen) {
        THRUM_LAW(cond.I2, *last);
        take_out(last, &self); /* cond.I2 */
        return THRUM_TIMEOUT;
    }
    thrum_waiter_ *group = &self;
    take_out(&group, &self);
    if (self.tells) tell_next(lock, &self); /* cond.I5 */
    THRUM_LAW(cond.I5, !group || goes_on(group));
    return THRUM_OK;
}

struct question {
    thrum_predicate *predicate;
    void *argument;
    int answer;
};

static void put_question(void *p) {
    struct question *const q = p;
    q->answer = q->predicate(q->argument);
}

/* No waiter of the caller's is in the ring now: whatever way the predicate is left, nothing is half-done. */
static int ask(thrum_predicate *predicate, void *argument) {
    struct question q = {predicate, argument, 0};
    thrum_self_call_plainly_(put_question, &q);
    return q.answer;
}

int thrum_cond_wait_for_(const void *lock, thrum_waiter_ **last, thrum_predicate *predicate, void *argument,
                         thrum_deadline deadline) {
    int answer = ask(predicate, argument);
    thrum_result waited = THRUM_OK;
    while (answer == 0 && waited == THRUM_OK) {
        waited = thrum_cond_wait_(lock, last, deadline);
        if (waited == THRUM_OK || waited == THRUM_TIMEOUT) answer = ask(predicate, argument);
    }
    if (answer < 0) return answer;
    return answer > 0 ? THRUM_OK : (int)waited;
}

/* --- the lock's operations, by the condition's name ----------------------------------------------- */

thrum_result thrum_cond_acquire(thrum_cond *cond) {
    return thrum_cond_acquire_until(cond, THRUM_FOREVER);
}

bool thrum_cond_try_acquire(thrum_cond *cond) {
    return thrum_cond_acquire_until(cond, THRUM_NOW) == THRUM_OK;
}

thrum_result thrum_cond_acquire_until(thrum_cond *cond, thrum_deadline deadline) {
    if (cond->lock == NULL) return THRUM_INVALID;
    thrum_lock *const plain = thrum_cond_plain_(cond->lock);
    const thrum_result result = plain ? thrum_lock_acquire_until(plain, deadline)
                                      : thrum_rlock_acquire_until(thrum_cond_rlock_(cond->lock), deadline);
    if (result == THRUM_OK) THRUM_TELL_OWN_ACQUIRE(inner(cond->lock));
    return result;
}

thrum_result thrum_cond_release(thrum_cond *cond) {
    if (cond->lock == NULL) return THRUM_INVALID;
    thrum_lock *const plain = thrum_cond_plain_(cond->lock);
    THRUM_TELL_OWN_RELEASE(inner(cond->lock));
    return plain ? thrum_lock_release(plain) : thrum_rlock_release(thrum_cond_rlock_(cond->lock));
}

bool thrum_cond_locked(const thrum_cond *cond) {
    const thrum_lock *plain = thrum_cond_plain_(cond->lock);
    if (cond->lock == NULL) return false;
    return plain ? thrum_lock_locked(plain) : thrum_rlock_locked(thrum_cond_rlock_(cond->lock));
}

void thrum_cond_reset_after_fork(thrum_cond *cond) {
    cond->last = NULL;
}

size_t thrum_cond_describe(const thrum_cond *cond, char *text, size_t size) {
    if (cond->lock == NULL) return (size_t)snprintf(text, size, "condition: not initialised");
    return (size_t)snprintf(text, size, "condition: of a%s, %u waiting",
                            thrum_cond_plain_(cond->lock) ? " lock" : "n rlock", thrum_cond_waiters(cond));
}
