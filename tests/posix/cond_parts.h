/* SPDX-License-Identifier: MIT */
/* What the tests of conditions share. */
#ifndef THRUM_TESTS_COND_PARTS_H
#define THRUM_TESTS_COND_PARTS_H

#include "posix.h"

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int waiting, open, passed;
};

/* Waits until so many wait: a thread that has counted itself and lets the mutex go is in its wait. */
static inline void await_waiting(struct gate *gate, int count) {
    for (bool there = false; !there;) {
        OK(pthread_mutex_lock(&gate->mutex));
        there = gate->waiting == count;
        OK(pthread_mutex_unlock(&gate->mutex));
        if (!there) sched_yield();
    }
}

struct with_mutex {
    pthread_cond_t *condition;
    pthread_mutex_t *mutex;
    _Atomic int in, go;
};

static inline void *wait_with(void *p) {
    struct with_mutex *const with = p;
    OK(pthread_mutex_lock(with->mutex));
    with->in = 1;
    while (!with->go) OK(pthread_cond_wait(with->condition, with->mutex));
    OK(pthread_mutex_unlock(with->mutex));
    return NULL;
}

struct timed_gate {
    struct gate gate;
    int by_clock;
    clockid_t clock;
    struct timespec deadline;
};

static inline void *pass_timed(void *p) {
    struct timed_gate *const timed = p;
    struct gate *const gate = &timed->gate;
    OK(pthread_mutex_lock(&gate->mutex));
    gate->waiting++;
    while (gate->open == 0)
        OK(timed->by_clock
               ? pthread_cond_clockwait(&gate->opened, &gate->mutex, timed->clock, &timed->deadline)
               : pthread_cond_timedwait(&gate->opened, &gate->mutex, &timed->deadline));
    OK(pthread_mutex_unlock(&gate->mutex));
    return NULL;
}

static _Atomic int handled;

static inline void count(int number) {
    (void)number;
    handled++;
}

#endif
