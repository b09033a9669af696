/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

static thrum_u32 calls;
static uint64_t called_at;
static int argument;

static void call(void *a) {
    CHECK(a == &argument);
    called_at = test_now_ns();
    thrum_u32_fetch_add_relaxed(&calls, 1);
}

#define CALLS thrum_u32_load_relaxed(&calls)

static thrum_timer *make(double seconds, void (*function)(void *)) {
    thrum_timer *const timer = malloc(sizeof *timer);
    CHECK_EQ(thrum_timer_init(timer, seconds, function, &argument), THRUM_OK);
    return timer;
}

static thrum_timer *start(double seconds, void (*function)(void *)) {
    thrum_timer *const timer = make(seconds, function);
    CHECK_EQ(thrum_timer_start(timer), THRUM_OK);
    return timer;
}

static void finish(thrum_timer *timer) {
    CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
    thrum_timer_release(timer);
    free(timer);
}

TEST(a_timer_calls_once_and_never_early) {
    for (int i = 0; i < 20; i++) {
        const uint64_t before = test_now_ns();
        thrum_timer *const timer = start(0.002, call);
        CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
        CHECK(called_at - before >= 2000000);
        CHECK(thrum_event_is_set(&timer->finished));
        finish(timer);
        CHECK_EQ(CALLS, i + 1);
    }
}

TEST(no_time_and_less_run_at_once) {
    finish(start(0, call));
    finish(start(-5, call));
    CHECK_EQ(CALLS, 2);
}

TEST(an_interval_that_is_no_time_is_refused) {
    thrum_timer timer;
    memset(&timer, 7, sizeof timer);
    const thrum_timer before = timer;
    CHECK_EQ(thrum_timer_init(&timer, NAN, call, NULL), THRUM_INVALID);
    CHECK_EQ(thrum_timer_init(&timer, 1e100, call, NULL), THRUM_OVERFLOW);
    CHECK(memcmp(&timer, &before, sizeof timer) == 0);
}

TEST(a_cancel_while_it_waits_ends_it_promptly_and_nothing_is_called) {
    thrum_timer *const timer = start(3600, call);
    thrum_timer_cancel(timer);
    CHECK_EQ(thrum_thread_join_until(&timer->thread, NULL, thrum_after(30)), THRUM_OK);
    CHECK(thrum_event_is_set(&timer->finished));
    CHECK_EQ(CALLS, 0);
    finish(timer);
}

TEST(a_cancel_before_the_start_lets_it_start_and_do_nothing) {
    thrum_timer *const timer = make(0, call);
    thrum_timer_cancel(timer);
    CHECK_EQ(thrum_timer_start(timer), THRUM_OK);
    finish(timer);
    CHECK_EQ(CALLS, 0);
}

TEST(a_later_cancel_has_no_effect) {
    thrum_timer *const timer = start(0, call);
    CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
    thrum_timer_cancel(timer);
    CHECK_EQ(CALLS, 1);
    CHECK_EQ(thrum_timer_start(timer), THRUM_ALREADY_STARTED);
    finish(timer);
}

static thrum_event begun, go_on;

static void call_slowly(void *a) {
    thrum_event_set(&begun);
    thrum_event_wait(&go_on);
    call(a);
}

TEST(finished_comes_after_the_call_also_when_it_was_cancelled_meanwhile) {
    thrum_timer *const timer = start(0, call_slowly);
    thrum_event_wait(&begun);
    thrum_timer_cancel(timer);
    CHECK(!thrum_event_is_set(&timer->finished));
    thrum_event_set(&go_on);
    thrum_event_wait(&timer->finished);
    CHECK_EQ(CALLS, 1);
    finish(timer);
}

static void cancel_oneself(void *a) {
    call(a);
    thrum_thread *const own = thrum_current_thread();
    CHECK(thrum_thread_is_alive(own));
}

