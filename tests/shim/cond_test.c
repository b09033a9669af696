/* SPDX-License-Identifier: MIT */
/* pthread_cond_… on thrum's objects. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#ifdef MAPPED /* the names that thrum/pthread.h inlines */
#include <thrum/pthread.h>
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn, woken;
static bool open_for_all, is_held;

static struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec moment;
    clock_gettime(clock, &moment);
    moment.tv_nsec += ms % 1000 * 1000000;
    moment.tv_sec += ms / 1000 + moment.tv_nsec / 1000000000;
    moment.tv_nsec %= 1000000000;
    return moment;
}

static void *take_turns(void *me) {
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < 2000; i++) {
        while (turn != *(int *)me) pthread_cond_wait(&cond, &mutex);
        turn = !turn;
        pthread_cond_signal(&cond);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void two_take_turns(void) {
    int numbers[2] = {0, 1};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&threads[i], NULL, take_turns, &numbers[i]), 0);
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

TEST(each_signal_reaches_the_other) {
    two_take_turns();
}

static void *wait_for_all(void *c) {
    pthread_mutex_lock(&mutex);
    while (!open_for_all) pthread_cond_wait(c, &mutex);
    woken++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

/* The waiters have been woken and wait for the mutex; the condition is gone when they get it. */
TEST(a_condition_is_destroyed_once_its_waiters_are_woken) {
    enum { WAITERS = 100 };
    static test_thread waiters[WAITERS];
    for (int round = 0; round < 5; round++) {
        pthread_cond_t *const own = malloc(sizeof *own);
        CHECK_EQ(pthread_cond_init(own, NULL), 0);
        open_for_all = false, woken = 0;
        for (int i = 0; i < WAITERS; i++) waiters[i] = test_start(wait_for_all, own);
        for (int i = 0; i < WAITERS; i++) test_await_asleep(&waiters[i]);
        pthread_mutex_lock(&mutex);
        open_for_all = true;
        CHECK_EQ(pthread_cond_broadcast(own), 0);
        CHECK_EQ(pthread_cond_destroy(own), 0);
        for (size_t i = 0; i < sizeof *own; i++) ((volatile unsigned char *)own)[i] = 0xAA;
        free(own);
        CHECK_EQ(woken, 0);
        pthread_mutex_unlock(&mutex);
        for (int i = 0; i < WAITERS; i++) test_join(&waiters[i]);
        CHECK_EQ(woken, WAITERS);
    }
}

TEST(either_clock_ends_a_wait) {
    pthread_mutex_lock(&mutex);
    struct timespec end = in_ms(CLOCK_REALTIME, 20);
    CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &end), ETIMEDOUT);
#ifdef __GLIBC__
    end = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &end), ETIMEDOUT);
#endif
    end.tv_nsec = -1;
    CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &end), EINVAL);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);

    pthread_condattr_t attributes;
    pthread_cond_t monotonic;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    CHECK_EQ(pthread_cond_init(&monotonic, &attributes), 0);
    end = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(pthread_cond_timedwait(&monotonic, &mutex, &end), ETIMEDOUT);
    struct timespec now = in_ms(CLOCK_MONOTONIC, 0);
    CHECK(now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec));
    pthread_mutex_unlock(&mutex);
}

/* ---- cancellation ---- */

static void note_and_unlock(void *unused) {
    (void)unused;
    is_held = pthread_mutex_trylock(&mutex) == EBUSY;
    pthread_mutex_unlock(&mutex);
}

static void *wait_for_ever(void *unused) {
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(note_and_unlock, NULL);
    for (;;) pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(1);
    return unused;
}

TEST(a_cancelled_waiter_has_the_mutex_in_its_cleanup) {
    pthread_t thread;
    for (int i = 0; i < 200; i++) {
        void *result;
        is_held = false;
        CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
        for (volatile int spin = 0; spin < i * 100;) spin = spin + 1;
        CHECK_EQ(pthread_cancel(thread), 0);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK(result == PTHREAD_CANCELED);
        CHECK_EQ(pthread_mutex_trylock(&mutex), 0);
        pthread_mutex_unlock(&mutex);
    }
    CHECK_EQ(pthread_cond_destroy(&cond), 0);
}

static void *sleep_in_the_condition(void *unused) {
    (void)wait_for_ever(unused);
    return NULL;
}

TEST(a_sleeping_waiter_is_cancelled) {
    test_thread waiter = test_start(sleep_in_the_condition, NULL);
    test_await_asleep(&waiter);
    CHECK_EQ(pthread_cancel(waiter.thread), 0);
    CHECK(test_join(&waiter) == PTHREAD_CANCELED);
    CHECK(is_held);
}

/* thrum's waits return for no other reason. */
static void *wait_while_cancels_are_off(void *unused) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_wait(&cond, &mutex), 0);
    CHECK(open_for_all);
    woken++;
    pthread_mutex_unlock(&mutex);
    return unused;
}

TEST(a_waiter_that_does_not_bear_cancels_goes_on_waiting) {
    test_thread waiter = test_start(wait_while_cancels_are_off, NULL);
    test_await_asleep(&waiter);
    CHECK_EQ(pthread_cancel(waiter.thread), 0);
    test_await_asleep(&waiter);
    CHECK_EQ(woken, 0);
    pthread_mutex_lock(&mutex);
    open_for_all = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    CHECK(test_join(&waiter) == NULL);
    CHECK_EQ(woken, 1);
}

