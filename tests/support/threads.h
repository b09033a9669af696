/* SPDX-License-Identifier: MIT */
/* Threads of thrum's, for tests of what stands on them. */
#ifndef THRUM_TESTS_SUPPORT_THREADS_H
#define THRUM_TESTS_SUPPORT_THREADS_H

#include <thrum/thread.h>

#include "test.h"

static inline thrum_thread *test_new(thrum_thread_config config) {
    thrum_thread *thread;
    CHECK_EQ(thrum_thread_new(&thread, &config), THRUM_OK);
    return thread;
}

static inline thrum_thread *test_spawn(thrum_thread_config config) {
    thrum_thread *thread;
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    return thread;
}

static inline void test_join_and_release(thrum_thread *thread) {
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
}

#endif
