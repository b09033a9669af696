/* SPDX-License-Identifier: MIT */
/* Waits for a lock of readers and writers: deadlines, signals, many threads, memory, processes. */
#include "rwlock_parts.h"
#include "posix.h"

/* ---- deadlines ---- */

static void time_out(pthread_rwlock_t *lock, int (*lock_until)(pthread_rwlock_t *, const struct timespec *),
                     int (*lock_by_clock)(pthread_rwlock_t *, clockid_t, const struct timespec *)) {
    struct timespec soon = in_ms(CLOCK_REALTIME, 15), past = in_ms(CLOCK_REALTIME, -15), ancient = {-1, 0};
    CHECK_EQ(lock_until(lock, &soon), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, soon));
    CHECK_EQ(lock_until(lock, &past), ETIMEDOUT);
    CHECK_EQ(lock_until(lock, &ancient), ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        const clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        soon = in_ms(clock, 15);
        CHECK_EQ(lock_by_clock(lock, clock, &soon), ETIMEDOUT);
        CHECK(reached(clock, soon));
        CHECK_EQ(lock_until(lock, &no_times[i]), EINVAL);
        CHECK_EQ(lock_by_clock(lock, CLOCK_MONOTONIC, &no_times[i]), EINVAL);
    }
    CHECK_EQ(lock_by_clock(lock, CLOCK_THREAD_CPUTIME_ID, &past), EINVAL);
}

static void *time_out_writing(void *lock) {
    time_out(lock, pthread_rwlock_timedwrlock, pthread_rwlock_clockwrlock);
    return NULL;
}

static void *time_out_reading(void *lock) {
    time_out(lock, pthread_rwlock_timedrdlock, pthread_rwlock_clockrdlock);
    return NULL;
}

TEST(a_locked_lock_is_waited_for_until_the_deadline) {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    OK(pthread_rwlock_rdlock(&lock));
    CHECK_EQ(elsewhere(time_out_writing, &lock), 0);
    CHECK_EQ(elsewhere(try_read, &lock), 0);
    OK(pthread_rwlock_unlock(&lock));
    OK(pthread_rwlock_wrlock(&lock));
    CHECK_EQ(elsewhere(time_out_writing, &lock), 0);
    CHECK_EQ(elsewhere(time_out_reading, &lock), 0);
    OK(pthread_rwlock_unlock(&lock));
    CHECK_EQ(elsewhere(try_write, &lock), 0);
}

TEST(a_free_lock_is_locked_whatever_the_deadline) {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    const struct timespec past = {0, 0};
    OK(pthread_rwlock_timedwrlock(&lock, &past));
    OK(pthread_rwlock_unlock(&lock));
    OK(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &past));
    OK(pthread_rwlock_unlock(&lock));
    OK(pthread_rwlock_timedrdlock(&lock, &past));
    OK(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &past));
    OK(pthread_rwlock_unlock(&lock));
    OK(pthread_rwlock_unlock(&lock));
    CHECK_EQ(elsewhere(try_write, &lock), 0);
}

static void *write_until_soon(void *lock) {
    const struct timespec soon = in_ms(CLOCK_REALTIME, 30);
    CHECK_EQ(pthread_rwlock_timedwrlock(lock, &soon), ETIMEDOUT);
    return NULL;
}

TEST(a_writer_that_gives_up_keeps_nobody_out) {
    pthread_rwlock_t locks[] = {PTHREAD_RWLOCK_INITIALIZER,
                                PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP};
    for (int i = 0; i < 2; i++) {
        pthread_rwlock_t *const lock = &locks[i];
        OK(pthread_rwlock_rdlock(lock));
        test_thread writer = test_start(write_until_soon, lock);
        await_blocked(&writer);
        test_thread reader =
            test_start(read_once, lock); /* it may have to wait, as long as the writer does */
        (void)test_join(&writer);
        (void)test_join(&reader);
        OK(pthread_rwlock_unlock(lock));
        CHECK_EQ(elsewhere(try_write, lock), 0);
    }
}

/* ---- signals, many threads, memory ---- */

static _Atomic int handled;

static void count(int number) {
    (void)number;
    handled++;
}

