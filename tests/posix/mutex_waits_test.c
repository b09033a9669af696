/* SPDX-License-Identifier: MIT */
/* Waits for a mutex: deadlines, signals, cancellation, many threads. */
#include "mutex_parts.h"
#include "posix.h"

/* ---- deadlines ---- */

static void *lock_until_soon(void *mutex) {
    for (int i = 0; i < 2; i++) {
        const clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        const struct timespec soon = in_ms(clock, 15), past = in_ms(clock, -15), ancient = {-1, 0};
        CHECK_EQ(pthread_mutex_clocklock(mutex, clock, &soon), ETIMEDOUT);
        CHECK(reached(clock, soon));
        CHECK_EQ(pthread_mutex_clocklock(mutex, clock, &past), ETIMEDOUT);
        CHECK_EQ(pthread_mutex_clocklock(mutex, clock, &ancient), ETIMEDOUT);
    }
    const struct timespec soon = in_ms(CLOCK_REALTIME, 15), past = in_ms(CLOCK_REALTIME, -15);
    CHECK_EQ(pthread_mutex_timedlock(mutex, &soon), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, soon));
    CHECK_EQ(pthread_mutex_timedlock(mutex, &past), ETIMEDOUT);
    return NULL;
}

TEST(a_locked_mutex_is_waited_for_until_the_deadline) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        OK(pthread_mutex_lock(init_mutex(&mutex, all_types[i])));
        test_thread waiter = test_start(lock_until_soon, &mutex);
        (void)test_join(&waiter);
        OK(pthread_mutex_unlock(&mutex));
        CHECK_EQ(try_elsewhere(&mutex), 0);
    }
}

TEST(a_free_mutex_is_locked_whatever_the_deadline) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        init_mutex(&mutex, all_types[i]);
        const struct timespec past = {0, 0};
        OK(pthread_mutex_timedlock(&mutex, &past));
        OK(pthread_mutex_unlock(&mutex));
        OK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past));
        CHECK_EQ(try_elsewhere(&mutex), EBUSY);
        OK(pthread_mutex_unlock(&mutex));
    }
}

static void *lock_with_bad_times(void *mutex) {
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_mutex_timedlock(mutex, &no_times[i]), EINVAL);
        CHECK_EQ(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &no_times[i]), EINVAL);
    }
    const struct timespec soon = {0, 0};
    CHECK_EQ(pthread_mutex_clocklock(mutex, CLOCK_PROCESS_CPUTIME_ID, &soon), EINVAL);
    CHECK_EQ(pthread_mutex_clocklock(mutex, 4711, &soon), EINVAL);
    return NULL;
}

TEST(a_deadline_that_is_none_is_refused_by_a_locked_mutex) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        OK(pthread_mutex_lock(init_mutex(&mutex, all_types[i])));
        test_thread other = test_start(lock_with_bad_times, &mutex);
        (void)test_join(&other);
        OK(pthread_mutex_unlock(&mutex));
        CHECK_EQ(try_elsewhere(&mutex), 0);
    }
}

static void *lock_until_the_end_of_time(void *mutex) {
    const struct timespec end = {(time_t)(~(uint64_t)0 >> 1), BILLION - 1};
    OK(pthread_mutex_timedlock(mutex, &end));
    OK(pthread_mutex_unlock(mutex));
    OK(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &end));
    return (void *)(intptr_t)pthread_mutex_unlock(mutex);
}

TEST(the_largest_deadline_does_not_wrap) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    OK(pthread_mutex_lock(&mutex));
    test_thread waiter = test_start(lock_until_the_end_of_time, &mutex);
    await_blocked(&waiter);
    OK(pthread_mutex_unlock(&mutex));
    CHECK_EQ((intptr_t)test_join(&waiter), 0);
}

/* ---- signals, cancellation ---- */

static _Atomic int handled;

static void count(int number) {
    (void)number;
    handled++;
}

static void *lock_timed(void *mutex) {
    const struct timespec later = in_ms(CLOCK_REALTIME, 600000);
    OK(pthread_mutex_timedlock(mutex, &later));
    return (void *)(intptr_t)pthread_mutex_unlock(mutex);
}

struct wait_by_clock {
    pthread_mutex_t mutex;
    clockid_t clock;
};

