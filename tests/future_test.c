/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thrum.h>

static char page[16];
static char order[16];

static thrum_future *pending(void) {
    thrum_future *future = NULL;
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    return future;
}

static thrum_future *running(void) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_start(future), THRUM_OK);
    return future;
}

static thrum_future *finished(void *value) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_set_result(future, value), THRUM_OK);
    return future;
}

static thrum_future *failed(int code) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_set_error(future, code, "no page %d", 7), THRUM_OK);
    return future;
}

static thrum_future *cancelled(void) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    return future;
}

/* What the exception hook was told. */
static struct {
    unsigned times;
    int code;
    char message[256];
} told;

static void note_failure(const thrum_failure *failure) {
    told.times++;
    told.code = failure->code;
    strcpy(told.message, failure->message);
}

static void forget(void) {
    order[0] = 0;
    told.times = 0;
    thrum_set_excepthook(note_failure);
}

/* ---- states ---- */

TEST(a_new_one_is_pending) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_PENDING);
    CHECK(!thrum_future_done(future) && !thrum_future_running(future) && !thrum_future_cancelled(future));
    CHECK(!thrum_event_is_set(thrum_future_done_event(future)));
    thrum_future_release(future);
}

TEST(it_goes_from_pending_over_running_to_finished) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_RUNNING);
    CHECK(thrum_future_running(future) && !thrum_future_done(future));
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_FINISHED);
    CHECK(!thrum_future_running(future) && thrum_future_done(future) && !thrum_future_cancelled(future));
    void *value = NULL;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
    CHECK(value == page);
    thrum_future_release(future);
}

TEST(a_pending_one_can_be_finished_without_a_start) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    CHECK_EQ(thrum_future_start(future), THRUM_STATE);
    CHECK_EQ(thrum_future_result(future, NULL), THRUM_OK);
    thrum_future_release(future);
}

TEST(a_pending_one_is_cancelled_and_then_notified) {
    thrum_future *const future = cancelled();
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_CANCELLED);
    CHECK(thrum_future_cancelled(future) && thrum_future_done(future));
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    CHECK_EQ(thrum_future_start(future), THRUM_CANCELLED);
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_CANCELLED_AND_NOTIFIED);
    CHECK(thrum_future_cancelled(future) && thrum_future_done(future));
    CHECK_EQ(thrum_future_start(future), THRUM_CANCELLED);
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    void *value = page;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_CANCELLED);
    CHECK(value == page);
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_CANCELLED);
    thrum_future_release(future);
}

TEST(one_that_runs_or_is_finished_cannot_be_cancelled) {
    thrum_future *const runs = running(), *const is_finished = finished(page), *const has_failed = failed(3);
    CHECK_EQ(thrum_future_cancel(runs), THRUM_STATE);
    CHECK(thrum_future_running(runs));
    CHECK_EQ(thrum_future_cancel(is_finished), THRUM_STATE);
    CHECK_EQ(thrum_future_result(is_finished, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(has_failed), THRUM_STATE);
    CHECK_EQ(thrum_future_result(has_failed, NULL), THRUM_FAILED);
    thrum_future_release(runs);
    thrum_future_release(is_finished);
    thrum_future_release(has_failed);
}

TEST(a_second_start_is_refused) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_start(future), THRUM_STATE);
    thrum_future_release(future);
}

TEST(a_second_set_is_refused_and_the_first_one_stays) {
    forget();
    thrum_future *const value = finished(page), *const error = failed(3), *const none = cancelled();
    thrum_future *const all[] = {value, error, none};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(thrum_future_set_result(all[i], order), THRUM_STATE);
        CHECK_EQ(thrum_future_set_error(all[i], 9, "late"), THRUM_STATE);
    }
    void *got = NULL;
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_result(value, &got), THRUM_OK);
    CHECK(got == page);
    CHECK_EQ(thrum_future_error(error, &failure), THRUM_OK);
    CHECK_EQ(failure.code, 3);
    CHECK_EQ(thrum_future_result(none, &got), THRUM_CANCELLED);
    for (int i = 0; i < 3; i++) thrum_future_release(all[i]);
}

TEST(an_error_has_a_code_and_a_text) {
    thrum_future *const future = failed(3);
    void *value = page;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_FAILED);
    CHECK(value == page);
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(failure.code, 3);
    CHECK(strcmp(failure.message, "no page 7") == 0);
    thrum_future_release(future);
}

TEST(of_one_with_a_value_the_error_is_none) {
    thrum_future *const future = finished(page);
    thrum_future_failure failure = {9, NULL};
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(failure.code, 0);
    CHECK(strcmp(failure.message, "") == 0);
    thrum_future_release(future);
}

