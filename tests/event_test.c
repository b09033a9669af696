/* SPDX-License-Identifier: MIT */
/* The promises of thrum/event.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "many.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/event.h>

enum { SLEEPERS = 8 };

static uint32_t word(const thrum_event *event) {
    return thrum_u32_load_relaxed(&event->state);
}

static void *waiter(void *event) {
    thrum_event_wait(event);
    return NULL;
}

TEST(it_is_four_bytes) {
    CHECK_EQ(sizeof(thrum_event), 4);
}

TEST(all_zero_memory_is_a_clear_event) {
    static thrum_event from_static;
    static thrum_event from_macro = THRUM_EVENT_INIT;
    thrum_event *from_heap = calloc(1, sizeof *from_heap);
    thrum_event from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_event_init(&from_init);
    CHECK_EQ(word(&from_init), 0);
    thrum_event *const events[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(!thrum_event_is_set(events[i]));
        CHECK_EQ(thrum_event_wait_until(events[i], thrum_after_us(100)), THRUM_TIMEOUT);
        thrum_event_set(events[i]);
        CHECK(thrum_event_is_set(events[i]));
    }
    free(from_heap);
}

TEST(set_and_clear_are_idempotent) {
    thrum_event event = THRUM_EVENT_INIT;
    thrum_event_clear(&event);
    CHECK(!thrum_event_is_set(&event));
    for (unsigned i = 0; i < 3; i++) {
        thrum_event_set(&event);
        CHECK(thrum_event_is_set(&event));
        CHECK(thrum_event_try_wait(&event));
    }
    for (unsigned i = 0; i < 3; i++) {
        thrum_event_clear(&event);
        CHECK(!thrum_event_is_set(&event));
        CHECK(!thrum_event_try_wait(&event));
    }
}

TEST(wait_returns_at_once_when_set) {
    thrum_event event = THRUM_EVENT_INIT;
    thrum_event_set(&event);
    thrum_event_wait(&event);
    thrum_event_wait(&event); /* a wait takes nothing */
    CHECK_EQ(thrum_event_wait_until(&event, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(thrum_event_wait_until(&event, THRUM_NOW), THRUM_OK);
    CHECK(thrum_event_is_set(&event));
}

TEST(a_set_wakes_every_sleeper) {
    static thrum_event event;
    test_thread threads[SLEEPERS];
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        test_start_asleep(threads, SLEEPERS, waiter, &event);
        thrum_event_set(&event);
        test_join_all(threads, SLEEPERS);
        CHECK(thrum_event_is_set(&event));
        thrum_event_clear(&event);
    }
}

TEST(a_thousand_waiters_are_let_through) {
    static test_thread threads[1000];
    thrum_event event = THRUM_EVENT_INIT;
    test_start_asleep(threads, 1000, waiter, &event);
    thrum_event_set(&event);
    thrum_event_clear(&event);
    test_join_all(threads, 1000);
}

TEST(set_then_clear_lets_every_sleeper_through) {
    static thrum_event event;
    test_thread threads[SLEEPERS];
    for (unsigned round = 0; round < 200 / test_slowdown(); round++) {
        test_start_asleep(threads, SLEEPERS, waiter, &event);
        thrum_event_set(&event);
        thrum_event_clear(&event);
        test_join_all(threads, SLEEPERS);
        CHECK(!thrum_event_is_set(&event));
    }
}

TEST(a_waiter_that_comes_after_the_clear_waits_for_the_next_set) {
    static thrum_event event;
    test_thread early[2], late[2];
    test_start_asleep(early, 2, waiter, &event);
    thrum_event_set(&event);
    thrum_event_clear(&event);
    test_join_all(early, 2);
    CHECK_EQ(thrum_event_wait_until(&event, thrum_after_us(100)), THRUM_TIMEOUT);
    test_start_asleep(late, 2, waiter, &event);
    thrum_event_set(&event);
    test_join_all(late, 2);
}

TEST(a_clear_wakes_nobody) {
    static thrum_event event;
    test_thread thread;
    test_start_asleep(&thread, 1, waiter, &event);
    for (unsigned i = 0; i < 100; i++) {
        thrum_event_clear(&event);
        CHECK(test_is_asleep(thread.tid));
    }
    thrum_event_set(&event);
    test_join(&thread);
}

static void *timed(void *event) {
    CHECK_EQ(thrum_event_wait_until(event, thrum_after_ms(3)), THRUM_TIMEOUT);
    return NULL;
}

