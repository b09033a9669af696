/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Jobs that fail. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "executor_parts.h"
#include "refuse.h"

#include <string.h>

#include <thrum.h>

static int return_seven(void *argument, void **value) {
    (void)argument, (void)value;
    return 7;
}

static int say_why(void *argument, void **value) {
    *value = argument;
    return thrum_job_error(9, "no page %s", (char *)argument);
}

static int fail_the_thread(void *argument, void **value) {
    (void)value;
    thrum_thread_fail(11, "job %s", (char *)argument);
}

static int exit_the_thread(void *argument, void **value) {
    (void)value;
    thrum_thread_exit(argument);
}

static thrum_lock held;

static int fail_holding(void *argument, void **value) {
    THRUM_WITH(&held) fail_the_thread(argument, value);
    return 0;
}

TEST(a_job_that_fails_tells_its_future_and_the_worker_goes_on) {
    static char name[] = "x";
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make(1);
    for (int i = 0; i < 20; i++) {
        check_failure(submit(pool, return_seven, NULL), 7, "the job returned 7");
        check_failure(submit(pool, say_why, name), 9, "no page x");
        check_failure(submit(pool, return_seven, NULL), 7, "the job returned 7");
        check_failure(submit(pool, fail_the_thread, name), 11, "job x");
        check_failure(submit(pool, fail_holding, name), 11, "job x");
        CHECK(!thrum_lock_locked(&held));
        CHECK(result_of(submit(pool, exit_the_thread, name)) == name);
        CHECK(result_of(submit(pool, double_it, name)) == name + 1);
    }
    CHECK_EQ(thrum_executor_workers(pool), 1);
    end(pool);
    CHECK_EQ(told.times, 0);
    CHECK_EQ(thrum_active_count(), 1);
}

TEST(a_failed_job_whose_future_nobody_asked_is_reported) {
    static char name[] = "x";
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make_with(1, &(thrum_executor_config){.prefix = "pool"});
    thrum_future_release(submit(pool, say_why, name));
    (void)result_of(submit(pool, double_it, name));
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.code, 9);
    CHECK(strstr(told.message, "nobody asked") && strstr(told.message, "no page x"));
    end(pool);
}

TEST(a_failed_job_without_a_future_is_reported_by_its_worker) {
    static char name[] = "x";
    static const struct {
        thrum_job *job;
        int code;
        const char *message;
    } cases[] = {
        {say_why, 9, "no page x"}, {return_seven, 7, "the job returned 7"}, {fail_the_thread, 11, "job x"}};
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make_with(1, &(thrum_executor_config){.prefix = "pool"});
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_executor_submit(pool, cases[i].job, name, NULL), THRUM_OK);
        (void)result_of(submit(pool, double_it, name));
        CHECK_EQ(told.times, i + 1);
        CHECK_EQ(told.code, cases[i].code);
        CHECK(strcmp(told.message, cases[i].message) == 0);
        CHECK(strcmp(told.thread, "pool_0") == 0);
    }
    end(pool);
}

static int say_nothing_and_return(void *code, void **value) {
    (void)value;
    return thrum_job_error((int)(intptr_t)code, "%s", "");
}

static int say_one_and_return_another(void *code, void **value) {
    (void)value;
    return thrum_job_error((int)(intptr_t)code + 1, "no page") - 1;
}

TEST(a_job_that_says_nothing_of_the_code_that_it_returns_is_said_to_have_returned_it) {
    thrum_executor *const pool = make(1);
    check_failure(submit(pool, say_nothing_and_return, (void *)7), 7, "the job returned 7");
    check_failure(submit(pool, say_one_and_return_another, (void *)7), 7, "the job returned 7");
    end(pool);
}

/* Whatever its worker does next: it ends, goes on after a job that exits, or is replaced. */
TEST(a_failed_job_is_told_of_once_and_no_later_job_has_its_failure) {
    static thrum_job *const failing[] = {say_why, return_seven, fail_the_thread};
    static thrum_job *const next[] = {NULL, exit_the_thread, end_the_thread};
    static char name[] = "x";
    thrum_set_excepthook(note_failure);
    for (unsigned i = 0; i < 9; i++) {
        told.times = 0;
        thrum_executor *const pool = make(1);
        CHECK_EQ(thrum_executor_submit(pool, failing[i / 3], name, NULL), THRUM_OK);
        if (next[i % 3]) CHECK(result_of(submit(pool, next[i % 3], name)) == (i % 3 == 1 ? name : NULL));
        end(pool);
        CHECK_EQ(told.times, 1);
    }
}

TEST(an_error_outside_of_a_job_is_a_code_and_no_more) {
    CHECK_EQ(thrum_job_error(5, "nowhere"), 5);
}

TEST(a_worker_keeps_its_thread_local_values_from_job_to_job_unless_its_thread_ends) {
    thrum_executor *const pool = make(1);
    check_failure(submit(pool, count_session, NULL), 1, "the job returned 1");
    check_failure(submit(pool, count_session, NULL), 2, "the job returned 2");
    (void)result_of(submit(pool, exit_the_thread, NULL)); /* ends the job */
    check_failure(submit(pool, count_session, NULL), 3, "the job returned 3");
    CHECK(result_of(submit(pool, end_the_thread, NULL)) == NULL);
    check_failure(submit(pool, count_session, NULL), 1, "the job returned 1");
    end(pool);
}

TEST(where_no_thread_can_be_had_in_its_place_the_ending_one_goes_on) {
    static char name[] = "x";
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make(1);
    (void)result_of(submit(pool, refuse_threads, NULL));
    for (int i = 0; i < 20; i++) {
        check_failure(submit(pool, fail_holding, name), 11, "job x");
        CHECK(result_of(submit(pool, exit_the_thread, name)) == name);
        CHECK(result_of(submit(pool, end_the_thread, name)) == NULL);
        CHECK(result_of(submit(pool, double_it, name)) == name + 1);
    }
    CHECK_EQ(told.times, 0);
    end(pool);
    CHECK_EQ(thrum_active_count(), 1);
}

/* Each in turn, by number. */
static int leave_somehow(void *number, void **value) {
    static char name[] = "many";
    thrum_u32_fetch_add_relaxed(&ran, 1);
    switch ((uintptr_t)number % 3) {
    case 0:
        return end_the_thread(number, value);
    case 1:
        return exit_the_thread(number, value);
    default:
        return fail_the_thread(name, value);
    }
}

TEST(many_jobs_that_end_the_last_thread_do_not_nest) {
    enum { MANY = 30000 };
    const thrum_executor_config small = {.stack_size = 128 * 1024};
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make_with(1, test_under_asan() ? NULL : &small);
    (void)result_of(submit(pool, refuse_threads, NULL));
    for (uintptr_t i = 0; i < MANY; i++)
        CHECK_EQ(thrum_executor_submit(pool, leave_somehow, (void *)i, NULL), THRUM_OK);
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), MANY);
    CHECK_EQ(told.times, MANY / 3);
}
