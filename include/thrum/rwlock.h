/* SPDX-License-Identifier: MIT */
/*
 * rwlock: many readers or one writer. In eight bytes; and sharded, at the end of this file, for data that are
 * read all the time and hardly ever written.
 *
 * Eight bytes. All-zero memory is a free rwlock; nothing allocates, nothing needs destroying.
 *
 * Cost        a read is two additions to one word, inlined, whatever the other readers do; two readers at
 *             once still take that word's cache line from each other. A write is two compare-and-swaps.
 * Fairness    a writer that comes keeps new readers out for two microseconds, once no writer is before it: in
 *             these, running readers leave. If that was not enough it lets readers and other writers pass for
 *             half a millisecond, then closes the rwlock to newcomers and is next when those inside have
 *             left. Readers that were kept out wait in one line with the writers. Each wakes the next as it
 *             goes in, and none waits for another to leave: 800 readers are inside after 5 to 41 ms on two
 *             processors. So a writer gets in within some milliseconds and the longest read section, however
 *             many readers come and go, and a reader whatever the writers do.
 * Inversion   no priority inheritance: a low-priority holder is not lifted. A waiter that has closed the
 *             rwlock and gets no processor keeps a newcomer out of it, once it is free, for 1.5 ms at most;
 *             those that stood in line behind that waiter wait until it runs.
 * Not twice   a thread that reads does not begin to read a second time: a writer that has closed the rwlock
 *             between the two would wait for the first and keep out the second. Nor is a read made a write:
 *             two that tried would wait for each other. A write becomes a read by thrum_rwlock_downgrade.
 * Ownership   released by the thread that acquired it. A release too many of a write is always told, and
 *             changes nothing; so is one of a read while a writer is inside, and while nobody is. Beside
 *             other readers, inside or being turned away at that moment, it takes one of their places in the
 *             count and cannot be told; nothing is promised after that.
 * Freed       as a lock: the last user may free it as soon as it has acquired it, even if an earlier holder's
 *             call to release has not returned yet.
 * Processes   thrum_rwlock_init_shared, in memory that processes share, at any address. A process that dies
 *             while it holds the rwlock or waits for it may leave it held. Waiters in line wake ten times a
 *             second there, as those of a lock that processes share.
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
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_RWLOCK_H
#define THRUM_RWLOCK_H

#include <thrum/deadline.h>
#include <thrum/fence.h>
#include <thrum/lock.h>
#include <thrum/self.h>

/* At most so many readers at once: one more waits. */
#define THRUM_RWLOCK_READERS_MAX (1u << 27)

typedef struct THRUM_CAPABILITY_ thrum_rwlock {
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
/* What keeps a new writer out: readers, too. */
#define THRUM_RWLOCK_NO_WRITE_ (~(uint32_t)(THRUM_RWLOCK_SHARED_ | THRUM_RWLOCK_PARKED_))

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_rwlock_acquire_read_slow_(thrum_rwlock *rwlock, thrum_deadline deadline)
    THRUM_COLD;
THRUM_API thrum_result thrum_rwlock_acquire_write_slow_(thrum_rwlock *rwlock, thrum_deadline deadline)
    THRUM_COLD;
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
    /* rwlock.L1: acquire, pairs with rwlock.L3 in the releases of writers */
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
        /* rwlock.L1 */
        if (thrum_u32_cas_acquire(&rwlock->state, &seen, seen + THRUM_RWLOCK_READER_)) return true;
    }
    return false;
}

/*
 * Waits until the caller may read, but not beyond the deadline. THRUM_OK, or THRUM_TIMEOUT: then it does not
 * read and has left no trace. A deadline that has passed makes this thrum_rwlock_try_acquire_read. Signals
 * neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rwlock_acquire_read_until(thrum_rwlock *rwlock,
                                                                         thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_rwlock_enter_(rwlock))) return THRUM_OK;
    const thrum_result result = thrum_rwlock_acquire_read_slow_(rwlock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(rwlock);
    return result;
}

/*
 * Ends reading. THRUM_OK, or THRUM_NOT_LOCKED: a writer is inside or nobody is, and nothing has changed; for
 * that moment others may find the rwlock taken.
 */
