/* SPDX-License-Identifier: MIT */
/*
 * rwlock: many readers or one writer.
 *
 * Eight bytes. All-zero memory is a free rwlock; nothing allocates, nothing needs destroying.
 *
 * Cost        a read is two additions to one word, inlined, whatever the other readers do; two readers at once
 *             still take that word's cache line from each other. A write is two compare-and-swaps.
 * Fairness    a writer that waits lets readers and other writers pass for half a millisecond, then closes the
 *             rwlock to newcomers and is next as soon as those inside have left. Readers that were kept out
 *             wait in one line with the writers and go in together. So a writer gets in within some
 *             milliseconds and the longest read section, however many readers come and go, and a reader
 *             whatever the writers do.
 * Not twice   a thread that reads does not begin to read a second time: a writer that has closed the rwlock
 *             between the two would wait for the first and keep out the second. Nor is a read made a write:
 *             two that tried would wait for each other. A write becomes a read by thrum_rwlock_downgrade.
 * Ownership   released by whom it was acquired. A release while nobody holds it is told, and changes nothing; one
 *             too many while others read takes one of their holds, and cannot be told.
 * Freed       as a lock: by whoever acquires it and knows that nobody else will use it, even while an earlier
 *             holder's release has not returned.
 * Processes   thrum_rwlock_init_shared, in memory that processes share, at any address. A process that dies
 *             while it holds the rwlock or waits for it may leave it held.
 * Fork        a child that may have inherited a held rwlock calls thrum_rwlock_reset_after_fork.
 *
 *     static thrum_rwlock routes = THRUM_RWLOCK_INIT;
 *
 *     THRUM_WITH_READ(&routes) next = find_next();              // many at a time
 *     THRUM_WITH_WRITE(&routes) add_route();                    // alone
 *
 * Memory order: a successful acquire is an acquire. A read's pairs with every earlier release of a write and
 * downgrade, a write's with every earlier release. Failed tries, timeouts, thrum_rwlock_readers and
 * thrum_rwlock_writing are relaxed.
 *
 * Any thread; a signal handler only the try functions, the releases and the questions.
 *
 * The waiting protocol is in src/futex/rwlock.c.
 */
#ifndef THRUM_RWLOCK_H
#define THRUM_RWLOCK_H

#include <thrum/deadline.h>
#include <thrum/lock.h>

/* At most so many readers at once: one more waits. */
#define THRUM_RWLOCK_READERS_MAX (1u << 27)

typedef struct thrum_rwlock {
    thrum_u32 state;
    thrum_lock queue; /* held by the one waiter that is next */
} thrum_rwlock;

#define THRUM_RWLOCK_INIT {{0}, THRUM_LOCK_INIT}

THRUM_STATIC_ASSERT(sizeof(thrum_rwlock) == 8, "a rwlock is eight bytes");

/* The state; src/futex/rwlock.c says who sets and who clears each bit. The readers are counted above them. */
enum {
    THRUM_RWLOCK_SHARED_ = 1 << 0,
    THRUM_RWLOCK_WRITER_ = 1 << 1,
    THRUM_RWLOCK_CLOSED_ = 1 << 2,
    THRUM_RWLOCK_PARKED_ = 1 << 3,
    THRUM_RWLOCK_READER_ = 1 << 4
};
#define THRUM_RWLOCK_FULL_ 0x80000000u
/* What keeps a new reader out. */
#define THRUM_RWLOCK_NO_READ_ (THRUM_RWLOCK_WRITER_ | THRUM_RWLOCK_CLOSED_ | THRUM_RWLOCK_FULL_)

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_rwlock_acquire_read_slow_(thrum_rwlock *rwlock, thrum_deadline deadline)
    THRUM_COLD;
THRUM_API thrum_result thrum_rwlock_acquire_write_slow_(thrum_rwlock *rwlock, thrum_deadline deadline)
    THRUM_COLD;
THRUM_API bool thrum_rwlock_try_acquire_write_slow_(thrum_rwlock *rwlock) THRUM_COLD;
THRUM_API thrum_result thrum_rwlock_release_read_slow_(thrum_rwlock *rwlock, uint32_t old) THRUM_COLD;
THRUM_API void thrum_rwlock_wake_(thrum_rwlock *rwlock, uint32_t old) THRUM_COLD;

/* Makes a free rwlock, for the threads of one process. The same as all-zero memory. */
THRUM_INLINE void thrum_rwlock_init(thrum_rwlock *rwlock) {
    thrum_u32_store_relaxed(&rwlock->state, 0);
    thrum_lock_init(&rwlock->queue);
}

/* Makes a free rwlock in memory that processes share. */
THRUM_INLINE void thrum_rwlock_init_shared(thrum_rwlock *rwlock) {
    thrum_u32_store_relaxed(&rwlock->state, THRUM_RWLOCK_SHARED_);
    thrum_lock_init_shared(&rwlock->queue);
}

/* Counts a reader, and says whether it may stay; if not, the slow path takes it out again. */
THRUM_INLINE bool thrum_rwlock_enter_(thrum_rwlock *rwlock) {
    /* RW1: acquire, pairs with RW3 in the releases of writers */
    return !(thrum_u32_fetch_add_acquire(&rwlock->state, THRUM_RWLOCK_READER_) & THRUM_RWLOCK_NO_READ_);
}

