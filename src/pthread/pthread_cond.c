/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_cond_…: a ring of waiters (pthread_waiters.c), the mutex of each call, and
 * cancellation.
 *
 * pthread_cond.I1: a wait releases and acquires the mutex by its pthread names, as the program would: once,
 *     whatever the depth of a recursive one, and a robust one may answer EOWNERDEAD.
 * pthread_cond.I2: a condition that an earlier process used may have its waiters in the ring, and `inner`
 *     held, for ever. The first use in a process empties it. Every later user is a thread of this process.
 * pthread_cond.I3: a wait cannot be cancelled asynchronously, whatever the thread has set: the cancel's
 *     signal would end it in the ring, or without the mutex.
 *
 * A condition of the C library's that meets a mutex of thrum's, which it could not release, is asked again
 * and again: the wait ends every few milliseconds, as a condition's wait may.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_cancel.h"
#include "pthread_inside.h"

#include <errno.h>
#include <string.h>

/*
 * The longest wait for a condition of the C library's with a mutex of thrum's, which cannot be waited for:
 * what a wake is late, at two hundred looks a second. Half of it is twice the looks; twice it is as much
 * later.
 */
#define POLL_NS 5000000

THRUM_STATIC_ASSERT(sizeof(thrum_pcond) == 48 && sizeof(thrum_pcond) <= sizeof(pthread_cond_t),
                    "a condition fits");
THRUM_STATIC_ASSERT(_Alignof(thrum_pcond) <= _Alignof(pthread_cond_t), "and lies well");

static thrum_pcond *object_of(pthread_cond_t *cond) {
    return (thrum_pcond *)(void *)cond;
}

THRUM_ALWAYS_INLINE bool is_ours(const pthread_cond_t *cond) {
    return thrum_is_taken_(THRUM_TAKEN_COND) && !thrum_is_marked_(cond, &thrum_cond_mark_);
}

/* pthread_cond.I2 */
static THRUM_COLD void heal(thrum_pcond *cond) {
    thrum_lock_acquire(&thrum_healing_);
    if (!thrum_is_of_this_process_(&cond->generation)) {
        thrum_lock_init(&cond->inner);
        thrum_u64_store_relaxed(&cond->newest, 0);
        /* pthread.L4: release, pairs with pthread.L3 */
        thrum_u32_store_release(&cond->generation, thrum_u32_load_relaxed(&thrum_generation_));
    }
    (void)thrum_lock_release(&thrum_healing_);
}

static thrum_pcond *made_ours(pthread_cond_t *cond) {
    thrum_pcond *const c = object_of(cond);
    if (!thrum_is_of_this_process_(&c->generation)) heal(c);
    return c;
}

/* ---- waiting ---- */

static void forget(void *record) {
    thrum_cancellable_forget_(record);
}

/* The waiter is in the ring, its mutex released. 0, ETIMEDOUT, or ECANCELED: a cancel is to be acted upon. */
static int await(thrum_pcond *c, thrum_pwaiter *waiter, uint32_t spin_ns, thrum_moment moment) {
    const uint32_t generation = thrum_u32_load_relaxed(&thrum_generation_);
    for (;;) {
        const thrum_pwait_end end = thrum_pcond_await_(waiter, spin_ns, moment);
        if (end == THRUM_PWAIT_CHOSEN) return 0;
        /* pthread_cond.I2: a handler has forked */
        if (generation != thrum_u32_load_relaxed(&thrum_generation_)) return 0;
        if (end == THRUM_PWAIT_DISTURBED && !thrum_cancellable_now_()) {
            thrum_pcond_calm_(waiter);
            continue;
        }
        if (!thrum_pcond_leave_(c, waiter)) return 0;
        return end == THRUM_PWAIT_OVER ? ETIMEDOUT : ECANCELED;
    }
}

static int wait_deferred(pthread_cond_t *cond, pthread_mutex_t *mutex, thrum_moment moment) {
    thrum_pcond *const c = made_ours(cond);
    thrum_pwaiter waiter;
    thrum_cancellable record;
    thrum_pcond_begin_(&waiter);
    thrum_cancellable_enroll_(&record, &waiter);
    pthread_cleanup_push(forget,
                         &record); /* not run by a wait that is cancelled later: by then it is forgotten */
    pthread_testcancel();
    pthread_cleanup_pop(0);
    const uint32_t spin_ns = thrum_pcond_join_(c, &waiter);
    const int released = pthread_mutex_unlock(mutex); /* pthread_cond.I1 */
    if (released != 0) {
        if (!thrum_pcond_leave_(c, &waiter)) thrum_pcond_signal_(c); /* it was another's signal */
        thrum_cancellable_forget_(&record);
        return released;
    }
    const int result = await(c, &waiter, spin_ns, moment);
    thrum_cancellable_forget_(&record);
    const int acquired = pthread_mutex_lock(mutex);
    if (result == ECANCELED) {
        pthread_testcancel();
        return acquired; /* woken for no reason */
    }
    return acquired ? acquired : result;
}

/* pthread_cond.I3: the kind of cancellation is restored with the mutex held, as cleanups expect it. */
static int wait(pthread_cond_t *cond, pthread_mutex_t *mutex, thrum_moment moment) {
    int kind, deferred;
    (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &kind);
    const int result = wait_deferred(cond, mutex, moment);
    (void)pthread_setcanceltype(kind, &deferred);
    return result;
}

/* ---- a condition of the C library's, a mutex of thrum's ---- */

