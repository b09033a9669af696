/* SPDX-License-Identifier: MIT */
/*
 * rlock: a lock that its owner may acquire again; Python's threading.RLock.
 *
 * Sixteen bytes. All-zero memory is a free rlock; nothing allocates, nothing needs destroying.
 *
 * Ownership   the thread that acquired it, which alone may release it. Every acquire goes one deeper,
 *             every release one back; only the outermost release frees it. A thread that ends while it
 *             owns an rlock leaves it held for ever: no later thread is taken for it.
 * Cost        inlined; the outermost acquire and release are a lock's and two plain stores, those inside
 *             make no read-modify-write.
 * Contended   as the lock that it contains (thrum/lock.h): how long a wait may last, which waiter is next,
 *             and no priority inheritance.
 * Freed       the last user may free the rlock as soon as it has acquired it, even if the previous owner's
 *             call to release has not returned yet: after the releasing operation that call touches the
 *             rlock no more (a FUTEX_WAKE on its address may follow).
 * Processes   one only, and no shared form: owners are numbers that only one process knows.
 * Fork        a child that may have inherited a held rlock calls thrum_rlock_reset_after_fork.
 *
 *     static thrum_rlock accounts = THRUM_RLOCK_INIT;
 *
 *     thrum_rlock_acquire(&accounts);
 *     thrum_rlock_acquire(&accounts);                           // at once: the caller owns it
 *     balance += amount;
 *     thrum_rlock_release(&accounts);
 *     thrum_rlock_release(&accounts);                           // free
 *
 * Acquire returns a result, since it can be refused: the depth ends at THRUM_RLOCK_DEPTH_MAX. A program
 * whose recursion is shallower may ignore it.
 *
 * Memory order: a successful outermost acquire, in every form, is an acquire that pairs with the release
 * order of every earlier outermost release. What happens inside needs no order. Failed tries, timeouts and
 * thrum_rlock_locked are relaxed.
 *
 * Any thread may call everything, registered or not; a signal handler only thrum_rlock_locked, since it
 * would be taken for the thread that it interrupts, which may be anywhere inside.
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_RLOCK_H
#define THRUM_RLOCK_H

#include <thrum/lock.h>
#include <thrum/self.h>

/* The deepest that an owner may go. */
#define THRUM_RLOCK_DEPTH_MAX UINT32_MAX

/*
 * rlock.R1: only the holder of `lock` writes `owner` and `depth`, and both are 0 before its release.
 * rlock.R2: a thread that reads its own sign in `owner` owns the rlock, and no other does. Only the thread
 *     itself ever stores that sign, after it has acquired `lock`, and it overwrites it before it
 *     releases; of one word no thread reads a value older than its own last store. So a relaxed load
 *     decides. What it reads of others may be stale, and never is its own sign: no other thread is
 *     given its number (thrum_self_id).
 * rlock.R3: a sign is the complement of a number. A thread that has not drawn its number yet (0) finds its
 *     sign nowhere, in a free rlock (0) neither: one comparison is all that re-entry needs.
 */
typedef struct THRUM_CAPABILITY_ thrum_rlock {
    thrum_lock lock;
    uint32_t depth;  /* acquires not yet taken back; plain: only the owner reads it */
    thrum_u64 owner; /* its sign; 0: nobody's */
} thrum_rlock;

#define THRUM_RLOCK_INIT {THRUM_LOCK_INIT, 0, {0}}

THRUM_STATIC_ASSERT(sizeof(thrum_rlock) == 16, "an rlock is sixteen bytes");

THRUM_BEGIN_DECLS

/* Makes a free rlock. The same as all-zero memory. */
THRUM_INLINE void thrum_rlock_init(thrum_rlock *rlock) {
    thrum_lock_init(&rlock->lock);
    rlock->depth = 0;
    thrum_u64_store_relaxed(&rlock->owner, 0);
}

/* Whether the caller owns it. */
THRUM_INLINE bool thrum_rlock_is_owned(const thrum_rlock *rlock) {
    return thrum_u64_load_relaxed(&rlock->owner) == ~thrum_self_.id; /* rlock.R2, rlock.R3 */
}

/* How many releases it takes until the caller owns it no more; 0 for everybody but the owner. */
THRUM_INLINE uint32_t thrum_rlock_depth(const thrum_rlock *rlock) {
    return thrum_rlock_is_owned(rlock) ? rlock->depth : 0;
}

/* Whether anybody owns it, the caller too, at the moment of looking. */
THRUM_INLINE bool thrum_rlock_locked(const thrum_rlock *rlock) {
    return thrum_lock_locked(&rlock->lock);
}

/* The owner goes so much deeper, at least 1. */
THRUM_INLINE thrum_result thrum_rlock_deepen_(thrum_rlock *rlock, uint32_t more) {
    rlock->depth += more;
    if (THRUM_LIKELY(rlock->depth >= more)) return THRUM_OK;
    rlock->depth -= more; /* it has wrapped, and nobody else has seen it */
    return THRUM_OVERFLOW;
}

/* The caller has just acquired the lock: it is the owner now. */
THRUM_INLINE void thrum_rlock_own_(thrum_rlock *rlock, uint32_t depth) {
    thrum_u64_store_relaxed(&rlock->owner, ~thrum_self_id()); /* rlock.R2 */
    rlock->depth = depth;
}

/* The owner, whose depth is 0, releases. The release is the last touch. */
THRUM_INLINE void thrum_rlock_disown_(thrum_rlock *rlock) {
    /* rlock.R1: the next owner's store comes after it, by lock.L2 and lock.L1 */
    thrum_u64_store_relaxed(&rlock->owner, 0);
    (void)thrum_lock_release(&rlock->lock);
}

