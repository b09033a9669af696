/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. The mutexes, conditions and onces of <threads.h>, which the C libraries make of the same
 * memory, and by calls within themselves that no preload sees.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_inside.h"

#include <errno.h>
#include <threads.h>

THRUM_STATIC_ASSERT(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t),
                    "the same");
THRUM_STATIC_ASSERT(sizeof(once_flag) == sizeof(pthread_once_t), "the same");

static pthread_mutex_t *mutex_of(mtx_t *mutex) {
    return (pthread_mutex_t *)(void *)mutex;
}
static pthread_cond_t *cond_of(cnd_t *cond) {
    return (pthread_cond_t *)(void *)cond;
}

static int result_of(int why) {
    switch (why) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    default:
        return thrd_error;
    }
}

THRUM_NAME int mtx_init(mtx_t *mutex, int type) {
    if (type & ~(mtx_plain | mtx_timed | mtx_recursive)) return thrd_error;
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes)) return thrd_nomem;
    (void)pthread_mutexattr_settype(&attributes,
                                    type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    const int result = result_of(pthread_mutex_init(mutex_of(mutex), &attributes));
    (void)pthread_mutexattr_destroy(&attributes);
    return result;
}
THRUM_NAME void mtx_destroy(mtx_t *mutex) {
    (void)pthread_mutex_destroy(mutex_of(mutex));
}
THRUM_NAME int mtx_lock(mtx_t *mutex) {
    return result_of(pthread_mutex_lock(mutex_of(mutex)));
}
THRUM_NAME int mtx_trylock(mtx_t *mutex) {
    return result_of(pthread_mutex_trylock(mutex_of(mutex)));
}
THRUM_NAME int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict end) {
    return result_of(pthread_mutex_timedlock(mutex_of(mutex), end));
}
THRUM_NAME int mtx_unlock(mtx_t *mutex) {
    return result_of(pthread_mutex_unlock(mutex_of(mutex)));
}

THRUM_NAME int cnd_init(cnd_t *cond) {
    return result_of(pthread_cond_init(cond_of(cond), NULL));
}
THRUM_NAME void cnd_destroy(cnd_t *cond) {
    (void)pthread_cond_destroy(cond_of(cond));
}
THRUM_NAME int cnd_signal(cnd_t *cond) {
    return result_of(pthread_cond_signal(cond_of(cond)));
}
THRUM_NAME int cnd_broadcast(cnd_t *cond) {
    return result_of(pthread_cond_broadcast(cond_of(cond)));
}
THRUM_NAME int cnd_wait(cnd_t *cond, mtx_t *mutex) {
    return result_of(pthread_cond_wait(cond_of(cond), mutex_of(mutex)));
}
THRUM_NAME int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                             const struct timespec *restrict end) {
    return result_of(pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), end));
}

THRUM_NAME void call_once(once_flag *flag, void (*function)(void)) {
    (void)pthread_once((pthread_once_t *)(void *)flag, function);
}
