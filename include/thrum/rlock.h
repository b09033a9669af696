/* SPDX-License-Identifier: MIT */
/*
 * rlock: a lock that its owner may acquire again; Python's threading.RLock.
 *
 * Sixteen bytes. All-zero memory is an unlocked rlock; nothing allocates, nothing needs destroying.
 *
 * Ownership   the thread that acquired it, which alone may release it. Each acquire counts one deeper, each
 *             release one less; the outermost release frees it.
 * Cost        uncontended, the outermost acquire and release are a lock's, and two plain stores; those
 *             inside make no read-modify-write. All inlined.
 * Contended   as a lock (thrum/lock.h), which it contains: the same fairness.
 * Freed       whoever acquires it and knows that nobody else will use it may free it, even while the
 *             previous owner's release call has not returned.
 * Processes   one only: an owner is a number of this process. There is no shared form.
 * Fork        a child that may have inherited a held rlock calls thrum_rlock_reset_after_fork.
 *
 *     static thrum_rlock tree = THRUM_RLOCK_INIT;
 *
 *     (void)thrum_rlock_acquire(&tree);
 *     (void)thrum_rlock_acquire(&tree);                         // at once: it is ours
 *     (void)thrum_rlock_release(&tree);
 *     (void)thrum_rlock_release(&tree);                         // now others may have it
 *
 * Memory order: the outermost acquire is an acquire that pairs with the outermost release before it; what is
 * inside needs none. Failed tries, timeouts and questions are relaxed.
 *
 * Any thread may call everything, registered or not; no signal handler may.
 */
#ifndef THRUM_RLOCK_H
#define THRUM_RLOCK_H

#include <thrum/lock.h>
#include <thrum/self.h>

/* The deepest that an owner may go. */
#ifndef THRUM_RLOCK_DEPTH_MAX
#define THRUM_RLOCK_DEPTH_MAX UINT32_MAX
#endif

/*
 * R1: `owner` is a thread's number exactly while that thread holds `lock`, but for the moments between
 *     acquiring and writing it, and between clearing it and releasing.
 * R2: only the holder of `lock` writes `owner` and `depth`. So a thread that reads its own number there
 *     holds the lock, whatever it reads concurrently otherwise: relaxed is enough.
 */
typedef struct thrum_rlock {
    thrum_lock lock;
    uint32_t depth;  /* of the owner; 0 when free */
    thrum_u64 owner; /* thrum_self_id, 0 when free */
} thrum_rlock;

#define THRUM_RLOCK_INIT {THRUM_LOCK_INIT, 0, {0}}

THRUM_STATIC_ASSERT(sizeof(thrum_rlock) <= 16, "an rlock is at most sixteen bytes");

THRUM_BEGIN_DECLS

/* Makes an unlocked rlock. The same as all-zero memory. */
THRUM_INLINE void thrum_rlock_init(thrum_rlock *rlock) {
    thrum_lock_init(&rlock->lock);
    rlock->depth = 0;
    thrum_u64_store_relaxed(&rlock->owner, 0);
}

/* Whether the caller owns it. */
THRUM_INLINE bool thrum_rlock_is_owned(const thrum_rlock *rlock) {
    return thrum_u64_load_relaxed(&rlock->owner) == thrum_self_id(); /* R2 */
}

/* Whether anybody owns it, at the moment of looking. */
THRUM_INLINE bool thrum_rlock_locked(const thrum_rlock *rlock) {
    return thrum_lock_locked(&rlock->lock);
}

/* How deep the caller is in it; 0 when it is not the owner. */
THRUM_INLINE uint32_t thrum_rlock_depth(const thrum_rlock *rlock) {
    return thrum_rlock_is_owned(rlock) ? rlock->depth : 0;
}

/* One deeper, for the owner. */
THRUM_INLINE thrum_result thrum_rlock_deepen_(thrum_rlock *rlock) {
    if (THRUM_UNLIKELY(rlock->depth == THRUM_RLOCK_DEPTH_MAX)) return THRUM_OVERFLOW;
    rlock->depth++;
    return THRUM_OK;
}

