/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also registry */
/* The process's end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "thread_parts.h"
#include "threads.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

static thrum_u32 finished;

static void *finish_late(void *unused) {
    thrum_futex_nap(thrum_after_ms(100));
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

static void *start_another(void *unused) {
    thrum_futex_nap(thrum_after_ms(50));
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    return unused;
}

TEST(shutdown_waits_for_those_that_are_not_daemons_those_started_meanwhile_too) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread_release(test_spawn((thrum_thread_config){.target = start_another}));
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 2);
    thrum_shutdown(); /* idempotent */
    CHECK_EQ(thrum_u32_load_acquire(&finished), 2);
}

static char order[8];
static unsigned wishes;

static void wish(void *letter) {
    CHECK_EQ(thrum_u32_load_acquire(&finished), 0); /* before it waits */
    order[wishes++] = *(const char *)letter;
    CHECK_EQ(thrum_at_shutdown(wish, NULL), THRUM_FINALIZING);
    thrum_shutdown(); /* from inside: nothing */
    if (wishes == 3) thrum_event_set(&go_on);
}

static void *finish_when_let_go(void *unused) {
    thrum_event_wait(&go_on);
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

TEST(at_shutdown_functions_run_before_the_wait_the_last_first) {
    static char letters[] = "abc";
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_at_shutdown(wish, &letters[i]), THRUM_OK);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_when_let_go}));
    thrum_shutdown();
    CHECK(strcmp(order, "cba") == 0);
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
    CHECK_EQ(thrum_at_shutdown(wish, letters), THRUM_FINALIZING);
    thrum_shutdown();
    CHECK_EQ(wishes, 3);
}

static void end_with_a_daemon(void) {
    thrum_thread *const daemon =
        test_spawn((thrum_thread_config){.target = linger, .daemon = THRUM_DAEMON_YES});
    thrum_thread *const fresh = test_new((thrum_thread_config){.target = answer});
    thrum_shutdown();
    CHECK(thrum_thread_is_alive(daemon)); /* abandoned */
    CHECK_EQ(thrum_thread_start(fresh), THRUM_FINALIZING);
    CHECK_EQ(thrum_thread_join(daemon, NULL), THRUM_FINALIZING);
    CHECK_EQ(thrum_thread_join_until(daemon, NULL, thrum_after_ms(10)), THRUM_TIMEOUT);
    thrum_thread_release(fresh);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join_until(daemon, NULL, thrum_after(60)), THRUM_OK);
    CHECK_EQ(thrum_thread_join(daemon, NULL), THRUM_OK); /* it has ended: no wait */
    thrum_thread_release(daemon);
}

TEST(after_the_end_starts_and_endless_joins_of_daemons_are_refused) {
    test_in_child(end_with_a_daemon);
}

/* Registered before the first start, so it runs after the handler of the library. */
static void check_at_exit(void) {
    if (thrum_u32_load_acquire(&finished) != 1) {
        fprintf(stderr, "the process ended before its thread\n");
        _exit(99);
    }
}

TEST(returning_from_main_waits_for_threads) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
}

static void exit_with_3(void) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    exit(3);
}

TEST(exit_waits_and_keeps_its_status) {
    CHECK_EQ(test_status_of(exit_with_3), 3);
}

static void exit_with_a_daemon(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger, .daemon = THRUM_DAEMON_YES}));
    exit(4);
}

TEST(exit_does_not_wait_for_daemons) {
    CHECK_EQ(test_status_of(exit_with_a_daemon), 4);
}

static void *exit_in_thread(void *unused) {
    exit(5);
    return unused;
}

static void let_a_thread_exit(void) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = exit_in_thread});
    (void)thrum_thread_join(thread, NULL);
    _exit(98); /* its exit ends the process first */
}

TEST(a_thread_that_calls_exit_waits_for_the_others_but_not_for_main) {
    CHECK_EQ(test_status_of(let_a_thread_exit), 5);
}

static void *end_the_process(void *unused) {
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
    CHECK(!thrum_event_is_set(thrum_thread_ended(thrum_current_thread()))); /* that is main's alone */
    return unused;
}

static void end_the_process_in_two_threads(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread *ending[2];
    for (int i = 0; i < 2; i++) ending[i] = test_spawn((thrum_thread_config){.target = end_the_process});
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(thrum_thread_join_until(ending[i], NULL, thrum_after(60)), THRUM_OK);
        thrum_thread_release(ending[i]);
    }
}

TEST(two_threads_that_end_the_process_do_not_wait_for_each_other) {
    test_in_child(end_the_process_in_two_threads);
}

static void quit_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    quick_exit(6);
}

static void leave_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    _exit(7);
}

static void abort_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void exec_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    execlp("true", "true", (char *)NULL);
}

TEST(quick_ways_out_do_not_wait) {
    CHECK_EQ(test_status_of(quit_with_a_thread), 6);
    CHECK_EQ(test_status_of(leave_with_a_thread), 7);
    CHECK_EQ(test_status_of(abort_with_a_thread), TEST_BY_SIGNAL + SIGABRT);
    CHECK_EQ(test_status_of(exec_with_a_thread), 0);
}

static unsigned failures;

static void count_failure(const thrum_failure *failure) {
    failures++;
    CHECK_EQ(failure->code, 6);
    CHECK(strcmp(failure->message, "a wish failed") == 0);
}

static void fail_a_wish(void *unused) {
    (void)unused;
    thrum_thread_fail(6, "a wish failed");
}

static void exit_in_a_wish(void *unused) {
    thrum_thread_exit(unused);
}

static void note_a_wish(void *unused) {
    (void)unused;
    wishes++;
}

static void check_wishes_at_exit(void) {
    if (failures != 1 || wishes != 2) _exit(9);
}

static void end_with_a_failing_wish(void) {
    if (atexit(check_wishes_at_exit)) _exit(8); /* runs after the library's */
    thrum_set_excepthook(count_failure);
    CHECK_EQ(thrum_at_shutdown(note_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(fail_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(note_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(exit_in_a_wish, NULL), THRUM_OK);
    exit(5);
}

TEST(an_at_shutdown_function_that_fails_or_exits_ends_alone_and_the_exit_status_is_kept) {
    CHECK_EQ(test_status_of(end_with_a_failing_wish), 5);
}

static void *join_main(void *unused) {
    CHECK_EQ(thrum_thread_join_until(thrum_main_thread(), NULL, thrum_after_ms(1)), THRUM_TIMEOUT);
    thrum_event_set(&begin);
    CHECK_EQ(thrum_thread_join(thrum_main_thread(), NULL), THRUM_OK); /* and not before main waits */
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

TEST(main_can_be_joined_and_ends_when_shutdown_waits) {
    thrum_thread *const joiner = test_spawn((thrum_thread_config){.target = join_main});
    thrum_event_wait(&begin);
    while (!test_is_asleep((pid_t)thrum_thread_native_id(joiner)))
        CHECK_EQ(thrum_u32_load_acquire(&finished), 0);
    thrum_thread_release(joiner);
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
}
