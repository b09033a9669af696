/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. sem_…: a thrum_semaphore and the sign that it is one. Named semaphores lie in memory that
 * processes share: they, and those that are initialised as shared, are the C library's, which use the first
 * sixteen of the 32 bytes.
 *
 * pthread_sem.I1: `sign` is SIGN in a semaphore of thrum's, from its initialisation to its destruction. An
 *     initialisation that goes through clears it.
 * pthread_sem.I2: a wait is a cancellation point. Its sleep alone can be cancelled asynchronously; a waiter
 *     that is cancelled there is registered and has no permit: it leaves, and a wake that had chosen it goes
 *     on to the next. (Compiled without exceptions: the cleanup is then found from every instruction, not
 *     from calls alone.)
 *
 * No permit and no wake goes with a cancelled waiter. Let a post and a cancel meet it:
 *     the cancel's signal ends the sleep, then the post adds: the kernel has taken the waiter out of its
 *         queue, and the post wakes another. The cancelled one leaves, at whatever value;
 *     the post's wake chooses it, and the signal comes before it has done a step, or is pending already: it
 *         leaves, finds the permit in the same read-modify-write, and wakes another. Where it finds none, a
 *         running thread has the permit, and nobody sleeps beside one;
 *     the post comes between its registration and its sleep: the kernel finds the value changed. Cancelled
 *         there, it leaves as above;
 *     it takes the permit, then the signal comes: cancellation is deferred by then, and the call returns 0.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/waitable.h"
#include "pthread_clock.h"
#include "pthread_inside.h"

#include <thrum/park.h>
#include <thrum/semaphore.h>

#include <errno.h>
#include <semaphore.h>

#define SIGN UINT64_C(0x746872756d73656d)

typedef struct thrum_psem {
    thrum_semaphore semaphore;
    char c_librarys[8];
    thrum_u64 sign;
} thrum_psem;

/* musl aligns a sem_t to four bytes: its object is where the next eight begin, and fits all the same. */
#define IS_ALIGNED (_Alignof(thrum_psem) <= _Alignof(sem_t))
THRUM_STATIC_ASSERT(sizeof(thrum_psem) + (IS_ALIGNED ? 0 : 4) <= sizeof(sem_t), "a semaphore fits");

static thrum_psem *object_of(sem_t *sem) {
    const uintptr_t address = (uintptr_t)sem;
    return (thrum_psem *)(IS_ALIGNED ? address : (address + 7) & ~(uintptr_t)7);
}

THRUM_ALWAYS_INLINE bool is_ours(sem_t *sem) {
    return THRUM_LIKELY(thrum_u64_load_relaxed(&object_of(sem)->sign) == SIGN); /* pthread_sem.I1 */
}

static THRUM_COLD int failed(int why) {
    errno = why;
    return -1;
}

/* ---- waiting ---- */

static void leave(void *semaphore) {
    thrum_semaphore_leave_(semaphore); /* pthread_sem.I2 */
}

static bool spin_for(thrum_semaphore *semaphore) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (thrum_semaphore_look_(semaphore, false)) return true;
    } while (thrum_park_again(&spin));
    return false;
}

