/* SPDX-License-Identifier: MIT */
/* Waiters of every kind on events, and a fault at every step of them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <sched.h>

#include <thrum/event.h>

enum { THREADS = 3, ROUNDS = 3 };

static thrum_event pulse; /* set and cleared at once, when the first thread sleeps on it */
static thrum_event gates[ROUNDS];
static thrum_event arrived[THREADS];
static unsigned long payload; /* plain: the events publish it */

static void pass(unsigned self, unsigned round) {
    switch (self) {
    case 0:
        thrum_event_wait(&pulse);
        thrum_event_wait(&gates[round]); /* until the pulse is over */
        break;
    case 1:
        for (;;) {
            const thrum_deadline deadline = thrum_after_us(100);
            if (thrum_event_wait_until(&gates[round], deadline) == THRUM_OK) break;
            CHECK(test_now_ns() >= deadline.ns);
        }
        break;
    default:
        while (!thrum_event_try_wait(&gates[round])) sched_yield();
    }
}

static void *waiter(void *number) {
    const unsigned self = (unsigned)(uintptr_t)number;
    errno = ERRNO_MARK;
    for (unsigned round = 0; round < ROUNDS; round++) {
        pass(self, round);
        CHECK_EQ(payload, round + 1);
        thrum_event_set(&arrived[self]);
        CHECK_EQ(errno, ERRNO_MARK);
    }
    return NULL;
}

static void gather(void) {
    test_thread threads[THREADS];
    payload = 0;
    for (unsigned i = 0; i < ROUNDS; i++) thrum_event_init(&gates[i]);
    for (unsigned i = 0; i < THREADS; i++) threads[i] = test_start(waiter, (void *)(uintptr_t)i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        test_await_asleep(&threads[0]);
        payload = round + 1;
        thrum_event_set(&pulse);
        thrum_event_clear(&pulse);
        thrum_event_set(&gates[round]);
        for (unsigned i = 0; i < THREADS; i++) {
            thrum_event_wait(&arrived[i]);
            thrum_event_clear(&arrived[i]);
        }
    }
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK(!thrum_event_is_set(&pulse));
}

TEST(whatever_the_kernel_answers_nobody_is_lost) {
    walk_answers(gather);
}

TEST(whichever_thread_is_delayed_at_any_step_nobody_is_lost) {
    walk_delays(gather);
}

static atomic_uint signals;

static void use_in_handler(int number) {
    (void)number;
    for (unsigned i = 0; i < ROUNDS; i++)
        if (thrum_event_try_wait(&gates[i])) thrum_event_set(&gates[i]);
    thrum_event_clear(&pulse);
    atomic_fetch_add(&signals, 1);
}

TEST(a_signal_handler_may_use_the_event_at_any_step) {
    walk_signals(gather, use_in_handler);
    CHECK_EQ(atomic_load(&signals), atomic_load(&injection.happened));
}

static void use_in_child(void) {
    thrum_event_reset_after_fork(&pulse);
    CHECK(!(thrum_u32_load_relaxed(&pulse.state) & THRUM_EVENT_WAITERS_));
    thrum_event_clear(&pulse);
    CHECK_EQ(thrum_event_wait_until(&pulse, thrum_after_us(10)), THRUM_TIMEOUT);
    thrum_event_set(&pulse);
    thrum_event_wait(&pulse);
    CHECK(thrum_event_try_wait(&pulse));
}

TEST(a_fork_at_any_step_disturbs_neither_process) {
    walk_forks(gather, use_in_child);
}