TEST(an_error_needs_a_code_and_nothing_happens_without) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_set_error(future, 0, "no code"), THRUM_INVALID);
    CHECK(thrum_future_running(future));
    thrum_future_release(future);
}

TEST(a_long_text_is_cut) {
    thrum_future *const future = pending();
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CHECK_EQ(thrum_future_set_error(future, 1, "%s", text), THRUM_OK);
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(strlen(failure.message), 255);
    thrum_future_release(future);
}

/* ---- waiting ---- */

TEST(a_timeout_leaves_it_alone) {
    thrum_future *const future = pending();
    void *value = page;
    thrum_future_failure failure = {5, NULL};
    CHECK_EQ(thrum_future_try_result(future, &value), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_result_until(future, &value, thrum_after_ms(5)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_try_error(future, &failure), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_error_until(future, &failure, thrum_after_ms(5)), THRUM_TIMEOUT);
    CHECK(value == page && failure.code == 5);
    CHECK_EQ(thrum_future_state_of(future), THRUM_FUTURE_PENDING);
    CHECK_EQ(thrum_future_set_result(future, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_try_result(future, &value), THRUM_OK);
    CHECK(value == NULL);
    CHECK_EQ(thrum_future_try_error(future, &failure), THRUM_OK);
    thrum_future_release(future);
}

static void *ask(void *future) {
    void *value = NULL;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
    return value;
}

TEST(everybody_who_waits_gets_the_result) {
    thrum_future *const future = pending();
    test_thread waiters[3];
    for (int i = 0; i < 3; i++) waiters[i] = test_start(ask, future);
    for (int i = 0; i < 3; i++) test_await_asleep(&waiters[i]);
    strcpy(page, "written before");
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    for (int i = 0; i < 3; i++) CHECK(strcmp(test_join(&waiters[i]), "written before") == 0);
    thrum_future_release(future);
}

static void *ask_a_cancelled_one(void *future) {
    CHECK_EQ(thrum_future_result(future, NULL), THRUM_CANCELLED);
    return NULL;
}

TEST(a_cancel_wakes_who_waits) {
    thrum_future *const future = pending();
    test_thread waiter = test_start(ask_a_cancelled_one, future);
    test_await_asleep(&waiter);
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    test_join(&waiter);
    thrum_future_release(future);
}

static void *finish(void *future) {
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    thrum_future_release(future);
    return NULL;
}

TEST(it_hands_out_an_event_for_wait_any) {
    thrum_future *const future = pending();
    thrum_event never = THRUM_EVENT_INIT;
    const thrum_waitable either[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(thrum_future_done_event(future))};
    unsigned which = 9;
    CHECK(!thrum_try_wait_any(either, 2, &which));
    test_thread other = test_start(finish, thrum_future_retain(future));
    CHECK_EQ(thrum_wait_any(either, 2, &which), THRUM_OK);
    CHECK_EQ(which, 1);
    CHECK(thrum_future_done(future));
    test_join(&other);
    thrum_future_release(future);
}

TEST(the_last_reference_may_be_anybodys) {
    for (int i = 0; i < 200; i++) {
        thrum_future *const future = pending();
        test_thread other = test_start(finish, thrum_future_retain(future));
        if (i % 2) CHECK_EQ(thrum_future_result(future, NULL), THRUM_OK);
        thrum_future_release(future);
        test_join(&other);
    }
    thrum_future_release(NULL);
}

/* ---- callbacks ---- */

static pthread_t called_in;

/* The text of one letter. */
static void *letter(char c) {
    static char letters[128][2];
    letters[(int)c][0] = c;
    return letters[(int)c];
}

static void append(thrum_future *future, void *text) {
    CHECK(thrum_future_done(future));
    strcat(order, text);
    called_in = pthread_self();
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

TEST(who_asked_too_early_did_not_ask) {
    forget();
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_try_result(future, NULL), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_set_error(future, 4, "late"), THRUM_OK);
    thrum_future_release(future);
    CHECK_EQ(told.times, 1);
}

/* ---- wait ---- */

enum { MANY = 6 };
static thrum_future *many[MANY];
static bool done[MANY];

static void begin(unsigned count) {
    for (unsigned i = 0; i < count; i++) many[i] = pending();
}
static void end(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        (void)!thrum_future_try_result(many[i], NULL);
        thrum_future_release(many[i]);
    }
}

struct waiting {
    size_t count;
    thrum_future_when when;
    bool *done;
};

static void *wait_for_many(void *p) {
    const struct waiting *const waiting = p;
    CHECK_EQ(thrum_future_wait(many, waiting->count, waiting->when, waiting->done), THRUM_OK);
    return NULL;
}

static test_thread start_waiting(struct waiting *waiting) {
    const test_thread waiter = test_start(wait_for_many, waiting);
    test_await_asleep(&waiter);
    return waiter;
}

TEST(wait_for_all_returns_when_the_last_is_done) {
    begin(4);
    struct waiting waiting = {4, THRUM_ALL_COMPLETED, done};
    test_thread waiter = start_waiting(&waiting);
    CHECK_EQ(thrum_future_set_result(many[2], page), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(many[0]), THRUM_OK);
    CHECK_EQ(thrum_future_set_error(many[3], 1, "no"), THRUM_OK);
    usleep(2000);
    CHECK(test_is_asleep(waiter.tid)); /* three of four are not enough, and wake nobody */
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    test_join(&waiter);
    for (int i = 0; i < 4; i++) CHECK(done[i]);
    end(4);
}

TEST(wait_for_the_first_returns_with_one) {
    begin(3);
    struct waiting waiting = {3, THRUM_FIRST_COMPLETED, done};
    test_thread waiter = start_waiting(&waiting);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    test_join(&waiter);
    CHECK(!done[0] && done[1] && !done[2]);
    end(3);
}

TEST(wait_for_the_first_failure_passes_over_values_and_cancels) {
    begin(4);
    struct waiting waiting = {4, THRUM_FIRST_FAILED, done};
    test_thread waiter = start_waiting(&waiting);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(many[0]), THRUM_OK);
    usleep(2000);
    CHECK(test_is_asleep(waiter.tid));
    CHECK_EQ(thrum_future_set_error(many[3], 1, "no"), THRUM_OK);
    test_join(&waiter);
    CHECK(done[0] && done[1] && !done[2] && done[3]);
    end(4);
}

