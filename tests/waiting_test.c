/* SPDX-License-Identifier: MIT */
/*
 * What every wait does, whatever it waits for: each test runs on a lock, an rlock, a rwlock from either side,
 * an event, a semaphore, a bounded semaphore, a latch, a once, and a semaphore among several objects, as
 * gates that are shut until `open` lets one waiter through.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "waiting_parts.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

TEST(a_deadline_already_past_on_something_free_succeeds) {
    for
        EACH_GATE(g) {
            const thrum_deadline past[] = {
                THRUM_NOW, thrum_after_ns(-1), thrum_after(-1.0), {1}, {test_now_ns()}};
            for (unsigned i = 0; i < sizeof past / sizeof past[0]; i++) {
                g->open();
                CHECK_EQ(g->wait_until(past[i]), THRUM_OK);
                g->shut();
            }
            g->open();
            CHECK(g->try_wait());
            g->shut();
        }
}

TEST(a_deadline_already_past_on_something_taken_times_out) {
    for
        EACH_GATE(g) {
            CHECK_EQ(g->wait_until(THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until(thrum_after_ns(-1)), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until((thrum_deadline){1}), THRUM_TIMEOUT);
            CHECK(!g->try_wait());
        }
}

/* By the monotonic clock: a wait measured by the wall clock, fifty years ahead, would end at once. */
TEST(a_timed_wait_lasts_at_least_its_timeout) {
    for
        EACH_GATE(g) {
            static const int64_t timeouts[] = {1, 50000, MS, 3 * MS, 20 * MS};
            for (unsigned i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
                const uint64_t begun = test_now_ns();
                CHECK_EQ(g->wait_until(thrum_after_ns(timeouts[i])), THRUM_TIMEOUT);
                CHECK(test_now_ns() - begun >= (uint64_t)timeouts[i]);
            }
        }
}

TEST(a_deadline_too_far_to_count_is_waited_for) {
    for
        EACH_GATE(g) {
            const uint64_t second = 1000000000;
            const uint64_t far[] = {
                (second << 31) + 1,  second << 32,      test_now_ns() + ((uint64_t)1 << 62),
                (uint64_t)INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 1,
                UINT64_MAX};
            for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
                visit v = {.gate = g, .deadline = {far[i]}, .result = THRUM_BROKEN};
                test_thread t = test_start(visitor, &v);
                test_await_asleep(&t);
                g->open();
                test_join(&t);
                CHECK_EQ(v.result, THRUM_OK);
                g->shut();
            }
        }
}

/* If the timed waiter takes the one opening, it passes it on; so the patient one gets through. */
TEST(a_timed_out_waiter_swallows_no_wake) {
    for
        EACH_GATE(g) {
            uint64_t random = test_seed();
            for (unsigned round = 0; round < 300 / test_slowdown(); round++) {
                const uint64_t moment = test_now_ns() + 150000 + test_random(&random) % 400000;
                visit timed = {.gate = g, .deadline = {moment}};
                visit untimed = {.gate = g};
                const bool timed_first = test_random(&random) % 2;
                test_thread a = test_start(timed_first ? visitor : patient, timed_first ? &timed : &untimed);
                test_thread b = test_start(timed_first ? patient : visitor, timed_first ? &untimed : &timed);
                const uint64_t opening = moment - 40000 + test_random(&random) % 60000;
                while (test_now_ns() < opening) thrum_cpu_pause();
                g->open();
                while (!atomic_load(&timed.over)) sched_yield();
                if (timed.result == THRUM_OK) g->open();
                test_join(&a); /* for ever, if the wake was swallowed */
                test_join(&b);
                CHECK_EQ(untimed.result, THRUM_OK);
                g->shut();
            }
        }
}

TEST(errno_is_kept) {
    for
        EACH_GATE(g) {
            errno = 4711;
            CHECK(!g->try_wait());
            CHECK_EQ(g->wait_until(THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until(thrum_after_ms(2)), THRUM_TIMEOUT);
            CHECK_EQ(errno, 4711);
            visit v = {.gate = g};
            test_thread t = test_start(patient, &v);
            test_await_asleep(&t);
            errno = 4712;
            g->open(); /* wakes somebody */
            CHECK_EQ(errno, 4712);
            test_join(&t);
            CHECK_EQ(errno, 4712);
        }
}

static void *cancelled(void *p) {
    patient(p);
    pthread_testcancel();
    return NULL;
}

TEST(a_wait_is_no_cancellation_point) {
    for
        EACH_GATE(g) {
            install_handler();
            visit v = {.gate = g, .result = THRUM_BROKEN};
            test_thread t = test_start(cancelled, &v);
            test_await_asleep(&t);
            CHECK_EQ(pthread_cancel(t.thread), 0);
            CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0); /* the wait begins again */
            test_await_asleep(&t);
            g->open();
            CHECK(test_join(&t) == PTHREAD_CANCELED);
            CHECK_EQ(v.result, THRUM_OK); /* it ended at the cancellation point after the wait */
        }
}