THRUM_API thrum_result thrum_rlock_lock_slow_(thrum_rlock *rlock, thrum_deadline deadline) THRUM_COLD;

/* The lock's acquires, for a thread that is not the owner. One that waits says that it waits for an rlock. */
THRUM_INLINE void thrum_rlock_lock_(thrum_rlock *rlock) {
    uint32_t expected = 0;
    /* lock.L1 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rlock->lock.state, &expected, THRUM_LOCK_LOCKED_))) return;
    (void)thrum_rlock_lock_slow_(rlock, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(&rlock->lock);
}
THRUM_INLINE thrum_result thrum_rlock_lock_until_(thrum_rlock *rlock, thrum_deadline deadline) {
    uint32_t expected = 0;
    /* lock.L1 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rlock->lock.state, &expected, THRUM_LOCK_LOCKED_)))
        return THRUM_OK;
    const thrum_result result = thrum_rlock_lock_slow_(rlock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(&rlock->lock);
    return result;
}

/*
 * Waits until the caller owns it, or goes one deeper if it does already. THRUM_OK, or THRUM_OVERFLOW: it
 * owns it to the depth THRUM_RLOCK_DEPTH_MAX, which stays. Not a cancellation point.
 */
THRUM_INLINE thrum_result thrum_rlock_acquire(thrum_rlock *rlock) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock, 1);
    thrum_rlock_lock_(rlock);
    thrum_rlock_own_(rlock, 1);
    return THRUM_OK;
}

/*
 * Takes it if it is free, goes one deeper if it is the caller's, and says whether it did either; false also
 * at the greatest depth. Never waits. True on a free one even while a waiter has closed the lock.
 */
THRUM_INLINE THRUM_MUST_USE bool thrum_rlock_try_acquire(thrum_rlock *rlock) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock, 1) == THRUM_OK;
    if (!thrum_lock_try_acquire(&rlock->lock)) return false;
    thrum_rlock_own_(rlock, 1);
    return true;
}

/*
 * Waits as thrum_rlock_acquire, but not beyond the deadline. THRUM_OK; THRUM_TIMEOUT: another thread owns
 * it, and this call has left no trace; THRUM_OVERFLOW as above. A deadline that has passed makes this a
 * try. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rlock_acquire_until(thrum_rlock *rlock,
                                                                   thrum_deadline deadline) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock, 1);
    const thrum_result result = thrum_rlock_lock_until_(rlock, deadline);
    if (result == THRUM_OK) thrum_rlock_own_(rlock, 1);
    return result;
}

/*
 * Takes back one acquire of the owner's; the last one frees it. THRUM_OK, or THRUM_NOT_OWNER: it is
 * another thread's, or free, and nothing has changed.
 */
THRUM_INLINE thrum_result thrum_rlock_release(thrum_rlock *rlock) {
    if (THRUM_UNLIKELY(!thrum_rlock_is_owned(rlock))) return THRUM_NOT_OWNER;
    if (--rlock->depth == 0) thrum_rlock_disown_(rlock);
    return THRUM_OK;
}

/*
 * Frees it at once from any depth and says in *depth how deep it was: what a condition does before it
 * waits. THRUM_OK, or THRUM_NOT_OWNER: nothing has changed, *depth neither.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rlock_release_all(thrum_rlock *rlock, uint32_t *depth) {
    if (THRUM_UNLIKELY(!thrum_rlock_is_owned(rlock))) return THRUM_NOT_OWNER;
    *depth = rlock->depth;
    rlock->depth = 0; /* rlock.R1 */
    thrum_rlock_disown_(rlock);
    return THRUM_OK;
}

/*
 * So many acquires in one, at least one: what a condition does after it has waited. THRUM_OK;
 * THRUM_INVALID for a depth of 0, THRUM_OVERFLOW when the caller owns it already and the sum would exceed
 * THRUM_RLOCK_DEPTH_MAX: nothing has changed.
 */
THRUM_INLINE thrum_result thrum_rlock_acquire_depth(thrum_rlock *rlock, uint32_t depth) {
    if (THRUM_UNLIKELY(depth == 0)) return THRUM_INVALID;
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock, depth);
    thrum_rlock_lock_(rlock);
    thrum_rlock_own_(rlock, depth);
    return THRUM_OK;
}

/* The same, but not beyond the deadline: THRUM_TIMEOUT as thrum_rlock_acquire_until. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rlock_acquire_depth_until(thrum_rlock *rlock, uint32_t depth,
                                                                         thrum_deadline deadline) {
    if (THRUM_UNLIKELY(depth == 0)) return THRUM_INVALID;
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock, depth);
    const thrum_result result = thrum_rlock_lock_until_(rlock, deadline);
    if (result == THRUM_OK) thrum_rlock_own_(rlock, depth);
    return result;
}

/*
 * In the only thread of a forked child: forgets the waiters, and makes the rlock free, unless this thread
 * itself owned it when it forked. Then it owns it still, as deep as before, since its number is the same.
 */
THRUM_API void thrum_rlock_reset_after_fork(thrum_rlock *rlock);

/*
 * Writes the state as text ("rlock: owned by the caller, depth 2, waited for"), cut to `size` bytes with
 * its final NUL, and returns the length of the whole text, as snprintf does. Of another thread's it tells
 * the number and no depth.
 */
THRUM_API size_t thrum_rlock_describe(const thrum_rlock *rlock, char *text, size_t size);

THRUM_END_DECLS

#endif
