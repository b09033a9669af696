/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "executor_parts.h"
#include "refuse.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <thrum.h>

/* ---- jobs ---- */

static int order[600];

/* ---- making ---- */

TEST(a_number_of_workers_that_is_not_positive_is_refused) {
    thrum_executor *pool = NULL;
    CHECK_EQ(thrum_executor_new(&pool, 0, NULL), THRUM_INVALID);
    CHECK_EQ(thrum_executor_new(&pool, -1, NULL), THRUM_INVALID);
    CHECK(pool == NULL);
}

TEST(a_stack_must_be_of_the_default_size_or_of_the_least_or_larger) {
    thrum_executor *pool = NULL;
    CHECK_EQ(thrum_executor_new(&pool, 1, &(thrum_executor_config){.stack_size = THRUM_STACK_MIN - 1}),
             THRUM_INVALID);
    CHECK(pool == NULL);
    end(make_with(1, &(thrum_executor_config){.stack_size = THRUM_STACK_MIN}));
    end(make_with(1, &(thrum_executor_config){.stack_size = 0}));
}

TEST(by_default_there_are_four_more_than_processors_and_at_most_32) {
    const int cpus = (int)thrum_cpus_look();
    const int wanted = cpus + 4 < 32 ? cpus + 4 : 32;
    CHECK_EQ(thrum_executor_default_workers(), wanted);
    test_pin(1);
    CHECK_EQ(thrum_executor_default_workers(), 5);
}

TEST(a_prefix_must_leave_room_for_the_number) {
    thrum_executor *pool = NULL;
    char prefix[THRUM_NAME_SIZE];
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = 0;
    CHECK_EQ(thrum_executor_new(&pool, 1, &(thrum_executor_config){.prefix = prefix}), THRUM_OVERFLOW);
    CHECK(pool == NULL);
    prefix[THRUM_NAME_SIZE - 12] = 0;
    end(make_with(1, &(thrum_executor_config){.prefix = prefix}));
}

static int note_name(void *text, void **value) {
    strcpy(text, thrum_thread_name(thrum_current_thread()).text);
    *value = thrum_current_thread();
    CHECK(!thrum_thread_daemon(thrum_current_thread()));
    return 0;
}

TEST(workers_are_named_by_prefix_and_number) {
    char name[THRUM_NAME_SIZE];
    thrum_executor *const named = make_with(2, &(thrum_executor_config){.prefix = "loader"});
    gate g = {.worker = 0};
    thrum_future *const first = submit(named, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    (void)result_of(submit(named, note_name, name));
    CHECK(strcmp(name, "loader_1") == 0);
    thrum_event_set(&g.open);
    (void)result_of(first);
    end(named);
    thrum_executor *const a = make(1), *const b = make(1);
    (void)result_of(submit(a, note_name, name));
    CHECK(strncmp(name, "executor-", 9) == 0 && strcmp(strrchr(name, '_'), "_0") == 0);
    char other[THRUM_NAME_SIZE];
    (void)result_of(submit(b, note_name, other));
    CHECK(strcmp(name, other) != 0);
    end(a);
    end(b);
}

/* ---- submitting ---- */

TEST(a_job_runs_with_its_argument_and_its_value_comes_back) {
    thrum_executor *const pool = make(2);
    char argument[2];
    CHECK(result_of(submit(pool, double_it, argument)) == argument + 1);
    CHECK(result_of(submit(pool, say_nothing, NULL)) == NULL);
    end(pool);
}

TEST(no_job_at_all_is_refused) {
    thrum_executor *const pool = make(1);
    thrum_future *future = NULL;
    thrum_results map;
    CHECK_EQ(thrum_executor_submit(pool, NULL, order, &future), THRUM_INVALID);
    CHECK_EQ(thrum_executor_submit(pool, NULL, order, NULL), THRUM_INVALID);
    CHECK_EQ(thrum_executor_map(pool, &map, NULL, order, 1, 1, THRUM_FOREVER), THRUM_INVALID);
    CHECK(future == NULL);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    end(pool);
}

TEST(a_job_without_a_future_is_run_too) {
    thrum_executor *const pool = make(2);
    for (int i = 0; i < 1000; i++) CHECK_EQ(thrum_executor_submit(pool, count, NULL, NULL), THRUM_OK);
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 1000);
}

static thrum_lock order_lock;
static int places;

static int note_order(void *argument, void **value) {
    (void)value;
    THRUM_WITH(&order_lock) order[places++] = *(int *)argument;
    return 0;
}