static void unlock(void *mutex) {
    (void)THRUM_C_LIBRARYS(pthread_mutex_unlock)(mutex);
}
static void lock(void *mutex) {
    (void)pthread_mutex_lock(mutex);
}

/* What the C library waits for is whatever it is told by: its own mutex, on this stack, protects nothing. */
static int poll_once(pthread_cond_t *cond, pthread_mutex_t *mutex, thrum_moment moment) {
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    struct timespec soon;
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += POLL_NS;
    if (soon.tv_nsec >= 1000000000) soon.tv_nsec -= 1000000000, soon.tv_sec++;
    (void)THRUM_C_LIBRARYS(pthread_mutex_lock)(&own);
    const int released = pthread_mutex_unlock(mutex);
    int result = released;
    if (released == 0) {
        pthread_cleanup_push(lock, mutex);
        pthread_cleanup_push(unlock, &own);
        result = THRUM_C_LIBRARYS(pthread_cond_clockwait)(cond, &own, CLOCK_REALTIME, &soon);
        pthread_cleanup_pop(0);
        pthread_cleanup_pop(0);
    }
    (void)THRUM_C_LIBRARYS(pthread_mutex_unlock)(&own);
    if (released == 0) (void)pthread_mutex_lock(mutex);
    if (result == ENOSYS) { /* musl cannot be asked by a clock of the caller's choice */
        thrum_futex_nap(thrum_after_ns(POLL_NS));
        result = ETIMEDOUT;
    }
    if (result == ETIMEDOUT) return thrum_moment_passed_(moment) ? ETIMEDOUT : 0;
    return result;
}

/* ---- the names ---- */

static bool must_poll(const pthread_mutex_t *mutex) {
    return thrum_is_taken_(THRUM_TAKEN_MUTEX) && thrum_mutex_is_ours_(mutex);
}

THRUM_NAME int pthread_cond_wait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex) {
    if (!is_ours(cond))
        return must_poll(mutex) ? poll_once(cond, mutex, THRUM_NEVER)
                                : THRUM_C_LIBRARYS(pthread_cond_wait)(cond, mutex);
    const int refused = thrum_mutex_may_wait_(mutex);
    return refused ? refused : wait(cond, mutex, THRUM_NEVER);
}

static int wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                      const struct timespec *end) {
    thrum_moment moment;
    if (!thrum_moment_from_(clock, end, &moment)) return EINVAL;
    if (!is_ours(cond)) return poll_once(cond, mutex, moment);
    const int refused = thrum_mutex_may_wait_(mutex);
    return refused ? refused : wait(cond, mutex, moment);
}

THRUM_NAME int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                      const struct timespec *restrict end) {
    if (!is_ours(cond)) {
        if (!must_poll(mutex)) return THRUM_C_LIBRARYS(pthread_cond_timedwait)(cond, mutex, end);
        return wait_until(cond, mutex, CLOCK_REALTIME, end);
    }
    return wait_until(cond, mutex, object_of(cond)->clock ? CLOCK_MONOTONIC : CLOCK_REALTIME, end);
}

THRUM_NAME int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                      clockid_t clock, const struct timespec *restrict end) {
    if (!is_ours(cond) && !must_poll(mutex))
        return THRUM_C_LIBRARYS(pthread_cond_clockwait)(cond, mutex, clock, end);
    return wait_until(cond, mutex, clock, end);
}

static THRUM_COLD int signal_slow(pthread_cond_t *cond) {
    if (!is_ours(cond)) return THRUM_C_LIBRARYS(pthread_cond_signal)(cond);
    thrum_pcond_signal_(made_ours(cond));
    return 0;
}

THRUM_NAME int pthread_cond_signal(pthread_cond_t *cond) {
    if (THRUM_LIKELY(is_ours(cond) && thrum_pcond_is_idle_(object_of(cond)))) return 0;
    return signal_slow(cond);
}

static THRUM_COLD int broadcast_slow(pthread_cond_t *cond) {
    if (!is_ours(cond)) return THRUM_C_LIBRARYS(pthread_cond_broadcast)(cond);
    thrum_pcond_broadcast_(made_ours(cond));
    return 0;
}

THRUM_NAME int pthread_cond_broadcast(pthread_cond_t *cond) {
    if (THRUM_LIKELY(is_ours(cond) && thrum_pcond_is_idle_(object_of(cond)))) return 0;
    return broadcast_slow(cond);
}

THRUM_NAME int pthread_cond_init(pthread_cond_t *restrict cond,
                                 const pthread_condattr_t *restrict attributes) {
    int shared = PTHREAD_PROCESS_PRIVATE;
    clockid_t clock = CLOCK_REALTIME;
    if (attributes) {
        (void)pthread_condattr_getpshared(attributes, &shared);
        (void)pthread_condattr_getclock(attributes, &clock);
    }
    if (!thrum_is_taken_(THRUM_TAKEN_COND) || shared != PTHREAD_PROCESS_PRIVATE)
        return THRUM_C_LIBRARYS(pthread_cond_init)(cond, attributes);
    thrum_pcond *const c = object_of(cond);
    memset(cond, 0, sizeof *cond);
    c->clock = clock == CLOCK_MONOTONIC;
    thrum_u32_store_relaxed(&c->generation, thrum_u32_load_relaxed(&thrum_generation_));
    return 0;
}

THRUM_NAME int pthread_cond_destroy(pthread_cond_t *cond) {
    if (!is_ours(cond)) return THRUM_C_LIBRARYS(pthread_cond_destroy)(cond);
    return thrum_pcond_close_(made_ours(cond)) ? 0 : EBUSY;
}