THRUM_INLINE thrum_result thrum_rwlock_release_read(thrum_rwlock *rwlock) {
    /*
     * rwlock.L2: release, pairs with rwlock.L4. The last touch of the rwlock: what follows looks at `old`
     *     only.
     */
    const uint32_t old = thrum_u32_fetch_sub_release(&rwlock->state, THRUM_RWLOCK_READER_);
    const uint32_t unusual = old & (THRUM_RWLOCK_PARKED_ | THRUM_RWLOCK_WRITER_);
    if (THRUM_LIKELY(!unusual && old >= THRUM_RWLOCK_READER_)) return THRUM_OK;
    return thrum_rwlock_release_read_slow_(rwlock, old);
}

/* Waits until the rwlock is the caller's alone. Not a cancellation point. */
THRUM_INLINE void thrum_rwlock_acquire_write(thrum_rwlock *rwlock) {
    uint32_t expected = 0;
    /* rwlock.L4: acquire, pairs with rwlock.L2 and rwlock.L3 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rwlock->state, &expected, THRUM_RWLOCK_WRITER_))) return;
    (void)thrum_rwlock_acquire_write_slow_(rwlock, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(rwlock);
}

/*
 * Takes the rwlock if it is free and no waiter is next, and says whether it did. Never waits. A reader that
 * looks in at this moment and is turned away counts as one that reads. What it finds held it only reads.
 */
THRUM_INLINE THRUM_MUST_USE bool thrum_rwlock_try_acquire_write(thrum_rwlock *rwlock) {
    uint32_t seen = thrum_u32_load_relaxed(&rwlock->state);
    while (!(seen & THRUM_RWLOCK_NO_WRITE_)) {
        /* rwlock.L4 */
        if (thrum_u32_cas_acquire(&rwlock->state, &seen, seen | THRUM_RWLOCK_WRITER_)) return true;
    }
    return false;
}

/* As thrum_rwlock_acquire_read_until, for writing. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_rwlock_acquire_write_until(thrum_rwlock *rwlock,
                                                                          thrum_deadline deadline) {
    uint32_t expected = 0;
    /* rwlock.L4 */
    if (THRUM_LIKELY(thrum_u32_cas_acquire(&rwlock->state, &expected, THRUM_RWLOCK_WRITER_))) return THRUM_OK;
    const thrum_result result = thrum_rwlock_acquire_write_slow_(rwlock, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(rwlock);
    return result;
}

/* Puts `into` in the writer's place. */
THRUM_INLINE thrum_result thrum_rwlock_leave_write_(thrum_rwlock *rwlock, uint32_t into) {
    uint32_t seen = THRUM_RWLOCK_WRITER_; /* as it is while nobody waits */
    /* rwlock.L3: release, pairs with rwlock.L1 and rwlock.L4. The last touch of a release. */
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
 * Makes the caller's write a read, with no writer in between: what it has written is what it goes on to read.
 * THRUM_OK, or THRUM_NOT_LOCKED: nobody writes, and nothing has changed.
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
 * In the only thread of a forked child: makes the rwlock free again and forgets its waiters. One that
 * processes share is left as it is, since the parent still uses it.
 */
THRUM_API void thrum_rwlock_reset_after_fork(thrum_rwlock *rwlock);

/*
 * Writes the state as text ("rwlock: 3 readers, waited for"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_rwlock_describe(const thrum_rwlock *rwlock, char *text, size_t size);

/*
 * The read-mostly form: thrum_sharded_rwlock. Each reading thread has a place of its own, and writes nothing
 * else: readers on any number of processors do not slow each other down. A writer looks at every place.
 *
 * Cost        a read is a few plain loads and stores, with no atomic instruction (two full fences where the
 *             kernel refuses membarrier). A write interrupts the processors on which the process runs, and
 *             looks at all places: microseconds.
 * Places      the caller's, as many as there are threads that read all the time, THRUM_SELF_SLOTS at most;
 *             each is 128 bytes. Threads beyond them, and all threads of an all-zero one, count themselves in
 *             a thrum_rwlock inside.
 * Fairness    a writer that waits keeps new readers out from the moment that it has excluded other writers,
 *             and is in when those inside have left; they then go in as those of a thrum_rwlock do.
 * Ownership   a read is released by the thread that acquired it. Reads within a read get in if the outermost
 *             has a place; do not rely on it.
 * Freed       when all calls have returned: a reader looks for a waiting writer after its release.
 * Processes   not between processes.
 * Fork        as above: thrum_sharded_rwlock_reset_after_fork.
 *
 *     static thrum_rwlock_slot places[64];
 *     static thrum_sharded_rwlock settings = THRUM_SHARDED_RWLOCK_INIT(places, 64);
 *
 *     THRUM_WITH_READ(&settings) limit = find_limit();
 *
 * Memory order and who may call: as above, but no signal handler may read.
 *
 * The idea of readers that only the writer's membarrier orders is the kernel's percpu-rwsem's and liburcu's.
 */

/* The place of one thread: how many reads it is inside of. */
typedef struct thrum_rwlock_slot {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u32 reads;
} thrum_rwlock_slot;

typedef struct THRUM_CAPABILITY_ thrum_sharded_rwlock {
    thrum_u32 closed; /* 1: a writer is inside, or waits for those that are */
    uint32_t count;
    thrum_rwlock_slot *slots;
    thrum_rwlock rest; /* writers exclude each other by it; readers without a place use it */
} thrum_sharded_rwlock;

/* `slots` are zero and live as long as the rwlock; nothing checks the count here. */
#define THRUM_SHARDED_RWLOCK_INIT(slots, count) {{0}, (count), (slots), THRUM_RWLOCK_INIT}

THRUM_STATIC_ASSERT(sizeof(thrum_rwlock_slot) == 128, "a place is two cache lines");

THRUM_API void thrum_sharded_rwlock_leave_slow_(thrum_u32 *reads, uint32_t left) THRUM_COLD;

/*
 * Makes a free one, and its places. THRUM_OK; THRUM_INVALID for a count without places, or for places that
 * are not aligned as their type asks.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_sharded_rwlock_init(thrum_sharded_rwlock *rwlock,
                                                                thrum_rwlock_slot *slots, uint32_t count);

/* The caller's place; NULL if it has none. */
THRUM_INLINE thrum_u32 *thrum_sharded_rwlock_place_(const thrum_sharded_rwlock *rwlock) {
    const uint32_t mine = thrum_self_slot();
    return THRUM_LIKELY(mine < rwlock->count) ? &rwlock->slots[mine].reads : NULL;
}

/* One read less in the caller's place. A writer that has closed the rwlock may sleep until there is none. */
THRUM_INLINE void thrum_sharded_rwlock_leave_(thrum_sharded_rwlock *rwlock, thrum_u32 *reads, uint32_t left) {
    /* rwlock.W2: release, pairs with rwlock.W4 */
    thrum_u32_store_release(reads, left);
    thrum_fence_light(); /* rwlock.W0 */
    /* relaxed: rwlock.W0 says that one of the two sees the other */
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&rwlock->closed)))
        thrum_sharded_rwlock_leave_slow_(reads, left);
}

