/* SPDX-License-Identifier: MIT */
/* A condition at which threads wait until it is opened. */
#ifndef THRUM_TESTS_POSIX_GATE_PARTS_H
#define THRUM_TESTS_POSIX_GATE_PARTS_H

#include "posix.h"

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int waiting;
    bool open;
};

static inline void *pass(void *p) {
    struct gate *const gate = p;
    OK(pthread_mutex_lock(&gate->mutex));
    gate->waiting++;
    while (!gate->open) OK(pthread_cond_wait(&gate->opened, &gate->mutex));
    OK(pthread_mutex_unlock(&gate->mutex));
    return NULL;
}

static inline void await_waiting(struct gate *gate, int count) {
    for (bool there = false; !there;) {
        OK(pthread_mutex_lock(&gate->mutex));
        there = gate->waiting == count;
        OK(pthread_mutex_unlock(&gate->mutex));
        if (!there) sched_yield();
    }
}

#endif