TEST(its_thread_is_a_thread_with_a_name_and_no_daemon) {
    thrum_timer *const timer = make(0, cancel_oneself);
    CHECK(!thrum_thread_daemon(&timer->thread));
    CHECK(strcmp(thrum_thread_name(&timer->thread).text, "Thread-1") == 0);
    CHECK_EQ(thrum_thread_set_name(&timer->thread, "reminder"), THRUM_OK);
    CHECK_EQ(thrum_timer_start(timer), THRUM_OK);
    finish(timer);
    CHECK_EQ(CALLS, 1);
}

static void *make_in_daemon(void *timer) {
    *(thrum_timer **)timer = make(0, call);
    return NULL;
}

TEST(a_timer_made_by_a_daemon_is_none) {
    thrum_timer *timer;
    thrum_thread *daemon;
    const thrum_thread_config config = {
        .target = make_in_daemon, .argument = &timer, .daemon = THRUM_DAEMON_YES};
    CHECK_EQ(thrum_thread_spawn(&daemon, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_join(daemon, NULL), THRUM_OK);
    thrum_thread_release(daemon);
    CHECK(!thrum_thread_daemon(&timer->thread));
    thrum_timer_release(timer);
    free(timer);
}

static int reports;

static void count_report(const thrum_failure *failure) {
    CHECK_EQ(failure->code, 5);
    reports++;
}

static void fail(void *a) {
    (void)a;
    thrum_thread_fail(5, "in the function");
}

TEST(finished_is_not_set_when_the_function_failed) {
    thrum_set_excepthook(count_report);
    thrum_timer *const timer = start(0, fail);
    CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
    CHECK(!thrum_event_is_set(&timer->finished));
    CHECK_EQ(reports, 1);
    finish(timer);
}

static void leave_mark(void *a) {
    (void)a;
    CHECK_EQ(write(STDOUT_FILENO, "x", 1), 1);
}

TEST(a_pending_timer_keeps_the_process_alive) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        CHECK(dup2(ends[1], STDOUT_FILENO) >= 0);
        static thrum_timer timer;
        CHECK_EQ(thrum_timer_init(&timer, 0.1, leave_mark, NULL), THRUM_OK);
        CHECK_EQ(thrum_timer_start(&timer), THRUM_OK);
        exit(3);
    }
    close(ends[1]);
    char mark = 0;
    CHECK_EQ(read(ends[0], &mark, 1), 1);
    CHECK_EQ(mark, 'x');
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

TEST(cancels_race_with_the_call_and_one_of_the_two_happens) {
    for (unsigned i = 0; i < 300 / test_slowdown(); i++) {
        thrum_timer *const timer = start(0.0001, call);
        const uint64_t until = test_now_ns() + 50000 + (i % 10) * 20000;
        while (test_now_ns() < until) thrum_cpu_pause();
        thrum_timer_cancel(timer);
        CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
        CHECK(thrum_event_is_set(&timer->finished));
        finish(timer);
        CHECK(CALLS <= i + 1);
    }
}

static void is_described(const thrum_timer *timer, const char *expected) {
    char text[64];
    CHECK_EQ(thrum_timer_describe(timer, text, sizeof text), strlen(expected));
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQ(thrum_timer_describe(timer, text, 6), strlen(expected));
    CHECK(strcmp(text, "timer") == 0);
}

TEST(describe_tells_the_state) {
    thrum_set_excepthook(count_report);
    thrum_timer *const timer = make(0.005, call);
    is_described(timer, "timer of 0.005 s: not started");
    CHECK_EQ(thrum_timer_start(timer), THRUM_OK);
    CHECK_EQ(thrum_timer_join(timer), THRUM_OK);
    is_described(timer, "timer of 0.005 s: finished");
    finish(timer);
    thrum_timer *const long_one = start(3600, call);
    is_described(long_one, "timer of 3600 s: pending");
    thrum_timer_cancel(long_one);
    finish(long_one);
    thrum_timer *const failing = start(0, fail);
    CHECK_EQ(thrum_timer_join(failing), THRUM_OK);
    is_described(failing, "timer of 0 s: failed");
    finish(failing);
    thrum_timer *const cancelled = make(1, call);
    thrum_timer_cancel(cancelled);
    is_described(cancelled, "timer of 1 s: cancelled");
    thrum_timer_release(cancelled);
    free(cancelled);
}
