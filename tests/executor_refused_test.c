/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* What an executor is refused, and initialisers that fail. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "executor_parts.h"
#include "refuse.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include <thrum.h>

static int order[600];

/* ---- refusals ---- */

/* In threads of their own: the leak sanitizer, at the end, needs a thread in the main one. */
static void *submit_without_a_first_thread(void *unused) {
    (void)refuse_threads(NULL, NULL);
    thrum_executor *const pool = make(2);
    thrum_future *future = NULL;
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, &future), THRUM_NO_THREAD);
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_NO_THREAD);
    CHECK(future == NULL);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    CHECK_EQ(thrum_executor_pending(pool), 0);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
    return unused;
}

TEST(without_a_thread_for_the_first_job_the_submit_says_so) {
    test_thread submitter = test_start(submit_without_a_first_thread, NULL);
    test_join(&submitter);
}

static void *submit_without_a_second_thread(void *unused) {
    thrum_executor *const pool = make(4);
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    (void)refuse_threads(NULL, NULL);
    thrum_future *futures[10];
    for (int i = 0; i < 10; i++) futures[i] = submit(pool, double_it, order);
    CHECK_EQ(thrum_executor_workers(pool), 1);
    thrum_event_set(&g.open);
    for (int i = 0; i < 10; i++) CHECK(result_of(futures[i]) != NULL);
    (void)result_of(holds);
    end(pool);
    return unused;
}

TEST(without_a_thread_for_a_later_job_the_workers_there_are_do_it) {
    test_thread submitter = test_start(submit_without_a_second_thread, NULL);
    test_join(&submitter);
}

static atomic_bool may_submit;

static void *submit_refused(void *pool) {
    (void)refuse_threads(NULL, NULL);
    while (!atomic_load(&may_submit)) {
    }
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
    return NULL;
}

/* Each lists a worker, whose start takes a grace period to fail, and unlists its own. */
TEST(threads_that_are_refused_a_worker_each_at_once_lose_no_other) {
    enum { SUBMITTERS = 6, ROUNDS = 10 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        thrum_executor *const pool = make(8);
        gate g = {.worker = 0};
        thrum_future *const holds = submit(pool, pass, &g);
        thrum_semaphore_acquire(&g.entered);
        test_thread submitters[SUBMITTERS];
        for (unsigned i = 0; i < SUBMITTERS; i++) submitters[i] = test_start(submit_refused, pool);
        atomic_store(&may_submit, true);
        for (unsigned i = 0; i < SUBMITTERS; i++) test_join(&submitters[i]);
        atomic_store(&may_submit, false);
        CHECK_EQ(thrum_executor_workers(pool), 1);
        thrum_event_set(&g.open);
        (void)result_of(holds);
        end(pool);
    }
    CHECK_EQ(thrum_u32_load_relaxed(&ran), SUBMITTERS * ROUNDS);
}

TEST(no_memory_is_a_result_and_loses_nothing) {
    if (THRUM_UNDER_TSAN || test_under_asan()) test_skip("the sanitizers die without memory");
    thrum_executor *const pool = make(1);
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    const struct rlimit little = {96u << 20, 96u << 20};
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    thrum_result result;
    unsigned submitted = 0;
    while ((result = thrum_executor_submit(pool, count, NULL, NULL)) == THRUM_OK) submitted++;
    CHECK_EQ(result, THRUM_NO_MEMORY);
    CHECK_EQ(thrum_executor_pending(pool), submitted);
    thrum_future *future = NULL;
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, &future), THRUM_NO_MEMORY);
    CHECK(future == NULL);
    thrum_event_set(&g.open);
    (void)result_of(holds);
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), submitted);
}

/* ---- the initialiser ---- */

static thrum_u32 initialised;

static int prepare(void *argument) {
    CHECK(argument == &initialised);
    thrum_u32_fetch_add_relaxed(&initialised, 1);
    *(int *)thrum_local_get(&session) = 100;
    return 0;
}

