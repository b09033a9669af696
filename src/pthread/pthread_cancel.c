/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. Cancellation of a thread that waits for a condition.
 *
 * The C library cancels a sleeping thread by a signal that it sends only to those that it put to sleep. Nor
 * would that do: it ends the thread wherever it is, a wait that has been chosen, too, whose condition may be
 * gone, and the signal that chose it would be lost. So pthread_cancel disturbs the waiter, and the waiter
 * decides: one that has been chosen returns as usual, and the cancel waits for the next cancellation point.
 *
 * pthread_cancel.I1: a waiter enrolls and then asks whether it is cancelled; a canceller cancels and then
 *     looks for the waiter. Both come by the same lock: one of the two sees the other.
 * pthread_cancel.I2: a record lives while it is in the table, and its lock is held whenever the record is
 *     used.
 *
 * In a circle with pthread.c: the generation is there, and a fork there begins the table anew.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../rcu/rank.h"
#include "pthread_cancel.h"
#include "pthread_inside.h"

#include <string.h>

enum { BUCKETS = 64 };

typedef struct bucket {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_lock lock;
    thrum_cancellable *first;
} bucket;
THRUM_RANK(16, at->lock);
static bucket buckets[BUCKETS];

static bucket *bucket_of(pthread_t thread) {
    const uintptr_t number = (uintptr_t)thread;
    return &buckets[(number >> 6 ^ number >> 12 ^ number >> 20) % BUCKETS];
}

void thrum_cancellable_enroll_(thrum_cancellable *self, thrum_pwaiter *waiter) {
    self->thread = pthread_self();
    self->waiter = waiter;
    self->generation = thrum_u32_load_relaxed(&thrum_generation_);
    bucket *const at = bucket_of(self->thread);
    thrum_lock_acquire(&at->lock);
    self->next = at->first;
    self->link = &at->first;
    if (self->next) self->next->link = &self->next;
    at->first = self;
    (void)thrum_lock_release(&at->lock);
}

void thrum_cancellable_forget_(thrum_cancellable *self) {
    /* After a fork by a signal handler that interrupted the wait: the table is another. */
    if (self->generation != thrum_u32_load_relaxed(&thrum_generation_)) return;
    bucket *const at = bucket_of(self->thread);
    thrum_lock_acquire(&at->lock);
    *self->link = self->next;
    if (self->next) self->next->link = self->link;
    (void)thrum_lock_release(&at->lock);
}

bool thrum_cancellable_now_(void) {
    int state = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    (void)pthread_setcancelstate(state, NULL);
    return state == PTHREAD_CANCEL_ENABLE;
}

void thrum_cancellables_reset_after_fork_(void) {
    memset(buckets, 0, sizeof buckets); /* free locks, and nobody */
}

THRUM_NAME int pthread_cancel(pthread_t thread) {
    const int result = THRUM_C_LIBRARYS(pthread_cancel)(thread);
    if (result != 0) return result;
    bucket *const at = bucket_of(thread);
    thrum_lock_acquire(&at->lock);
    for (const thrum_cancellable *record = at->first; record; record = record->next) /* pthread_cancel.I2 */
        if (pthread_equal(record->thread, thread)) thrum_pcond_disturb_(record->waiter);
    (void)thrum_lock_release(&at->lock);
    return 0;
}
