/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The end of an executor. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "executor_parts.h"
#include "refuse.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum.h>

static int order[600];

TEST(after_a_shutdown_submits_are_refused_and_what_was_submitted_is_done) {
    thrum_executor *const pool = make(1);
    gate g = {.worker = 0};
    thrum_future *const runs = submit(pool, pass, &g), *const pending = submit(pool, double_it, order);
    thrum_semaphore_acquire(&g.entered);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
    thrum_future *late = NULL;
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, &late), THRUM_CLOSED);
    CHECK(late == NULL);
    CHECK_EQ(thrum_executor_join_until(pool, thrum_after_ms(2)), THRUM_TIMEOUT);
    thrum_event_set(&g.open);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    CHECK(thrum_future_done(runs) && thrum_future_done(pending));
    (void)result_of(runs);
    (void)result_of(pending);
    CHECK_EQ(thrum_active_count(), 1);
    end(pool);
}

static unsigned dropped;

static void note_drop(void *job_argument, void *argument) {
    CHECK(argument == &dropped);
    dropped += job_argument == order;
}

TEST(a_shutdown_that_cancels_runs_nothing_that_has_not_begun) {
    thrum_executor *const pool =
        make_with(1, &(thrum_executor_config){.drop = note_drop, .argument = &dropped});
    gate g = {.worker = 0};
    thrum_future *const runs = submit(pool, pass, &g), *const pending = submit(pool, count, NULL);
    CHECK_EQ(thrum_executor_submit(pool, count, order, NULL), THRUM_OK);
    thrum_semaphore_acquire(&g.entered);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
    CHECK_EQ(thrum_future_state_of(pending), THRUM_FUTURE_CANCELLED_AND_NOTIFIED);
    CHECK_EQ(thrum_executor_pending(pool), 0);
    CHECK_EQ(dropped, 1);
    CHECK(thrum_future_running(runs));
    thrum_event_set(&g.open);
    CHECK(result_of(runs) == &g);
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 0);
    thrum_future_release(pending);
}

TEST(a_shutdown_of_one_that_never_worked_ends_at_once) {
    thrum_executor *const pool = make(4);
    CHECK_EQ(thrum_executor_join_until(pool, thrum_after_ms(1)), THRUM_TIMEOUT); /* nobody has shut it down */
    CHECK_EQ(thrum_executor_shutdown(pool, 4), THRUM_INVALID);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT | THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_CLOSED);
    end(pool);
}

static int shut_it_down(void *pool, void **value) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT | THRUM_SHUTDOWN_CANCEL_PENDING),
             THRUM_DEADLOCK);
    CHECK_EQ(thrum_executor_join_until(pool, THRUM_NOW), THRUM_DEADLOCK);
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_CLOSED);
    *value = pool;
    return 0;
}

TEST(a_job_may_shut_its_own_pool_down_and_is_not_waited_for_by_itself) {
    for (int i = 0; i < 50; i++) {
        thrum_executor *const pool = make(2);
        thrum_future *const shuts = submit(pool, shut_it_down, pool);
        CHECK(result_of(shuts) == pool);
        end(pool);
    }
}

static int release_it(void *pool, void **value) {
    thrum_executor_release(pool);
    *value = order;
    return 0;
}

TEST(the_last_handle_may_be_released_by_a_job) {
    for (int i = 0; i < 50; i++) {
        thrum_executor *const pool = make(2);
        thrum_executor_retain(pool);
        thrum_future *const releases = submit(pool, release_it, pool);
        thrum_executor_release(pool);
        CHECK(result_of(releases) == order);
    }
    while (thrum_active_count() > 1) usleep(100);
}

TEST(a_release_without_a_shutdown_still_does_what_was_submitted) {
    thrum_executor *const pool = make(2);
    for (int i = 0; i < 500; i++) CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
    thrum_executor_release(pool);
    while (thrum_u32_load_relaxed(&ran) < 500) usleep(100);
    while (thrum_active_count() > 1) usleep(100);
    thrum_executor_release(NULL);
}

static void *shut_down(void *pool) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    return NULL;
}