/* Counts a read in the caller's place, and says whether it may stay; if not, it is out again. */
THRUM_INLINE bool thrum_sharded_rwlock_enter_(thrum_sharded_rwlock *rwlock) {
    thrum_u32 *const reads = thrum_sharded_rwlock_place_(rwlock);
    if (THRUM_UNLIKELY(!reads)) return false;
    /*
     * rwlock.W5: acquire, pairs with rwlock.W2 of the place's former owner, of whose end only the kernel knew
     */
    const uint32_t inside = thrum_u32_load_acquire(reads);
    /* relaxed: no other thread writes it, and rwlock.W0 orders it before the look */
    thrum_u32_store_relaxed(reads, inside + 1);
    thrum_fence_light(); /* rwlock.W0: pairs with the heavy one of a writer that closes */
    /* rwlock.W1: acquire, pairs with rwlock.W3 */
    if (THRUM_LIKELY(!thrum_u32_load_acquire(&rwlock->closed)) || inside) return true;
    thrum_sharded_rwlock_leave_(rwlock, reads, inside);
    return false;
}

/* As thrum_rwlock_acquire_read and the others of those names. */
THRUM_INLINE void thrum_sharded_rwlock_acquire_read(thrum_sharded_rwlock *rwlock) {
    if (THRUM_LIKELY(thrum_sharded_rwlock_enter_(rwlock))) return;
    thrum_rwlock_acquire_read(&rwlock->rest);
}

