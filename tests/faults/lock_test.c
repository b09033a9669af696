/* SPDX-License-Identifier: MIT */
/* A contended lock, and a fault at every step of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <sched.h>

#include <thrum/event.h>
#include <thrum/lock.h>
#include <thrum/semaphore.h>

enum { THREADS = 3, ROUNDS = 8 };

static thrum_lock lock;
static unsigned long count; /* plain: the lock protects it */
static atomic_bool held;
static atomic_ulong successes;
static thrum_event noticed;
static thrum_semaphore notices;

static void section(uint64_t ns) {
    CHECK(!atomic_exchange_explicit(&held, true, memory_order_relaxed));
    count++;
    busy(ns);
    CHECK(atomic_exchange_explicit(&held, false, memory_order_relaxed));
    atomic_fetch_add_explicit(&successes, 1, memory_order_relaxed);
}

static bool acquire(unsigned kind) {
    if (kind == 2) return thrum_lock_try_acquire(&lock);
    if (kind == 0) {
        thrum_lock_acquire(&lock);
        return true;
    }
    const thrum_deadline deadline = thrum_after_us(200);
    if (thrum_lock_acquire_until(&lock, deadline) == THRUM_OK) return true;
    CHECK(test_now_ns() >= deadline.ns);
    return false;
}

static void *player(void *number) {
    const unsigned self = (unsigned)(uintptr_t)number;
    errno = ERRNO_MARK;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (acquire(round == 0 ? 0 : (self + round) % 3)) {
            section(round == 1 ? 300000 : 20000);
            CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        }
        CHECK_EQ(errno, ERRNO_MARK);
    }
    return NULL;
}

/*
 * All threads wait before any of them gets in: an heir, and those behind it. Then the heir is woken
 * and overtaken, so that it naps.
 */
static void contend(void) {
    test_thread threads[THREADS];
    count = 0;
    atomic_store(&successes, 0);
    thrum_lock_acquire(&lock);
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = test_start(player, (void *)(uintptr_t)i);
        test_await_asleep(&threads[i]);
    }
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    if (thrum_lock_try_acquire(&lock)) {
        section(200000);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    }
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(count, atomic_load(&successes));
    CHECK(count >= THREADS);
    CHECK(!thrum_lock_locked(&lock));
    CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&lock.state), 0); /* nobody is left, and no trace of them */
}

TEST(whatever_the_kernel_answers_nobody_is_lost) {
    walk_answers(contend);
}

TEST(whichever_thread_is_delayed_at_any_step_nobody_is_lost) {
    walk_delays(contend);
}

static void use_in_handler(int number) {
    (void)number;
    if (thrum_lock_try_acquire(&lock)) {
        section(1000);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    }
    thrum_event_set(&noticed);
    CHECK_EQ(thrum_semaphore_release(&notices), THRUM_OK);
}

TEST(a_signal_handler_may_use_the_lock_at_any_step) {
    walk_signals(contend, use_in_handler);
    CHECK(thrum_event_is_set(&noticed));
    CHECK_EQ(thrum_semaphore_value(&notices), atomic_load(&injection.happened));
}

static void use_in_child(void) {
    thrum_lock_reset_after_fork(&lock);
    thrum_lock_acquire(&lock);
    CHECK(!thrum_lock_try_acquire(&lock));
    CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_us(10)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&lock.state), 0);
}

TEST(a_fork_at_any_step_disturbs_neither_process) {
    walk_forks(contend, use_in_child);
}
