/* SPDX-License-Identifier: MIT */
/* Consumers of every kind on one semaphore, and a fault at every step of them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <sched.h>

#include <thrum/semaphore.h>

enum { THREADS = 4, SHARE = 4 };

static thrum_semaphore flow;

static bool take(unsigned kind) {
    if (kind == 3) return thrum_semaphore_try_acquire(&flow);
    if (kind < 2) {
        thrum_semaphore_acquire(&flow);
        return true;
    }
    const thrum_deadline deadline = thrum_after_us(100);
    if (thrum_semaphore_acquire_until(&flow, deadline) == THRUM_OK) return true;
    CHECK(test_now_ns() >= deadline.ns);
    return false;
}

/* Takes exactly its share, so that a lost permit or a lost wake hangs. */
static void *consumer(void *number) {
    const unsigned self = (unsigned)(uintptr_t)number;
    errno = ERRNO_MARK;
    for (unsigned taken = 0; taken < SHARE;) {
        if (take(self)) {
            taken++;
        } else {
            sched_yield();
        }
        CHECK_EQ(errno, ERRNO_MARK);
    }
    return NULL;
}

/* Two sleep when the first permits come. */
static void consume(void) {
    test_thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) threads[i] = test_start(consumer, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < 2; i++) test_await_asleep(&threads[i]);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(thrum_semaphore_release(&flow), THRUM_OK);
        busy(20000);
        CHECK_EQ(thrum_semaphore_release_n(&flow, SHARE - 1), THRUM_OK);
        busy(50000);
    }
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_u64_load_relaxed(&flow.state), 0); /* no permit, and nobody counted as waiting */
}

TEST(whatever_the_kernel_answers_no_permit_is_lost) {
    walk_answers(consume);
}

TEST(whichever_thread_is_delayed_at_any_step_no_permit_is_lost) {
    walk_delays(consume);
}

static atomic_uint signals;

static void use_in_handler(int number) {
    (void)number;
    if (thrum_semaphore_try_acquire(&flow)) CHECK_EQ(thrum_semaphore_release(&flow), THRUM_OK);
    CHECK(thrum_semaphore_value(&flow) >= 0);
    atomic_fetch_add(&signals, 1);
}

TEST(a_signal_handler_may_use_the_semaphore_at_any_step) {
    walk_signals(consume, use_in_handler);
    CHECK_EQ(atomic_load(&signals), atomic_load(&injection.happened));
}

static void use_in_child(void) {
    thrum_semaphore_reset_after_fork(&flow);
    const int32_t value = thrum_semaphore_value(&flow);
    for (int32_t i = 0; i < value; i++) thrum_semaphore_acquire(&flow);
    CHECK_EQ(thrum_u64_load_relaxed(&flow.state), 0);
    CHECK_EQ(thrum_semaphore_acquire_until(&flow, thrum_after_us(10)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_semaphore_release(&flow), THRUM_OK);
    CHECK(thrum_semaphore_try_acquire(&flow));
}

TEST(a_fork_at_any_step_disturbs_neither_process) {
    walk_forks(consume, use_in_child);
}
