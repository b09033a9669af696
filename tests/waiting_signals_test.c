/* SPDX-License-Identifier: MIT */
/* A storm of signals upon a waiter, whatever it waits for. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "waiting_parts.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

typedef struct storm {
    pthread_t target;
    atomic_bool over;
    uint64_t end_ns;
} storm;

/* Some ten thousand signals a second, and none beyond the end: a lengthened wait ends then. */
static void *storming(void *p) {
    storm *s = p;
    const struct timespec pace = {0, 20000};
    while (!atomic_load(&s->over) && test_now_ns() < s->end_ns) {
        CHECK_EQ(pthread_kill(s->target, SIGUSR1), 0);
        nanosleep(&pace, NULL);
    }
    return NULL;
}

static test_thread storm_begin(storm *s, const test_thread *target) {
    s->target = target->thread;
    s->end_ns = test_now_ns() + 2000u * MS;
    atomic_store(&s->over, false);
    return test_start(storming, s);
}

static void storm_end(storm *s, test_thread *thread) {
    atomic_store(&s->over, true);
    test_join(thread);
}

TEST(a_signal_storm_neither_shortens_nor_lengthens_a_wait) {
    for
        EACH_GATE(g) {
            install_handler();
            visit v = {.gate = g, .deadline = thrum_after_ms(60), .result = THRUM_BROKEN};
            test_thread t = test_start(visitor, &v);
            storm s;
            test_thread sender = storm_begin(&s, &t);
            while (!atomic_load(&v.over)) sched_yield();
            storm_end(&s, &sender);
            test_join(&t);
            CHECK_EQ(v.result, THRUM_TIMEOUT);
            CHECK(v.ended_ns >= v.deadline.ns);
            CHECK(v.ended_ns < v.deadline.ns + 1000u * MS);
        }
}

static void *sleeper(void *p) {
    visit *v = p;
    thrum_sleep(v->deadline);
    v->ended_ns = test_now_ns();
    atomic_store(&v->over, true);
    return NULL;
}

TEST(a_signal_storm_neither_shortens_nor_lengthens_a_sleep) {
    install_handler();
    visit v = {.deadline = thrum_after_ms(60)};
    test_thread t = test_start(sleeper, &v);
    storm s;
    test_thread sender = storm_begin(&s, &t);
    while (!atomic_load(&v.over)) sched_yield();
    storm_end(&s, &sender);
    test_join(&t);
    CHECK(v.ended_ns >= v.deadline.ns);
    CHECK(v.ended_ns < v.deadline.ns + 1000u * MS);
}

TEST(a_signal_storm_loses_no_wake) {
    for
        EACH_GATE(g) {
            install_handler();
            for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
                visit v = {.gate = g};
                test_thread t = test_start(patient, &v);
                storm s;
                test_thread sender = storm_begin(&s, &t);
                test_await_asleep(&t);
                CHECK(!atomic_load(&v.over)); /* shut: no signal lets anybody through */
                g->open();
                while (!atomic_load(&v.over)) sched_yield();
                storm_end(&s, &sender);
                test_join(&t);
                g->shut();
            }
        }
}
