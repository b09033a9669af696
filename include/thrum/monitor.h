/* SPDX-License-Identifier: MIT */
/*
 * monitor: a condition that brings its own rlock; what Python's threading.Condition() is without an
 * argument.
 *
 * Twenty-four bytes. All-zero memory is a monitor that nobody holds and nobody waits for; nothing
 * allocates, nothing needs destroying. What it promises is what a condition promises whose lock is an
 * rlock (thrum/cond.h, thrum/rlock.h): exact notifies, waits that release any depth and come back as
 * deep, the owner checked in every call.
 *
 *     static thrum_monitor jobs;
 *
 *     THRUM_WITH(&jobs) {
 *         while (tickets == 0) (void)thrum_monitor_wait(&jobs);
 *         tickets--;
 *     }
 *     ...
 *     THRUM_WITH(&jobs) {
 *         tickets++;
 *         (void)thrum_monitor_notify(&jobs, 1);
 *     }
 *
 * Freed when nobody holds it and every waiter's call has returned.
 *
 * Memory order: the rlock's.
 *
 * Any thread may acquire; wait and notify belong to the owner; not in signal handlers.
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_MONITOR_H
#define THRUM_MONITOR_H

#include <thrum/cond.h>

typedef struct THRUM_CAPABILITY_ thrum_monitor {
    thrum_rlock lock;
    thrum_waiter_ *last; /* as thrum_cond's */
} thrum_monitor;

#define THRUM_MONITOR_INIT {THRUM_RLOCK_INIT, THRUM_NULL_}

THRUM_STATIC_ASSERT(sizeof(thrum_monitor) == sizeof(thrum_rlock) + sizeof(void *), "an rlock and a list");

THRUM_BEGIN_DECLS

/* Makes a monitor that nobody holds. The same as all-zero memory. */
THRUM_INLINE void thrum_monitor_init(thrum_monitor *monitor) {
    thrum_rlock_init(&monitor->lock);
    monitor->last = NULL;
}

/* The rlock's operations: see thrum/rlock.h. */
THRUM_INLINE thrum_result thrum_monitor_acquire(thrum_monitor *monitor) {
    return thrum_rlock_acquire(&monitor->lock);
}
THRUM_INLINE THRUM_MUST_USE bool thrum_monitor_try_acquire(thrum_monitor *monitor) {
    return thrum_rlock_try_acquire(&monitor->lock);
}
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_monitor_acquire_until(thrum_monitor *monitor,
                                                                     thrum_deadline deadline) {
    return thrum_rlock_acquire_until(&monitor->lock, deadline);
}
THRUM_INLINE thrum_result thrum_monitor_release(thrum_monitor *monitor) {
    return thrum_rlock_release(&monitor->lock);
}
THRUM_INLINE bool thrum_monitor_locked(const thrum_monitor *monitor) {
    return thrum_rlock_locked(&monitor->lock);
}
THRUM_INLINE bool thrum_monitor_is_owned(const thrum_monitor *monitor) {
    return thrum_rlock_is_owned(&monitor->lock);
}

/* The rlock as a condition knows its lock. */
THRUM_INLINE const void *thrum_monitor_lock_(const thrum_monitor *monitor) {
    return (const char *)&monitor->lock + 1;
}

/* As thrum_cond_wait: THRUM_OK when notified, THRUM_NOT_OWNER. */
THRUM_INLINE thrum_result thrum_monitor_wait(thrum_monitor *monitor) {
    return thrum_cond_wait_(thrum_monitor_lock_(monitor), &monitor->last, THRUM_FOREVER);
}

/* As thrum_cond_wait_until: also THRUM_TIMEOUT. */
THRUM_INLINE thrum_result thrum_monitor_wait_until(thrum_monitor *monitor, thrum_deadline deadline) {
    return thrum_cond_wait_(thrum_monitor_lock_(monitor), &monitor->last, deadline);
}

/* As thrum_cond_wait_for. */
THRUM_INLINE int thrum_monitor_wait_for(thrum_monitor *monitor, thrum_predicate *predicate, void *argument,
                                        thrum_deadline deadline) {
    return thrum_cond_wait_for_(thrum_monitor_lock_(monitor), &monitor->last, predicate, argument, deadline);
}

/* As thrum_cond_notify: THRUM_OK, THRUM_NOT_OWNER. */
THRUM_INLINE thrum_result thrum_monitor_notify(thrum_monitor *monitor, int n) {
    if (THRUM_UNLIKELY(!thrum_rlock_is_owned(&monitor->lock))) return THRUM_NOT_OWNER;
    if (monitor->last) thrum_cond_notify_slow_(thrum_monitor_lock_(monitor), &monitor->last, n);
    return THRUM_OK;
}

/* The same for all that wait. */
THRUM_INLINE thrum_result thrum_monitor_notify_all(thrum_monitor *monitor) {
    return thrum_monitor_notify(monitor, INT32_MAX);
}

/* How many wait; the caller owns the monitor. */
THRUM_INLINE unsigned thrum_monitor_waiters(const thrum_monitor *monitor) {
    return thrum_cond_waiters_(monitor->last);
}

/*
 * In the only thread of a forked child: forgets the waiters, and the rlock as thrum_rlock_reset_after_fork.
 */
THRUM_API void thrum_monitor_reset_after_fork(thrum_monitor *monitor);

/*
 * Writes the state as text ("monitor: free, 2 waiting"), cut to `size` bytes with its final NUL, and returns
 * the length of the whole text, as snprintf does. The caller owns the monitor, or nobody waits.
 */
THRUM_API size_t thrum_monitor_describe(const thrum_monitor *monitor, char *text, size_t size);

THRUM_END_DECLS

#endif
