/* SPDX-License-Identifier: MIT */
/* What the tests of mutexes share. */
#ifndef THRUM_TESTS_MUTEX_PARTS_H
#define THRUM_TESTS_MUTEX_PARTS_H

#include "posix.h"

static const int all_types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_DEFAULT, PTHREAD_MUTEX_ADAPTIVE_NP};

enum { TYPES = sizeof all_types / sizeof *all_types };

static inline void *try_lock(void *mutex) {
    const int result = pthread_mutex_trylock(mutex);
    if (result == 0) OK(pthread_mutex_unlock(mutex));
    return (void *)(intptr_t)result;
}

static inline int try_elsewhere(pthread_mutex_t *mutex) {
    test_thread thread = test_start(try_lock, mutex);
    return (int)(intptr_t)test_join(&thread);
}

static inline void *lock_and_unlock(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    OK(pthread_mutex_unlock(mutex));
    return NULL;
}

#endif