TEST(a_handler_of_signals_does_not_end_a_wait) {
    on_signal_do(SIGUSR1, count);
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    OK(pthread_rwlock_wrlock(&lock));
    test_thread threads[] = {test_start(read_once, &lock), test_start(write_once, &lock)};
    for (int i = 0; i < 2; i++) {
        await_blocked(&threads[i]);
        OK(pthread_kill(threads[i].thread, SIGUSR1));
        await(&handled, i + 1);
        await_blocked(&threads[i]);
    }
    OK(pthread_rwlock_unlock(&lock));
    for (int i = 0; i < 2; i++) (void)test_join(&threads[i]);
}

enum { THREADS = 8, ROUNDS = 5000 };

struct pair {
    pthread_rwlock_t lock;
    long first, second;
    _Atomic int readers;
};

static void *read_and_write(void *p) {
    struct pair *const pair = p;
    for (int i = 0; i < ROUNDS; i++) {
        const struct timespec soon = in_ms(CLOCK_REALTIME, 1);
        if (i % 4 == 0) {
            if (i % 8)
                OK(pthread_rwlock_wrlock(&pair->lock));
            else if (pthread_rwlock_timedwrlock(&pair->lock, &soon))
                OK(pthread_rwlock_wrlock(&pair->lock));
            CHECK_EQ(pair->readers, 0);
            pair->first++;
            pair->second++;
        } else {
            if (i % 8 == 1 && pthread_rwlock_timedrdlock(&pair->lock, &soon) == 0) {
            } else {
                OK(pthread_rwlock_rdlock(&pair->lock));
            }
            pair->readers++;
            CHECK_EQ(pair->first, pair->second);
            pair->readers--;
        }
        OK(pthread_rwlock_unlock(&pair->lock));
    }
    return NULL;
}

TEST(readers_never_see_half_a_write) {
    struct pair pair = {.lock = PTHREAD_RWLOCK_INITIALIZER};
    test_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = test_start(read_and_write, &pair);
    for (int i = 0; i < THREADS; i++) (void)test_join(&threads[i]);
    CHECK_EQ(pair.first, THREADS * (ROUNDS / 4));
}

struct counted {
    pthread_rwlock_t lock;
    int references;
};

static void *make_counted(intptr_t i) {
    (void)i;
    struct counted *const object = malloc(sizeof *object);
    CHECK(object != NULL);
    OK(pthread_rwlock_init(&object->lock, NULL));
    object->references = 2;
    return object;
}

static void drop_counted(void *p) {
    struct counted *const object = p;
    OK(pthread_rwlock_wrlock(&object->lock));
    const int left = --object->references;
    OK(pthread_rwlock_unlock(&object->lock));
    if (left) return;
    OK(pthread_rwlock_destroy(&object->lock));
    memset(object, 0xA5, sizeof *object);
    free(object);
}

TEST(the_last_user_may_destroy_and_free_at_once) {
    drop_by_two(20000 / test_slowdown(), make_counted, drop_counted);
}

TEST(nothing_is_written_beside_a_lock) {
    struct {
        unsigned char before[64];
        pthread_rwlock_t lock;
        unsigned char behind[64];
    } memory;
    memset(&memory, 0x5A, sizeof memory);
    OK(pthread_rwlock_init(&memory.lock, NULL));
    exercise(&memory.lock);
    OK(pthread_rwlock_destroy(&memory.lock));
    for (int i = 0; i < 64; i++) CHECK(memory.before[i] == 0x5A && memory.behind[i] == 0x5A);
}

/* ---- processes ---- */

TEST(processes_share_a_lock) {
    struct pair *const pair = shared_memory(sizeof *pair);
    pthread_rwlockattr_t attributes;
    int shared = -1;
    OK(pthread_rwlockattr_init(&attributes));
    OK(pthread_rwlockattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_PRIVATE);
    OK(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    CHECK_EQ(pthread_rwlockattr_setpshared(&attributes, 99), EINVAL);
    OK(pthread_rwlockattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_SHARED);
    OK(pthread_rwlock_init(&pair->lock, &attributes));
    OK(pthread_rwlockattr_destroy(&attributes));
    const pid_t child = fork();
    CHECK(child >= 0);
    (void)read_and_write(pair);
    if (child == 0) _exit(0);
    test_join_child(child);
    CHECK_EQ(pair->first, 2 * (ROUNDS / 4));
    OK(pthread_rwlock_destroy(&pair->lock));
}
