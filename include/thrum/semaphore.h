/* SPDX-License-Identifier: MIT */
/*
 * semaphore: a count of permits; Python's threading.Semaphore and threading.BoundedSemaphore.
 *
 * Eight bytes; the bounded one sixteen. All-zero memory is a semaphore without permits, or a
 * bounded one whose bound is 0; nothing allocates, nothing needs destroying.
 *
 * Cost        acquire and release are one read-modify-write each while nobody waits, inlined; that
 *             of an acquire comes after a look at the word. The release of one that processes share
 *             is a call. A release makes a system call only when a thread sleeps for which no earlier
 *             release's permit is on its way.
 * Fairness    the kernel wakes the longest sleeper first, but a running thread may take a permit
 *             before it.
 * Freed       the last user may free the semaphore as soon as it has acquired a permit, even if the
 *             call to release has not returned yet: after the releasing operation that call touches
 *             the semaphore no more (a FUTEX_WAKE on its address may follow), unless it is a release
 *             too many.
 * Processes   thrum_semaphore_init_shared, in memory that processes share, at any address. A process
 *             that dies within its release, or when a wake has just chosen its waiter, may leave
 *             another sleeper to the next release, though there is a permit.
 * Fork        a child that inherits waiters' traces calls thrum_semaphore_reset_after_fork.
 *
 *     static thrum_semaphore connections = THRUM_SEMAPHORE_INIT(8);
 *
 *     thrum_semaphore_acquire(&connections);                    // at most eight at a time
 *     use_connection();
 *     thrum_semaphore_release(&connections);
 *
 * The bounded form refuses a release that would raise the value above the initial one: a release
 * too many is a bug that it reports.
 *
 * Memory order: a release is a release; a successful acquire, in every form, is an acquire that
 * pairs with the releases before it. Failed tries, timeouts and thrum_semaphore_value are relaxed.
 *
 * Any thread may call everything, and release what another has acquired; a signal handler may
 * call the release, try and value functions.
 *
 * The one-word form with value and waiters in a single read-modify-write follows glibc's sem_t.
 */
#ifndef THRUM_SEMAPHORE_H
#define THRUM_SEMAPHORE_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

/* The largest value. */
#define THRUM_SEMAPHORE_MAX INT32_MAX

typedef struct thrum_semaphore {
    thrum_u64 state; /* the value in the low half, the waiters above it */
} thrum_semaphore;

typedef struct thrum_bounded_semaphore {
    thrum_semaphore permits;
    uint32_t bound;
} thrum_bounded_semaphore;

/* Static initialisers. `value` must be 0 to THRUM_SEMAPHORE_MAX: nothing checks it here. */
#define THRUM_SEMAPHORE_INIT(value) {{THRUM_CAST_(uint32_t, value)}}
#define THRUM_BOUNDED_SEMAPHORE_INIT(value) {THRUM_SEMAPHORE_INIT(value), THRUM_CAST_(uint32_t, value)}

THRUM_STATIC_ASSERT(sizeof(thrum_semaphore) == 8, "a semaphore is eight bytes");
THRUM_STATIC_ASSERT(sizeof(thrum_bounded_semaphore) == 16, "a bounded semaphore is sixteen bytes");

#define THRUM_SEMAPHORE_VALUE_ 0xFFFFFFFFu

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_semaphore_acquire_slow_(thrum_semaphore *semaphore, thrum_deadline deadline)
    THRUM_COLD;
THRUM_API bool thrum_semaphore_try_acquire_slow_(thrum_semaphore *semaphore) THRUM_COLD;
THRUM_API thrum_result thrum_semaphore_added_(thrum_semaphore *semaphore, uint64_t seen, uint32_t limit,
                                              thrum_result beyond) THRUM_COLD;
THRUM_API thrum_result thrum_semaphore_add_slow_(thrum_semaphore *semaphore, int32_t n, uint32_t limit,
                                                 thrum_result beyond) THRUM_COLD;