TEST(jobs_begin_in_the_order_of_their_submits) {
    thrum_executor *const pool = make(1);
    static int numbers[600];
    for (int i = 0; i < 600; i++) {
        numbers[i] = i;
        CHECK_EQ(thrum_executor_submit(pool, note_order, &numbers[i], NULL), THRUM_OK);
    }
    end(pool);
    for (int i = 0; i < 600; i++) CHECK_EQ(order[i], i);
}

static thrum_u32 times_run[4][2000];

static int count_run(void *argument, void **value) {
    (void)value;
    thrum_u32_fetch_add_relaxed((thrum_u32 *)argument, 1);
    return 0;
}

static void *submit_all(void *argument) {
    static thrum_u32 submitters;
    thrum_u32 *const mine = times_run[thrum_u32_fetch_add_relaxed(&submitters, 1)];
    for (int i = 0; i < 2000; i++)
        CHECK_EQ(thrum_executor_submit(argument, count_run, &mine[i], NULL), THRUM_OK);
    return NULL;
}

TEST(each_job_of_many_submitters_runs_once_on_many_workers) {
    thrum_executor *const pool = make(8);
    pthread_t submitters[4];
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&submitters[i], NULL, submit_all, pool), 0);
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_join(submitters[i], NULL), 0);
    end(pool);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2000; j++) CHECK_EQ(thrum_u32_load_relaxed(&times_run[i][j]), 1);
}

static int note_native_id(void *argument, void **value) {
    *(pid_t *)argument = (pid_t)thrum_get_native_id();
    *value = argument;
    return 0;
}

/* Runs a job; returns when its worker sleeps again, and which it was. */
static pid_t work_and_fall_asleep(thrum_executor *pool) {
    pid_t worker = 0;
    (void)result_of(submit(pool, note_native_id, &worker));
    while (!test_is_asleep(worker)) sched_yield();
    return worker;
}

TEST(a_worker_is_started_only_when_no_idle_one_is_there) {
    thrum_executor *const pool = make(8);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    const pid_t only = work_and_fall_asleep(pool);
    for (int i = 0; i < 50; i++) CHECK_EQ(work_and_fall_asleep(pool), only);
    CHECK_EQ(thrum_executor_workers(pool), 1);
    end(pool);
}

TEST(there_are_never_more_workers_than_asked_for_and_as_many_when_they_are_busy) {
    thrum_executor *const pool = make(3);
    gate g = {.worker = 0};
    thrum_future *futures[20];
    for (size_t i = 0; i < 20; i++) {
        futures[i] = submit(pool, pass, &g);
        CHECK(thrum_executor_workers(pool) == (i < 3 ? i + 1 : 3));
        if (i < 3) thrum_semaphore_acquire(&g.entered);
    }
    CHECK_EQ(thrum_executor_pending(pool), 17);
    CHECK(!thrum_semaphore_try_acquire(&g.entered));
    CHECK(thrum_future_running(futures[2]) && !thrum_future_running(futures[3]));
    thrum_event_set(&g.open);
    for (int i = 0; i < 20; i++) (void)result_of(futures[i]);
    CHECK_EQ(thrum_executor_pending(pool), 0);
    end(pool);
}

static int wait_for(void *future, void **value) {
    CHECK_EQ(thrum_future_result(future, value), THRUM_OK);
    return 0;
}

/* Each waits for one that is submitted after it: only a worker of its own lets that run. */
TEST(jobs_that_wait_for_later_ones_get_workers_while_there_are_any) {
    enum { CHAIN = 6 };
    for (int round = 0; round < 100; round++) {
        thrum_executor *const pool = make(CHAIN + 1);
        thrum_future *promised[CHAIN], *done[CHAIN];
        for (int i = 0; i < CHAIN; i++) {
            CHECK_EQ(thrum_future_new(&promised[i]), THRUM_OK);
            done[i] = submit(pool, wait_for, promised[i]);
        }
        CHECK(result_of(submit(pool, double_it, order)) != NULL);
        for (int i = 0; i < CHAIN; i++) {
            CHECK_EQ(thrum_future_set_result(promised[i], order), THRUM_OK);
            CHECK(result_of(done[i]) == order);
            thrum_future_release(promised[i]);
        }
        end(pool);
    }
}

static int wait_for_one_of_the_same_pool(void *argument, void **value) {
    thrum_executor *const pool = argument;
    thrum_future *const other = submit(pool, count, NULL);
    *value = thrum_future_result_until(other, NULL, thrum_after_ms(20)) == THRUM_TIMEOUT ? pool : NULL;
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 0);
    thrum_future_release(other);
    return 0;
}

TEST(a_job_that_waits_for_another_job_of_its_own_full_pool_is_not_helped_out) {
    thrum_executor *const pool = make(1);
    CHECK(result_of(submit(pool, wait_for_one_of_the_same_pool, pool)) == pool);
    end(pool);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 1);
}

