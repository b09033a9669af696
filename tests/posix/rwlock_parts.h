/* SPDX-License-Identifier: MIT */
/* What the tests of locks of readers and writers share. */
#ifndef THRUM_TESTS_RWLOCK_PARTS_H
#define THRUM_TESTS_RWLOCK_PARTS_H

#include "posix.h"

static inline void *try_read(void *lock) {
    const int result = pthread_rwlock_tryrdlock(lock);
    if (result == 0) OK(pthread_rwlock_unlock(lock));
    return (void *)(intptr_t)result;
}

static inline void *try_write(void *lock) {
    const int result = pthread_rwlock_trywrlock(lock);
    if (result == 0) OK(pthread_rwlock_unlock(lock));
    return (void *)(intptr_t)result;
}

static inline int elsewhere(void *(*try)(void *), pthread_rwlock_t *lock) {
    test_thread thread = test_start(try, lock);
    return (int)(intptr_t)test_join(&thread);
}

static inline void *read_once(void *lock) {
    OK(pthread_rwlock_rdlock(lock));
    OK(pthread_rwlock_unlock(lock));
    return NULL;
}

static inline void *write_once(void *lock) {
    OK(pthread_rwlock_wrlock(lock));
    OK(pthread_rwlock_unlock(lock));
    return NULL;
}

static inline void exercise(pthread_rwlock_t *lock) {
    for (int i = 0; i < 3; i++) {
        OK(pthread_rwlock_rdlock(lock));
        CHECK_EQ(elsewhere(try_read, lock), 0);
        CHECK_EQ(elsewhere(try_write, lock), EBUSY);
        test_thread writer = test_start(write_once, lock);
        await_blocked(&writer);
        OK(pthread_rwlock_unlock(lock));
        (void)test_join(&writer);
        OK(pthread_rwlock_wrlock(lock));
        CHECK_EQ(elsewhere(try_read, lock), EBUSY);
        CHECK_EQ(elsewhere(try_write, lock), EBUSY);
        test_thread others[] = {test_start(read_once, lock), test_start(write_once, lock),
                                test_start(read_once, lock)};
        for (int j = 0; j < 3; j++) await_blocked(&others[j]);
        OK(pthread_rwlock_unlock(lock));
        for (int j = 0; j < 3; j++) (void)test_join(&others[j]);
        CHECK_EQ(elsewhere(try_write, lock), 0);
    }
}

#endif
