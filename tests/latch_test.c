/* SPDX-License-Identifier: MIT */
/* The promises of thrum/latch.h. What every wait does is in waiting_test.c. */
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

#include <thrum/latch.h>

enum { SLEEPERS = 8 };

static uint64_t word(const thrum_latch *latch) {
    return thrum_u64_load_relaxed(&latch->state);
}

static void *waiter(void *latch) {
    thrum_latch_wait(latch);
    return NULL;
}

TEST(it_is_eight_bytes) {
    CHECK_EQ(sizeof(thrum_latch), 8);
}

TEST(all_zero_memory_is_an_open_latch) {
    static thrum_latch from_static;
    static thrum_latch from_macro = THRUM_LATCH_INIT(0);
    thrum_latch *from_heap = calloc(1, sizeof *from_heap);
    thrum_latch from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    CHECK_EQ(thrum_latch_init(&from_init, 0), THRUM_OK);
    CHECK_EQ(word(&from_init), 0);
    thrum_latch *const latches[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(thrum_latch_count(latches[i]), 0);
        CHECK(thrum_latch_try_wait(latches[i]));
        CHECK_EQ(thrum_latch_reset(latches[i], 1), THRUM_OK);
        CHECK(!thrum_latch_try_wait(latches[i]));
        thrum_latch_count_down(latches[i]);
        thrum_latch_wait(latches[i]);
    }
    free(from_heap);
}

TEST(an_initialiser_takes_the_count) {
    static thrum_latch from_macro = THRUM_LATCH_INIT(3);
    thrum_latch from_init;
    CHECK_EQ(thrum_latch_init(&from_init, 3), THRUM_OK);
    CHECK_EQ(word(&from_init), word(&from_macro));
    CHECK_EQ(thrum_latch_count(&from_macro), 3);
    static thrum_latch largest = THRUM_LATCH_INIT(THRUM_LATCH_MAX);
    CHECK_EQ(thrum_latch_count(&largest), INT32_MAX);
    CHECK_EQ(thrum_latch_init(&from_init, THRUM_LATCH_MAX), THRUM_OK);
    CHECK_EQ(thrum_latch_count(&from_init), INT32_MAX);
}

TEST(a_negative_count_is_invalid) {
    thrum_latch latch = THRUM_LATCH_INIT(7);
    CHECK_EQ(thrum_latch_init(&latch, -1), THRUM_INVALID);
    CHECK_EQ(thrum_latch_init_shared(&latch, INT32_MIN), THRUM_INVALID);
    CHECK_EQ(thrum_latch_count(&latch), 7);
}

TEST(a_count_down_lowers_the_count_by_one) {
    thrum_latch latch = THRUM_LATCH_INIT(5);
    for (int32_t left = 5; left > 0; left--) {
        CHECK_EQ(thrum_latch_count(&latch), left);
        CHECK(!thrum_latch_try_wait(&latch));
        CHECK_EQ(thrum_latch_wait_until(&latch, THRUM_NOW), THRUM_TIMEOUT);
        thrum_latch_count_down(&latch);
    }
    CHECK(thrum_latch_try_wait(&latch));
}

TEST(count_down_stops_at_0) {
    thrum_latch latch = THRUM_LATCH_INIT(3);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 2), THRUM_OK);
    CHECK_EQ(thrum_latch_count(&latch), 1);
    CHECK_EQ(thrum_latch_count_down_n(&latch, INT32_MAX), THRUM_OK);
    CHECK_EQ(thrum_latch_count(&latch), 0);
    const uint64_t open = word(&latch);
    thrum_latch_count_down(&latch);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 5), THRUM_OK);
    CHECK_EQ(word(&latch), open);
}

/* The count-downs too many of several threads at once, beside openings and resets. */
static atomic_bool enough;

static void *count_too_much(void *latch) {
    while (!atomic_load_explicit(&enough, memory_order_relaxed)) thrum_latch_count_down(latch);
    return NULL;
}

TEST(count_downs_too_many_at_once_leave_no_trace) {
    static thrum_latch latch;
    test_thread threads[3];
    for (unsigned i = 0; i < 3; i++) threads[i] = test_start(count_too_much, &latch);
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        CHECK_EQ(thrum_latch_reset(&latch, 2), THRUM_OK);
        thrum_latch_wait(&latch);
    }
    atomic_store_explicit(&enough, true, memory_order_relaxed);
    test_join_all(threads, 3);
    CHECK_EQ(thrum_latch_count(&latch), 0);
    const uint64_t open = word(&latch);
    CHECK_EQ(thrum_latch_reset(&latch, THRUM_LATCH_MAX), THRUM_OK);
    CHECK_EQ(thrum_latch_count(&latch), THRUM_LATCH_MAX);
    CHECK_EQ(thrum_latch_count_down_n(&latch, THRUM_LATCH_MAX), THRUM_OK);
    CHECK_EQ((word(&latch) - open) << 30, 0); /* the generation alone has changed */
}

