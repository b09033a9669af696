/* SPDX-License-Identifier: MIT */
/*
 * Threads use every object while the process forks again and again: whatever state a child inherits,
 * after the resets its objects work, and the parent's are not disturbed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shapes.h"

#include <unistd.h>

enum { MOST_FORKS = 60 }; /* while one shape is played */
static unsigned forks;

static void *wait_in_child(void *p) {
    (void)p;
    thrum_lock_acquire(&shape_lock);
    CHECK_EQ(thrum_lock_release(&shape_lock), THRUM_OK);
    thrum_bounded_semaphore_acquire(&pool);
    return NULL;
}

static void use_in_child(void) {
    thrum_lock_reset_after_fork(&shape_lock);
    thrum_bounded_semaphore_reset_after_fork(&pool);
    for (unsigned i = 0; i < MOST_CROWD; i++) thrum_event_reset_after_fork(&turns[i]);
    thrum_spinlock_init(&spin);

    CHECK_EQ(thrum_u32_load_relaxed(&shape_lock.state), 0);
    thrum_lock_acquire(&shape_lock);
    CHECK_EQ(thrum_lock_acquire_until(&shape_lock, thrum_after_us(20)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_lock_release(&shape_lock), THRUM_OK);

    while (thrum_bounded_semaphore_try_acquire(&pool)) {
    }
    CHECK_EQ(thrum_u64_load_relaxed(&pool.permits.state), 0);
    CHECK_EQ(thrum_bounded_semaphore_acquire_until(&pool, thrum_after_us(20)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_bounded_semaphore_release(&pool), THRUM_OK);
    thrum_bounded_semaphore_acquire(&pool);

    thrum_event_clear(&turns[0]);
    CHECK_EQ(thrum_u32_load_relaxed(&turns[0].state) & THRUM_EVENT_WAITERS_, 0);
    CHECK_EQ(thrum_event_wait_until(&turns[0], thrum_after_us(20)), THRUM_TIMEOUT);
    thrum_event_set(&turns[0]);
    thrum_event_wait(&turns[0]);

    thrum_spinlock_acquire(&spin);
    CHECK_EQ(thrum_spinlock_release(&spin), THRUM_OK);
}

/*
 * A child may also make threads, and wait for them by the same objects. Not under the sanitizers,
 * whose own locks a child inherits as they were.
 */
static void use_with_a_thread(void) {
    thrum_lock_acquire(&shape_lock);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, wait_in_child, NULL), 0);
    sched_yield();
    CHECK_EQ(thrum_lock_release(&shape_lock), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_release(&pool), THRUM_OK);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static bool fork_once(const test_thread *threads) {
    (void)threads;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        use_in_child();
        if (test_slowdown() == 1) use_with_a_thread();
        _exit(0);
    }
    test_join_child(child);
    return ++forks < MOST_FORKS;
}

TEST(whatever_a_child_inherits_its_objects_work_after_a_reset) {
    const crowd c = {.threads = 6, .rounds = 10000 / test_slowdown()};
    for (unsigned i = 0; i < SHAPES; i++) {
        forks = 0;
        play(&shapes[i], &c, fork_once);
        printf("    %u forks\n", forks);
        CHECK(forks > 0);
    }
}
