/* SPDX-License-Identifier: MIT */
/* What the tests of rlocks share. */
#ifndef THRUM_TESTS_RLOCK_PARTS_H
#define THRUM_TESTS_RLOCK_PARTS_H

#include "test.h"

#include <stdatomic.h>
#include <string.h>

#include <thrum/rlock.h>

/* All sixteen bytes, for "nothing has changed". */
static inline bool same(const thrum_rlock *a, const thrum_rlock *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool is_free(const thrum_rlock *rlock) {
    static const thrum_rlock zero;
    return same(rlock, &zero);
}

/* Runs the function in a thread of its own. */
static inline void elsewhere(void *(*function)(void *), void *argument) {
    test_thread t = test_start(function, argument);
    test_join(&t);
}

typedef struct parcel {
    thrum_rlock rlock;
    int payload; /* plain: ThreadSanitizer sees whether the release published it */
    atomic_bool sent;
} parcel;

static inline void *passes_through(void *p) {
    CHECK_EQ(thrum_rlock_acquire(p), THRUM_OK);
    CHECK_EQ(thrum_rlock_release(p), THRUM_OK);
    return NULL;
}

#endif
