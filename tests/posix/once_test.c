/* SPDX-License-Identifier: MIT */
/* pthread_once. */
#include "posix.h"

static _Atomic int calls, inside, may_go; /* of the test that runs */

static void begin(void) {
    calls = inside = may_go = 0;
}

static void initialise(void) {
    calls++;
}

TEST(the_function_is_called_once) {
    begin();
    static pthread_once_t once = PTHREAD_ONCE_INIT, zero;
    for (int i = 0; i < 3; i++) OK(pthread_once(&once, initialise));
    CHECK_EQ(calls, 1);
    OK(pthread_once(&zero, initialise));
    CHECK_EQ(calls, 2);
}

static pthread_once_t slow_once = PTHREAD_ONCE_INIT;
static int made;

static void begin_slowly(void) {
    begin();
    slow_once = (pthread_once_t)PTHREAD_ONCE_INIT;
    made = 0;
}

static void initialise_slowly(void) {
    inside = 1;
    await(&may_go, 1);
    made = 42;
    calls++;
}

static void *ask(void *unused) {
    OK(pthread_once(&slow_once, initialise_slowly));
    CHECK_EQ(made, 42);
    return unused;
}

TEST(the_others_wait_for_the_call_to_return) {
    begin_slowly();
    test_thread first = test_start(ask, NULL);
    await(&inside, 1);
    test_thread others[4];
    for (int i = 0; i < 4; i++) others[i] = test_start(ask, NULL);
    for (int i = 0; i < 4; i++) await_blocked(&others[i]);
    may_go = 1;
    (void)test_join(&first);
    for (int i = 0; i < 4; i++) (void)test_join(&others[i]);
    CHECK_EQ(calls, 1);
}

static pthread_once_t outer_once = PTHREAD_ONCE_INIT, inner_once = PTHREAD_ONCE_INIT;

static void initialise_outer(void) {
    OK(pthread_once(&inner_once, initialise));
    calls++;
}

TEST(a_function_may_call_others_once) {
    begin();
    OK(pthread_once(&outer_once, initialise_outer));
    CHECK_EQ(calls, 2);
}

/* ---- cancellation ---- */

static pthread_once_t cancelled_once = PTHREAD_ONCE_INIT;

static void initialise_unless_first(void) {
    if (calls++ > 0) return;
    inside = 1;
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
}

static void *ask_and_be_cancelled(void *unused) {
    OK(pthread_once(&cancelled_once, initialise_unless_first));
    return unused;
}

TEST(a_cancelled_call_was_none) {
    begin();
    for (int waiters = 0; waiters < 3; waiters++) {
        cancelled_once = (pthread_once_t)PTHREAD_ONCE_INIT;
        calls = inside = 0;
        test_thread doomed = test_start(ask_and_be_cancelled, NULL), others[2];
        await(&inside, 1);
        for (int i = 0; i < waiters; i++) others[i] = test_start(ask_and_be_cancelled, NULL);
        for (int i = 0; i < waiters; i++) await_blocked(&others[i]);
        OK(pthread_cancel(doomed.thread));
        CHECK(test_join(&doomed) == PTHREAD_CANCELED);
        for (int i = 0; i < waiters; i++) CHECK(test_join(&others[i]) == NULL);
        OK(pthread_once(&cancelled_once, initialise_unless_first));
        CHECK_EQ(calls, 2);
    }
}

static _Atomic int cancelled;

static void *ask_though_cancelled(void *unused) {
    await(&cancelled, 1);
    OK(pthread_once(&slow_once, initialise_slowly));
    CHECK_EQ(made, 42);
    pthread_testcancel();
    return unused;
}

TEST(once_is_no_cancellation_point) {
    begin_slowly();
    test_thread first = test_start(ask, NULL);
    await(&inside, 1);
    test_thread waiter = test_start(ask_though_cancelled, NULL);
    OK(pthread_cancel(waiter.thread));
    cancelled = 1;
    await_blocked(&waiter);
    may_go = 1;
    CHECK(test_join(&waiter) == PTHREAD_CANCELED);
    CHECK_EQ(made, 42);
    (void)test_join(&first);
}

/* ---- fork ---- */

TEST(a_child_finds_done_what_was_done) {
    begin();
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    OK(pthread_once(&once, initialise));
    const pid_t child = fork();
    CHECK(child >= 0);
    OK(pthread_once(&once, initialise));
    CHECK_EQ(calls, 1);
    if (child == 0) _exit(0);
    test_join_child(child);
}

static pthread_once_t half_done = PTHREAD_ONCE_INIT, half_done_too = PTHREAD_ONCE_INIT;
static pid_t starter;

static void initialise_in_the_parent_slowly(void) {
    calls++;
    if (getpid() != starter) return;
    inside++;
    await(&may_go, 1);
}

static void *ask_half_done(void *once) {
    OK(pthread_once(once, initialise_in_the_parent_slowly));
    return NULL;
}

static void ask_in_child(void) {
    (void)ask_half_done(&half_done);
    CHECK_EQ(calls, 3);
    (void)ask_half_done(&half_done_too);
    CHECK_EQ(calls, 4);
}

TEST(a_child_begins_anew_what_other_threads_were_amid) {
    begin();
    /*
     * Else the child would wait for a thread that it does not have. glibc promises it; POSIX is silent.
     */
    if (!IS_GLIBC && !is_replaced()) test_skip("musl: the child waits");
    starter = getpid();
    test_thread thread = test_start(ask_half_done, &half_done);
    test_thread other = test_start(ask_half_done, &half_done_too);
    await(&inside, 2);
    test_in_child(ask_in_child);
    may_go = 1;
    (void)test_join(&thread);
    (void)test_join(&other);
}

enum { THREADS = 8, ROUNDS = 500 };

static pthread_once_t onces[ROUNDS];
static _Atomic int counts[ROUNDS], reached_round;

static void initialise_round(void) {
    counts[reached_round]++;
}

static pthread_barrier_t start_line;

static void *race(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        (void)pthread_barrier_wait(&start_line);
        reached_round = i;
        OK(pthread_once(&onces[i], initialise_round));
        CHECK_EQ(counts[i], 1);
    }
    return unused;
}

TEST(of_many_that_come_at_once_one_calls) {
    begin();
    OK(pthread_barrier_init(&start_line, NULL, THREADS));
    test_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = test_start(race, NULL);
    for (int i = 0; i < THREADS; i++) (void)test_join(&threads[i]);
}
