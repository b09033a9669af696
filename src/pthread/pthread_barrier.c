/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_barrier_…: a thrum_barrier without an action, its sign, and how many are inside.
 *
 * pthread_barrier.I1: `sign` is SIGN in a barrier of thrum's. There the C libraries keep small numbers, or
 *     nothing.
 * pthread_barrier.I2: POSIX lets a party destroy the barrier as soon as its own wait has returned, though
 *     others have yet to look at it: a party counts itself in before it arrives, and out as its last touch,
 *     and the destroyer waits for none.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_inside.h"

#include <thrum/barrier.h>
#include <thrum/futex.h>

#include <errno.h>
#include <limits.h>
#include <stddef.h>

#define SIGN 0x74626172u
#define CLOSING 0x80000000u

/* The beginning of a thrum_barrier: what lies beyond is read only where there is an action. */
typedef struct thrum_pbarrier {
    thrum_u64 state;
    int32_t parties;
    uint32_t sign;
    thrum_u32 inside; /* and CLOSING */
    uint32_t unused;
    thrum_barrier_action *no_action;
} thrum_pbarrier;

THRUM_STATIC_ASSERT(sizeof(thrum_pbarrier) <= sizeof(pthread_barrier_t), "a barrier fits");
THRUM_STATIC_ASSERT(_Alignof(thrum_pbarrier) <= _Alignof(pthread_barrier_t), "and lies well");
THRUM_STATIC_ASSERT(offsetof(thrum_pbarrier, parties) == offsetof(thrum_barrier, parties) &&
                        offsetof(thrum_pbarrier, no_action) == offsetof(thrum_barrier, action),
                    "as a thrum_barrier");

static thrum_pbarrier *object_of(pthread_barrier_t *barrier) {
    return (thrum_pbarrier *)(void *)barrier;
}

static thrum_barrier *barrier_of(thrum_pbarrier *b) {
    return (thrum_barrier *)(void *)b;
}

static bool is_ours(pthread_barrier_t *barrier) {
    return object_of(barrier)->sign == SIGN;
}

THRUM_NAME int pthread_barrier_init(pthread_barrier_t *restrict barrier,
                                    const pthread_barrierattr_t *restrict attributes, unsigned count) {
    int shared = PTHREAD_PROCESS_PRIVATE;
    if (attributes) (void)pthread_barrierattr_getpshared(attributes, &shared);
    thrum_pbarrier *const b = object_of(barrier);
    if (!thrum_is_taken_(THRUM_TAKEN_BARRIER) || shared != PTHREAD_PROCESS_PRIVATE) {
        b->sign = 0;
        return THRUM_C_LIBRARYS(pthread_barrier_init)(barrier, attributes, count);
    }
    if (count == 0 || count > INT_MAX) return EINVAL;
    *b = (thrum_pbarrier){.parties = (int32_t)count, .sign = SIGN};
    return 0;
}

THRUM_NAME int pthread_barrier_wait(pthread_barrier_t *barrier) {
    if (!is_ours(barrier)) return THRUM_C_LIBRARYS(pthread_barrier_wait)(barrier);
    thrum_pbarrier *const b = object_of(barrier);
    const int32_t last = b->parties - 1;
    int32_t index = 0;
    thrum_u32_fetch_add_relaxed(&b->inside, 1); /* relaxed: the arrival publishes it */
    (void)thrum_barrier_arrive_(barrier_of(b), &THRUM_FOREVER, &index);
    /*
     * pthread_barrier.L1: release, pairs with pthread_barrier.L2. The last touch: what follows is a wake on
     *     the address.
     */
    if (thrum_u32_fetch_sub_release(&b->inside, 1) == (CLOSING | 1))
        thrum_futex_wake(&b->inside, 1, THRUM_FUTEX_ANY, false);
    return index == last ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

THRUM_NAME int pthread_barrier_destroy(pthread_barrier_t *barrier) {
    if (!is_ours(barrier)) return THRUM_C_LIBRARYS(pthread_barrier_destroy)(barrier);
    thrum_pbarrier *const b = object_of(barrier);
    if (thrum_barrier_waiting(barrier_of(b)) > 0) return EBUSY;
    thrum_u32_fetch_or_relaxed(&b->inside, CLOSING);
    for (;;) {
        /* pthread_barrier.L2: acquire, pairs with pthread_barrier.L1 */
        const uint32_t seen = thrum_u32_load_acquire(&b->inside);
        if (seen == CLOSING) break;
        /* pthread_barrier.I2 */
        (void)thrum_futex_wait(&b->inside, seen, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    }
    b->sign = 0;
    return 0;
}
