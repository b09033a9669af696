/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_mutex_…: an rlock and its kind.
 *
 *   0 normal, 3 adaptive   the rlock's lock alone, without an owner
 *   1 recursive            the rlock
 *   2 errorcheck           the rlock, whose owner is refused a second acquire
 *   all others             the C library's: robust, with a priority protocol, shared; or destroyed
 *
 * pthread_mutex.I1: `kind` is written by the initialisation and the destruction alone, and so read without an
 *     atomic operation.
 * pthread_mutex.I2: a mutex that an earlier process used may bear the traces of waiters which this process
 *     does not have. A thread that finds a mutex held makes it this process's before it waits: it keeps
 *     LOCKED alone. Every waiter has come by there, so afterwards the traces are those of living threads. A
 *     mutex that nobody waits for needs nothing.
 *
 * In a circle with pthread.c: the decisions are there, and they are asked whose a mutex is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_clock.h"
#include "pthread_inside.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { NORMAL = 0, RECURSIVE = 1, ERRORCHECK = 2, ADAPTIVE = 3, DESTROYED = 0xFFFF };

typedef struct thrum_pmutex {
#ifdef __GLIBC__
    char c_librarys[16];
    uint32_t kind;
#else
    uint32_t kind;
    char c_librarys[16];
#endif
    thrum_u32 generation; /* of the process that may have left traces of waiters */
    thrum_rlock rlock;
} thrum_pmutex;

THRUM_STATIC_ASSERT(sizeof(thrum_pmutex) <= sizeof(pthread_mutex_t), "a mutex fits");
THRUM_STATIC_ASSERT(_Alignof(thrum_pmutex) <= _Alignof(pthread_mutex_t), "and lies well");
THRUM_STATIC_ASSERT(offsetof(thrum_pmutex, rlock.lock) == 24, "where thrum/pthread.h has it");
#ifdef __GLIBC__
THRUM_STATIC_ASSERT(offsetof(thrum_pmutex, kind) == offsetof(pthread_mutex_t, __data.__kind),
                    "the static initialisers of glibc write the kind here");
#endif

static thrum_pmutex *object_of(pthread_mutex_t *m) {
    return (thrum_pmutex *)(void *)m;
}

/* The kind of a mutex of thrum's; anything beyond ADAPTIVE is to be looked into. */
static uint32_t kind_of(const thrum_pmutex *m) {
    /* relaxed: a mutex needs no mark but its own kind */
    return m->kind | thrum_u32_load_relaxed(&thrum_gates_[THRUM_TAKEN_MUTEX]);
}

static bool is_ours(const thrum_pmutex *m) {
    return thrum_is_taken_(THRUM_TAKEN_MUTEX) && m->kind <= ADAPTIVE;
}

bool thrum_mutex_is_ours_(const pthread_mutex_t *mutex) {
    const thrum_pmutex *const m = (const void *)mutex;
    return m->kind <= ADAPTIVE;
}

/* ---- the lock ---- */

/* pthread_mutex.I2 */
static THRUM_COLD void heal(thrum_pmutex *m) {
    thrum_lock_acquire(&thrum_healing_);
    if (!thrum_is_of_this_process_(&m->generation)) {
        thrum_u32_fetch_and_relaxed(&m->rlock.lock.state, THRUM_LOCK_LOCKED_);
        /* pthread.L4: release, pairs with pthread.L3 */
        thrum_u32_store_release(&m->generation, thrum_u32_load_relaxed(&thrum_generation_));
    }
    (void)thrum_lock_release(&thrum_healing_);
}

static bool take(thrum_pmutex *m) {
    uint32_t expected = 0;
    /* lock.L1 */
    return THRUM_LIKELY(thrum_u32_cas_acquire(&m->rlock.lock.state, &expected, THRUM_LOCK_LOCKED_));
}

static THRUM_COLD int wait(thrum_pmutex *m) {
    if (!thrum_is_of_this_process_(&m->generation)) heal(m);
    thrum_lock_acquire_slow_(&m->rlock.lock);
    return 0;
}

static int wait_until(thrum_pmutex *m, clockid_t clock, const struct timespec *end) {
    thrum_moment moment;
    if (thrum_lock_try_acquire(&m->rlock.lock)) return 0;
    if (!thrum_moment_from_(clock, end, &moment)) return EINVAL;
    if (!thrum_is_of_this_process_(&m->generation)) heal(m);
    do {
        if (thrum_lock_acquire_until(&m->rlock.lock, thrum_moment_look_(moment)) == THRUM_OK) return 0;
    } while (!thrum_moment_passed_(moment));
    return ETIMEDOUT;
}

/* ---- the owner ---- */

static bool has_owner(const thrum_pmutex *m) {
    return m->kind == RECURSIVE || m->kind == ERRORCHECK;
}

/* The owner acquires again; `refusal` is what errorcheck says. */
static int again(thrum_pmutex *m, int refusal) {
    if (m->kind == ERRORCHECK) return refusal;
    return thrum_rlock_deepen_(&m->rlock, 1) == THRUM_OK ? 0 : EAGAIN;
}