/* ---- other mutexes ---- */

TEST(a_wait_releases_one_level_of_a_recursive_mutex) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t recursive;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    CHECK_EQ(pthread_mutex_init(&recursive, &attributes), 0);
    const struct timespec past = {0, 0};
    CHECK_EQ(pthread_cond_timedwait(&cond, &recursive, &past), EPERM);
    pthread_mutex_lock(&recursive);
    pthread_mutex_lock(&recursive);
    CHECK_EQ(pthread_cond_timedwait(&cond, &recursive, &past), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    CHECK_EQ(pthread_mutex_unlock(&recursive), EPERM);
}

static pthread_mutex_t robust;

static void *die_with_the_robust(void *unused) {
    pthread_mutex_lock(&robust);
    pthread_cond_signal(&cond);
    return unused;
}

TEST(a_wait_with_a_robust_mutex_says_that_its_owner_died) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    CHECK_EQ(pthread_mutex_init(&robust, &attributes), 0);
    pthread_mutex_lock(&robust);
    test_thread other = test_start(die_with_the_robust, NULL);
    CHECK_EQ(pthread_cond_wait(&cond, &robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    test_join(&other);
}

static pthread_cond_t shared;
static bool told;

static void *tell(void *unused) {
    pthread_mutex_lock(&mutex);
    told = true;
    pthread_mutex_unlock(&mutex);
    pthread_cond_signal(&shared);
    return unused;
}

TEST(a_shared_condition_takes_a_mutex_of_thrums) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    CHECK_EQ(pthread_cond_init(&shared, &attributes), 0);
    pthread_mutex_lock(&mutex);
    test_thread other = test_start(tell, NULL);
    while (!told) CHECK_EQ(pthread_cond_wait(&shared, &mutex), 0);
    const struct timespec end = in_ms(CLOCK_REALTIME, 20);
    int result = 0;
    while (result == 0) result = pthread_cond_timedwait(&shared, &mutex, &end);
    CHECK_EQ(result, ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    test_join(&other);
#ifdef __GLIBC__
    told = false;
    pthread_mutex_lock(&mutex);
    other = test_start(tell, NULL);
    const struct timespec late = in_ms(CLOCK_MONOTONIC, 1000000);
    while (!told) CHECK_EQ(pthread_cond_clockwait(&shared, &mutex, CLOCK_MONOTONIC, &late), 0);
    pthread_mutex_unlock(&mutex);
    test_join(&other);
#endif
    CHECK_EQ(pthread_cond_destroy(&shared), 0);
}

#ifdef __GLIBC__
/*
 * musl's own condition, which has this wait there, sleeps by a call that test_await_asleep_for_ever does not
 * know.
 */
static pthread_mutex_t shared_mutex;
static bool is_open;

static void *wait_with_a_shared_mutex(void *unused) {
    pthread_mutex_lock(&shared_mutex);
    while (!is_open) pthread_cond_wait(&shared, &shared_mutex);
    pthread_mutex_unlock(&shared_mutex);
    return unused;
}

/* The C library's own wait: it is not asked again and again. */
TEST(a_shared_condition_with_a_shared_mutex_sleeps_until_it_is_told) {
    pthread_condattr_t attributes;
    pthread_mutexattr_t mutex_attributes;
    CHECK_EQ(pthread_condattr_init(&attributes), 0);
    CHECK_EQ(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_cond_init(&shared, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_init(&mutex_attributes), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutex_init(&shared_mutex, &mutex_attributes), 0);
    test_thread waiter = test_start(wait_with_a_shared_mutex, NULL);
    test_await_asleep_for_ever(&waiter);
    pthread_mutex_lock(&shared_mutex);
    is_open = true;
    pthread_mutex_unlock(&shared_mutex);
    CHECK_EQ(pthread_cond_signal(&shared), 0);
    test_join(&waiter);
}

static void *wait_by_a_clock(void *unused) {
    const struct timespec end = in_ms(CLOCK_MONOTONIC, 1000000);
    pthread_mutex_lock(&robust);
    while (!is_open) CHECK_EQ(pthread_cond_clockwait(&cond, &robust, CLOCK_MONOTONIC, &end), 0);
    pthread_mutex_unlock(&robust);
    return unused;
}

TEST(a_wait_by_a_clock_with_a_robust_mutex_is_ended_by_a_signal) {
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutex_init(&robust, &attributes), 0);
    test_thread waiter = test_start(wait_by_a_clock, NULL);
    test_await_asleep(&waiter);
    pthread_mutex_lock(&robust);
    is_open = true;
    pthread_mutex_unlock(&robust);
    CHECK_EQ(pthread_cond_signal(&cond), 0);
    test_join(&waiter);
}
#endif

/* ---- forks ---- */

static void destroy_and_use(void) {
    CHECK_EQ(pthread_cond_destroy(&cond), 0);
    CHECK_EQ(pthread_cond_init(&cond, NULL), 0);
    two_take_turns();
}

TEST(a_condition_with_waiters_is_empty_in_a_child) {
    test_thread waiter = test_start(wait_for_all, &cond);
    test_await_asleep(&waiter);
    test_in_child(destroy_and_use);
    pthread_mutex_lock(&mutex);
    open_for_all = true;
    pthread_mutex_unlock(&mutex);
    pthread_cond_signal(&cond);
    test_join(&waiter);
}