static void *lock_by_clock(void *p) {
    struct wait_by_clock *const wait = p;
    const struct timespec later = in_ms(wait->clock, 1000000);
    OK(pthread_mutex_clocklock(&wait->mutex, wait->clock, &later));
    OK(pthread_mutex_unlock(&wait->mutex));
    return NULL;
}

/* Longer than any wait is made of at a time. */
TEST(a_mutex_is_waited_for_until_a_late_deadline) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    OK(pthread_mutex_lock(&mutex));
    const struct timespec late = in_ms(CLOCK_REALTIME, 150);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &late), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, late));
    OK(pthread_mutex_unlock(&mutex));
}

TEST(a_wait_until_a_deadline_of_either_clock_sleeps) {
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        struct wait_by_clock wait = {PTHREAD_MUTEX_INITIALIZER, clocks[i]};
        OK(pthread_mutex_lock(&wait.mutex));
        test_thread thread = test_start(lock_by_clock, &wait);
        await_blocked(&thread);
        OK(pthread_mutex_unlock(&wait.mutex));
        (void)test_join(&thread);
    }
}

TEST(a_handler_of_signals_does_not_end_a_wait) {
    on_signal_do(SIGUSR1, count);
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        OK(pthread_mutex_lock(init_mutex(&mutex, all_types[i])));
        test_thread waiters[] = {test_start(lock_and_unlock, &mutex), test_start(lock_timed, &mutex)};
        for (int j = 0; j < 2; j++) {
            await_blocked(&waiters[j]);
            const int before = handled;
            OK(pthread_kill(waiters[j].thread, SIGUSR1));
            await(&handled, before + 1);
            await_blocked(&waiters[j]);
        }
        OK(pthread_mutex_unlock(&mutex));
        for (int j = 0; j < 2; j++) (void)test_join(&waiters[j]);
    }
}

static _Atomic int cancelled;

static void *lock_though_cancelled(void *mutex) {
    await(&cancelled, 1);
    const struct timespec past = {0, 0};
    CHECK_EQ(pthread_mutex_trylock(mutex), EBUSY);
    CHECK_EQ(pthread_mutex_timedlock(mutex, &past), ETIMEDOUT);
    OK(pthread_mutex_lock(mutex));
    OK(pthread_mutex_unlock(mutex));
    pthread_testcancel();
    return NULL;
}

TEST(a_lock_is_no_cancellation_point) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    OK(pthread_mutex_lock(&mutex));
    test_thread thread = test_start(lock_though_cancelled, &mutex);
    OK(pthread_cancel(thread.thread));
    cancelled = 1;
    await_blocked(&thread);
    OK(pthread_mutex_unlock(&mutex));
    CHECK(test_join(&thread) == PTHREAD_CANCELED);
    CHECK_EQ(try_elsewhere(&mutex), 0);
}

/* ---- many threads ---- */

enum { THREADS = 8, ROUNDS = 5000 };

struct shared_count {
    pthread_mutex_t mutex;
    long count, copy;
};

static void *add(void *p) {
    struct shared_count *const shared = p;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 3 == 0) {
            while (pthread_mutex_trylock(&shared->mutex)) sched_yield();
        } else if (i % 3 == 1) {
            for (struct timespec soon = in_ms(CLOCK_REALTIME, 1);
                 pthread_mutex_timedlock(&shared->mutex, &soon); soon = in_ms(CLOCK_REALTIME, 1))
                continue;
        } else {
            OK(pthread_mutex_lock(&shared->mutex));
        }
        CHECK_EQ(shared->count++, shared->copy++);
        OK(pthread_mutex_unlock(&shared->mutex));
    }
    return NULL;
}

TEST(no_increment_is_lost) {
    for (int i = 0; i < TYPES; i++) {
        struct shared_count shared = {.count = 0};
        init_mutex(&shared.mutex, all_types[i]);
        test_thread threads[THREADS];
        for (int j = 0; j < THREADS; j++) threads[j] = test_start(add, &shared);
        for (int j = 0; j < THREADS; j++) (void)test_join(&threads[j]);
        CHECK_EQ(shared.count, THREADS * ROUNDS);
        OK(pthread_mutex_destroy(&shared.mutex));
    }
}