TEST(a_timeout_leaves_the_others_waiting) {
    static thrum_event event;
    test_thread patient[2];
    test_start_asleep(patient, 2, waiter, &event);
    test_thread impatient = test_start(timed, &event);
    test_join(&impatient);
    for (unsigned i = 0; i < 2; i++) CHECK(test_is_asleep(patient[i].tid));
    thrum_event_set(&event);
    test_join_all(patient, 2);
}

/* A page of plain memory handed to the waiter; ThreadSanitizer sees whether the set published it. */
typedef struct parcel {
    thrum_event event;
    int payload;
    atomic_bool sent;
} parcel;

static void *receiver(void *p) {
    parcel *r = p;
    thrum_event_wait(&r->event);
    CHECK_EQ(r->payload, 42);
    return NULL;
}

TEST(a_set_publishes_to_its_waiters) {
    for (unsigned round = 0; round < 200 / test_slowdown(); round++) {
        parcel p = {.payload = 0};
        test_thread t = test_start(receiver, &p);
        if (round % 2) test_await_asleep(&t);
        p.payload = 42;
        thrum_event_set(&p.event);
        test_join(&t);
    }
}

/* Even to those whom only the generation lets through. */
TEST(set_then_clear_publishes_to_the_waiters) {
    for (unsigned round = 0; round < 200 / test_slowdown(); round++) {
        parcel p = {.payload = 0};
        test_thread t = test_start(receiver, &p);
        test_await_asleep(&t);
        p.payload = 42;
        thrum_event_set(&p.event);
        thrum_event_clear(&p.event);
        test_join(&t);
    }
}

/* `sent` is relaxed: that the payload may be read is the second set's doing alone. */
static void *second_receiver(void *p) {
    parcel *r = p;
    while (!atomic_load_explicit(&r->sent, memory_order_relaxed)) sched_yield();
    CHECK(thrum_event_is_set(&r->event));
    CHECK_EQ(r->payload, 42);
    return NULL;
}

TEST(a_set_on_a_set_event_publishes) {
    for (unsigned round = 0; round < 200 / test_slowdown(); round++) {
        parcel p = {.payload = 0};
        thrum_event_set(&p.event);
        test_thread t = test_start(second_receiver, &p);
        p.payload = 42;
        thrum_event_set(&p.event);
        atomic_store_explicit(&p.sent, true, memory_order_relaxed);
        test_join(&t);
    }
}

static thrum_event of_handler;

static void handler(int number) {
    char text[64];
    (void)number;
    CHECK(thrum_event_describe(&of_handler, text, sizeof text) > 0);
    thrum_event_clear(&of_handler);
    CHECK(!thrum_event_try_wait(&of_handler));
    CHECK(!thrum_event_is_set(&of_handler));
    thrum_event_set(&of_handler);
}

/* Also the very thread that waits, and sleepers beside it. */
enum { RUNNERS = 64 };
static thrum_event batons[RUNNERS];
static unsigned long legs; /* plain: the batons order it */
static unsigned laps;

static void *run(void *p) {
    thrum_event *own = p;
    thrum_event *next = own + 1 < batons + RUNNERS ? own + 1 : batons;
    for (unsigned i = 0; i < laps; i++) {
        thrum_event_wait(own);
        thrum_event_clear(own);
        legs++;
        thrum_event_set(next);
    }
    return NULL;
}

TEST(a_baton_goes_round_sixty_four_threads_on_two_processors) {
    test_thread threads[RUNNERS];
    laps = 1000 / test_slowdown();
    legs = 0;
    test_pin(2);
    for (unsigned i = 0; i < RUNNERS; i++) threads[i] = test_start(run, &batons[i]);
    thrum_event_set(&batons[0]);
    test_join_all(threads, RUNNERS);
    test_unpin();
    CHECK_EQ(legs, (unsigned long)laps * RUNNERS);
}

typedef struct hurdle {
    thrum_event go;
    atomic_uint arrived;
    atomic_uint left;
    atomic_uint round;
} hurdle;

static void *jump(void *p) {
    hurdle *h = p;
    for (unsigned i = 1; i <= laps; i++) {
        atomic_fetch_add(&h->arrived, 1);
        thrum_event_wait(&h->go);
        atomic_fetch_add(&h->left, 1);
        while (atomic_load(&h->round) < i) sched_yield();
    }
    return NULL;
}

