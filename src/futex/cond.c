/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. A condition is a ring of waiters, each on its own stack, oldest first. The word of a waiter:
 *
 *   WAITING   it is in the ring, or was taken out and has not been told; it is awake
 *   ASLEEP    as WAITING, and it sleeps on its word or is about to
 *   NOTIFIED  it was taken out of the ring
 *
 * Only the waiter makes ASLEEP of WAITING, by compare-and-swap; only a notifier makes NOTIFIED.
 *
 * I1: the ring, and every waiter's links, are read and written with the lock held.
 * I2: a waiter is in the ring until a notifier takes it out, or itself: with the lock, and not NOTIFIED.
 * I3: a waiter's memory lives until its thread has the lock again, so as long as a notifier holds it.
 * I4: a waiter that is NOTIFIED is awake, or a wake for it is on its way: the step that made it NOTIFIED says
 *     whether it was ASLEEP.
 *
 * No notify is lost: it chooses waiters of the ring, and one that times out at that moment finds itself NOTIFIED
 * when it has the lock (I2). None is remembered: what a notify does, it does to waiters of the ring.
 *
 * The wakes are made under the lock: after it I3 would not hold, and the caller's release is not ours. Who is woken
 * queues on the lock (lock.c). A chain, each waiter waking the next once it has the lock, was measured by
 * bench/cond_bench: up to 3 times as slow on idle processors and 20 times on busy ones, since every link waits
 * for a processor.
 */
#include <thrum/cond.h>
#include <thrum/futex.h>
#include <thrum/park.h>

#include <stdio.h>

enum { WAITING, ASLEEP, NOTIFIED };

struct thrum_waiter_ {
    thrum_waiter_ *next, *previous;
    thrum_u32 state;
};

/* --- the lock ------------------------------------------------------------------------------------- */

thrum_result thrum_cond_check_slow_(const void *lock) {
    if (lock == NULL) return THRUM_INVALID;
    const thrum_lock *plain = thrum_cond_plain_(lock);
    if (!plain) return thrum_rlock_is_owned(thrum_cond_rlock_(lock)) ? THRUM_OK : THRUM_NOT_OWNER;
    if (thrum_u32_load_relaxed(&plain->state) & THRUM_LOCK_SHARED_) return THRUM_INVALID;
    return thrum_lock_locked(plain) ? THRUM_OK : THRUM_NOT_LOCKED;
}

/* Lets go of it, and says how to take it back. */
static uint32_t let_go(const void *lock) {
    uint32_t depth = 1;
    if (thrum_cond_plain_(lock))
        (void)thrum_lock_release(thrum_cond_plain_(lock));
    else
        (void)!thrum_rlock_release_all(thrum_cond_rlock_(lock), &depth);
    return depth;
}

static void take_back(const void *lock, uint32_t depth) {
    if (thrum_cond_plain_(lock))
        thrum_lock_acquire(thrum_cond_plain_(lock));
    else
        (void)thrum_rlock_acquire_depth(thrum_cond_rlock_(lock), depth);
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

/* --- waiting -------------------------------------------------------------------------------------- */

static bool is_notified(const thrum_waiter_ *waiter) {
    /* relaxed, as all of a waiter's states: what was written before the notify is published by the lock */
    return thrum_u32_load_relaxed(&waiter->state) == NOTIFIED;
}

static void sleep_until_notified(thrum_waiter_ *waiter, thrum_deadline deadline) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (is_notified(waiter)) return;
    } while (thrum_park_again(&spin));
    uint32_t seen = WAITING;
    if (!thrum_u32_cas_relaxed(&waiter->state, &seen, ASLEEP)) return;
    while (!is_notified(waiter))
        if (thrum_futex_wait(&waiter->state, ASLEEP, THRUM_FUTEX_ANY, false, deadline) ==
            THRUM_FUTEX_TIMED_OUT)
            return;
}

thrum_result thrum_cond_wait_(const void *lock, thrum_waiter_ **last, thrum_deadline deadline) {
    const thrum_result checked = thrum_cond_check_(lock);
    if (checked != THRUM_OK) return checked;

    thrum_waiter_ self = {NULL, NULL, {WAITING}};
    append(last, &self); /* I1 */
    const uint32_t depth = let_go(lock);
    if (!thrum_deadline_passed(deadline)) sleep_until_notified(&self, deadline);
    take_back(lock, depth);

    if (is_notified(&self)) return THRUM_OK;
    take_out(last, &self); /* I2 */
    return THRUM_TIMEOUT;
}

int thrum_cond_wait_for_(const void *lock, thrum_waiter_ **last, thrum_predicate *predicate, void *argument,
                         thrum_deadline deadline) {
    int answer = predicate(argument);
    thrum_result waited = THRUM_OK;
    while (answer == 0 && waited == THRUM_OK) {
        waited = thrum_cond_wait_(lock, last, deadline);
        if (waited == THRUM_OK || waited == THRUM_TIMEOUT) answer = predicate(argument);
    }
    if (answer < 0) return answer;
    return answer > 0 ? THRUM_OK : (int)waited;
}

/* --- notifying ------------------------------------------------------------------------------------ */

void thrum_cond_notify_slow_(thrum_waiter_ **last, int n) {
    for (; n > 0 && *last; n--) {
        thrum_waiter_ *waiter = (*last)->next;
        take_out(last, waiter);
        if (thrum_u32_exchange_relaxed(&waiter->state, NOTIFIED) == ASLEEP) /* I4 */
            thrum_futex_wake(&waiter->state, 1, THRUM_FUTEX_ANY, false);    /* I3 */
    }
}

/* --- the lock's operations, by the condition's name ----------------------------------------------- */

thrum_result thrum_cond_acquire(thrum_cond *cond) {
    thrum_lock *plain = thrum_cond_plain_(cond->lock);
    if (cond->lock == NULL) return THRUM_INVALID;
    if (!plain) return thrum_rlock_acquire(thrum_cond_rlock_(cond->lock));
    thrum_lock_acquire(plain);
    return THRUM_OK;
}

bool thrum_cond_try_acquire(thrum_cond *cond) {
    thrum_lock *plain = thrum_cond_plain_(cond->lock);
    if (cond->lock == NULL) return false;
    return plain ? thrum_lock_try_acquire(plain) : thrum_rlock_try_acquire(thrum_cond_rlock_(cond->lock));
}

thrum_result thrum_cond_acquire_until(thrum_cond *cond, thrum_deadline deadline) {
    thrum_lock *plain = thrum_cond_plain_(cond->lock);
    if (cond->lock == NULL) return THRUM_INVALID;
    return plain ? thrum_lock_acquire_until(plain, deadline)
                 : thrum_rlock_acquire_until(thrum_cond_rlock_(cond->lock), deadline);
}

thrum_result thrum_cond_release(thrum_cond *cond) {
    thrum_lock *plain = thrum_cond_plain_(cond->lock);
    if (cond->lock == NULL) return THRUM_INVALID;
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
