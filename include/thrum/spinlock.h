/* SPDX-License-Identifier: MIT */
/*
 * spinlock: mutual exclusion that never sleeps.
 *
 * Useful only where sleeping is impossible or the section is a few instructions long and its
 * holder cannot lose the processor; everywhere else thrum_lock is faster, fairer and cheaper.
 *
 * Four bytes. All-zero memory is an unlocked spinlock; nothing allocates, nothing needs
 * destroying.
 *
 * Ownership   none: any thread may release.
 * Cost        acquire is one read-modify-write, release one store. A try on a held lock is one load.
 * Contended   it waits by reading, with pauses that grow, and gives up the processor between
 *             them once they have grown: the holder may be waiting for this processor. No
 *             fairness: a waiter may lose for ever. No priority inheritance: under real-time
 *             priorities a spinner can keep the holder from running.
 * Freed       the last user may free it as soon as it has acquired it: the release's store is the
 *             last touch of the releaser.
 * Processes   works in memory that processes share as it is, at any address.
 * Fork        an inherited one that was held is made free by thrum_spinlock_init.
 *
 *     static thrum_spinlock ticks_guard = THRUM_SPINLOCK_INIT;
 *
 *     thrum_spinlock_acquire(&ticks_guard);
 *     ticks++;
 *     thrum_spinlock_release(&ticks_guard);
 *
 * Memory order: a successful acquire is an acquire that pairs with the release order of every
 * earlier release. Failed tries, timeouts and thrum_spinlock_locked are relaxed.
 *
 * Any thread may call everything; a signal handler thrum_spinlock_try_acquire,
 * thrum_spinlock_release and thrum_spinlock_locked.
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_SPINLOCK_H
#define THRUM_SPINLOCK_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

typedef struct THRUM_CAPABILITY_ thrum_spinlock {
    thrum_u32 state; /* 0: free, 1: held */
} thrum_spinlock;

#define THRUM_SPINLOCK_INIT {{0}}

THRUM_STATIC_ASSERT(sizeof(thrum_spinlock) == 4, "a spinlock is four bytes");

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_spinlock_acquire_slow_(thrum_spinlock *lock, thrum_deadline deadline) THRUM_COLD;

/* Makes an unlocked spinlock. The same as all-zero memory. */
THRUM_INLINE void thrum_spinlock_init(thrum_spinlock *lock) {
    thrum_u32_store_relaxed(&lock->state, 0);
}

/* The same: nobody sleeps on a spinlock, so one that processes share is no different. */
THRUM_INLINE void thrum_spinlock_init_shared(thrum_spinlock *lock) {
    thrum_spinlock_init(lock);
}

/* One attempt, without a look before it. */
THRUM_INLINE bool thrum_spinlock_take_(thrum_spinlock *lock) {
    uint32_t expected = 0;
    /* spinlock.K1: acquire, pairs with spinlock.K2 */
    return thrum_u32_cas_acquire(&lock->state, &expected, 1);
}

/* Takes the lock if it is free, and says whether it did. Writes nothing when it is held. */
THRUM_INLINE THRUM_MUST_USE bool thrum_spinlock_try_acquire(thrum_spinlock *lock) {
    return thrum_u32_load_relaxed(&lock->state) == 0 && thrum_spinlock_take_(lock);
}

/* Spins until the lock is the caller's. */
THRUM_INLINE void thrum_spinlock_acquire(thrum_spinlock *lock) {
    if (THRUM_LIKELY(thrum_spinlock_take_(lock))) return;
    (void)thrum_spinlock_acquire_slow_(lock, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(lock);
}

/*
 * Spins until the lock is the caller's, but not beyond the deadline. THRUM_OK, or THRUM_TIMEOUT. A
 * deadline that has passed makes this thrum_spinlock_try_acquire.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_spinlock_acquire_until(thrum_spinlock *lock,
                                                                      thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_spinlock_try_acquire(lock))) return THRUM_OK;
    const thrum_result result = thrum_spinlock_acquire_slow_(lock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(lock);
    return result;
}

/*
 * Lets the lock go; any thread may. THRUM_OK, or THRUM_NOT_LOCKED: it was not locked, and nothing
 * has changed. Two threads that release one hold at once may both be told THRUM_OK.
 */
THRUM_INLINE thrum_result thrum_spinlock_release(thrum_spinlock *lock) {
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&lock->state) == 0)) return THRUM_NOT_LOCKED;
    /* spinlock.K2: release, pairs with spinlock.K1. The last touch. */
    thrum_u32_store_release(&lock->state, 0);
    return THRUM_OK;
}

/* Whether anybody holds the lock, at the moment of looking. */
THRUM_INLINE bool thrum_spinlock_locked(const thrum_spinlock *lock) {
    return thrum_u32_load_relaxed(&lock->state) != 0;
}

/*
 * Writes the state as text ("spinlock: locked"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_spinlock_describe(const thrum_spinlock *lock, char *text, size_t size);

#if THRUM_ANALYSED_ /* told of behind the definitions: a definition has no room for it */
THRUM_INLINE void thrum_spinlock_acquire(thrum_spinlock *lock) THRUM_ACQUIRES(lock);
THRUM_INLINE bool thrum_spinlock_try_acquire(thrum_spinlock *lock) THRUM_TRIES(true, lock);
THRUM_INLINE thrum_result thrum_spinlock_release(thrum_spinlock *lock) THRUM_RELEASES(lock);
#endif

THRUM_END_DECLS

#endif