/* Some still spin, some sleep and some have not begun to wait when it is set. */
TEST(a_set_lets_sixty_four_threads_on_two_processors_go) {
    static hurdle h;
    test_thread threads[RUNNERS];
    laps = 200 / test_slowdown();
    test_pin(2);
    for (unsigned i = 0; i < RUNNERS; i++) threads[i] = test_start(jump, &h);
    for (unsigned i = 1; i <= laps; i++) {
        while (atomic_load(&h.arrived) < i * RUNNERS) sched_yield();
        CHECK_EQ(atomic_load(&h.left), (i - 1) * RUNNERS);
        thrum_event_set(&h.go);
        while (atomic_load(&h.left) < i * RUNNERS) sched_yield();
        thrum_event_clear(&h.go);
        atomic_store(&h.round, i);
    }
    test_join_all(threads, RUNNERS);
    test_unpin();
}

TEST(a_signal_handler_may_set) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        test_thread threads[2];
        test_start_asleep(threads, 2, waiter, &of_handler);
        CHECK_EQ(pthread_kill(threads[round % 2].thread, SIGUSR1), 0);
        test_join_all(threads, 2);
        CHECK(thrum_event_is_set(&of_handler));
        thrum_event_clear(&of_handler);
    }
}

TEST(reset_after_fork_forgets_the_waiters_and_keeps_the_flag) {
    static thrum_event clear_one, set_one;
    test_thread threads[2];
    test_start_asleep(threads, 2, waiter, &clear_one);
    CHECK_EQ(word(&clear_one), THRUM_EVENT_WAITERS_);
    thrum_event_set(&set_one);
    const pid_t child = fork();
    if (child == 0) {
        thrum_event_reset_after_fork(&clear_one);
        thrum_event_reset_after_fork(&set_one);
        CHECK_EQ(word(&clear_one), 0);
        CHECK(thrum_event_is_set(&set_one));
        CHECK_EQ(thrum_event_wait_until(&clear_one, thrum_after_us(100)), THRUM_TIMEOUT);
        thrum_event_set(&clear_one);
        thrum_event_wait(&clear_one);
        _exit(0);
    }
    test_join_child(child);
    for (unsigned i = 0; i < 2; i++) CHECK(test_is_asleep(threads[i].tid));
    thrum_event_set(&clear_one);
    test_join_all(threads, 2);
}

TEST(reset_after_fork_leaves_a_shared_event_alone) {
    static thrum_event event;
    thrum_event_init_shared(&event);
    test_thread thread;
    test_start_asleep(&thread, 1, waiter, &event);
    const uint32_t before = word(&event);
    thrum_event_reset_after_fork(&event);
    CHECK_EQ(word(&event), before);
    thrum_event_set(&event);
    test_join(&thread);
}

static void describe(const thrum_event *event, char text[64]) {
    const size_t length = thrum_event_describe(event, text, 64);
    CHECK_EQ(length, strlen(text));
}

TEST(describe_tells_the_state) {
    static thrum_event event;
    char text[64];
    describe(&event, text);
    CHECK(strncmp(text, "event: clear", 12) == 0);
    CHECK(strstr(text, "waiters") == NULL);
    test_thread thread;
    test_start_asleep(&thread, 1, waiter, &event);
    describe(&event, text);
    CHECK(strncmp(text, "event: clear", 12) == 0);
    CHECK(strstr(text, "waiters") != NULL);
    thrum_event_set(&event);
    test_join(&thread);
    describe(&event, text);
    CHECK(strncmp(text, "event: set", 10) == 0);
    CHECK(strstr(text, "shared") == NULL);
    thrum_event_init_shared(&event);
    describe(&event, text);
    CHECK(strstr(text, "shared") != NULL);
}

TEST(describe_cuts_to_the_size_and_returns_the_whole_length) {
    const thrum_event event = THRUM_EVENT_INIT;
    char whole[64], cut[8];
    const size_t length = thrum_event_describe(&event, whole, sizeof whole);
    memset(cut, 'x', sizeof cut);
    CHECK_EQ(thrum_event_describe(&event, cut, 6), length);
    CHECK_EQ(strlen(cut), 5);
    CHECK(strncmp(cut, whole, 5) == 0);
    CHECK_EQ(cut[6], 'x');
    CHECK_EQ(thrum_event_describe(&event, NULL, 0), length);
}
