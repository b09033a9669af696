/* SPDX-License-Identifier: MIT */
/* What the tests of threads share. */
#ifndef THRUM_TESTS_THREADS_PARTS_H
#define THRUM_TESTS_THREADS_PARTS_H

#include "orders.h"

static thrum_thread *thread;

static inline void joins(void) {
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
}

static inline void *nothing(void *p) {
    return p;
}

#endif
