/* SPDX-License-Identifier: MIT */
/* Readers and writers that wait for a rwlock, and a fault at every step of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <sched.h>

#include <thrum/rwlock.h>

enum { THREADS = 4, ROUNDS = 6 };

static thrum_rwlock rwlock;
static unsigned long count; /* plain: the rwlock protects it */
static atomic_ulong writes;

static bool acquire(bool to_write, unsigned kind) {
    if (kind == 2)
        return to_write ? thrum_rwlock_try_acquire_write(&rwlock) : thrum_rwlock_try_acquire_read(&rwlock);
    if (kind == 0) {
        if (to_write)
            thrum_rwlock_acquire_write(&rwlock);
        else
            thrum_rwlock_acquire_read(&rwlock);
        return true;
    }
    const thrum_deadline deadline = thrum_after_us(200);
    const thrum_result result = to_write ? thrum_rwlock_acquire_write_until(&rwlock, deadline)
                                         : thrum_rwlock_acquire_read_until(&rwlock, deadline);
    if (result == THRUM_OK) return true;
    CHECK(test_now_ns() >= deadline.ns);
    return false;
}

static void *player(void *number) {
    const unsigned self = (unsigned)(uintptr_t)number;
    errno = ERRNO_MARK;
    for (unsigned round = 0; round < ROUNDS; round++) {
        const bool to_write = (self + round) % 2;
        if (acquire(to_write, round == 0 ? 0 : (self + round) % 3)) {
            const unsigned long seen = count;
            busy(round == 1 ? 300000 : 20000);
            CHECK_EQ(count, seen);
            if (to_write) count++;
            if (to_write) atomic_fetch_add_explicit(&writes, 1, memory_order_relaxed);
            CHECK_EQ(to_write ? thrum_rwlock_release_write(&rwlock) : thrum_rwlock_release_read(&rwlock),
                     THRUM_OK);
        }
        CHECK_EQ(errno, ERRNO_MARK);
    }
    return NULL;
}

/* All wait before any of them gets in: a candidate on the word, the others in the line. */
static void contend(void) {
    test_thread threads[THREADS];
    count = 0;
    atomic_store(&writes, 0);
    thrum_rwlock_acquire_write(&rwlock);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = test_start(player, (void *)(uintptr_t)i);
        test_await_asleep(&threads[i]);
    }
    CHECK_EQ(thrum_rwlock_downgrade(&rwlock), THRUM_OK);
    busy(50000);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(count, atomic_load(&writes));
    CHECK_EQ(thrum_u32_load_relaxed(&rwlock.state), 0); /* nobody is left, and no trace of them */
    CHECK_EQ(thrum_u32_load_relaxed(&rwlock.queue.state), 0);
}

TEST(whatever_the_kernel_answers_nobody_is_lost) {
    walk_answers(contend);
}

TEST(whichever_thread_is_delayed_at_any_step_nobody_is_lost) {
    walk_delays(contend);
}

static void use_in_handler(int number) {
    (void)number;
    if (thrum_rwlock_try_acquire_read(&rwlock)) CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    if (thrum_rwlock_try_acquire_write(&rwlock)) CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
}

TEST(a_signal_handler_may_use_the_rwlock_at_any_step) {
    walk_signals(contend, use_in_handler);
}

static void use_in_child(void) {
    thrum_rwlock_reset_after_fork(&rwlock);
    thrum_rwlock_acquire_write(&rwlock);
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, thrum_after_us(10)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
}

TEST(a_fork_at_any_step_disturbs_neither_process) {
    walk_forks(contend, use_in_child);
}
