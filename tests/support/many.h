/* SPDX-License-Identifier: MIT */
/* Several threads of one function. */
#ifndef THRUM_TESTS_SUPPORT_MANY_H
#define THRUM_TESTS_SUPPORT_MANY_H

#include "test.h"

static inline void test_start_all(test_thread *threads, unsigned count, void *(*function)(void *),
                                  void *argument) {
    for (unsigned i = 0; i < count; i++) threads[i] = test_start(function, argument);
}

/* Returns when all of them sleep. */
static inline void test_start_asleep(test_thread *threads, unsigned count, void *(*function)(void *),
                                     void *argument) {
    test_start_all(threads, count, function, argument);
    for (unsigned i = 0; i < count; i++) test_await_asleep(&threads[i]);
}

static inline void test_join_all(test_thread *threads, unsigned count) {
    for (unsigned i = 0; i < count; i++) test_join(&threads[i]);
}

#endif