TEST(anybody_may_wait_for_the_end) {
    thrum_executor *const pool = make(3);
    gate g = {.worker = 0};
    thrum_future *const runs = submit(pool, pass, &g);
    test_thread waiters[3];
    for (int i = 0; i < 3; i++) waiters[i] = test_start(shut_down, pool);
    for (int i = 0; i < 3; i++) test_await_asleep(&waiters[i]);
    thrum_event_set(&g.open);
    for (int i = 0; i < 3; i++) test_join(&waiters[i]);
    (void)result_of(runs);
    end(pool);
}

static int shut_another_down(void *other, void **value) {
    (void)value;
    return (int)thrum_executor_shutdown(other, THRUM_SHUTDOWN_WAIT);
}

TEST(a_job_may_wait_for_the_end_of_another_pool) {
    thrum_executor *const pool = make(1), *const other = make(1);
    (void)result_of(submit(other, say_nothing, NULL));
    (void)result_of(submit(pool, shut_another_down, other));
    end(other);
    end(pool);
}

static void wait_to_be_destroyed(void *value, void *argument) {
    (void)argument;
    if (*(gate **)value) thrum_event_wait(&(*(gate **)value)->open);
}

static thrum_local keeps = THRUM_LOCAL_INIT(sizeof(gate *), NULL, wait_to_be_destroyed, NULL);

/* The thread on which it runs ends only when that gate is open, if there is one. */
static int keep(void *p, void **value) {
    gate *const *const gates = p;
    void *kept = NULL;
    CHECK_EQ(thrum_local_value(&keeps, &kept), THRUM_OK);
    memcpy(kept, &gates[1], sizeof gates[1]);
    return pass(gates[0], value);
}

TEST(the_end_is_waited_for_until_the_last_thread_has_ended_whichever_it_is) {
    for (unsigned late = 0; late < 2; late++) {
        thrum_executor *const pool = make(2);
        gate both = {.worker = 0}, end_of_one = {.worker = 0};
        gate *gates[2][2] = {{&both, NULL}, {&both, NULL}};
        gates[late][1] = &end_of_one;
        thrum_future *futures[2];
        for (unsigned i = 0; i < 2; i++) {
            futures[i] = submit(pool, keep, gates[i]);
            thrum_semaphore_acquire(&both.entered);
        }
        thrum_event_set(&both.open);
        for (unsigned i = 0; i < 2; i++) (void)result_of(futures[i]);
        CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
        while (thrum_active_count() > 2) sched_yield(); /* one of the two workers has left */
        CHECK_EQ(thrum_executor_join_until(pool, thrum_after_ms(2)), THRUM_TIMEOUT);
        thrum_event_set(&end_of_one.open);
        end(pool);
    }
    thrum_local_destroy(&keeps);
}

/* A child whose main does what is given, and returns from it or exits; what it wrote to the pipe. */
static size_t run_a_process(void (*body)(void), char *text, size_t size) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        body();
        exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t more; (more = read(ends[0], text + length, size - 1 - length)) > 0;) length += (size_t)more;
    text[length] = 0;
    close(ends[0]);
    test_join_child(child);
    return length;
}

static char letters[] = "abcdef";

static int write_a_letter(void *argument, void **value) {
    (void)value;
    usleep(1000);
    return write(STDOUT_FILENO, argument, 1) == 1 ? 0 : 1;
}

static void submit_and_end(void) {
    thrum_executor *const pool = make(2);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(thrum_executor_submit(pool, write_a_letter, &letters[0], NULL), THRUM_OK);
}

static void submit_release_and_end(void) {
    thrum_executor *const pool = make(2);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(thrum_executor_submit(pool, write_a_letter, &letters[1], NULL), THRUM_OK);
    thrum_executor_release(pool);
    thrum_shutdown();
    thrum_executor *late = NULL;
    CHECK_EQ(thrum_executor_new(&late, 1, NULL), THRUM_FINALIZING);
}

static void leave_an_idle_one(void) {
    (void)result_of(submit(make(3), double_it, order));
    (void)make(3);
    CHECK_EQ(write(STDOUT_FILENO, "c", 1), 1);
}

