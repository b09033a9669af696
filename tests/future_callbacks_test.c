/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Callbacks of futures, and errors that nobody asks for. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "future_parts.h"
#include "test.h"

#include <string.h>

#include <thrum.h>

/* ---- callbacks ---- */

/* The text of one letter. */
static void *letter(char c) {
    static char letters[128][2];
    letters[(int)c][0] = c;
    return letters[(int)c];
}

TEST(callbacks_run_in_order_in_the_thread_that_completes) {
    forget();
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_add_callback(future, append, letter('a')), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, append, letter('b')), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, append, letter('b')), THRUM_OK);
    CHECK(strcmp(order, "") == 0);
    test_thread other = test_start(finish, thrum_future_retain(future));
    const pthread_t thread = other.thread;
    test_join(&other);
    CHECK(strcmp(order, "abb") == 0);
    CHECK(pthread_equal(called_in, thread));
    thrum_future_release(future);
}

TEST(a_callback_runs_at_once_when_it_is_done_already) {
    forget();
    thrum_future *const all[] = {finished(page), failed(1), cancelled()};
    for (int i = 0; i < 3; i++) {
        order[0] = 0;
        CHECK_EQ(thrum_future_add_callback(all[i], append, letter('x')), THRUM_OK);
        CHECK(strcmp(order, "x") == 0);
        CHECK(pthread_equal(called_in, pthread_self()));
        CHECK(thrum_future_result(all[i], NULL) != THRUM_TIMEOUT);
        thrum_future_release(all[i]);
    }
}

TEST(a_cancel_calls_back_too) {
    forget();
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_add_callback(future, append, letter('c')), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    CHECK(strcmp(order, "c") == 0);
    CHECK_EQ(thrum_future_start(future), THRUM_CANCELLED);
    CHECK(strcmp(order, "c") == 0);
    thrum_future_release(future);
}

static void add_another(thrum_future *future, void *text) {
    void *value = NULL;
    CHECK_EQ(thrum_future_try_result(future, &value), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(future), THRUM_STATE);
    CHECK_EQ(thrum_future_add_callback(future, append, text), THRUM_OK);
    bool done = false;
    CHECK_EQ(thrum_future_wait(&future, 1, THRUM_ALL_COMPLETED, &done), THRUM_OK);
    CHECK(done);
}

TEST(no_lock_is_held_while_a_callback_runs) {
    forget();
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_add_callback(future, add_another, letter('n')), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    CHECK(strcmp(order, "n") == 0);
    thrum_future_release(future);
}

static void fail(thrum_future *future, void *unused) {
    (void)future, (void)unused;
    thrum_thread_fail(5, "the callback is broken");
}

static void exit_thread(thrum_future *future, void *unused) {
    (void)future, (void)unused;
    thrum_thread_exit(NULL);
}

static thrum_lock inside, outside;

static void fail_with_a_lock(thrum_future *future, void *unused) {
    THRUM_WITH(&inside) fail(future, unused);
}

TEST(a_failing_callback_harms_nobody) {
    forget();
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_add_callback(future, append, letter('a')), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, fail_with_a_lock, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, append, letter('b')), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, exit_thread, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, append, letter('c')), THRUM_OK);
    THRUM_WITH(&outside) {
        CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
        CHECK(thrum_lock_locked(&outside)); /* the block around it is not left */
        CHECK(!thrum_lock_locked(&inside));
        CHECK_EQ(thrum_self_guards(), 1);
    }
    CHECK(strcmp(order, "abc") == 0);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.code, 5);
    CHECK(strcmp(told.message, "the callback is broken") == 0);
    CHECK_EQ(thrum_future_result(future, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, fail, NULL), THRUM_OK);
    CHECK_EQ(told.times, 2);
    thrum_future_release(future);
}

static void *finish_with_a_failing_callback(void *future) {
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    return page;
}

TEST(a_failing_callback_does_not_end_a_thread_of_thrums) {
    forget();
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_add_callback(future, fail, NULL), THRUM_OK);
    thrum_thread *thread;
    const thrum_thread_config config = {.target = finish_with_a_failing_callback, .argument = future};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    void *value = NULL;
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == page);
    CHECK(!thrum_thread_failed(thread, NULL));
    CHECK_EQ(told.times, 1);
    thrum_thread_release(thread);
    thrum_future_release(future);
}

static void nest(thrum_future *future, void *other) {
    (void)future;
    CHECK_EQ(thrum_future_add_callback(other, fail, NULL), THRUM_OK);
    strcat(order, "n");
}

TEST(a_callback_within_a_callback_fails_alone) {
    forget();
    thrum_future *const future = pending(), *const other = finished(page);
    CHECK_EQ(thrum_future_add_callback(future, nest, other), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    CHECK(strcmp(order, "n") == 0);
    CHECK_EQ(told.times, 1);
    thrum_future_release(future);
    thrum_future_release(other);
}

/* ---- the report ---- */

TEST(an_error_that_nobody_asked_for_is_reported_once) {
    forget();
    thrum_future *const future = thrum_future_retain(failed(3));
    thrum_future_release(future);
    CHECK_EQ(told.times, 0);
    thrum_future_release(future);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.code, 3);
    CHECK(strstr(told.message, "no page 7") != NULL);
}

TEST(an_error_that_somebody_asked_for_is_not_reported) {
    forget();
    thrum_future_failure failure;
    thrum_future *const by_result = failed(3), *const by_error = failed(3);
    CHECK_EQ(thrum_future_try_result(by_result, NULL), THRUM_FAILED);
    CHECK_EQ(thrum_future_try_error(by_error, &failure), THRUM_OK);
    thrum_future_release(by_result);
    thrum_future_release(by_error);
    thrum_future_release(finished(page));
    thrum_future_release(cancelled());
    CHECK_EQ(told.times, 0);
}

TEST(a_question_that_came_too_early_was_none) {
    forget();
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_try_result(future, NULL), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_set_error(future, 4, "late"), THRUM_OK);
    thrum_future_release(future);
    CHECK_EQ(told.times, 1);
}