struct nested {
    thrum_executor *pool;
    int depth;
};

static int submit_further(void *argument, void **value) {
    struct nested *const n = argument;
    (void)value;
    thrum_u32_fetch_add_relaxed(&ran, 1);
    if (n->depth-- > 0) CHECK_EQ(thrum_executor_submit(n->pool, submit_further, n, NULL), THRUM_OK);
    return 0;
}

static int submit_and_wait(void *argument, void **value) {
    thrum_executor *const pool = argument;
    *value = result_of(submit(pool, double_it, argument));
    return 0;
}

TEST(a_job_may_submit_jobs_and_wait_for_them) {
    thrum_executor *const pool = make(2);
    struct nested n = {pool, 100};
    (void)result_of(submit(pool, submit_further, &n));
    CHECK(result_of(submit(pool, submit_and_wait, pool)) == (char *)pool + 1);
    while (thrum_u32_load_relaxed(&ran) < 101) usleep(100);
    end(pool);
}

static int cancel_it(void *future, void **value) {
    *value = thrum_future_cancel(future) == THRUM_OK ? future : NULL;
    return 0;
}

TEST(a_job_may_cancel_a_pending_one) {
    thrum_executor *const pool = make(1);
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g);
    thrum_future *promise;
    CHECK_EQ(thrum_future_new(&promise), THRUM_OK);
    thrum_future *const cancels = submit(pool, cancel_it, promise);
    thrum_event_set(&g.open);
    CHECK(result_of(cancels) == promise);
    CHECK(thrum_future_cancelled(promise));
    thrum_future_release(promise);
    (void)result_of(holds);
    end(pool);
}

TEST(a_cancelled_job_does_not_run_and_its_future_is_notified) {
    thrum_executor *const pool = make(1);
    gate g = {.worker = 0};
    thrum_future *const holds = submit(pool, pass, &g), *const cancelled = submit(pool, count, NULL),
                        *const stays = submit(pool, count, NULL);
    thrum_semaphore_acquire(&g.entered);
    CHECK_EQ(thrum_future_cancel(cancelled), THRUM_OK);
    CHECK_EQ(thrum_future_cancel(holds), THRUM_STATE);
    CHECK_EQ(thrum_future_state_of(cancelled), THRUM_FUTURE_CANCELLED);
    thrum_event_set(&g.open);
    (void)result_of(stays);
    (void)result_of(holds);
    CHECK_EQ(thrum_u32_load_relaxed(&ran), 1);
    CHECK_EQ(thrum_future_state_of(cancelled), THRUM_FUTURE_CANCELLED_AND_NOTIFIED);
    thrum_future_release(cancelled);
    end(pool);
}

/* ---- waking ---- */

static int pass_and_note(void *argument, void **value) {
    (void)pass(argument, value);
    return note_native_id(&((gate *)argument)->worker, value);
}

TEST(the_worker_that_fell_idle_last_is_woken_first) {
    thrum_executor *const pool = make(3);
    gate g[3] = {{.worker = 0}};
    thrum_future *holds[3];
    for (int i = 0; i < 3; i++) {
        holds[i] = submit(pool, pass_and_note, &g[i]);
        thrum_semaphore_acquire(&g[i].entered);
    }
    static const int idle_in_this_order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        gate *const next = &g[idle_in_this_order[i]];
        thrum_event_set(&next->open);
        (void)result_of(holds[idle_in_this_order[i]]);
        while (!test_is_asleep(next->worker)) sched_yield();
    }
    for (int i = 0; i < 20; i++) CHECK_EQ(work_and_fall_asleep(pool), g[0].worker);
    CHECK_EQ(thrum_executor_workers(pool), 3);
    end(pool);
}

TEST(the_state_can_be_read_by_people) {
    char text[128];
    thrum_executor *const pool = make_with(3, &(thrum_executor_config){.prefix = "pool"});
    const size_t length = thrum_executor_describe(pool, text, sizeof text);
    CHECK_EQ(length, strlen(text));
    CHECK(strcmp(text, "executor \"pool\": open, 0 of 3 workers, 0 jobs pending") == 0);
    gate g = {.worker = 0};
    thrum_future *const runs = submit(pool, pass, &g);
    thrum_semaphore_acquire(&g.entered);
    CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
    thrum_executor_describe(pool, text, sizeof text);
    CHECK(strcmp(text, "executor \"pool\": shut down, 1 of 3 workers, 0 jobs pending") == 0);
    CHECK(thrum_executor_describe(pool, text, 9) > 9);
    CHECK(strcmp(text, "executor") == 0);
    thrum_event_set(&g.open);
    (void)result_of(runs);
    end(pool);
}
