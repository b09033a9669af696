/* SPDX-License-Identifier: MIT */
/*
 * What thrum_wait_any needs of the objects that it waits for: how each of them is waited for, step by step.
 * Their own sources have the laws.
 *
 * `first` is the object's word as it was when the wait began.
 */
#ifndef THRUM_SRC_WAITABLE_H
#define THRUM_SRC_WAITABLE_H

#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/semaphore.h>

/* Whether the wait is over. An acquire, when it is. */
bool thrum_event_passed_(const thrum_event *event, uint64_t first);
bool thrum_latch_passed_(const thrum_latch *latch, uint64_t first);

/* Announces a sleeper and says on what it is to sleep. False: the wait is over. */
bool thrum_event_announce_(thrum_event *event, uint64_t first, thrum_futex_choice *sleep);
bool thrum_latch_announce_(thrum_latch *latch, uint64_t first, thrum_futex_choice *sleep);

/* Takes a permit, if there is one; who is registered leaves with it. */
bool thrum_semaphore_look_(thrum_semaphore *semaphore, bool registered);
/* Registers a waiter and says on what it is to sleep. False: there is a permit. */
bool thrum_semaphore_register_(thrum_semaphore *semaphore, thrum_futex_choice *sleep);
/* Who is registered leaves without a permit. */
void thrum_semaphore_leave_(thrum_semaphore *semaphore);

#endif
