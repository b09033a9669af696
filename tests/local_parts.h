/* SPDX-License-Identifier: MIT */
/* What the tests of thread-local objects share. */
#ifndef THRUM_TESTS_LOCAL_PARTS_H
#define THRUM_TESTS_LOCAL_PARTS_H

#include "test.h"

#include <thrum.h>

static inline thrum_thread *run(thrum_thread_target *target, void *a) {
    thrum_thread *thread;
    const thrum_thread_config config = {.target = target, .argument = a};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    return thread;
}

#endif