THRUM_INLINE THRUM_MUST_USE bool thrum_sharded_rwlock_try_acquire_read(thrum_sharded_rwlock *rwlock) {
    return THRUM_LIKELY(thrum_sharded_rwlock_enter_(rwlock)) || thrum_rwlock_try_acquire_read(&rwlock->rest);
}

THRUM_INLINE THRUM_MUST_USE thrum_result thrum_sharded_rwlock_acquire_read_until(thrum_sharded_rwlock *rwlock,
                                                                                 thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_sharded_rwlock_enter_(rwlock))) return THRUM_OK;
    return thrum_rwlock_acquire_read_until(&rwlock->rest, deadline);
}

/*
 * Ends the caller's read. THRUM_OK, or THRUM_NOT_LOCKED: the caller has no read in its place, and a release
 * of a read of the rwlock inside says so, with its limits.
 */
THRUM_INLINE thrum_result thrum_sharded_rwlock_release_read(thrum_sharded_rwlock *rwlock) {
    thrum_u32 *const reads = thrum_sharded_rwlock_place_(rwlock);
    const uint32_t inside = reads ? thrum_u32_load_relaxed(reads) : 0;
    if (THRUM_UNLIKELY(!inside)) return thrum_rwlock_release_read(&rwlock->rest);
    thrum_sharded_rwlock_leave_(rwlock, reads, inside - 1);
    return THRUM_OK;
}

/* The caller has excluded other writers; it has opened it and released `rest` when this is false. */
THRUM_API bool thrum_sharded_rwlock_close_slow_(thrum_sharded_rwlock *rwlock, thrum_deadline deadline);

THRUM_INLINE bool thrum_sharded_rwlock_close_(thrum_sharded_rwlock *rwlock, thrum_deadline deadline) {
    if (!thrum_sharded_rwlock_close_slow_(rwlock, deadline)) return false;
    for (uint32_t i = 0; i < rwlock->count; i++) THRUM_ANNOUNCE_ACQUIRE_(&rwlock->slots[i].reads);
    return true;
}

THRUM_INLINE void thrum_sharded_rwlock_acquire_write(thrum_sharded_rwlock *rwlock) {
    thrum_rwlock_acquire_write(&rwlock->rest);
    (void)thrum_sharded_rwlock_close_(rwlock, THRUM_FOREVER);
}

THRUM_INLINE THRUM_MUST_USE bool thrum_sharded_rwlock_try_acquire_write(thrum_sharded_rwlock *rwlock) {
    return thrum_rwlock_try_acquire_write(&rwlock->rest) && thrum_sharded_rwlock_close_(rwlock, THRUM_NOW);
}

THRUM_INLINE THRUM_MUST_USE thrum_result
thrum_sharded_rwlock_acquire_write_until(thrum_sharded_rwlock *rwlock, thrum_deadline deadline) {
    const thrum_result result = thrum_rwlock_acquire_write_until(&rwlock->rest, deadline);
    if (result != THRUM_OK) return result;
    return thrum_sharded_rwlock_close_(rwlock, deadline) ? THRUM_OK : THRUM_TIMEOUT;
}

/* Lets readers in; says whether there was a writer. */
THRUM_INLINE bool thrum_sharded_rwlock_open_(thrum_sharded_rwlock *rwlock) {
    uint32_t closed = 1;
    /*
     * rwlock.W3: release, pairs with rwlock.W1. Of two releases of one write one succeeds. rwlock.W6:
     * acquire, pairs with rwlock.W6 in the closing: what opens it sees its writer in `rest`.
     */
    return thrum_u32_cas_acq_rel(&rwlock->closed, &closed, 0);
}

