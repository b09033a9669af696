/* SPDX-License-Identifier: MIT */
/*
 * cond: threads wait, holding a lock, until another says that something has changed; Python's
 * threading.Condition.
 *
 * Sixteen bytes: the lock to which it is bound, and the list of its waiters, which lie on their own
 * stacks. It needs its initialiser, which binds it; all-zero memory is no condition, and every call
 * says so (THRUM_INVALID). Nothing allocates, nothing needs destroying.
 *
 * Exact       notify(n) chooses exactly min(n, waiting) of the threads that wait when it is called, the
 *             longest waiting first; in which order they return is the lock's affair. A wait returns
 *             THRUM_OK only when it was chosen: never for nothing. A notify with nobody waiting is not
 *             remembered. A waiter whose deadline passes takes nobody's notify with it.
 * Cost        a notify with nobody waiting is a look at the lock and one at the list, inlined. One that
 *             chooses sleepers makes a system call for each of the first 32; the release of the lock
 *             wakes them. Each of these makes one for the next of those behind it when it has the lock.
 * Locks       a thrum_lock or a thrum_rlock of the same process; several conditions may share one. A
 *             shared lock is refused: the list is of one process.
 * Freed       when every waiter's call has returned, and no notify is still to come.
 * Fork        a child whose parent had waiters calls thrum_cond_reset_after_fork before it uses it.
 *
 *     static thrum_lock lock;
 *     static thrum_cond changed = THRUM_COND_INIT(&lock);
 *
 *     thrum_lock_acquire(&lock);
 *     while (tickets == 0) (void)thrum_cond_wait(&changed);
 *     tickets--;
 *     thrum_lock_release(&lock);
 *     ...
 *     THRUM_WITH(&lock) {
 *         tickets++;
 *         (void)thrum_cond_notify(&changed, 1);
 *     }
 *
 * Memory order: the lock's. A condition orders nothing by itself, and need not: a thread that
 * waits or notifies holds the lock.
 *
 * Who calls: wait and notify, the thread that holds the lock. A plain lock knows no owner, so a thread
 * that calls them while another holds the lock is not told: undefined. Not in signal handlers. Waits
 * are not cancellation points; a longjmp out of one is undefined.
 *
 * Waiters' nodes on their own stacks with a futex word each are an idea of musl and nsync.
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_COND_H
#define THRUM_COND_H

#include <thrum/lock.h>
#include <thrum/rlock.h>

typedef struct thrum_waiter_ thrum_waiter_;

typedef struct thrum_cond {
    const void *lock;    /* a thrum_lock, or a thrum_rlock's address and one; NULL: not initialised */
    thrum_waiter_ *last; /* of a ring of those that wait; its next is the first. The lock protects it. */
} thrum_cond;

THRUM_STATIC_ASSERT(sizeof(thrum_cond) <= 16, "a condition is at most sixteen bytes");

#ifdef __cplusplus
constexpr int thrum_cond_kind_(const thrum_lock *) {
    return 0;
}
constexpr int thrum_cond_kind_(const thrum_rlock *) {
    return 1;
}
#else
#define thrum_cond_kind_(lock) _Generic((lock), thrum_lock * : 0, thrum_rlock * : 1)
#endif

/* The lock's address with its kind in the lowest bit. */
#define THRUM_COND_LOCK_(lock) (THRUM_ADDRESS_(lock) + thrum_cond_kind_(lock))

/* A condition bound to a lock or an rlock: a pointer to either. */
#define THRUM_COND_INIT(lock) {THRUM_COND_LOCK_(lock), THRUM_NULL_}

/* Positive: it is so. Zero: not yet. Negative: an error, which ends the wait. Runs with the lock held. */
typedef int thrum_predicate(void *argument);

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_cond_check_slow_(const void *lock) THRUM_COLD;
THRUM_API void thrum_cond_notify_slow_(const void *lock, thrum_waiter_ **last, int n) THRUM_COLD;
THRUM_API thrum_result thrum_cond_wait_(const void *lock, thrum_waiter_ **last, thrum_deadline deadline);
THRUM_API int thrum_cond_wait_for_(const void *lock, thrum_waiter_ **last, thrum_predicate *predicate,
                                   void *argument, thrum_deadline deadline);
THRUM_API unsigned thrum_cond_waiters_(const thrum_waiter_ *last);

/* THRUM_OK, or THRUM_INVALID for a lock that processes share: then the object is left as it was. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_cond_init(thrum_cond *cond, thrum_lock *lock) {
    if (thrum_u32_load_relaxed(&lock->state) & THRUM_LOCK_SHARED_) return THRUM_INVALID;
    cond->lock = lock;
    cond->last = NULL;
    return THRUM_OK;
}

/* The same with an rlock. */
THRUM_INLINE void thrum_cond_init_rlock(thrum_cond *cond, thrum_rlock *lock) {
    cond->lock = (const char *)lock + 1;
    cond->last = NULL;
}

