/* SPDX-License-Identifier: MIT */
/*
 * lock: mutual exclusion; Python's threading.Lock.
 *
 * Four bytes. All-zero memory is an unlocked lock; nothing allocates, nothing needs destroying.
 *
 * Ownership   none: any thread may release; the holder's own second acquire waits for ever.
 * Cost        uncontended, acquire and release are one read-modify-write each, inlined; the acquire
 *             of a lock that processes share is a call.
 * Contended   a running thread may take a free lock before those that sleep (throughput), until
 *             the one waiter that watches has done so for about half a millisecond: then it
 *             closes the lock to newcomers and is next. A waiter alone that sleeps through a longer
 *             hold closes the lock at its end. Among callers of acquire nobody waits
 *             without bound: with n waiters, n such turns. thrum_lock_try_acquire does not mind a
 *             closed lock: beside threads that poll with it, an acquire has no bound. A release
 *             does not wake anybody while the lock is busy; it wakes the watching waiter when that
 *             one saw an unbroken hold, or has closed the lock.
 * Inversion   no priority inheritance: a low-priority holder is not lifted.
 * Freed       the last user may free the lock as soon as it has acquired it, even if the previous
 *             holder's call to release has not returned yet: after the releasing operation that
 *             call touches the lock no more (a FUTEX_WAKE on its address may follow).
 * Processes   thrum_lock_init_shared, in memory that processes share, at any address. A holder
 *             that dies leaves it held: for robust locks use pthread's. A waiter that sleeps there
 *             wakes ten times a second, to see whether the watching waiter has died.
 * Fork        a child that may have inherited a held lock calls thrum_lock_reset_after_fork.
 *
 *     static thrum_lock accounts = THRUM_LOCK_INIT;
 *
 *     thrum_lock_acquire(&accounts);
 *     balance += amount;
 *     thrum_lock_release(&accounts);
 *
 *     THRUM_WITH(&accounts) balance += amount;                  // the same (thrum/with.h)
 *
 * Memory order: a successful acquire, in every form, is an acquire that pairs with the release
 * order of every earlier thrum_lock_release. Failed tries, timeouts and thrum_lock_locked are
 * relaxed.
 *
 * Any thread may call everything, registered or not; a signal handler only thrum_lock_try_acquire,
 * thrum_lock_release and thrum_lock_locked.
 *
 * The waiting protocol is in src/futex/lock.c.
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_LOCK_H
#define THRUM_LOCK_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

typedef struct THRUM_CAPABILITY_ thrum_lock {
    thrum_u32 state;
} thrum_lock;

#define THRUM_LOCK_INIT {{0}}

THRUM_STATIC_ASSERT(sizeof(thrum_lock) == 4, "a lock is four bytes");

/* The bits of the word; src/futex/lock.c says who sets and who clears each. */
enum {
    THRUM_LOCK_WAKE_ = 1 << 0, /* alone in the lowest byte: thrum_u32_drop_release_ */
    THRUM_LOCK_SHARED_ = 1 << 8,
    THRUM_LOCK_HEIR_ = 1 << 9,
    THRUM_LOCK_WAITERS_ = 1 << 10,
    THRUM_LOCK_CLOSED_ = 1 << 11,
    THRUM_LOCK_MARK_ = 1 << 12
};
/* The highest bit: adding it flips it and carries into no other. */
#define THRUM_LOCK_LOCKED_ 0x80000000u
/* The futex channel of those that a release with WAKE wakes. */
#define THRUM_LOCK_AT_RELEASE_ 1u

THRUM_BEGIN_DECLS

THRUM_API void thrum_lock_acquire_slow_(thrum_lock *lock) THRUM_COLD;
THRUM_API thrum_result thrum_lock_acquire_until_slow_(thrum_lock *lock, thrum_deadline deadline) THRUM_COLD;
THRUM_API thrum_result thrum_lock_release_slow_(thrum_lock *lock, thrum_dropped_ was) THRUM_COLD;

/*
 * For the holder of a lock that processes do not share: the lock's next release wakes the sleepers on `word`,
 * which is `value`, in the channel THRUM_LOCK_AT_RELEASE_; they may be woken before it.
 */
THRUM_API void thrum_lock_wake_at_release_(thrum_lock *lock, const thrum_u32 *word, uint32_t value);

