/* SPDX-License-Identifier: MIT */
/* What the tests of forks share. */
#ifndef THRUM_TESTS_FORK_PARTS_H
#define THRUM_TESTS_FORK_PARTS_H

#include "threads.h"

#include <thrum.h>

/* Its runtime refuses a child's new thread that gets the stack of one of the parent's. */
#define NO_THREADS_UNDER_TSAN() \
    if (THRUM_UNDER_TSAN) test_skip("ThreadSanitizer still knows the parent's threads in the child")

static inline void in_child(void (*run)(void)) {
    if (test_under_asan()) test_skip("AddressSanitizer's allocator may be locked in the child");
    test_in_child(run);
}

#endif