/* The lock has just been acquired: it is the caller's, so deep. */
THRUM_INLINE void thrum_rlock_own_(thrum_rlock *rlock, uint32_t depth) {
    thrum_u64_store_relaxed(&rlock->owner, thrum_self_id()); /* R1 */
    rlock->depth = depth;
}

/* Frees it. */
THRUM_INLINE void thrum_rlock_disown_(thrum_rlock *rlock) {
    rlock->depth = 0;
    thrum_u64_store_relaxed(&rlock->owner, 0); /* R1: while the lock is still held */
    (void)thrum_lock_release(&rlock->lock);
}

/*
 * Waits until the rlock is the caller's, or goes one deeper if it is already. THRUM_OK; THRUM_OVERFLOW: it is
 * THRUM_RLOCK_DEPTH_MAX deep already, and nothing has changed. Not a cancellation point.
 */
THRUM_INLINE thrum_result thrum_rlock_acquire(thrum_rlock *rlock) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock);
    thrum_lock_acquire(&rlock->lock);
    thrum_rlock_own_(rlock, 1);
    return THRUM_OK;
}

/* Takes it if it is free or the caller's, and says whether it did; false also at the greatest depth. Never waits. */
THRUM_INLINE THRUM_MUST_USE bool thrum_rlock_try_acquire(thrum_rlock *rlock) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock) == THRUM_OK;
    if (!thrum_lock_try_acquire(&rlock->lock)) return false;
    thrum_rlock_own_(rlock, 1);
    return true;
}

/*
 * Waits, but not beyond the deadline. THRUM_OK; THRUM_TIMEOUT: it does not hold it, and has left no trace;
 * THRUM_OVERFLOW as thrum_rlock_acquire. A deadline that has passed makes this thrum_rlock_try_acquire.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rlock_acquire_until(thrum_rlock *rlock, thrum_deadline deadline) {
    if (thrum_rlock_is_owned(rlock)) return thrum_rlock_deepen_(rlock);
    const thrum_result result = thrum_lock_acquire_until(&rlock->lock, deadline);
    if (result == THRUM_OK) thrum_rlock_own_(rlock, 1);
    return result;
}

/*
 * Takes back one acquire; the outermost frees it. THRUM_OK, or THRUM_NOT_OWNER: another thread's or free, and
 * nothing has changed.
 */
THRUM_INLINE thrum_result thrum_rlock_release(thrum_rlock *rlock) {
    if (THRUM_UNLIKELY(!thrum_rlock_is_owned(rlock))) return THRUM_NOT_OWNER;
    if (rlock->depth > 1)
        rlock->depth--;
    else
        thrum_rlock_disown_(rlock);
    return THRUM_OK;
}

/*
 * Frees it however deep the owner is, and says how deep that was: what a condition does when it waits.
 * THRUM_OK, or THRUM_NOT_OWNER: nothing has changed, *depth neither.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rlock_release_all(thrum_rlock *rlock, uint32_t *depth) {
    if (THRUM_UNLIKELY(!thrum_rlock_is_owned(rlock))) return THRUM_NOT_OWNER;
    *depth = rlock->depth;
    thrum_rlock_disown_(rlock);
    return THRUM_OK;
}

/*
 * As so many acquires: waits until it is the caller's, or goes so much deeper. THRUM_OK; THRUM_INVALID for a
 * depth of 0, THRUM_OVERFLOW beyond THRUM_RLOCK_DEPTH_MAX: nothing has changed.
 */
THRUM_API thrum_result thrum_rlock_acquire_depth(thrum_rlock *rlock, uint32_t depth);

/*
 * In the only thread of a forked child: an rlock that another thread of the parent owned becomes free; one that
 * this thread owns stays its own, as deep. The waiters are forgotten.
 */
THRUM_API void thrum_rlock_reset_after_fork(thrum_rlock *rlock);

/*
 * Writes the state as text ("rlock: owned by thread 3, depth 2"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does. The depth is told to the owner only.
 */
THRUM_API size_t thrum_rlock_describe(const thrum_rlock *rlock, char *text, size_t size);

THRUM_END_DECLS

#endif
