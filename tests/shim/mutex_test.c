/* SPDX-License-Identifier: MIT */
/*
 * pthread_mutex_… on thrum's objects: this program is linked with libthrum-pthread.so before the C library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef MAPPED /* the names that thrum/pthread.h inlines */
#include <thrum/pthread.h>
#endif

static struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec moment;
    clock_gettime(clock, &moment);
    moment.tv_nsec += ms % 1000 * 1000000;
    moment.tv_sec += ms / 1000 + moment.tv_nsec / 1000000000;
    moment.tv_nsec %= 1000000000;
    return moment;
}

static bool is_thrums(void *function) {
    Dl_info found;
    return dladdr(function, &found) && strstr(found.dli_fname, "libthrum-pthread");
}

TEST(the_names_are_the_shims) {
    CHECK(is_thrums(dlsym(RTLD_DEFAULT, "pthread_mutex_lock")));
    CHECK(is_thrums(dlsym(RTLD_DEFAULT, "pthread_cond_wait")));
    CHECK(!is_thrums(dlsym(RTLD_DEFAULT, "pthread_create")));
    CHECK(!dlsym(RTLD_DEFAULT, "thrum_lock_acquire_slow_"));
}

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
#ifdef __GLIBC__
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

static void *unlock(void *mutex) {
    return (void *)(intptr_t)pthread_mutex_unlock(mutex);
}
static int unlocked_by_another(pthread_mutex_t *mutex) {
    test_thread other = test_start(unlock, mutex);
    return (int)(intptr_t)test_join(&other);
}

TEST(a_static_recursive_mutex_counts) {
    CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    CHECK_EQ(pthread_mutex_trylock(&recursive), 0);
    CHECK_EQ(unlocked_by_another(&recursive), EPERM);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_destroy(&recursive), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), EPERM);
    CHECK_EQ(pthread_mutex_destroy(&recursive), 0);
}

TEST(a_static_errorcheck_mutex_checks) {
    const struct timespec soon = in_ms(CLOCK_REALTIME, 1);
    CHECK_EQ(pthread_mutex_unlock(&errorcheck), EPERM);
    CHECK_EQ(pthread_mutex_lock(&errorcheck), 0);
    CHECK_EQ(pthread_mutex_lock(&errorcheck), EDEADLK);
    CHECK_EQ(pthread_mutex_trylock(&errorcheck), EBUSY);
    CHECK_EQ(pthread_mutex_timedlock(&errorcheck, &soon), EDEADLK);
    CHECK_EQ(unlocked_by_another(&errorcheck), EPERM);
    CHECK_EQ(pthread_mutex_unlock(&errorcheck), 0);
}

TEST(a_static_adaptive_mutex_is_a_normal_one) {
    CHECK_EQ(pthread_mutex_lock(&adaptive), 0);
    CHECK_EQ(pthread_mutex_trylock(&adaptive), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&adaptive), 0);
}
#endif

TEST(a_moment_is_looked_at_only_where_the_lock_waits) {
    struct timespec end = in_ms(CLOCK_REALTIME, 20);
    const struct timespec wrong = {.tv_sec = end.tv_sec, .tv_nsec = 1000000000};
    CHECK_EQ(pthread_mutex_timedlock(&normal, &wrong), 0);
    CHECK_EQ(pthread_mutex_timedlock(&normal, &wrong), EINVAL);
    CHECK_EQ(pthread_mutex_timedlock(&normal, &end), ETIMEDOUT);
    struct timespec now = in_ms(CLOCK_REALTIME, 0);
    CHECK(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec));
    CHECK_EQ(pthread_mutex_unlock(&normal), 0);
}

static void *lock_and_end(void *mutex) {
    return (void *)(intptr_t)pthread_mutex_lock(mutex);
}

TEST(a_robust_mutex_is_the_c_librarys) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t robust;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    CHECK_EQ(pthread_mutex_init(&robust, &attributes), 0);
    test_thread owner = test_start(lock_and_end, &robust);
    test_join(&owner);
    CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    CHECK_EQ(pthread_mutex_destroy(&robust), 0);
}

/* ---- forks ---- */

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;
static int counted;

static void *count(void *unused) {
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&contended);
        counted++;
        pthread_mutex_unlock(&contended);
    }
    return unused;
}

static void *lock_and_unlock(void *unused) {
    CHECK_EQ(pthread_mutex_lock(&contended), 0);
    CHECK_EQ(pthread_mutex_unlock(&contended), 0);
    return unused;
}

/* The waiters of the parent are no more; nobody whose traces are in the mutex would wake this one. */
static void unlock_for_another(void) {
    test_thread waiter = test_start(lock_and_unlock, NULL);
    test_await_asleep(&waiter);
    CHECK_EQ(pthread_mutex_unlock(&contended), 0);
    test_join(&waiter);
}

TEST(a_mutex_with_waiters_that_is_held_over_a_fork_is_the_childs) {
    pthread_mutex_lock(&contended);
    test_thread waiters[3];
    for (int i = 0; i < 3; i++) {
        waiters[i] = test_start(count, NULL);
        test_await_asleep(&waiters[i]);
    }
    test_in_child(unlock_for_another);
    pthread_mutex_unlock(&contended);
    for (int i = 0; i < 3; i++) test_join(&waiters[i]);
    CHECK_EQ(counted, 6000);
}
