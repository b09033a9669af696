/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Waits for several futures. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "future_parts.h"
#include "test.h"

#include <unistd.h>

#include <thrum.h>

/* ---- wait ---- */

static bool done[MANY];

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

TEST(a_wait_that_times_out_hands_back_the_done_ones_and_leaves_nothing_behind) {
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
