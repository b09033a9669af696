/* SPDX-License-Identifier: MIT */
/* A thread of the programs that are looked at by a debugger, which have no test frame. */
#ifndef THRUM_TESTS_GDB_START_H
#define THRUM_TESTS_GDB_START_H

#include <stdlib.h>
#include <thrum/thread.h>

static inline void start(thrum_thread_target *target, const char *name) {
    thrum_thread *thread;
    const thrum_thread_config config = {.target = target, .name = name};
    if (thrum_thread_spawn(&thread, &config) != THRUM_OK) exit(1);
    thrum_thread_release(thread);
}

#endif
