/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_rwlock_…: a thrum_rwlock, its writer, and what its readers hold elsewhere.
 *
 * pthread_rwlock.I1: one unlock ends both. A thread that finds its own sign in `writer` ends its write, any
 *     other thread its read.
 * pthread_rwlock.I2: `writer` is the sign of the thread that writes (rlock.R2, rlock.R3), stored by that
 *     thread after it has gone in and overwritten before it leaves: a thread that finds its own sign is the
 *     writer.
 * pthread_rwlock.I3: POSIX lets a thread read again what it reads. A thrum_rwlock that a waiting writer has
 *     closed keeps new readers out, and the writer waits for this one: so a thread that holds a read, of
 *     whatever rwlock, goes in beside a waiting writer. It counts itself by compare-and-swap in a word
 *     without WRITER, and a writer goes in by compare-and-swap where the count is 0: of the two one succeeds.
 *     `reads` may be too high where one thread has ended a read of another's, which POSIX does not define;
 *     such a thread is only less patient.
 * pthread_rwlock.I4: before it waits, a thread of a forked child clears what the waiters of the parent left,
 *     as pthread_mutex.I2 has it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../atomic/law.h"
#include "pthread_clock.h"
#include "pthread_inside.h"

#include <thrum/rwlock.h>

#include <errno.h>
#include <string.h>

/*
 * Bytes 0 to 15, 24 to 31 and 48 to 55 are the C library's: its mark, and what its static initialisers write.
 */
typedef struct thrum_prwlock {
    char c_librarys[16];
    thrum_rwlock rwlock;
    char c_librarys_too[8];
    thrum_u64 writer;
    thrum_u32 generation;
} thrum_prwlock;

THRUM_STATIC_ASSERT(sizeof(thrum_prwlock) <= 48 && sizeof(pthread_rwlock_t) >= 48, "a rwlock fits");

static __thread uint32_t reads __attribute__((tls_model("initial-exec"))); /* that this thread holds */

static thrum_prwlock *object_of(pthread_rwlock_t *rwlock) {
    return (thrum_prwlock *)(void *)rwlock;
}

THRUM_ALWAYS_INLINE bool is_ours(const pthread_rwlock_t *rwlock) {
    return thrum_is_taken_(THRUM_TAKEN_RWLOCK) && !thrum_is_marked_(rwlock, &thrum_rwlock_mark_);
}

static bool is_written_by_me(const thrum_prwlock *r) {
    return thrum_u64_load_relaxed(&r->writer) == ~thrum_self_.id; /* pthread_rwlock.I2 */
}

/* pthread_rwlock.I4 */
static THRUM_COLD void heal(thrum_prwlock *r) {
    thrum_lock_acquire(&thrum_healing_);
    if (!thrum_is_of_this_process_(&r->generation)) {
        thrum_lock_init(&r->rwlock.queue);
        thrum_u32_fetch_and_relaxed(&r->rwlock.state,
                                    ~(uint32_t)(THRUM_RWLOCK_CLOSED_ | THRUM_RWLOCK_PARKED_));
        /* pthread.L4: release, pairs with pthread.L3 */
        thrum_u32_store_release(&r->generation, thrum_u32_load_relaxed(&thrum_generation_));
    }
    (void)thrum_lock_release(&thrum_healing_);
}

static void before_waiting(thrum_prwlock *r) {
    if (!thrum_is_of_this_process_(&r->generation)) heal(r);
}

/* ---- reading ---- */

/* pthread_rwlock.I3 */
static bool read_beside(thrum_prwlock *r) {
    uint32_t seen = thrum_u32_load_relaxed(&r->rwlock.state);
    while (!(seen & (THRUM_RWLOCK_WRITER_ | THRUM_RWLOCK_FULL_))) /* rwlock.L1 */
        if (thrum_u32_cas_acquire(&r->rwlock.state, &seen, seen + THRUM_RWLOCK_READER_)) return true;
    return false;
}