/* Registered. 0, with the permit; ETIMEDOUT or EINTR, and it has left. */
static int sleep_for(thrum_semaphore *semaphore, const thrum_futex_choice *sleep, thrum_moment moment) {
    for (;;) {
        thrum_futex_outcome outcome;
        int before, now;
        pthread_cleanup_push(leave, semaphore);
        (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
        outcome = thrum_moment_sleep_interruptibly_(sleep->word, sleep->expected, moment);
        (void)pthread_setcanceltype(before, &now);
        pthread_cleanup_pop(0);
        if (thrum_semaphore_look_(semaphore, true)) return 0;
        if (outcome != THRUM_FUTEX_TIMED_OUT && outcome != THRUM_FUTEX_INTERRUPTED) continue;
        thrum_semaphore_leave_(semaphore);
        return outcome == THRUM_FUTEX_TIMED_OUT ? ETIMEDOUT : EINTR;
    }
}

static THRUM_COLD int wait_slow(thrum_semaphore *semaphore, thrum_moment moment) {
    thrum_futex_choice sleep;
    if (thrum_moment_passed_(moment)) return thrum_semaphore_try_acquire(semaphore) ? 0 : ETIMEDOUT;
    if (spin_for(semaphore)) return 0;
    while (!thrum_semaphore_register_(semaphore, &sleep))
        if (thrum_semaphore_look_(semaphore, false)) return 0;
    return sleep_for(semaphore, &sleep, moment);
}

static int wait(sem_t *sem, thrum_moment moment) {
    thrum_semaphore *const semaphore = &object_of(sem)->semaphore;
    if (THRUM_LIKELY(thrum_semaphore_take_(semaphore))) return 0;
    const int result = wait_slow(semaphore, moment);
    return result ? failed(result) : 0;
}

static THRUM_COLD int wait_through(sem_t *sem) {
    return THRUM_C_LIBRARYS(sem_wait)(sem);
}

THRUM_NAME int sem_wait(sem_t *sem) {
    if (!is_ours(sem)) return wait_through(sem);
    pthread_testcancel();
    return wait(sem, THRUM_NEVER);
}

static int wait_until(sem_t *sem, clockid_t clock, const struct timespec *end) {
    thrum_moment moment;
    pthread_testcancel();
    if (!thrum_moment_from_(clock, end, &moment)) return failed(EINVAL);
    return wait(sem, moment);
}

THRUM_NAME int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict end) {
    if (!is_ours(sem)) return THRUM_C_LIBRARYS(sem_timedwait)(sem, end);
    return wait_until(sem, CLOCK_REALTIME, end);
}

THRUM_NAME int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict end) {
    if (!is_ours(sem)) return THRUM_C_LIBRARYS(sem_clockwait)(sem, clock, end);
    return wait_until(sem, clock, end);
}

/* ---- the others ---- */

THRUM_NAME int sem_trywait(sem_t *sem) {
    if (!is_ours(sem)) return THRUM_C_LIBRARYS(sem_trywait)(sem);
    return thrum_semaphore_try_acquire(&object_of(sem)->semaphore) ? 0 : failed(EAGAIN);
}

static THRUM_COLD int post_through(sem_t *sem) {
    return THRUM_C_LIBRARYS(sem_post)(sem);
}

THRUM_NAME int sem_post(sem_t *sem) {
    if (!is_ours(sem)) return post_through(sem);
    return THRUM_LIKELY(thrum_semaphore_release(&object_of(sem)->semaphore) == THRUM_OK) ? 0
                                                                                         : failed(EOVERFLOW);
}

THRUM_NAME int sem_getvalue(sem_t *restrict sem, int *restrict value) {
    if (!is_ours(sem)) return THRUM_C_LIBRARYS(sem_getvalue)(sem, value);
    *value = (int)thrum_semaphore_value(&object_of(sem)->semaphore);
    return 0;
}

THRUM_NAME int sem_init(sem_t *sem, int shared, unsigned value) {
    thrum_psem *const s = object_of(sem);
    if (!thrum_is_taken_(THRUM_TAKEN_SEM) || shared) {
        const int result = THRUM_C_LIBRARYS(sem_init)(sem, shared, value);
        if (result == 0) thrum_u64_store_relaxed(&s->sign, 0); /* pthread_sem.I1 */
        return result;
    }
    /* beyond INT_MAX it is negative there */
    if (thrum_semaphore_init(&s->semaphore, (int32_t)value) != THRUM_OK) return failed(EINVAL);
    thrum_u64_store_relaxed(&s->sign, SIGN);
    return 0;
}

THRUM_NAME int sem_destroy(sem_t *sem) {
    if (!is_ours(sem)) return THRUM_C_LIBRARYS(sem_destroy)(sem);
    thrum_u64_store_relaxed(&object_of(sem)->sign, 0); /* pthread_sem.I1 */
    return 0;
}