TEST(wait_for_the_first_failure_ends_with_all_when_none_fails) {
    begin(2);
    struct waiting waiting = {2, THRUM_FIRST_FAILED, done};
    test_thread waiter = start_waiting(&waiting);
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    test_join(&waiter);
    CHECK(done[0] && done[1]);
    end(2);
}

TEST(wait_returns_at_once_for_what_is_done_already) {
    begin(3);
    CHECK_EQ(thrum_future_set_error(many[1], 1, "no"), THRUM_OK);
    CHECK_EQ(thrum_future_wait(many, 3, THRUM_FIRST_COMPLETED, done), THRUM_OK);
    CHECK(!done[0] && done[1] && !done[2]);
    CHECK_EQ(thrum_future_wait(many, 3, THRUM_FIRST_FAILED, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_wait_until(many, 3, THRUM_ALL_COMPLETED, NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_future_wait(many + 1, 1, THRUM_ALL_COMPLETED, done), THRUM_OK);
    CHECK_EQ(thrum_future_wait(NULL, 0, THRUM_FIRST_COMPLETED, NULL), THRUM_OK);
    end(3);
}

TEST(in_wait_duplicates_count_once) {
    begin(2);
    thrum_future *const twice[] = {many[0], many[1], many[0], many[0]};
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    CHECK_EQ(thrum_future_wait_until(twice, 4, THRUM_ALL_COMPLETED, done, thrum_after_ms(2)), THRUM_TIMEOUT);
    CHECK(done[0] && !done[1] && done[2] && done[3]);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    CHECK_EQ(thrum_future_wait(twice, 4, THRUM_ALL_COMPLETED, done), THRUM_OK);
    for (int i = 0; i < 4; i++) CHECK(done[i]);
    end(2);
}

TEST(a_wait_that_times_out_hands_back_who_is_done_and_leaves_nothing_behind) {
    begin(3);
    CHECK_EQ(thrum_future_set_result(many[2], page), THRUM_OK);
    for (int round = 0; round < 3; round++)
        CHECK_EQ(thrum_future_wait_until(many, 3, THRUM_ALL_COMPLETED, done, thrum_after_ms(2)),
                 THRUM_TIMEOUT);
    CHECK(!done[0] && !done[1] && done[2]);
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    end(3);
}

TEST(two_may_wait_for_the_same_futures) {
    begin(3);
    struct waiting all = {3, THRUM_ALL_COMPLETED, done}, fewer = {2, THRUM_ALL_COMPLETED, NULL};
    test_thread a = start_waiting(&all), b = start_waiting(&fewer);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_future_set_result(many[i], page), THRUM_OK);
    test_join(&a);
    test_join(&b);
    end(3);
}

/* ---- as_completed ---- */

TEST(as_completed_gives_each_once_in_the_order_of_completion) {
    forget();
    begin(4);
    CHECK_EQ(thrum_future_set_result(many[3], page), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(many[1]), THRUM_OK);
    thrum_future *const named[] = {many[0], many[1], many[0], many[2], many[3], many[1]};
    thrum_as_completed completed;
    CHECK_EQ(thrum_as_completed_init(&completed, named, 6, THRUM_FOREVER), THRUM_OK);
    thrum_future *next = NULL;
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    CHECK(next == many[1]); /* of those done before, as they were named */
    CHECK_EQ(thrum_future_set_result(many[2], page), THRUM_OK);
    CHECK_EQ(thrum_future_set_error(many[0], 1, "no"), THRUM_OK);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    CHECK(next == many[3]);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    CHECK(next == many[2]);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    CHECK(next == many[0]);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_EMPTY);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_EMPTY);
    CHECK(next == many[0]);
    thrum_as_completed_destroy(&completed);
    end(4);
}

