/* SPDX-License-Identifier: MIT */
/*
 * backoff: pauses that grow, with jitter, for loops that retry without sleeping.
 *
 * Floor 1: never sleeps. Eight bytes on the caller's stack; each pause is up to twice as long as
 * the one before, up to a bound, and of random length, so that threads that collided once do
 * not collide again in step. It makes no system call and does not yield: a loop that may run
 * while its partner has no processor belongs on `park` (thrum/park.h).
 *
 *     thrum_backoff b = THRUM_BACKOFF_INIT;
 *     while (!try_it()) thrum_backoff_pause(&b);
 *
 * The idea is Anderson's ("The Performance of Spin Lock Alternatives for Shared-Memory
 * Multiprocessors", 1990).
 */
#ifndef THRUM_BACKOFF_H
#define THRUM_BACKOFF_H

#include <thrum/cpu.h>

/*
 * The longest pause, in processor pauses: 1.6 to 2.8 us. With 32, waiters take the cache line twice as often
 * from the thread that is about to succeed; with 128, up to 3 us more pass after that thread has succeeded.
 */
#ifndef THRUM_BACKOFF_MAX
#define THRUM_BACKOFF_MAX 64
#endif

typedef struct thrum_backoff {
    uint32_t bound; /* of the next pause; 0 means 1 */
    uint32_t seed;  /* 0: not yet drawn */
} thrum_backoff;

#define THRUM_BACKOFF_INIT {0, 0}

THRUM_BEGIN_QUIET_

/* Pauses once. Belongs to one thread. No memory order; cannot fail; signal handlers too. */
THRUM_INLINE void thrum_backoff_pause(thrum_backoff *b) {
    /* Marsaglia's xorshift; the stack address tells the threads apart. */
    uint32_t x = b->seed ? b->seed : (uint32_t)((uintptr_t)b >> 4) | 1u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    b->seed = x;
    const uint32_t bound = b->bound ? b->bound : 1;
    for (uint32_t i = x % bound + 1; i > 0; i--) thrum_cpu_pause();
    b->bound = bound < THRUM_BACKOFF_MAX ? bound * 2 : THRUM_BACKOFF_MAX;
}

THRUM_END_QUIET_

#endif