TEST(a_count_down_by_less_than_one_is_invalid) {
    thrum_latch latch = THRUM_LATCH_INIT(3);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 0), THRUM_INVALID);
    CHECK_EQ(thrum_latch_count_down_n(&latch, -1), THRUM_INVALID);
    CHECK_EQ(thrum_latch_count_down_n(&latch, INT32_MIN), THRUM_INVALID);
    CHECK_EQ(thrum_latch_count(&latch), 3);
}

TEST(wait_opens_at_0) {
    static thrum_latch latch;
    test_thread threads[SLEEPERS];
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        CHECK_EQ(thrum_latch_reset(&latch, 3), THRUM_OK);
        test_start_asleep(threads, SLEEPERS, waiter, &latch);
        for (unsigned i = 0; i < 2; i++) {
            thrum_latch_count_down(&latch);
            for (unsigned t = 0; t < SLEEPERS; t++) CHECK(test_is_asleep(threads[t].tid));
        }
        if (round % 2)
            thrum_latch_count_down(&latch);
        else
            CHECK_EQ(thrum_latch_count_down_n(&latch, 9), THRUM_OK);
        test_join_all(threads, SLEEPERS);
        CHECK_EQ(thrum_latch_count(&latch), 0);
    }
}

TEST(wait_returns_at_once_when_open) {
    thrum_latch latch = THRUM_LATCH_INIT(0);
    thrum_latch_wait(&latch);
    thrum_latch_wait(&latch); /* a wait takes nothing */
    CHECK_EQ(thrum_latch_wait_until(&latch, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(thrum_latch_wait_until(&latch, THRUM_NOW), THRUM_OK);
}

TEST(reset_only_when_open) {
    thrum_latch latch = THRUM_LATCH_INIT(2);
    CHECK_EQ(thrum_latch_reset(&latch, 5), THRUM_INVALID);
    CHECK_EQ(thrum_latch_reset(&latch, 0), THRUM_INVALID);
    CHECK_EQ(thrum_latch_count(&latch), 2);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 2), THRUM_OK);
    const uint64_t open = word(&latch);
    CHECK_EQ(thrum_latch_reset(&latch, -1), THRUM_INVALID);
    CHECK_EQ(thrum_latch_reset(&latch, 0), THRUM_OK);
    CHECK_EQ(word(&latch), open);
    CHECK_EQ(thrum_latch_reset(&latch, 5), THRUM_OK);
    CHECK_EQ(thrum_latch_count(&latch), 5);
}

TEST(reset_lets_those_through_that_waited_before_it) {
    static thrum_latch latch;
    test_thread threads[SLEEPERS];
    for (unsigned round = 0; round < 200 / test_slowdown(); round++) {
        CHECK_EQ(thrum_latch_init(&latch, 1), THRUM_OK);
        test_start_asleep(threads, SLEEPERS, waiter, &latch);
        thrum_latch_count_down(&latch);
        CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
        test_join_all(threads, SLEEPERS);
        CHECK_EQ(thrum_latch_count(&latch), 1);
    }
}

TEST(a_waiter_that_comes_after_the_reset_waits_for_the_next_opening) {
    static thrum_latch latch = THRUM_LATCH_INIT(1);
    test_thread early[2], late[2];
    test_start_asleep(early, 2, waiter, &latch);
    thrum_latch_count_down(&latch);
    CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
    test_join_all(early, 2);
    CHECK_EQ(thrum_latch_wait_until(&latch, thrum_after_us(100)), THRUM_TIMEOUT);
    test_start_asleep(late, 2, waiter, &latch);
    thrum_latch_count_down(&latch);
    test_join_all(late, 2);
}

static void *timed(void *latch) {
    CHECK_EQ(thrum_latch_wait_until(latch, thrum_after_ms(3)), THRUM_TIMEOUT);
    return NULL;
}

TEST(a_timeout_leaves_the_others_waiting) {
    static thrum_latch latch = THRUM_LATCH_INIT(1);
    test_thread patient[2];
    test_start_asleep(patient, 2, waiter, &latch);
    test_thread impatient = test_start(timed, &latch);
    test_join(&impatient);
    for (unsigned i = 0; i < 2; i++) CHECK(test_is_asleep(patient[i].tid));
    thrum_latch_count_down(&latch);
    test_join_all(patient, 2);
}

/* Plain memory that each counter hands to the waiter; ThreadSanitizer sees whether it was published. */
typedef struct parcels {
    thrum_latch latch;
    int payload[3];
    atomic_uint next;
} parcels;

static void *sender(void *p) {
    parcels *s = p;
    const unsigned own = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
    s->payload[own] = 42;
    thrum_latch_count_down(&s->latch);
    return NULL;
}

static void *receiver(void *p) {
    parcels *r = p;
    thrum_latch_wait(&r->latch);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(r->payload[i], 42);
    return NULL;
}

