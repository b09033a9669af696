/* SPDX-License-Identifier: MIT */
/* What the tests of the registry share. */
#ifndef THRUM_TESTS_REGISTRY_PARTS_H
#define THRUM_TESTS_REGISTRY_PARTS_H

#include "threads.h"

#include <string.h>
#include <thrum.h>

static thrum_event begin, go_on;

static inline void *linger(void *argument) {
    thrum_event_set(&begin);
    thrum_event_wait(&go_on);
    return argument;
}

static inline bool named(const thrum_thread *thread, const char *name) {
    return strcmp(thrum_thread_name(thread).text, name) == 0;
}

/* So many that the table's chains hold several. */
enum { MANY = 1000 };

static thrum_thread *many[MANY];

static inline unsigned start_many(void) {
    const unsigned count = MANY / test_slowdown();
    for (unsigned i = 0; i < count; i++)
        many[i] = test_spawn((thrum_thread_config){.target = linger, .stack_size = 64 * 1024});
    return count;
}

static inline void end_many(unsigned count) {
    thrum_event_set(&go_on);
    for (unsigned i = 0; i < count; i++) test_join_and_release(many[i]);
    CHECK_EQ(thrum_active_count(), 1);
}

#endif
