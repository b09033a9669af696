/* SPDX-License-Identifier: MIT */
/*
 * What glibc and the newest POSIX have and musl lacks, for these tests alone: the initialisers by its layout,
 * the waits by a clock as waits by CLOCK_REALTIME.
 */
#ifndef THRUM_TESTS_MUSL_H
#define THRUM_TESTS_MUSL_H

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP {{{PTHREAD_MUTEX_RECURSIVE}}}
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP {{{PTHREAD_MUTEX_ERRORCHECK}}}
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP PTHREAD_MUTEX_INITIALIZER
#define PTHREAD_MUTEX_ADAPTIVE_NP PTHREAD_MUTEX_NORMAL
#define PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP PTHREAD_RWLOCK_INITIALIZER

/* The same moment by CLOCK_REALTIME, or a little later. A time that is none stays none. */
static inline int by_realtime(clockid_t clock, const struct timespec *end, struct timespec *moment) {
    struct timespec monotonic, realtime;
    *moment = *end;
    if (clock == CLOCK_REALTIME) return 0;
    if (clock != CLOCK_MONOTONIC) return EINVAL;
    if (end->tv_nsec < 0 || end->tv_nsec >= 1000000000) return 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &monotonic);
    (void)clock_gettime(CLOCK_REALTIME, &realtime);
    if (end->tv_sec > realtime.tv_sec) return 0; /* the largest */
    moment->tv_sec += realtime.tv_sec - monotonic.tv_sec;
    moment->tv_nsec += realtime.tv_nsec - monotonic.tv_nsec;
    if (moment->tv_nsec >= 1000000000) moment->tv_sec++, moment->tv_nsec -= 1000000000;
    if (moment->tv_nsec < 0) moment->tv_sec--, moment->tv_nsec += 1000000000;
    return 0;
}

#define BY_REALTIME(name, type, until)                                                  \
    static inline int name(type *object, clockid_t clock, const struct timespec *end) { \
        struct timespec moment;                                                         \
        const int error = by_realtime(clock, end, &moment);                             \
        return error ? error : until(object, &moment);                                  \
    }
BY_REALTIME(pthread_mutex_clocklock, pthread_mutex_t, pthread_mutex_timedlock)
BY_REALTIME(pthread_rwlock_clockrdlock, pthread_rwlock_t, pthread_rwlock_timedrdlock)
BY_REALTIME(pthread_rwlock_clockwrlock, pthread_rwlock_t, pthread_rwlock_timedwrlock)
#undef BY_REALTIME

static inline int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *end) {
    struct timespec moment;
    const int error = by_realtime(clock, end, &moment);
    if (error == 0) return sem_timedwait(semaphore, &moment);
    errno = error;
    return -1;
}

/* For a condition whose clock is CLOCK_REALTIME. */
static inline int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                                         const struct timespec *end) {
    struct timespec moment;
    const int error = by_realtime(clock, end, &moment);
    return error ? error : pthread_cond_timedwait(condition, mutex, &moment);
}

#endif
