/* SPDX-License-Identifier: MIT */
/* What the tests of locks share. */
#ifndef THRUM_TESTS_LOCK_PARTS_H
#define THRUM_TESTS_LOCK_PARTS_H

#include "test.h"

#include <thrum/lock.h>

static inline uint32_t word(const thrum_lock *lock) {
    return thrum_u32_load_relaxed(&lock->state);
}

static inline void *acquirer(void *lock) {
    thrum_lock_acquire(lock); /* stays held: any thread may release */
    return NULL;
}

#endif
