/* SPDX-License-Identifier: MIT */
/*
 * pthread_rwlock_*. Left out, since POSIX leaves it undefined: a write lock by a thread that reads, an unlock
 * by another thread. That a reader may read again while a writer waits is what the C library promises of its
 * default kind, and what programs rely on; POSIX leaves it open.
 */
#include "rwlock_parts.h"
#include "posix.h"

TEST(readers_share_and_a_writer_excludes) {
    static pthread_rwlock_t zero, plain = PTHREAD_RWLOCK_INITIALIZER,
                                  writers = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    pthread_rwlock_t made;
    memset(&made, 0xA5, sizeof made);
    OK(pthread_rwlock_init(&made, NULL));
    pthread_rwlock_t *const all[] = {&zero, &plain, &writers, &made};
    for (int i = 0; i < 4; i++) {
        exercise(all[i]);
        OK(pthread_rwlock_destroy(all[i]));
    }
    OK(pthread_rwlock_init(&made, NULL));
    exercise(&made);
}

#ifdef __GLIBC__
TEST(locks_of_each_kind_exclude) {
    const int kinds[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP,
                         PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
    for (int i = 0; i < 3; i++) {
        pthread_rwlockattr_t attributes;
        pthread_rwlock_t lock;
        int kind = -1;
        OK(pthread_rwlockattr_init(&attributes));
        OK(pthread_rwlockattr_setkind_np(&attributes, kinds[i]));
        OK(pthread_rwlockattr_getkind_np(&attributes, &kind));
        CHECK_EQ(kind, kinds[i]);
        OK(pthread_rwlock_init(&lock, &attributes));
        OK(pthread_rwlockattr_destroy(&attributes));
        exercise(&lock);
        OK(pthread_rwlock_destroy(&lock));
    }
}

#endif

TEST(a_thread_may_read_several_times) {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    for (int i = 0; i < 100; i++) OK(i % 2 ? pthread_rwlock_rdlock(&lock) : pthread_rwlock_tryrdlock(&lock));
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
        OK(pthread_rwlock_unlock(&lock));
    }
    CHECK_EQ(elsewhere(try_write, &lock), 0);
}

TEST(a_reader_may_read_again_while_a_writer_waits) {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    OK(pthread_rwlock_rdlock(&lock));
    test_thread writer = test_start(write_once, &lock);
    await_blocked(&writer);
    /* Long after a writer that has come would be let in before new readers. */
    for (const uint64_t end = test_now_ns() + 20000000; test_now_ns() < end;) {
        OK(pthread_rwlock_rdlock(&lock));
        OK(pthread_rwlock_unlock(&lock));
    }
    const struct timespec late = in_ms(CLOCK_REALTIME, 20000);
    OK(pthread_rwlock_timedrdlock(&lock, &late));
    OK(pthread_rwlock_tryrdlock(&lock));
    for (int i = 0; i < 3; i++) OK(pthread_rwlock_unlock(&lock));
    (void)test_join(&writer);
}

static struct {
    pthread_rwlock_t held, other;
    _Atomic int ready;
} two = {PTHREAD_RWLOCK_INITIALIZER, PTHREAD_RWLOCK_INITIALIZER, 0};

static void *read_the_other_all_the_time(void *unused) {
    OK(pthread_rwlock_rdlock(&two.held));
    two.ready++;
    await(&two.ready, 4);
    for (const uint64_t end = test_now_ns() + 50000000; test_now_ns() < end;) {
        for (int i = 0; i < 1000; i++) {
            OK(pthread_rwlock_tryrdlock(&two.other));
            OK(pthread_rwlock_unlock(&two.other));
        }
    }
    OK(pthread_rwlock_unlock(&two.held));
    return unused;
}

TEST(reads_of_threads_that_read_another_lock_are_all_counted) {
    test_thread threads[4];
    for (int i = 0; i < 4; i++) threads[i] = test_start(read_the_other_all_the_time, NULL);
    for (int i = 0; i < 4; i++) (void)test_join(&threads[i]);
    OK(pthread_rwlock_trywrlock(&two.other));
    OK(pthread_rwlock_unlock(&two.other));
    OK(pthread_rwlock_trywrlock(&two.held));
    OK(pthread_rwlock_unlock(&two.held));
}

/* Longer than any wait is made of at a time. */
static void time_out_late(pthread_rwlock_t *lock,
                          int (*lock_until)(pthread_rwlock_t *, const struct timespec *)) {
    const struct timespec late = in_ms(CLOCK_REALTIME, 150);
    CHECK_EQ(lock_until(lock, &late), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, late));
}

static void *time_out_late_to_read(void *lock) {
    time_out_late(lock, pthread_rwlock_timedrdlock);
    return NULL;
}

static void *time_out_late_to_write(void *lock) {
    time_out_late(lock, pthread_rwlock_timedwrlock);
    return NULL;
}

TEST(a_lock_is_waited_for_until_a_late_deadline) {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    OK(pthread_rwlock_wrlock(&lock));
    test_thread reader = test_start(time_out_late_to_read, &lock);
    test_thread writer = test_start(time_out_late_to_write, &lock);
    (void)test_join(&reader);
    (void)test_join(&writer);
    OK(pthread_rwlock_unlock(&lock));
}

TEST(the_writers_second_lock_is_a_deadlock) {
    if (!IS_GLIBC && !is_replaced()) test_skip("musl: it waits, as POSIX allows");
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    const struct timespec late = in_ms(CLOCK_REALTIME, 60000);
    OK(pthread_rwlock_wrlock(&lock));
    CHECK_EQ(pthread_rwlock_wrlock(&lock), EDEADLK);
    CHECK_EQ(pthread_rwlock_rdlock(&lock), EDEADLK);
    CHECK_EQ(pthread_rwlock_timedwrlock(&lock, &late), EDEADLK);
    CHECK_EQ(pthread_rwlock_timedrdlock(&lock, &late), EDEADLK);
    CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    CHECK_EQ(pthread_rwlock_tryrdlock(&lock), EBUSY);
    OK(pthread_rwlock_unlock(&lock)); /* one is enough */
    CHECK_EQ(elsewhere(try_write, &lock), 0);
}