static thrum_executor *global;

static void submit_at_shutdown(void *unused) {
    (void)unused;
    CHECK_EQ(thrum_executor_submit(global, write_a_letter, &letters[3], NULL), THRUM_OK);
}

static void be_late(void *unused) {
    (void)unused;
    CHECK_EQ(thrum_executor_submit(global, write_a_letter, &letters[4], NULL), THRUM_CLOSED);
}

static void submit_while_ending(void) {
    CHECK_EQ(thrum_at_shutdown(be_late, NULL), THRUM_OK);
    global = make(1);
    CHECK_EQ(thrum_at_shutdown(submit_at_shutdown, NULL), THRUM_OK);
}

TEST(the_process_waits_for_submitted_jobs_when_it_ends) {
    if (THRUM_UNDER_TSAN) test_skip("to the sanitizer a thread whose handle is forgotten is a leak");
    char text[64];
    CHECK_EQ(run_a_process(submit_and_end, text, sizeof text), 20);
    CHECK_EQ(run_a_process(submit_release_and_end, text, sizeof text), 20);
    CHECK_EQ(run_a_process(leave_an_idle_one, text, sizeof text), 1);
    CHECK_EQ(run_a_process(submit_while_ending, text, sizeof text), 1);
    CHECK(strcmp(text, "d") == 0);
}

static void fork_with_a_pool(void) {
    thrum_executor *const pool = make(2);
    gate g = {.worker = 0};
    thrum_future *const runs = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    const pid_t child = fork();
    if (child == 0) { /* none of its parent's is waited for; one of its own works, and is */
        CHECK_EQ(thrum_executor_submit(make(1), write_a_letter, &letters[5], NULL), THRUM_OK);
        exit(0);
    }
    test_join_child(child);
    thrum_event_set(&g.open);
    (void)result_of(runs);
    end(pool);
}

TEST(a_forked_child_waits_for_its_own_jobs_only) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer's own table of threads does not survive a fork");
    char text[64];
    CHECK_EQ(run_a_process(fork_with_a_pool, text, sizeof text), 1);
}

/* The list of all leads from the idle ones to the busy one, whose locks the child may never get. */
static void fork_and_release_the_idle_ones(void) {
    thrum_executor *const busy = make(1);
    gate g = {.worker = 0};
    thrum_future *const runs = submit(busy, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    thrum_executor *const older = make(1), *const newer = make(1);
    const pid_t child = fork();
    if (child == 0) {
        thrum_executor_release(newer);
        thrum_executor_release(older);
        thrum_shutdown();
        char text[128];
        (void)thrum_executor_describe(busy, text, sizeof text);
        _exit(strstr(text, ": open") ? 0 : 1);
    }
    test_join_child(child);
    thrum_event_set(&g.open);
    (void)result_of(runs);
    end(busy);
    end(older);
    end(newer);
}

TEST(a_forked_child_that_releases_an_executor_of_its_parents_leaves_the_others_alone) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer's own table of threads does not survive a fork");
    char text[64];
    CHECK_EQ(run_a_process(fork_and_release_the_idle_ones, text, sizeof text), 0);
}

static bool return_from_a_block(void) {
    thrum_executor *pool;
    thrum_result result;
    THRUM_WITH_EXECUTOR(&pool, 2, NULL, &result) {
        for (int i = 0; i < 100; i++) CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
        return true;
    }
    return false;
}

TEST(a_block_with_an_executor_is_left_when_all_jobs_are_done) {
    CHECK(return_from_a_block());
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 100);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_executor *pool;
    thrum_result result;
    THRUM_WITH_EXECUTOR(&pool, 1, NULL, &result) {
        CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
        CHECK_EQ(thrum_self_guards(), 1);
    }
    CHECK_EQ(result, THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 101);
    CHECK_EQ(thrum_active_count(), 1);
    THRUM_WITH_EXECUTOR(&pool, 0, NULL, &result) CHECK(false);
    CHECK_EQ(result, THRUM_INVALID);
    CHECK_EQ(thrum_self_guards(), 0);
}