TEST(every_count_down_publishes_to_the_waiters) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        parcels p = {.latch = THRUM_LATCH_INIT(3)};
        test_thread senders[3];
        test_thread t = test_start(receiver, &p);
        if (round % 2) test_await_asleep(&t);
        for (unsigned i = 0; i < 3; i++) senders[i] = test_start(sender, &p);
        test_join(&t);
        test_join_all(senders, 3);
    }
}

static thrum_latch of_handler = THRUM_LATCH_INIT(2);

static void handler(int number) {
    (void)number;
    if (thrum_latch_count(&of_handler) != 2) return;
    thrum_latch_count_down(&of_handler);
    CHECK(!thrum_latch_try_wait(&of_handler));
    CHECK_EQ(thrum_latch_count_down_n(&of_handler, 1), THRUM_OK);
    CHECK(thrum_latch_try_wait(&of_handler));
}

/* Also the very thread that waits, and sleepers beside it. */
TEST(a_signal_handler_may_count_down) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        test_thread threads[2];
        test_start_asleep(threads, 2, waiter, &of_handler);
        CHECK_EQ(pthread_kill(threads[round % 2].thread, SIGUSR1), 0);
        test_join_all(threads, 2);
        CHECK_EQ(thrum_latch_reset(&of_handler, 2), THRUM_OK);
    }
}

TEST(reset_after_fork_forgets_the_waiters_and_keeps_the_count) {
    static thrum_latch latch = THRUM_LATCH_INIT(2);
    const uint64_t before = word(&latch);
    test_thread threads[2];
    test_start_asleep(threads, 2, waiter, &latch);
    CHECK(word(&latch) != before);
    const pid_t child = fork();
    if (child == 0) {
        thrum_latch_reset_after_fork(&latch);
        CHECK_EQ(word(&latch), before);
        CHECK_EQ(thrum_latch_wait_until(&latch, thrum_after_us(100)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_latch_count_down_n(&latch, 2), THRUM_OK);
        thrum_latch_wait(&latch);
        _exit(0);
    }
    test_join_child(child);
    for (unsigned i = 0; i < 2; i++) CHECK(test_is_asleep(threads[i].tid));
    CHECK_EQ(thrum_latch_count_down_n(&latch, 2), THRUM_OK);
    test_join_all(threads, 2);
}

TEST(reset_after_fork_leaves_a_shared_latch_alone) {
    static thrum_latch latch;
    CHECK_EQ(thrum_latch_init_shared(&latch, 1), THRUM_OK);
    test_thread thread;
    test_start_asleep(&thread, 1, waiter, &latch);
    const uint64_t before = word(&latch);
    thrum_latch_reset_after_fork(&latch);
    CHECK_EQ(word(&latch), before);
    thrum_latch_count_down(&latch);
    test_join(&thread);
}

TEST(every_transition_keeps_the_shared_bit) {
    thrum_latch latch;
    CHECK_EQ(thrum_latch_init_shared(&latch, 2), THRUM_OK);
    static thrum_latch private = THRUM_LATCH_INIT(2);
    const uint64_t shared = word(&latch) ^ word(&private);
    CHECK(shared != 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_latch_wait_until(&latch, thrum_after_us(50)), THRUM_TIMEOUT);
        thrum_latch_count_down(&latch);
        thrum_latch_count_down(&latch);
        CHECK_EQ(thrum_latch_reset(&latch, 2), THRUM_OK);
        CHECK(word(&latch) & shared);
    }
}

static void describe(const thrum_latch *latch, char text[64]) {
    const size_t length = thrum_latch_describe(latch, text, 64);
    CHECK_EQ(length, strlen(text));
}

TEST(describe_tells_the_state) {
    static thrum_latch latch = THRUM_LATCH_INIT(3);
    char text[64];
    describe(&latch, text);
    CHECK(strcmp(text, "latch: count 3, generation 0") == 0);
    test_thread thread;
    test_start_asleep(&thread, 1, waiter, &latch);
    describe(&latch, text);
    CHECK(strcmp(text, "latch: count 3, waiters, generation 0") == 0);
    CHECK_EQ(thrum_latch_count_down_n(&latch, 3), THRUM_OK);
    test_join(&thread);
    describe(&latch, text);
    CHECK(strcmp(text, "latch: count 0, generation 1") == 0);
    CHECK_EQ(thrum_latch_init_shared(&latch, 1), THRUM_OK);
    describe(&latch, text);
    CHECK(strcmp(text, "latch: count 1, shared, generation 0") == 0);
}

TEST(describe_cuts_to_the_size_and_returns_the_whole_length) {
    const thrum_latch latch = THRUM_LATCH_INIT(1);
    char whole[64], cut[8];
    const size_t length = thrum_latch_describe(&latch, whole, sizeof whole);
    memset(cut, 'x', sizeof cut);
    CHECK_EQ(thrum_latch_describe(&latch, cut, 6), length);
    CHECK_EQ(strlen(cut), 5);
    CHECK(strncmp(cut, whole, 5) == 0);
    CHECK_EQ(cut[6], 'x');
    CHECK_EQ(thrum_latch_describe(&latch, NULL, 0), length);
}
