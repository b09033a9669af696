/* SPDX-License-Identifier: MIT */
/*
 * How events, latches and semaphores are waited for, step by step: their own waits and thrum_wait_any are
 * made of these. Their own sources have the laws.
 *
 * `first` is the object's word as it was when the wait began.
 */
#ifndef THRUM_SRC_WAITABLE_H
#define THRUM_SRC_WAITABLE_H

#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/semaphore.h>

/* The sleep of a wait for one object alone. May return early, as thrum_futex_wait. */
static inline thrum_futex_outcome thrum_waitable_sleep_(const thrum_futex_choice *sleep,
                                                        thrum_deadline deadline) {
    return thrum_futex_wait(sleep->word, sleep->expected, THRUM_FUTEX_ANY, sleep->shared, deadline);
}

/* Whether the wait is over. An acquire, when it is. */
bool thrum_event_passed_(const thrum_event *event, uint64_t first);
bool thrum_latch_passed_(const thrum_latch *latch, uint64_t first);

/* Announces a sleeper and says on what it is to sleep. False: the wait is over. */
bool thrum_event_announce_(thrum_event *event, uint64_t first, thrum_futex_choice *sleep);
bool thrum_latch_announce_(thrum_latch *latch, uint64_t first, thrum_futex_choice *sleep);

/* Takes a permit, if there is one; a registered waiter leaves with it. */
bool thrum_semaphore_look_(thrum_semaphore *semaphore, bool registered);
/* Registers a waiter and says on what it is to sleep. False: there is a permit. */
bool thrum_semaphore_register_(thrum_semaphore *semaphore, thrum_futex_choice *sleep);
/* A registered waiter leaves without a permit. */
void thrum_semaphore_leave_(thrum_semaphore *semaphore);

#endif