static void *give(void *p) {
    thrum_as_completed *const completed = p;
    thrum_future *next = NULL;
    CHECK_EQ(thrum_as_completed_next(completed, &next), THRUM_OK);
    CHECK_EQ(thrum_future_try_result(next, NULL), THRUM_OK);
    return next;
}

TEST(as_completed_waits_for_the_next_one) {
    begin(2);
    thrum_as_completed completed;
    CHECK_EQ(thrum_as_completed_init(&completed, many, 2, THRUM_FOREVER), THRUM_OK);
    test_thread waiter = test_start(give, &completed);
    test_await_asleep(&waiter);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    CHECK(test_join(&waiter) == many[1]);
    thrum_as_completed_destroy(&completed); /* before the other one is done */
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    end(2);
}

TEST(as_completed_has_one_deadline_for_all) {
    begin(2);
    thrum_as_completed completed;
    const uint64_t start = test_now_ns();
    CHECK_EQ(thrum_as_completed_init(&completed, many, 2, thrum_after_ms(20)), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    thrum_future *next = NULL;
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_TIMEOUT);
    CHECK(test_now_ns() - start >= 20000000);
    CHECK_EQ(thrum_future_set_result(many[1], page), THRUM_OK);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK); /* what is there is given, however late */
    CHECK(next == many[1]);
    thrum_as_completed_destroy(&completed);
    CHECK_EQ(thrum_as_completed_init(&completed, many, 0, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_EMPTY);
    thrum_as_completed_destroy(&completed);
    end(2);
}

/* ---- the rest ---- */

TEST(no_memory_is_a_result_and_changes_nothing) {
    if (THRUM_UNDER_TSAN || test_under_asan()) test_skip("the sanitizers die without memory");
    begin(2);
    CHECK_EQ(thrum_future_wait(many, SIZE_MAX / 8, THRUM_ALL_COMPLETED, NULL), THRUM_NO_MEMORY);
    thrum_as_completed completed;
    CHECK_EQ(thrum_as_completed_init(&completed, many, SIZE_MAX / 8, THRUM_FOREVER), THRUM_NO_MEMORY);
    const struct rlimit little = {32u << 20, 32u << 20};
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    thrum_result result;
    unsigned added = 0;
    while ((result = thrum_future_add_callback(many[0], append, page)) == THRUM_OK) added++;
    CHECK_EQ(result, THRUM_NO_MEMORY);
    CHECK(added > 1000);
    thrum_future *another = NULL;
    for (unsigned i = 0; i < added && result == THRUM_NO_MEMORY; i++) {
        const thrum_result made = thrum_future_new(&another);
        CHECK(made == THRUM_OK || made == THRUM_NO_MEMORY);
        if (made == THRUM_NO_MEMORY) break;
    }
    CHECK_EQ(thrum_future_set_error(many[1], 3, "a text that there is no room for"), THRUM_OK);
    thrum_future_failure failure = {0, NULL};
    CHECK_EQ(thrum_future_try_error(many[1], &failure), THRUM_OK);
    CHECK_EQ(failure.code, 3);
    CHECK(failure.message[0] != 0);
    CHECK_EQ(thrum_future_set_result(many[0], page), THRUM_OK);
    CHECK(thrum_future_done(many[0]));
}

TEST(the_state_can_be_read_by_people) {
    char text[64];
    thrum_future *const all[] = {pending(), running(), finished(page), failed(1), cancelled(), cancelled()};
    static const char *const texts[] = {"future: pending",   "future: running",
                                        "future: finished",  "future: finished, with an error",
                                        "future: cancelled", "future: cancelled and notified"};
    CHECK_EQ(thrum_future_start(all[5]), THRUM_CANCELLED);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(thrum_future_describe(all[i], text, sizeof text), strlen(texts[i]));
        CHECK(strcmp(text, texts[i]) == 0);
        CHECK_EQ(thrum_future_describe(all[i], text, 8), strlen(texts[i]));
        CHECK(strcmp(text, "future:") == 0);
        (void)!thrum_future_try_result(all[i], NULL);
        thrum_future_release(all[i]);
    }
}