/* The two forms of the lock; one of them is NULL. */
THRUM_INLINE thrum_lock *thrum_cond_plain_(const void *lock) {
    return (uintptr_t)lock & 1 ? NULL : (thrum_lock *)(uintptr_t)lock;
}
THRUM_INLINE thrum_rlock *thrum_cond_rlock_(const void *lock) {
    return (uintptr_t)lock & 1 ? (thrum_rlock *)((uintptr_t)lock - 1) : NULL;
}

/* What a wait or a notify needs: that the lock is held. */
THRUM_INLINE thrum_result thrum_cond_check_(const void *lock) {
    const thrum_lock *plain = thrum_cond_plain_(lock);
    if (THRUM_LIKELY(plain && (thrum_u32_load_relaxed(&plain->state) &
                               (THRUM_LOCK_LOCKED_ | THRUM_LOCK_SHARED_)) == THRUM_LOCK_LOCKED_))
        return THRUM_OK;
    return thrum_cond_check_slow_(lock);
}

/*
 * Releases the lock (an rlock whole, whatever its depth), sleeps until it is notified, and holds the
 * lock again, as deep as before, when it returns. THRUM_OK: it was notified. Without the lock:
 * THRUM_NOT_LOCKED (a lock), THRUM_NOT_OWNER (an rlock), and nothing has changed. THRUM_INVALID: the
 * condition was not initialised, or its lock is a shared one.
 */
THRUM_INLINE thrum_result thrum_cond_wait(thrum_cond *cond) {
    return thrum_cond_wait_(cond->lock, &cond->last, THRUM_FOREVER);
}

/*
 * The same, but not beyond the deadline: then THRUM_TIMEOUT, once it holds the lock again. The return may
 * come later than the deadline, since the lock must be had first; a notify that came meanwhile has
 * chosen it, and it is THRUM_OK.
 */
THRUM_INLINE thrum_result thrum_cond_wait_until(thrum_cond *cond, thrum_deadline deadline) {
    return thrum_cond_wait_(cond->lock, &cond->last, deadline);
}

/*
 * Waits until the predicate is positive: one deadline for all of it. THRUM_OK: it is. THRUM_TIMEOUT: it was
 * still zero when the deadline had passed; it is asked at least twice, even if the deadline had passed
 * before. A negative answer is handed through. Else as thrum_cond_wait, which is not called, and the lock
 * not checked, when the predicate is positive at once.
 */
THRUM_INLINE int thrum_cond_wait_for(thrum_cond *cond, thrum_predicate *predicate, void *argument,
                                     thrum_deadline deadline) {
    return thrum_cond_wait_for_(cond->lock, &cond->last, predicate, argument, deadline);
}

/*
 * Lets min(n, waiting) of those that wait now go on, the longest waiting first; they return once they have
 * the lock. n below 1 does nothing. THRUM_OK; without the lock as thrum_cond_wait.
 */
THRUM_INLINE thrum_result thrum_cond_notify(thrum_cond *cond, int n) {
    const thrum_result result = thrum_cond_check_(cond->lock);
    if (THRUM_LIKELY(result == THRUM_OK) && cond->last) thrum_cond_notify_slow_(cond->lock, &cond->last, n);
    return result;
}

/* The same for all that wait. */
THRUM_INLINE thrum_result thrum_cond_notify_all(thrum_cond *cond) {
    return thrum_cond_notify(cond, INT32_MAX);
}

/* How many wait; the caller holds the lock. */
THRUM_INLINE unsigned thrum_cond_waiters(const thrum_cond *cond) {
    return thrum_cond_waiters_(cond->last);
}

/*
 * The lock's own operations, with its results (thrum/lock.h, thrum/rlock.h): THRUM_OK, THRUM_TIMEOUT,
 * THRUM_OVERFLOW; for the release THRUM_NOT_LOCKED or THRUM_NOT_OWNER. Of a condition that was not
 * initialised THRUM_INVALID, or false.
 */
THRUM_API thrum_result thrum_cond_acquire(thrum_cond *cond);
THRUM_API THRUM_MUST_USE bool thrum_cond_try_acquire(thrum_cond *cond);
THRUM_API THRUM_MUST_USE thrum_result thrum_cond_acquire_until(thrum_cond *cond, thrum_deadline deadline);
THRUM_API thrum_result thrum_cond_release(thrum_cond *cond);
THRUM_API bool thrum_cond_locked(const thrum_cond *cond);

/*
 * In the only thread of a forked child: forgets the waiters. The lock is reset by a call of its own.
 */
THRUM_API void thrum_cond_reset_after_fork(thrum_cond *cond);

/*
 * Writes the state as text ("condition: of a lock, 2 waiting"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does. The caller holds the lock.
 */
THRUM_API size_t thrum_cond_describe(const thrum_cond *cond, char *text, size_t size);

THRUM_END_DECLS

#endif
