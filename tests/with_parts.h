/* SPDX-License-Identifier: MIT */
/* What the tests of blocks share. */
#ifndef THRUM_TESTS_WITH_PARTS_H
#define THRUM_TESTS_WITH_PARTS_H

#include "test.h"

#include <thrum/with.h>

static thrum_lock lock;
static thrum_rlock rlock;
static thrum_spinlock spinlock;
static thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(1);
static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
static thrum_lock lock_of_cond;
static thrum_rlock rlock_of_cond;
static thrum_monitor monitor;

/* The semaphore counts: a second release of one hold would show as a value of 2. */
static inline void check_all_free(void) {
    CHECK(!thrum_lock_locked(&lock));
    CHECK(!thrum_rlock_locked(&rlock));
    CHECK(!thrum_spinlock_locked(&spinlock));
    CHECK_EQ(thrum_semaphore_value(&semaphore), 1);
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 1);
    CHECK(!thrum_lock_locked(&lock_of_cond));
    CHECK(!thrum_rlock_locked(&rlock_of_cond));
    CHECK(!thrum_monitor_locked(&monitor));
    CHECK_EQ(thrum_self_guards(), 0);
}

static inline void check_held(void) {
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    CHECK_EQ(thrum_self_guards(), 1);
}

#endif