/* THRUM_OK; THRUM_INVALID for a negative value, and the object is left as it was. */
THRUM_API THRUM_MUST_USE thrum_result thrum_semaphore_init(thrum_semaphore *semaphore, int32_t value);
/* The same in memory that processes share. */
THRUM_API THRUM_MUST_USE thrum_result thrum_semaphore_init_shared(thrum_semaphore *semaphore, int32_t value);

/* The value in a word. It is above the limit while a release that has to be refused takes itself back. */
THRUM_INLINE uint32_t thrum_semaphore_value_in_(uint64_t word, uint32_t limit) {
    const uint32_t value = (uint32_t)(word & THRUM_SEMAPHORE_VALUE_);
    return value < limit ? value : limit;
}

/* The permits that could be taken, at the moment of looking. */
THRUM_INLINE int32_t thrum_semaphore_value(const thrum_semaphore *semaphore) {
    return (int32_t)thrum_semaphore_value_in_(thrum_u64_load_relaxed(&semaphore->state), THRUM_SEMAPHORE_MAX);
}

/* One attempt, inlined: false when there is no permit or another thread was quicker. */
THRUM_INLINE bool thrum_semaphore_take_(thrum_semaphore *semaphore) {
    uint64_t seen = thrum_u64_load_relaxed(&semaphore->state);
    /* semaphore.S1: acquire, pairs with semaphore.S2 in the release */
    return (seen & THRUM_SEMAPHORE_VALUE_) && thrum_u64_cas_acquire(&semaphore->state, &seen, seen - 1);
}

/* Waits for a permit and takes it. Not a cancellation point. */
THRUM_INLINE void thrum_semaphore_acquire(thrum_semaphore *semaphore) {
    if (THRUM_LIKELY(thrum_semaphore_take_(semaphore))) return;
    (void)thrum_semaphore_acquire_slow_(semaphore, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(semaphore);
}

/* Takes a permit if there is one, and says whether it did. Never waits. */
THRUM_INLINE THRUM_MUST_USE bool thrum_semaphore_try_acquire(thrum_semaphore *semaphore) {
    if (THRUM_LIKELY(thrum_semaphore_take_(semaphore))) return true;
    if (thrum_semaphore_value(semaphore) == 0 || !thrum_semaphore_try_acquire_slow_(semaphore)) return false;
    THRUM_ANNOUNCE_ACQUIRE_(semaphore);
    return true;
}

/*
 * Waits for a permit, but not beyond the deadline. THRUM_OK, or THRUM_TIMEOUT: then it has taken
 * nothing. A deadline that has passed makes this thrum_semaphore_try_acquire. Signals neither
 * shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_semaphore_acquire_until(thrum_semaphore *semaphore,
                                                                       thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_semaphore_take_(semaphore))) return THRUM_OK;
    const thrum_result result = thrum_semaphore_acquire_slow_(semaphore, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(semaphore);
    return result;
}

/*
 * Adds a permit. THRUM_OK, or THRUM_OVERFLOW: the value is THRUM_SEMAPHORE_MAX already, and stays.
 */
THRUM_INLINE thrum_result thrum_semaphore_release(thrum_semaphore *semaphore) {
    /*
     * semaphore.S2: release, pairs with semaphore.S1. Below the largest value the whole word is, so nobody
     *     waits.
     */
    const uint64_t seen = thrum_u64_fetch_add_release(&semaphore->state, 1);
    if (THRUM_LIKELY(seen < THRUM_SEMAPHORE_MAX)) return THRUM_OK;
    return thrum_semaphore_added_(semaphore, seen, THRUM_SEMAPHORE_MAX, THRUM_OVERFLOW);
}

/*
 * Adds n permits in one step and lets n waiters in. THRUM_OK; THRUM_INVALID when n is below 1,
 * THRUM_OVERFLOW when the value would exceed THRUM_SEMAPHORE_MAX: then nothing has changed.
 */
THRUM_INLINE thrum_result thrum_semaphore_release_n(thrum_semaphore *semaphore, int32_t n) {
    THRUM_ANNOUNCE_RELEASE_(semaphore);
    return thrum_semaphore_add_slow_(semaphore, n, THRUM_SEMAPHORE_MAX, THRUM_OVERFLOW);
}

/*
 * In the only thread of a forked child: forgets the waiters; the value stays. One that processes
 * share is left as it is.
 */
THRUM_API void thrum_semaphore_reset_after_fork(thrum_semaphore *semaphore);

/*
 * Writes the state as text ("semaphore: value 3, waiters 0"), cut to `size` bytes with its final
 * NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_semaphore_describe(const thrum_semaphore *semaphore, char *text, size_t size);

/* The bounded form: as above, with the initial value as the bound of the value. */
THRUM_API THRUM_MUST_USE thrum_result thrum_bounded_semaphore_init(thrum_bounded_semaphore *semaphore,
                                                                   int32_t value);
THRUM_API THRUM_MUST_USE thrum_result thrum_bounded_semaphore_init_shared(thrum_bounded_semaphore *semaphore,
                                                                          int32_t value);

THRUM_INLINE void thrum_bounded_semaphore_acquire(thrum_bounded_semaphore *semaphore) {
    thrum_semaphore_acquire(&semaphore->permits);
}

THRUM_INLINE THRUM_MUST_USE bool thrum_bounded_semaphore_try_acquire(thrum_bounded_semaphore *semaphore) {
    return thrum_semaphore_try_acquire(&semaphore->permits);
}

THRUM_INLINE THRUM_MUST_USE thrum_result
thrum_bounded_semaphore_acquire_until(thrum_bounded_semaphore *semaphore, thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore->permits, deadline);
}