/*
 * THRUM_OK, or THRUM_NOT_LOCKED: nobody writes, and nothing has changed. While a writer waits for readers to
 * leave it counts as one that writes.
 */
THRUM_INLINE thrum_result thrum_sharded_rwlock_release_write(thrum_sharded_rwlock *rwlock) {
    if (!thrum_sharded_rwlock_open_(rwlock)) return THRUM_NOT_LOCKED;
    return thrum_rwlock_release_write(&rwlock->rest);
}

THRUM_INLINE thrum_result thrum_sharded_rwlock_downgrade(thrum_sharded_rwlock *rwlock) {
    if (!thrum_sharded_rwlock_open_(rwlock)) return THRUM_NOT_LOCKED;
    return thrum_rwlock_downgrade(&rwlock->rest);
}

/*
 * How many reads are under way, and whether somebody writes or waits for readers to leave. Looks at every
 * place.
 */
THRUM_API uint32_t thrum_sharded_rwlock_readers(const thrum_sharded_rwlock *rwlock);
THRUM_INLINE bool thrum_sharded_rwlock_writing(const thrum_sharded_rwlock *rwlock) {
    return thrum_u32_load_relaxed(&rwlock->closed) != 0;
}

/* In the only thread of a forked child: makes it free again and forgets its waiters. */
THRUM_API void thrum_sharded_rwlock_reset_after_fork(thrum_sharded_rwlock *rwlock);
/* As thrum_rwlock_describe. */
THRUM_API size_t thrum_sharded_rwlock_describe(const thrum_sharded_rwlock *rwlock, char *text, size_t size);

#if THRUM_ANALYSED_ /* told of behind the definitions: a definition has no room for it */
THRUM_INLINE void thrum_rwlock_acquire_read(thrum_rwlock *rwlock) THRUM_ACQUIRES_READ(rwlock);
THRUM_INLINE bool thrum_rwlock_try_acquire_read(thrum_rwlock *rwlock) THRUM_TRIES_READ(true, rwlock);
THRUM_INLINE thrum_result thrum_rwlock_release_read(thrum_rwlock *rwlock) THRUM_RELEASES_READ(rwlock);
THRUM_INLINE void thrum_rwlock_acquire_write(thrum_rwlock *rwlock) THRUM_ACQUIRES(rwlock);
THRUM_INLINE bool thrum_rwlock_try_acquire_write(thrum_rwlock *rwlock) THRUM_TRIES(true, rwlock);
THRUM_INLINE thrum_result thrum_rwlock_release_write(thrum_rwlock *rwlock) THRUM_RELEASES(rwlock);
THRUM_INLINE thrum_result thrum_rwlock_downgrade(thrum_rwlock *rwlock) THRUM_RELEASES(rwlock)
    THRUM_ACQUIRES_READ(rwlock);
THRUM_INLINE void thrum_sharded_rwlock_acquire_read(thrum_sharded_rwlock *rwlock) THRUM_ACQUIRES_READ(rwlock);
THRUM_INLINE bool thrum_sharded_rwlock_try_acquire_read(thrum_sharded_rwlock *rwlock)
    THRUM_TRIES_READ(true, rwlock);
THRUM_INLINE thrum_result thrum_sharded_rwlock_release_read(thrum_sharded_rwlock *rwlock)
    THRUM_RELEASES_READ(rwlock);
THRUM_INLINE void thrum_sharded_rwlock_acquire_write(thrum_sharded_rwlock *rwlock) THRUM_ACQUIRES(rwlock);
THRUM_INLINE bool thrum_sharded_rwlock_try_acquire_write(thrum_sharded_rwlock *rwlock)
    THRUM_TRIES(true, rwlock);
THRUM_INLINE thrum_result thrum_sharded_rwlock_release_write(thrum_sharded_rwlock *rwlock)
    THRUM_RELEASES(rwlock);
THRUM_INLINE thrum_result thrum_sharded_rwlock_downgrade(thrum_sharded_rwlock *rwlock) THRUM_RELEASES(rwlock)
    THRUM_ACQUIRES_READ(rwlock);
#endif

THRUM_END_DECLS

#endif
