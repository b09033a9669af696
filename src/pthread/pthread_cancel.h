/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. How pthread_cancel finds a thread that waits for a condition of thrum's.
 */
#ifndef THRUM_SRC_PTHREAD_CANCEL_H
#define THRUM_SRC_PTHREAD_CANCEL_H

#include "pthread_waiters.h"

#include <pthread.h>

typedef struct thrum_cancellable {
    struct thrum_cancellable *next, **link;
    pthread_t thread;
    thrum_pwaiter *waiter;
    uint32_t generation;
} thrum_cancellable;

/* From here until it is forgotten, a cancel of the calling thread disturbs its waiter. */
void thrum_cancellable_enroll_(thrum_cancellable *self, thrum_pwaiter *waiter);
void thrum_cancellable_forget_(thrum_cancellable *self);
/* In the only thread of a forked child. */
void thrum_cancellables_reset_after_fork_(void);
/* Whether the calling thread would act upon a cancel. */
bool thrum_cancellable_now_(void);

#endif
