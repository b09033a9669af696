/* SPDX-License-Identifier: MIT */
/* The promises of thrum/once.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/event.h>
#include <thrum/once.h>

enum { CALLERS = 8 };

static thrum_once once;
static thrum_event go;
static atomic_uint runs;
static unsigned long made; /* plain: the once publishes it */

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&once.state);
}

static thrum_result make(void *argument) {
    CHECK(argument == &made);
    atomic_fetch_add(&runs, 1);
    made++;
    return THRUM_OK;
}

/* Runs until `go` is set. */
static thrum_result make_slowly(void *argument) {
    thrum_event_wait(&go);
    return make(argument);
}

static thrum_result fail(void *argument) {
    (void)argument;
    atomic_fetch_add(&runs, 1);
    return THRUM_NO_MEMORY;
}

static thrum_result fail_slowly(void *argument) {
    thrum_event_wait(&go);
    return fail(argument);
}

typedef struct caller {
    thrum_once_function *function;
    thrum_deadline deadline;
    thrum_result result;
} caller;

static void *call(void *p) {
    caller *c = p;
    c->result = thrum_once_run_until(&once, c->function, &made, c->deadline);
    if (c->result == THRUM_OK) CHECK_EQ(made, 1);
    return NULL;
}

/* One inside the function, asleep, and `count` others that wait for it. */
static void start(test_thread *threads, caller *callers, unsigned count, thrum_once_function *first) {
    callers[0] = (caller){first, THRUM_FOREVER, THRUM_BROKEN};
    threads[0] = test_start(call, &callers[0]);
    test_await_asleep(&threads[0]);
    for (unsigned i = 1; i <= count; i++) {
        callers[i] = (caller){make, THRUM_FOREVER, THRUM_BROKEN};
        threads[i] = test_start(call, &callers[i]);
    }
    for (unsigned i = 1; i <= count; i++) test_await_asleep(&threads[i]);
}

static void join_all(test_thread *threads, unsigned count) {
    for (unsigned i = 0; i <= count; i++) test_join(&threads[i]);
}

TEST(it_is_four_bytes) {
    CHECK_EQ(sizeof(thrum_once), 4);
}

TEST(all_zero_memory_is_a_once_that_has_not_run) {
    static thrum_once from_static;
    static thrum_once from_macro = THRUM_ONCE_INIT;
    thrum_once *from_heap = calloc(1, sizeof *from_heap);
    thrum_once from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_once_init(&from_init);
    thrum_once *const all[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(!thrum_once_done(all[i]));
        CHECK_EQ(thrum_once_run(all[i], make, &made), THRUM_OK);
        CHECK(thrum_once_done(all[i]));
        CHECK_EQ(atomic_load(&runs), i + 1);
    }
    free(from_heap);
}

TEST(the_function_runs_exactly_once) {
    for (unsigned round = 0; round < 300 / test_slowdown(); round++) {
        test_thread threads[CALLERS];
        caller callers[CALLERS];
        thrum_once_init(&once);
        made = 0;
        atomic_store(&runs, 0);
        for (unsigned i = 0; i < CALLERS; i++) {
            callers[i] = (caller){make, THRUM_FOREVER, THRUM_BROKEN};
            threads[i] = test_start(call, &callers[i]);
        }
        for (unsigned i = 0; i < CALLERS; i++) {
            test_join(&threads[i]);
            CHECK_EQ(callers[i].result, THRUM_OK);
        }
        CHECK_EQ(atomic_load(&runs), 1);
    }
}

TEST(the_others_wait) {
    test_thread threads[CALLERS];
    caller callers[CALLERS];
    start(threads, callers, CALLERS - 1, make_slowly);
    CHECK_EQ(atomic_load(&runs), 0);
    CHECK(!thrum_once_done(&once));
    thrum_event_set(&go);
    join_all(threads, CALLERS - 1);
    CHECK_EQ(atomic_load(&runs), 1);
    for (unsigned i = 0; i < CALLERS; i++) CHECK_EQ(callers[i].result, THRUM_OK);
}

TEST(a_failing_one_leaves_it_open_for_the_next_caller) {
    CHECK_EQ(thrum_once_run(&once, fail, NULL), THRUM_NO_MEMORY);
    CHECK(!thrum_once_done(&once));
    CHECK_EQ(word(), 0);
    CHECK_EQ(thrum_once_run_until(&once, fail, NULL, THRUM_NOW), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_once_run(&once, make, &made), THRUM_OK);
    CHECK(thrum_once_done(&once));
    CHECK_EQ(thrum_once_run(&once, fail, NULL), THRUM_OK); /* not run any more */
    CHECK_EQ(atomic_load(&runs), 3);
}

TEST(a_failures_result_goes_to_its_own_caller_and_a_waiter_tries_again) {
    test_thread threads[CALLERS];
    caller callers[CALLERS];
    start(threads, callers, CALLERS - 1, fail_slowly);
    thrum_event_set(&go);
    join_all(threads, CALLERS - 1);
    CHECK_EQ(callers[0].result, THRUM_NO_MEMORY);
    for (unsigned i = 1; i < CALLERS; i++) CHECK_EQ(callers[i].result, THRUM_OK);
    CHECK_EQ(atomic_load(&runs), 2);
    CHECK_EQ(made, 1);
}

