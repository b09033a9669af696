/* SPDX-License-Identifier: MIT */
/* What the tests of semaphores share. */
#ifndef THRUM_TESTS_SEMAPHORE_PARTS_H
#define THRUM_TESTS_SEMAPHORE_PARTS_H

#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <thrum/semaphore.h>

enum { SLEEPERS = 6 };

static inline uint64_t word(const thrum_semaphore *semaphore) {
    return thrum_u64_load_relaxed(&semaphore->state);
}

/* Threads that take one permit each, and who of them got in. */
typedef struct crowd {
    thrum_semaphore *semaphore;
    atomic_uint entered;
    atomic_bool inside[SLEEPERS];
    atomic_uint arrivals;
    test_thread threads[SLEEPERS];
    unsigned count;
} crowd;

static inline void *enter(void *p) {
    crowd *c = p;
    const unsigned number = atomic_fetch_add(&c->arrivals, 1);
    thrum_semaphore_acquire(c->semaphore);
    atomic_store(&c->inside[number], true);
    atomic_fetch_add(&c->entered, 1);
    return NULL;
}

/* One after the other, so that the number is the thread's place in the array. */
static inline void crowd_asleep(crowd *c, thrum_semaphore *semaphore, unsigned count) {
    *c = (crowd){.semaphore = semaphore, .count = count};
    for (unsigned i = 0; i < count; i++) {
        c->threads[i] = test_start(enter, c);
        while (atomic_load(&c->arrivals) <= i) sched_yield();
        test_await_asleep(&c->threads[i]);
    }
}

/* Waits until exactly so many are inside and the kernel says that all the others sleep. */
static inline void crowd_await(crowd *c, unsigned entered) {
    while (atomic_load(&c->entered) < entered) sched_yield();
    for (unsigned i = 0; i < c->count; i++)
        if (!atomic_load(&c->inside[i])) test_await_asleep(&c->threads[i]);
    CHECK_EQ(atomic_load(&c->entered), entered);
}

static inline void crowd_join(crowd *c) {
    for (unsigned i = 0; i < c->count; i++) test_join(&c->threads[i]);
}

#endif
