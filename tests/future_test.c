/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "future_parts.h"
#include "test.h"

#include <string.h>
#include <sys/resource.h>

#include <thrum.h>

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

TEST(every_waiter_gets_the_result) {
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

TEST(a_cancel_wakes_the_waiters) {
    thrum_future *const future = pending();
    test_thread waiter = test_start(ask_a_cancelled_one, future);
    test_await_asleep(&waiter);
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    test_join(&waiter);
    thrum_future_release(future);
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