TEST(the_initialiser_runs_once_in_each_worker_before_its_jobs) {
    thrum_executor *const pool =
        make_with(2, &(thrum_executor_config){.initialise = prepare, .argument = &initialised});
    CHECK_EQ(thrum_u32_load_relaxed(&initialised), 0);
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    CHECK_EQ(thrum_u32_load_relaxed(&initialised), 1);
    check_failure(submit(pool, count_session, NULL), 101, "the job returned 101");
    check_failure(submit(pool, count_session, NULL), 102, "the job returned 102");
    CHECK_EQ(thrum_u32_load_relaxed(&initialised), 2);
    (void)result_of(submit(pool, end_the_thread, NULL)); /* a new thread is a new worker */
    check_failure(submit(pool, count_session, NULL), 101, "the job returned 101");
    CHECK_EQ(thrum_u32_load_relaxed(&initialised), 3);
    thrum_event_set(&g.open);
    (void)result_of(holds);
    end(pool);
}

static thrum_event may_fail;
static char fails[] = "fails", says_nothing[] = "says nothing", says_another[] = "says another code";

static int refuse_to_prepare(void *argument) {
    thrum_event_wait(&may_fail);
    if (argument == fails) thrum_thread_fail(4, "no licence");
    if (argument == says_nothing) return thrum_job_error(3, "%s", "");
    if (argument == says_another) return thrum_job_error(4, "no licence") - 1;
    return 3;
}

static void check_broken(void *argument, int code, const char *message) {
    told.times = 0;
    thrum_set_excepthook(note_failure);
    thrum_event_clear(&may_fail);
    thrum_executor *const pool =
        make_with(1, &(thrum_executor_config){.initialise = refuse_to_prepare, .argument = argument});
    thrum_future *const first = submit(pool, count, NULL), *const second = submit(pool, count, NULL),
                        *const cancelled = submit(pool, count, NULL);
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(cancelled), THRUM_OK);
    thrum_event_set(&may_fail);
    CHECK_EQ(thrum_future_result(first, NULL), THRUM_BROKEN);
    CHECK_EQ(thrum_future_result(second, NULL), THRUM_BROKEN);
    CHECK_EQ(thrum_future_result(cancelled, NULL), THRUM_CANCELLED);
    thrum_future *later = NULL;
    CHECK_EQ(thrum_executor_submit(pool, count, NULL, &later), THRUM_BROKEN);
    CHECK(later == NULL);
    CHECK_EQ(told.times, 1);
    CHECK_EQ(told.code, code);
    CHECK(strcmp(told.message, message) == 0);
    thrum_future_release(first);
    thrum_future_release(second);
    thrum_future_release(cancelled);
    char text[128];
    thrum_executor_describe(pool, text, sizeof text);
    CHECK(strstr(text, "broken"));
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 0);
    CHECK_EQ(thrum_active_count(), 1);
}

TEST(a_failing_initialiser_breaks_the_pool_and_pending_and_later_jobs_say_so) {
    check_broken(NULL, 3, "the initialiser returned 3");
}

TEST(an_initialiser_that_fails_its_thread_breaks_the_pool_too) {
    check_broken(fails, 4, "no licence");
}

TEST(an_initialiser_that_says_nothing_of_its_code_is_said_to_have_returned_it) {
    check_broken(says_nothing, 3, "the initialiser returned 3");
    check_broken(says_another, 3, "the initialiser returned 3");
}

static int prepare_once(void *argument) {
    (void)argument;
    return thrum_u32_fetch_add_relaxed(&initialised, 1) ? 5 : 0;
}

TEST(workers_that_run_in_a_broken_pool_finish_their_job) {
    thrum_set_excepthook(note_failure);
    thrum_executor *const pool = make_with(2, &(thrum_executor_config){.initialise = prepare_once});
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    thrum_future *const breaks = submit(pool, count, NULL);
    CHECK_EQ(thrum_future_result(breaks, NULL), THRUM_BROKEN);
    thrum_future_release(breaks);
    CHECK_EQ(thrum_executor_join_until(pool, thrum_after_ms(2)), THRUM_TIMEOUT);
    thrum_event_set(&g.open);
    CHECK(result_of(holds) == &g);
    end(pool);
}
