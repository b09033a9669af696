/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. How threads wait for a POSIX condition.
 *
 * It is no thrum_cond. A thrum_cond is bound to one lock, and notifier and waiter hold that lock: its ring of
 * waiters is guarded by it, and a waiter's memory lives until the lock is the waiter's again. A POSIX
 * condition is signalled without a mutex, waited for with another mutex each time, and destroyed as soon as
 * its waiters have been woken, though their calls have not returned. So it has a lock of its own, `inner`,
 * held for a few instructions; and a waiter that has been chosen looks at its own word alone, never at the
 * condition.
 */
#ifndef THRUM_SRC_PTHREAD_WAITERS_H
#define THRUM_SRC_PTHREAD_WAITERS_H

#include "../rcu/rank.h"
#include "pthread_clock.h"

#include <thrum/lock.h>

/* One thread that waits, on that thread's stack. */
typedef struct thrum_pwaiter {
    struct thrum_pwaiter *next, *previous;
    thrum_u32 state;
    uint32_t ticket; /* in the order of coming */
} thrum_pwaiter;

/*
 * All-zero memory is a condition that nobody waits for. Bytes 0 to 7 and 24 to 39 are the C library's marks.
 */
typedef struct thrum_pcond {
    char c_librarys[8];
    thrum_lock inner;
    uint32_t clock;       /* 1: moments are CLOCK_MONOTONIC's */
    thrum_u32 generation; /* of the process that used it last */
    uint32_t tickets;     /* the last one given */
    char c_librarys_too[16];
    thrum_u64 newest; /* the address of the waiter that came last; 0: none */
} thrum_pcond;
THRUM_RANK(16, cond->inner);

typedef enum thrum_pwait_end {
    THRUM_PWAIT_CHOSEN,   /* the condition may be gone */
    THRUM_PWAIT_OVER,     /* the moment has passed: the waiter is still in the ring */
    THRUM_PWAIT_DISTURBED /* another thread wants this one to look up: still in the ring */
} thrum_pwait_end;

/* Whether nobody waits, at the moment of looking; pthread_waiters.c says why that is enough. */
static inline bool thrum_pcond_is_idle_(const thrum_pcond *cond) {
    return thrum_u64_load_relaxed(&cond->newest) == 0;
}

/* Before any other thread knows of the waiter. */
void thrum_pcond_begin_(thrum_pwaiter *waiter);
/* The waiter comes into the ring. Says how long it is worth spinning, in nanoseconds. */
uint32_t thrum_pcond_join_(thrum_pcond *cond, thrum_pwaiter *waiter);
/* Waits to be chosen, until the moment, or until it is disturbed. */
thrum_pwait_end thrum_pcond_await_(thrum_pwaiter *waiter, uint32_t spin_ns, thrum_moment moment);
/* Leaves the ring. False: it was chosen before, and the condition has not been touched. */
THRUM_MUST_USE bool thrum_pcond_leave_(thrum_pcond *cond, thrum_pwaiter *waiter);
/* After a disturbance that was not worth leaving for. */
void thrum_pcond_calm_(thrum_pwaiter *waiter);

/* Makes the waiter's await end. The caller sees to it that the waiter's memory lives. */
void thrum_pcond_disturb_(thrum_pwaiter *waiter);

void thrum_pcond_signal_(thrum_pcond *cond);
void thrum_pcond_broadcast_(thrum_pcond *cond);
/* Waits for those that leave. False: somebody waits, and nothing has changed. */
THRUM_MUST_USE bool thrum_pcond_close_(thrum_pcond *cond);

#endif