/* Waits until the caller may read. Not a cancellation point. */
THRUM_INLINE void thrum_rwlock_acquire_read(thrum_rwlock *rwlock) {
    if (THRUM_LIKELY(thrum_rwlock_enter_(rwlock))) return;
    (void)thrum_rwlock_acquire_read_slow_(rwlock, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(rwlock);
}

/* Begins to read if no writer is inside or next, and says whether it did. Never waits. */
THRUM_INLINE THRUM_MUST_USE bool thrum_rwlock_try_acquire_read(thrum_rwlock *rwlock) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    while (!(seen & THRUM_RWLOCK_NO_READ_)) {
        /* RW1 */
        if (thrum_u32_cas_acquire(&rwlock->state, &seen, seen + THRUM_RWLOCK_READER_)) return true;
    }
    return false;
}

/*
 * Waits until the caller may read, but not beyond the deadline. THRUM_OK, or THRUM_TIMEOUT: then it does not read
 * and has left no trace. A deadline that has passed makes this thrum_rwlock_try_acquire_read. Signals neither
 * shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rwlock_acquire_read_until(thrum_rwlock *rwlock,
                                                                         thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_rwlock_enter_(rwlock))) return THRUM_OK;
    const thrum_result result = thrum_rwlock_acquire_read_slow_(rwlock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(rwlock);
    return result;
}

/* Ends reading. THRUM_OK, or THRUM_NOT_LOCKED: nobody reads, and nothing has changed. */
THRUM_INLINE thrum_result thrum_rwlock_release_read(thrum_rwlock *rwlock) {
    /* RW2: release, pairs with RW4. The last touch of the rwlock: what follows looks at `old` only. */
    const uint32_t old = thrum_u32_fetch_sub_release(&rwlock->state, THRUM_RWLOCK_READER_);
    if (THRUM_LIKELY(!(old & THRUM_RWLOCK_PARKED_) && old >= THRUM_RWLOCK_READER_)) return THRUM_OK;
    return thrum_rwlock_release_read_slow_(rwlock, old);
}

/* Waits until the rwlock is the caller's alone. Not a cancellation point. */
THRUM_INLINE void thrum_rwlock_acquire_write(thrum_rwlock *rwlock) {
    uint32_t expected = 0;
    /* RW4: acquire, pairs with RW2 and RW3 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rwlock->state, &expected, THRUM_RWLOCK_WRITER_))) return;
    (void)thrum_rwlock_acquire_write_slow_(rwlock, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(rwlock);
}

/*
 * Takes the rwlock if it is free and no waiter is next, and says whether it did. Never waits. A reader that looks in
 * at this moment and is turned away counts as one that reads.
 */
THRUM_INLINE THRUM_MUST_USE bool thrum_rwlock_try_acquire_write(thrum_rwlock *rwlock) {
    uint32_t expected = 0;
    /* RW4 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rwlock->state, &expected, THRUM_RWLOCK_WRITER_))) return true;
    if (!thrum_rwlock_try_acquire_write_slow_(rwlock)) return false;
    THRUM_ANNOUNCE_ACQUIRE_(rwlock);
    return true;
}

/* As thrum_rwlock_acquire_read_until, for writing. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rwlock_acquire_write_until(thrum_rwlock *rwlock,
                                                                          thrum_deadline deadline) {
    uint32_t expected = 0;
    /* RW4 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rwlock->state, &expected, THRUM_RWLOCK_WRITER_))) return THRUM_OK;
    const thrum_result result = thrum_rwlock_acquire_write_slow_(rwlock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(rwlock);
    return result;
}

/* Puts `into` in the writer's place. */
THRUM_INLINE thrum_result thrum_rwlock_leave_write_(thrum_rwlock *rwlock, uint32_t into) {
    uint32_t seen = THRUM_RWLOCK_WRITER_; /* as it is while nobody waits */
    /* RW3: release, pairs with RW1 and RW4. The last touch of a release. */
    while (!thrum_u32_cas_release(&rwlock->state, &seen, seen - THRUM_RWLOCK_WRITER_ + into))
        if (THRUM_UNLIKELY(!(seen & THRUM_RWLOCK_WRITER_))) return THRUM_NOT_LOCKED;
    if (THRUM_UNLIKELY(seen & THRUM_RWLOCK_PARKED_)) thrum_rwlock_wake_(rwlock, seen);
    return THRUM_OK;
}

/* Ends writing. THRUM_OK, or THRUM_NOT_LOCKED: nobody writes, and nothing has changed. */
THRUM_INLINE thrum_result thrum_rwlock_release_write(thrum_rwlock *rwlock) {
    return thrum_rwlock_leave_write_(rwlock, 0);
}

/*
 * Makes the caller's write a read, with no writer in between: what it has written is what it goes on to read. THRUM_OK, or
 * THRUM_NOT_LOCKED: nobody writes, and nothing has changed.
 */
THRUM_INLINE thrum_result thrum_rwlock_downgrade(thrum_rwlock *rwlock) {
    return thrum_rwlock_leave_write_(rwlock, THRUM_RWLOCK_READER_);
}

/* How many read, and whether somebody writes, at the moment of looking. */
THRUM_INLINE uint32_t thrum_rwlock_readers(const thrum_rwlock *rwlock) {
    return thrum_u32_load_relaxed(&rwlock->state) / THRUM_RWLOCK_READER_;
}
THRUM_INLINE bool thrum_rwlock_writing(const thrum_rwlock *rwlock) {
    return (thrum_u32_load_relaxed(&rwlock->state) & THRUM_RWLOCK_WRITER_) != 0;
}

/*
 * In the only thread of a forked child: makes the rwlock free again and forgets its waiters. One that processes
 * share is left as it is, since the parent still uses it.
 */
THRUM_API void thrum_rwlock_reset_after_fork(thrum_rwlock *rwlock);

/*
 * Writes the state as text ("rwlock: 3 readers, waited for"), cut to `size` bytes with its final NUL, and returns the
 * length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_rwlock_describe(const thrum_rwlock *rwlock, char *text, size_t size);

THRUM_END_DECLS

#endif