/*
 * Adds a permit. THRUM_OK, or THRUM_LIMIT: it would be one more than the initial value; then
 * nothing has changed and nobody has been woken. That is a bug of the program's. While the call finds
 * it out another thread may acquire the permit: then the release counts as one that came after that,
 * and is not refused. Of two such releases at the same time either may be told.
 */
THRUM_INLINE thrum_result thrum_bounded_semaphore_release(thrum_bounded_semaphore *semaphore) {
    const uint32_t bound = semaphore->bound; /* read before the addition, which is the last touch */
    /* semaphore.S2: release, pairs with semaphore.S1. Below the bound the whole word is, so nobody waits. */
    const uint64_t seen = thrum_u64_fetch_add_release(&semaphore->permits.state, 1);
    if (THRUM_LIKELY(seen < bound)) return THRUM_OK;
    return thrum_semaphore_added_(&semaphore->permits, seen, bound, THRUM_LIMIT);
}

/* Adds n permits in one step, or none. THRUM_INVALID when n is below 1; THRUM_LIMIT as above. */
THRUM_INLINE thrum_result thrum_bounded_semaphore_release_n(thrum_bounded_semaphore *semaphore, int32_t n) {
    THRUM_ANNOUNCE_RELEASE_(&semaphore->permits);
    return thrum_semaphore_add_slow_(&semaphore->permits, n, semaphore->bound, THRUM_LIMIT);
}

THRUM_INLINE int32_t thrum_bounded_semaphore_value(const thrum_bounded_semaphore *semaphore) {
    const uint64_t word = thrum_u64_load_relaxed(&semaphore->permits.state);
    return (int32_t)thrum_semaphore_value_in_(word, semaphore->bound);
}

THRUM_API void thrum_bounded_semaphore_reset_after_fork(thrum_bounded_semaphore *semaphore);
THRUM_API size_t thrum_bounded_semaphore_describe(const thrum_bounded_semaphore *semaphore, char *text,
                                                  size_t size);

THRUM_END_DECLS

#endif