/* Makes an unlocked lock, for the threads of one process. The same as all-zero memory. */
THRUM_INLINE void thrum_lock_init(thrum_lock *lock) {
    thrum_u32_store_relaxed(&lock->state, 0);
}

/* Makes an unlocked lock in memory that processes share. */
THRUM_INLINE void thrum_lock_init_shared(thrum_lock *lock) {
    thrum_u32_store_relaxed(&lock->state, THRUM_LOCK_SHARED_);
}

/* Takes the lock, whose word was `seen`, while none of the `barriers` is in the word. */
THRUM_INLINE bool thrum_lock_barge_(thrum_lock *lock, uint32_t seen, uint32_t barriers) {
    while (!(seen & barriers)) {
        const uint32_t taken = (seen | THRUM_LOCK_LOCKED_) & ~(uint32_t)(THRUM_LOCK_MARK_ | THRUM_LOCK_WAKE_);
        /* lock.L1: acquire, pairs with lock.L2 in thrum_lock_release */
        if (thrum_u32_cas_acquire(&lock->state, &seen, taken)) return true;
    }
    return false;
}

/* Waits until the lock is the caller's. Not a cancellation point. */
THRUM_INLINE void thrum_lock_acquire(thrum_lock *lock) {
    uint32_t expected = 0;
    /* lock.L1 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&lock->state, &expected, THRUM_LOCK_LOCKED_))) return;
    thrum_lock_acquire_slow_(lock);
    THRUM_ANNOUNCE_ACQUIRE_(lock);
}

/*
 * Takes the lock if it is free, and says whether it did. Never waits. True on a free lock even
 * while a waiter has closed it to newcomers. What it finds held it only reads.
 */
THRUM_INLINE THRUM_MUST_USE bool thrum_lock_try_acquire(thrum_lock *lock) {
    return thrum_lock_barge_(lock, thrum_u32_load_relaxed(&lock->state), THRUM_LOCK_LOCKED_);
}

/*
 * Waits until the lock is the caller's, but not beyond the deadline. THRUM_OK, or THRUM_TIMEOUT:
 * then it does not hold the lock and has left no trace in it, but for a mark that the next acquire
 * clears, where a profile counts (thrum/profile.h). A deadline that has passed makes this
 * thrum_lock_try_acquire. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_lock_acquire_until(thrum_lock *lock, thrum_deadline deadline) {
    uint32_t expected = 0;
    /* lock.L1 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&lock->state, &expected, THRUM_LOCK_LOCKED_))) return THRUM_OK;
    const thrum_result result = thrum_lock_acquire_until_slow_(lock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(lock);
    return result;
}

/*
 * Lets the lock go; any thread may. THRUM_OK, or THRUM_NOT_LOCKED: it was not locked, and is not. That is a
 * bug of the program's, and while the call finds it out the lock looks locked: a try may fail at that moment,
 * and an acquire waits for it. Of two threads that release one hold at the same time one is told.
 */
THRUM_INLINE thrum_result thrum_lock_release(thrum_lock *lock) {
    /* lock.L2: release, pairs with lock.L1. The last touch of the lock, unless it was not locked. */
    const thrum_dropped_ was = thrum_u32_drop_release_(&lock->state);
    if (THRUM_LIKELY(was == THRUM_DROPPED_)) return THRUM_OK;
    return thrum_lock_release_slow_(lock, was);
}

/* Whether anybody holds the lock, at the moment of looking. */
THRUM_INLINE bool thrum_lock_locked(const thrum_lock *lock) {
    return (thrum_u32_load_relaxed(&lock->state) & THRUM_LOCK_LOCKED_) != 0;
}

/*
 * In the only thread of a forked child: makes the lock free again and forgets its waiters. A lock
 * that processes share is left as it is, since the parent still uses it.
 */
THRUM_API void thrum_lock_reset_after_fork(thrum_lock *lock);

/*
 * Writes the state as text ("lock: locked, waited for"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_lock_describe(const thrum_lock *lock, char *text, size_t size);

#if THRUM_ANALYSED_ /* told of behind the definitions: a definition has no room for it */
THRUM_INLINE void thrum_lock_acquire(thrum_lock *lock) THRUM_ACQUIRES(lock);
THRUM_INLINE bool thrum_lock_try_acquire(thrum_lock *lock) THRUM_TRIES(true, lock);
THRUM_INLINE thrum_result thrum_lock_release(thrum_lock *lock) THRUM_RELEASES(lock);
#endif

THRUM_END_DECLS

#endif