static bool try_read(thrum_prwlock *r) {
    return reads ? read_beside(r) : thrum_rwlock_try_acquire_read(&r->rwlock);
}

static int began(int result) {
    if (result == 0) reads++;
    return result;
}

/* The reader has counted itself, and must not stay: rwlock.I2, rwlock.I4. */
static void take_itself_out(thrum_prwlock *r) {
    /* relaxed: it has read nothing and publishes nothing */
    const uint32_t old = thrum_u32_fetch_sub_relaxed(&r->rwlock.state, THRUM_RWLOCK_READER_);
    const bool last = old < 2 * THRUM_RWLOCK_READER_ && !(old & THRUM_RWLOCK_WRITER_);
    if ((old & THRUM_RWLOCK_PARKED_) && last) thrum_rwlock_wake_(&r->rwlock, old);
}

static THRUM_COLD int read_through(pthread_rwlock_t *rwlock) {
    return THRUM_C_LIBRARYS(pthread_rwlock_rdlock)(rwlock);
}

static THRUM_COLD int read_slow(thrum_prwlock *r) {
    take_itself_out(r);
    if (is_written_by_me(r)) return EDEADLK;
    if (!reads || !read_beside(r)) {
        before_waiting(r);
        thrum_rwlock_acquire_read(&r->rwlock);
    }
    return began(0);
}

THRUM_NAME int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    if (!is_ours(rwlock)) return read_through(rwlock);
    return THRUM_LIKELY(thrum_rwlock_enter_(&r->rwlock)) ? began(0) : read_slow(r);
}

THRUM_NAME int pthread_rwlock_tryrdlock(pthread_rwlock_t *rwlock) {
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_tryrdlock)(rwlock);
    return began(try_read(object_of(rwlock)) ? 0 : EBUSY);
}

static int read_until(thrum_prwlock *r, clockid_t clock, const struct timespec *end) {
    thrum_moment moment;
    if (try_read(r)) return 0;
    if (!thrum_moment_from_(clock, end, &moment)) return EINVAL;
    if (is_written_by_me(r)) return EDEADLK;
    before_waiting(r);
    do {
        if (thrum_rwlock_acquire_read_until(&r->rwlock, thrum_moment_look_(moment)) == THRUM_OK) return 0;
    } while (!thrum_moment_passed_(moment));
    return ETIMEDOUT;
}

THRUM_NAME int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict rwlock,
                                          const struct timespec *restrict end) {
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_timedrdlock)(rwlock, end);
    return began(read_until(object_of(rwlock), CLOCK_REALTIME, end));
}

THRUM_NAME int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict rwlock, clockid_t clock,
                                          const struct timespec *restrict end) {
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_clockrdlock)(rwlock, clock, end);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
    return began(read_until(object_of(rwlock), clock, end));
}

/* ---- writing ---- */

static int wrote(thrum_prwlock *r, int result) {
    if (result == 0) thrum_u64_store_relaxed(&r->writer, ~thrum_self_id()); /* pthread_rwlock.I2 */
    return result;
}

static THRUM_COLD int write_slow(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_wrlock)(rwlock);
    if (is_written_by_me(r)) return EDEADLK;
    before_waiting(r);
    (void)thrum_rwlock_acquire_write_slow_(&r->rwlock, THRUM_FOREVER);
    return wrote(r, 0);
}

THRUM_NAME int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    uint32_t expected = 0;
    /* rwlock.L4 */
    if (THRUM_LIKELY(is_ours(rwlock) && thrum_self_.id &&
                     thrum_u32_cas_acquire(&r->rwlock.state, &expected, THRUM_RWLOCK_WRITER_)))
        return wrote(r, 0);
    return write_slow(rwlock);
}

THRUM_NAME int pthread_rwlock_trywrlock(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_trywrlock)(rwlock);
    return wrote(r, thrum_rwlock_try_acquire_write(&r->rwlock) ? 0 : EBUSY);
}