static thrum_result ask_again(void *argument) {
    CHECK_EQ(thrum_once_run(&once, make, argument), THRUM_DEADLOCK);
    CHECK_EQ(thrum_once_run_until(&once, make, argument, THRUM_NOW), THRUM_DEADLOCK);
    CHECK(!thrum_once_done(&once));
    static thrum_once other;
    CHECK_EQ(thrum_once_run(&other, make, argument), THRUM_OK);
    return THRUM_OK;
}

TEST(a_function_that_asks_for_its_own_once_is_refused) {
    CHECK_EQ(thrum_once_run(&once, ask_again, &made), THRUM_OK);
    CHECK(thrum_once_done(&once));
    CHECK_EQ(atomic_load(&runs), 1);
    CHECK_EQ(thrum_self_guards(), 0);
}

static thrum_result leave_thread(void *argument) {
    (void)argument;
    thrum_event_wait(&go);
    thrum_self_release_guards();
    pthread_exit(NULL);
}

TEST(a_thread_that_ends_within_the_function_leaves_it_open) {
    test_thread threads[3];
    caller callers[3];
    start(threads, callers, 2, leave_thread);
    thrum_event_set(&go);
    join_all(threads, 2);
    for (unsigned i = 1; i < 3; i++) CHECK_EQ(callers[i].result, THRUM_OK);
    CHECK_EQ(atomic_load(&runs), 1);
}

TEST(a_wait_ends_at_its_deadline_and_the_run_goes_on) {
    test_thread threads[2];
    caller callers[2];
    start(threads, callers, 1, make_slowly);
    CHECK_EQ(thrum_once_run_until(&once, make, &made, THRUM_NOW), THRUM_TIMEOUT);
    const uint64_t begun = test_now_ns();
    CHECK_EQ(thrum_once_run_until(&once, make, &made, thrum_after_ms(3)), THRUM_TIMEOUT);
    CHECK(test_now_ns() - begun >= 3000000);
    CHECK(test_is_asleep(threads[1].tid));
    thrum_event_set(&go);
    join_all(threads, 1);
    CHECK_EQ(thrum_once_run_until(&once, fail, NULL, THRUM_NOW), THRUM_OK);
    CHECK_EQ(atomic_load(&runs), 1);
}

TEST(a_deadline_already_past_runs_what_nobody_runs) {
    CHECK_EQ(thrum_once_run_until(&once, make, &made, THRUM_NOW), THRUM_OK);
    CHECK_EQ(atomic_load(&runs), 1);
}

TEST(errno_is_kept) {
    test_thread threads[2];
    caller callers[2];
    errno = 4711;
    start(threads, callers, 1, make_slowly);
    CHECK_EQ(thrum_once_run_until(&once, make, &made, thrum_after_us(100)), THRUM_TIMEOUT);
    CHECK_EQ(errno, 4711);
    thrum_event_set(&go);
    join_all(threads, 1);
    CHECK_EQ(thrum_once_run(&once, make, &made), THRUM_OK);
    CHECK_EQ(errno, 4711);
}

TEST(reset_after_fork_opens_what_another_thread_was_running) {
    test_thread threads[2];
    caller callers[2];
    start(threads, callers, 1, make_slowly);
    const pid_t child = fork();
    if (child == 0) {
        thrum_once_reset_after_fork(&once);
        CHECK_EQ(word(), 0);
        CHECK_EQ(thrum_once_run_until(&once, make, &made, thrum_after_ms(1)), THRUM_OK);
        const uint32_t done = word();
        thrum_once_reset_after_fork(&once);
        CHECK_EQ(word(), done);
        _exit(0);
    }
    test_join_child(child);
    thrum_event_set(&go);
    join_all(threads, 1);
}

static thrum_result fork_within(void *argument) {
    const pid_t child = fork();
    if (child == 0) {
        thrum_once_reset_after_fork(&once); /* the child is inside the function, too */
        CHECK_EQ(thrum_once_run(&once, make, argument), THRUM_DEADLOCK);
        return make(argument);
    }
    test_join_child(child);
    return make(argument);
}

TEST(reset_after_fork_leaves_the_callers_own_run_alone) {
    const pid_t parent = getpid();
    CHECK_EQ(thrum_once_run(&once, fork_within, &made), THRUM_OK);
    CHECK(thrum_once_done(&once));
    if (getpid() != parent) _exit(0);
}

TEST(describe_tells_the_state) {
    char text[64];
    CHECK_EQ(thrum_once_describe(&once, text, sizeof text), strlen("once: open"));
    CHECK(strcmp(text, "once: open") == 0);
    test_thread threads[2];
    caller callers[2];
    start(threads, callers, 0, make_slowly);
    (void)thrum_once_describe(&once, text, sizeof text);
    CHECK(strcmp(text, "once: running") == 0);
    callers[1] = (caller){make, THRUM_FOREVER, THRUM_BROKEN};
    threads[1] = test_start(call, &callers[1]);
    test_await_asleep(&threads[1]);
    (void)thrum_once_describe(&once, text, sizeof text);
    CHECK(strcmp(text, "once: running, waiters") == 0);
    thrum_event_set(&go);
    join_all(threads, 1);
    CHECK_EQ(thrum_once_describe(&once, text, 7), strlen("once: done"));
    CHECK(strcmp(text, "once: ") == 0);
    CHECK_EQ(thrum_once_describe(&once, NULL, 0), strlen("once: done"));
}
