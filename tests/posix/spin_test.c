/* SPDX-License-Identifier: MIT */
/* pthread_spin_*. */
#include "posix.h"

static void *try_lock(void *lock) {
    const int result = pthread_spin_trylock((pthread_spinlock_t *)lock);
    if (result == 0) OK(pthread_spin_unlock((pthread_spinlock_t *)lock));
    return (void *)(intptr_t)result;
}

static int try_elsewhere(pthread_spinlock_t *lock) {
    test_thread thread = test_start(try_lock, (void *)(uintptr_t)lock);
    return (int)(intptr_t)test_join(&thread);
}

TEST(a_spin_lock_excludes) {
    const int kinds[] = {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED};
    for (int i = 0; i < 2; i++) {
        struct {
            int before;
            pthread_spinlock_t lock;
            int behind;
        } memory = {0x5A5A5A5A, (pthread_spinlock_t)0xA5A5A5A5, 0x5A5A5A5A};
        OK(pthread_spin_init(&memory.lock, kinds[i]));
        for (int j = 0; j < 3; j++) {
            OK(j ? pthread_spin_lock(&memory.lock) : pthread_spin_trylock(&memory.lock));
            CHECK_EQ(pthread_spin_trylock(&memory.lock), EBUSY);
            CHECK_EQ(try_elsewhere(&memory.lock), EBUSY);
            OK(pthread_spin_unlock(&memory.lock));
            CHECK_EQ(try_elsewhere(&memory.lock), 0);
        }
        OK(pthread_spin_destroy(&memory.lock));
        CHECK(memory.before == 0x5A5A5A5A && memory.behind == 0x5A5A5A5A);
    }
}

static struct {
    pthread_spinlock_t lock;
    _Atomic int at_it, inside;
} held;

static void *come_after(void *unused) {
    held.at_it = 1;
    OK(pthread_spin_lock(&held.lock));
    held.inside = 1;
    CHECK_EQ(pthread_spin_trylock(&held.lock), EBUSY);
    OK(pthread_spin_unlock(&held.lock));
    return unused;
}

TEST(a_waiter_comes_in_after_the_release_and_holds_it_then) {
    OK(pthread_spin_init(&held.lock, PTHREAD_PROCESS_PRIVATE));
    OK(pthread_spin_lock(&held.lock));
    test_thread thread = test_start(come_after, NULL);
    await(&held.at_it, 1);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(held.inside, 0);
        sched_yield();
    }
    OK(pthread_spin_unlock(&held.lock));
    (void)test_join(&thread);
    OK(pthread_spin_destroy(&held.lock));
}

enum { THREADS = 4, ROUNDS = 20000 };

struct shared_count {
    pthread_spinlock_t lock;
    long count, copy;
};

static void *add(void *p) {
    struct shared_count *const shared = p;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0)
            while (pthread_spin_trylock(&shared->lock)) sched_yield();
        else
            OK(pthread_spin_lock(&shared->lock));
        CHECK_EQ(shared->count++, shared->copy++);
        OK(pthread_spin_unlock(&shared->lock));
    }
    return NULL;
}

TEST(no_increment_is_lost) {
    struct shared_count shared = {.count = 0};
    OK(pthread_spin_init(&shared.lock, PTHREAD_PROCESS_PRIVATE));
    test_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = test_start(add, &shared);
    for (int i = 0; i < THREADS; i++) (void)test_join(&threads[i]);
    CHECK_EQ(shared.count, THREADS * ROUNDS);
}

TEST(processes_share_a_spin_lock) {
    struct shared_count *const shared = shared_memory(sizeof *shared);
    OK(pthread_spin_init(&shared->lock, PTHREAD_PROCESS_SHARED));
    const pid_t child = fork();
    CHECK(child >= 0);
    (void)add(shared);
    if (child == 0) _exit(0);
    test_join_child(child);
    CHECK_EQ(shared->count, 2 * ROUNDS);
}
