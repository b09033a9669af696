/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also registry thread */
/* Forks inside functions that thrum calls. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fork_parts.h"
#include "threads.h"

#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

static int written[2];

static void *write_late(void *unused) {
    thrum_futex_nap(thrum_after_ms(50));
    CHECK_EQ(write(written[1], "t", 1), 1);
    return unused;
}

static int do_nothing(void *unused, void **value) {
    (void)unused, (void)value;
    return 0;
}

/* A process at its beginning: its threads run, its executors work, and its exit waits. */
static void begin_anew(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = write_late, .daemon = THRUM_DAEMON_NO}));
    thrum_executor *executor;
    thrum_future *future;
    CHECK_EQ(thrum_executor_new(&executor, 1, NULL), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(executor, do_nothing, NULL, &future), THRUM_OK);
    CHECK_EQ(thrum_future_result(future, NULL), THRUM_OK);
    thrum_future_release(future);
    thrum_executor_release(executor);
}

static pid_t grandchild;

static void fork_and_exit(void *unused) {
    (void)unused;
    grandchild = fork();
    if (grandchild != 0) return;
    begin_anew();
    exit(0);
}

static void fork_and_return(void *unused) {
    (void)unused;
    grandchild = fork();
    if (grandchild == 0) begin_anew();
}

/* An executor's last wish is registered later, and so has been called when the function forks. */
static void wish_to(thrum_shutdown_function *function) {
    CHECK_EQ(thrum_at_shutdown(function, NULL), THRUM_OK);
    thrum_executor *executor;
    CHECK_EQ(thrum_executor_new(&executor, 1, NULL), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(executor, do_nothing, NULL, NULL), THRUM_OK);
    thrum_executor_release(executor);
}

static thrum_shutdown_function *wish;

static void shut_down(void) {
    wish_to(wish);
    thrum_shutdown();
    if (grandchild) test_join_child(grandchild);
}

static void leave_by_exit(void) {
    wish_to(wish);
    exit(0);
}

/* The thread of the grandchild has written before the pipe's last end is closed: by its exit. */
static void check_waits(thrum_shutdown_function *function, void (*end)(void)) {
    NO_THREADS_UNDER_TSAN();
    wish = function;
    CHECK_EQ(pipe(written), 0);
    in_child(end);
    close(written[1]);
    char text[2];
    CHECK_EQ(read(written[0], text, sizeof text), 1);
    close(written[0]);
}

TEST(a_child_forked_in_a_shutdown_function_is_at_its_beginning) {
    check_waits(fork_and_exit, shut_down);
}

TEST(a_child_forked_in_an_exit_handler_waits_at_its_exit) {
    check_waits(fork_and_exit, leave_by_exit);
}

TEST(a_shutdown_goes_on_in_a_child_that_returns_to_it) {
    check_waits(fork_and_return, shut_down);
}

static void fork_and_begin_anew(void *value, void *unused) {
    (void)value, (void)unused;
    const pid_t child = fork();
    if (child != 0) {
        test_join_child(child);
        return;
    }
    CHECK(thrum_current_thread() == thrum_main_thread());
    CHECK_EQ(thrum_active_count(), 0); /* its target is over */
    begin_anew();
    thrum_shutdown();
    _exit(0); /* what is being destroyed is no leak to report */
}

static thrum_local forker = THRUM_LOCAL_INIT(8, NULL, fork_and_begin_anew, NULL);

static void *touch_forker(void *argument) {
    CHECK(thrum_local_get(&forker) != NULL);
    return argument;
}

TEST(a_destructor_may_fork) {
    NO_THREADS_UNDER_TSAN();
    CHECK_EQ(pipe(written), 0);
    test_join_and_release(test_spawn((thrum_thread_config){.target = touch_forker}));
    char letter;
    CHECK_EQ(read(written[0], &letter, 1), 1);
}
