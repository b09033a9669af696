/* SPDX-License-Identifier: MIT */
/* What the tests of threads share. */
#ifndef THRUM_TESTS_THREAD_PARTS_H
#define THRUM_TESTS_THREAD_PARTS_H

#include "threads.h"

#include <thrum.h>

static thrum_event begin, go_on;

static inline void *answer(void *argument) {
    return (char *)argument + 1;
}

/* Says that it runs, and ends when `go_on` is set. */
static inline void *linger(void *argument) {
    thrum_event_set(&begin);
    thrum_event_wait(&go_on);
    return argument;
}

#endif