static int write_until(thrum_prwlock *r, clockid_t clock, const struct timespec *end) {
    thrum_moment moment;
    if (thrum_rwlock_try_acquire_write(&r->rwlock)) return 0;
    if (!thrum_moment_from_(clock, end, &moment)) return EINVAL;
    if (is_written_by_me(r)) return EDEADLK;
    before_waiting(r);
    do {
        if (thrum_rwlock_acquire_write_until(&r->rwlock, thrum_moment_look_(moment)) == THRUM_OK) return 0;
    } while (!thrum_moment_passed_(moment));
    return ETIMEDOUT;
}

THRUM_NAME int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict rwlock,
                                          const struct timespec *restrict end) {
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_timedwrlock)(rwlock, end);
    return wrote(object_of(rwlock), write_until(object_of(rwlock), CLOCK_REALTIME, end));
}

THRUM_NAME int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict rwlock, clockid_t clock,
                                          const struct timespec *restrict end) {
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_clockwrlock)(rwlock, clock, end);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
    return wrote(object_of(rwlock), write_until(object_of(rwlock), clock, end));
}

/* ---- both ---- */

static int end_write(thrum_prwlock *r) {
    thrum_u64_store_relaxed(&r->writer, 0); /* pthread_rwlock.I2 */
    return thrum_rwlock_release_write(&r->rwlock) == THRUM_OK ? 0 : EPERM;
}

static THRUM_COLD int unlock_through(pthread_rwlock_t *rwlock) {
    return THRUM_C_LIBRARYS(pthread_rwlock_unlock)(rwlock);
}

/* Another thread's write, which POSIX does not define and the C libraries end; or nothing to end. */
static THRUM_COLD int end_anothers(thrum_prwlock *r) {
    return thrum_rwlock_writing(&r->rwlock) ? end_write(r) : EPERM;
}

THRUM_NAME int pthread_rwlock_unlock(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    if (!is_ours(rwlock)) return unlock_through(rwlock);
    if (is_written_by_me(r)) {
        THRUM_LAW(pthread_rwlock.I2, thrum_rwlock_writing(&r->rwlock));
        return end_write(r); /* pthread_rwlock.I1 */
    }
    if (THRUM_UNLIKELY(thrum_rwlock_release_read(&r->rwlock) != THRUM_OK)) return end_anothers(r);
    if (reads) reads--; /* pthread_rwlock.I3 */
    return 0;
}

THRUM_NAME int pthread_rwlock_init(pthread_rwlock_t *restrict rwlock,
                                   const pthread_rwlockattr_t *restrict attributes) {
    int shared = PTHREAD_PROCESS_PRIVATE;
    if (attributes) (void)pthread_rwlockattr_getpshared(attributes, &shared);
    if (!thrum_is_taken_(THRUM_TAKEN_RWLOCK) || shared != PTHREAD_PROCESS_PRIVATE)
        return THRUM_C_LIBRARYS(pthread_rwlock_init)(rwlock, attributes);
    memset(rwlock, 0, sizeof *rwlock);
    thrum_u32_store_relaxed(&object_of(rwlock)->generation, thrum_u32_load_relaxed(&thrum_generation_));
    return 0;
}

THRUM_NAME int pthread_rwlock_destroy(pthread_rwlock_t *rwlock) {
    thrum_prwlock *const r = object_of(rwlock);
    if (!is_ours(rwlock)) return THRUM_C_LIBRARYS(pthread_rwlock_destroy)(rwlock);
    return thrum_rwlock_writing(&r->rwlock) || thrum_rwlock_readers(&r->rwlock) ? EBUSY : 0;
}

THRUM_SECOND_NAME(pthread_rwlock_init);
THRUM_SECOND_NAME(pthread_rwlock_destroy);
THRUM_SECOND_NAME(pthread_rwlock_rdlock);
THRUM_SECOND_NAME(pthread_rwlock_tryrdlock);
THRUM_SECOND_NAME(pthread_rwlock_wrlock);
THRUM_SECOND_NAME(pthread_rwlock_trywrlock);
THRUM_SECOND_NAME(pthread_rwlock_unlock);
