/* SPDX-License-Identifier: MIT */
/* What the tests of rwlocks share. */
#ifndef THRUM_TESTS_RWLOCK_PARTS_H
#define THRUM_TESTS_RWLOCK_PARTS_H

#include "test.h"

#include <thrum/rwlock.h>

static inline void *reads(void *p) {
    thrum_rwlock_acquire_read(p);
    CHECK_EQ(thrum_rwlock_release_read(p), THRUM_OK);
    return NULL;
}

#endif