static int own(thrum_pmutex *m, int acquired) {
    if (acquired == 0 && has_owner(m)) thrum_rlock_own_(&m->rlock, 1);
    return acquired;
}

static bool is_mine(const thrum_pmutex *m) {
    return has_owner(m) && thrum_rlock_is_owned(&m->rlock);
}

/* ---- the names ---- */

static int lock_recursive(thrum_pmutex *m) {
    if (thrum_rlock_is_owned(&m->rlock)) return again(m, 0);
    if (!take(m)) (void)wait(m);
    thrum_rlock_own_(&m->rlock, 1);
    return 0;
}

static THRUM_COLD int lock_other(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_lock)(mutex);
    if (is_mine(m)) return again(m, EDEADLK);
    return own(m, take(m) ? 0 : wait(m));
}

THRUM_NAME int pthread_mutex_lock(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    const uint32_t kind = kind_of(m);
    if (THRUM_LIKELY(kind == NORMAL)) return take(m) ? 0 : wait(m);
    return kind == RECURSIVE ? lock_recursive(m) : lock_other(mutex);
}

THRUM_NAME int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    if (kind_of(m) != NORMAL) {
        if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_trylock)(mutex);
        if (is_mine(m)) return again(m, EBUSY);
    }
    return thrum_lock_try_acquire(&m->rlock.lock) ? own(m, 0) : EBUSY;
}

static int lock_until(thrum_pmutex *m, clockid_t clock, const struct timespec *end) {
    if (is_mine(m)) return again(m, EDEADLK);
    return own(m, take(m) ? 0 : wait_until(m, clock, end));
}

THRUM_NAME int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict end) {
    thrum_pmutex *const m = object_of(mutex);
    if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_timedlock)(mutex, end);
    return lock_until(m, CLOCK_REALTIME, end);
}

THRUM_NAME int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clock,
                                       const struct timespec *restrict end) {
    thrum_pmutex *const m = object_of(mutex);
    if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_clocklock)(mutex, clock, end);
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) return EINVAL;
    return lock_until(m, clock, end);
}

static int answer(thrum_result result) {
    return THRUM_LIKELY(result == THRUM_OK) ? 0 : EPERM;
}

static THRUM_COLD int unlock_other(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_unlock)(mutex);
    return answer(has_owner(m) ? thrum_rlock_release(&m->rlock) : thrum_lock_release(&m->rlock.lock));
}

THRUM_NAME int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    const uint32_t kind = kind_of(m);
    if (THRUM_LIKELY(kind == NORMAL)) return answer(thrum_lock_release(&m->rlock.lock));
    return kind == RECURSIVE ? answer(thrum_rlock_release(&m->rlock)) : unlock_other(mutex);
}

/* What the C library must do itself. */
static bool is_beyond_us(const pthread_mutexattr_t *attributes) {
    int shared = PTHREAD_PROCESS_PRIVATE, robust = PTHREAD_MUTEX_STALLED, protocol = PTHREAD_PRIO_NONE;
    (void)pthread_mutexattr_getpshared(attributes, &shared);
    (void)pthread_mutexattr_getrobust(attributes, &robust);
    (void)pthread_mutexattr_getprotocol(attributes, &protocol);
    return shared != PTHREAD_PROCESS_PRIVATE || robust != PTHREAD_MUTEX_STALLED ||
           protocol != PTHREAD_PRIO_NONE;
}

THRUM_NAME int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    int kind = PTHREAD_MUTEX_DEFAULT;
    if (!thrum_is_taken_(THRUM_TAKEN_MUTEX) || (attributes && is_beyond_us(attributes)))
        return THRUM_C_LIBRARYS(pthread_mutex_init)(mutex, attributes);
    if (attributes && pthread_mutexattr_gettype(attributes, &kind)) return EINVAL;
    thrum_pmutex *const m = object_of(mutex);
    memset(mutex, 0, sizeof *mutex);
    m->kind = (uint32_t)kind;
    thrum_u32_store_relaxed(&m->generation, thrum_u32_load_relaxed(&thrum_generation_));
    return 0;
}

THRUM_NAME int pthread_mutex_destroy(pthread_mutex_t *mutex) {
    thrum_pmutex *const m = object_of(mutex);
    if (!is_ours(m)) return THRUM_C_LIBRARYS(pthread_mutex_destroy)(mutex);
    if (thrum_lock_locked(&m->rlock.lock)) return EBUSY;
    m->kind = DESTROYED;
    return 0;
}

THRUM_SECOND_NAME(pthread_mutex_lock);
THRUM_SECOND_NAME(pthread_mutex_trylock);
THRUM_SECOND_NAME(pthread_mutex_unlock);
THRUM_SECOND_NAME(pthread_mutex_init);
THRUM_SECOND_NAME(pthread_mutex_destroy);

/* ---- for conditions ---- */

int thrum_mutex_may_wait_(const pthread_mutex_t *mutex) {
    const thrum_pmutex *const m = (const void *)mutex;
    return is_ours(m) && has_owner(m) && !thrum_rlock_is_owned(&m->rlock) ? EPERM : 0;
}
