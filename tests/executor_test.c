/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thrum.h>

static thrum_executor *make_with(int workers, const thrum_executor_config *config) {
    thrum_executor *pool = NULL;
    CHECK_EQ(thrum_executor_new(&pool, workers, config), THRUM_OK);
    return pool;
}

static thrum_executor *make(int workers) {
    return make_with(workers, NULL);
}

static void end(thrum_executor *pool) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    thrum_executor_release(pool);
}

static thrum_future *submit(thrum_executor *pool, thrum_job *job, void *argument) {
    thrum_future *future = NULL;
    CHECK_EQ(thrum_executor_submit(pool, job, argument, &future), THRUM_OK);
    return future;
}

static void *result_of(thrum_future *future) {
    void *value = NULL;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
    thrum_future_release(future);
    return value;
}

/* What the exception hook was told. */
static thrum_lock told_lock;
static struct {
    unsigned times;
    int code;
    char message[256];
    char thread[THRUM_NAME_SIZE];
} told;

static void note_failure(const thrum_failure *failure) {
    THRUM_WITH(&told_lock) {
        told.times++;
        told.code = failure->code;
        strcpy(told.message, failure->message);
        strcpy(told.thread, failure->thread ? thrum_thread_name(failure->thread).text : "?");
    }
}

/* ---- jobs ---- */

static int double_it(void *argument, void **value) {
    *value = (char *)argument + 1;
    return 0;
}

static int say_nothing(void *argument, void **value) {
    CHECK(*value == NULL);
    (void)argument;
    return 0;
}

/* Runs until it is let go. */
typedef struct gate {
    thrum_event open;
    thrum_semaphore entered;
    pid_t worker;
} gate;

static int pass(void *argument, void **value) {
    gate *const g = argument;
    thrum_semaphore_release(&g->entered);
    thrum_event_wait(&g->open);
    *value = g;
    return 0;
}

static thrum_u32 ran;
static int order[600];

static int count(void *argument, void **value) {
    (void)argument, (void)value;
    thrum_u32_fetch_add_relaxed(&ran, 1);
    return 0;
}

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

/* ---- failing ---- */

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

static int end_the_thread(void *argument, void **value) {
    (void)argument, (void)value;
    pthread_exit(NULL);
}

static thrum_lock held;

static int fail_holding(void *argument, void **value) {
    THRUM_WITH(&held) fail_the_thread(argument, value);
    return 0;
}

static void check_failure(thrum_future *future, int code, const char *message) {
    void *value = &code;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_FAILED);
    CHECK(value == &code);
    thrum_future_failure failure = {0, ""};
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(failure.code, code);
    CHECK(strcmp(failure.message, message) == 0);
    thrum_future_release(future);
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

static thrum_local session = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);

static int count_session(void *argument, void **value) {
    (void)argument, (void)value;
    return ++*(int *)thrum_local_get(&session);
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

/* clone3 and clone fail from then on, and only an ending thread is left to go on. */
static int refuse_threads(void *argument, void **value) {
    (void)argument, (void)value;
    refuse(SYS_clone3, EAGAIN);
    refuse(SYS_clone, EAGAIN);
    return 0;
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

/* ---- the end ---- */

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

/* ---- map ---- */

static int square(void *item, void **value) {
    int *const n = item;
    if (*n < 0) return thrum_job_error(13, "negative: %d", *n);
    usleep((unsigned)(*n % 3) * 300);
    *n *= *n;
    *value = n;
    return 0;
}

TEST(map_gives_the_results_in_the_items_order) {
    thrum_executor *const pool = make(4);
    int items[40];
    for (int i = 0; i < 40; i++) items[i] = i;
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, square, items, 40, sizeof items[0], THRUM_FOREVER), THRUM_OK);
    for (int i = 0; i < 40; i++) {
        void *value = NULL;
        CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
        CHECK(value == &items[i] && items[i] == i * i);
        CHECK_EQ(thrum_results_failure(&map).code, 0);
    }
    void *value = pool;
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_EMPTY);
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_EMPTY);
    CHECK(value == pool);
    thrum_results_end(&map);
    end(pool);
}

TEST(map_submits_all_at_once) {
    thrum_executor *const pool = make(3);
    gate gates[3] = {{.worker = 0}};
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, pass, gates, 3, sizeof gates[0], THRUM_FOREVER), THRUM_OK);
    for (int i = 2; i >= 0; i--) { /* each runs before anything was asked */
        thrum_semaphore_acquire(&gates[i].entered);
        thrum_event_set(&gates[i].open);
    }
    void *value = NULL;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
        CHECK(value == &gates[i]);
    }
    thrum_results_end(&map);
    end(pool);
}

TEST(in_map_an_error_comes_in_its_place) {
    thrum_executor *const pool = make(2);
    int items[] = {2, 3, -4, 5};
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, square, items, 4, sizeof items[0], THRUM_FOREVER), THRUM_OK);
    void *value = NULL;
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_FAILED);
    CHECK(value == &items[1]);
    CHECK_EQ(thrum_results_failure(&map).code, 13);
    CHECK(strcmp(thrum_results_failure(&map).message, "negative: -4") == 0);
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
    CHECK(value == &items[3] && items[3] == 25);
    thrum_results_end(&map);
    end(pool);
}

TEST(map_has_one_deadline_from_the_call) {
    thrum_executor *const pool = make(1);
    gate gates[2] = {{.worker = 0}};
    thrum_event_set(&gates[0].open);
    const uint64_t start = test_now_ns();
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, pass, gates, 2, sizeof gates[0], thrum_after_ms(30)), THRUM_OK);
    thrum_semaphore_acquire(&gates[1].entered);
    void *value = NULL;
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK); /* it is there, however late */
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_TIMEOUT);
    CHECK(test_now_ns() - start >= 30000000);
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_TIMEOUT);
    thrum_event_set(&gates[1].open);
    thrum_results_end(&map);
    end(pool);
}

static void *open_when_main_sleeps(void *g) {
    while (!test_is_asleep(getpid())) sched_yield();
    thrum_event_set(&((gate *)g)->open);
    return NULL;
}

TEST(leaving_a_map_early_cancels_the_rest_and_waits_for_what_runs) {
    thrum_executor *const pool = make(1);
    gate gates[20] = {{.worker = 0}};
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, pass, gates, 20, sizeof gates[0], THRUM_FOREVER), THRUM_OK);
    thrum_semaphore_acquire(&gates[0].entered);
    test_thread opener = test_start(open_when_main_sleeps, &gates[0]);
    thrum_results_end(&map);
    CHECK(thrum_event_is_set(&gates[0].open));
    test_join(&opener);
    memset(gates, 0xA5, sizeof gates); /* they are the caller's again */
    (void)result_of(submit(pool, double_it, order));
    end(pool);
}

TEST(a_map_that_is_refused_leaves_nothing_behind) {
    thrum_executor *const pool = make(1);
    int items[3] = {1, 2, 3};
    thrum_results map;
    CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
    CHECK_EQ(thrum_executor_map(pool, &map, square, items, 3, sizeof items[0], THRUM_FOREVER), THRUM_CLOSED);
    end(pool);
    thrum_executor *const other = make(1);
    if (!THRUM_UNDER_TSAN && !test_under_asan()) /* which end the process instead */
        CHECK_EQ(thrum_executor_map(other, &map, square, items, SIZE_MAX / 2, sizeof items[0], THRUM_FOREVER),
                 THRUM_NO_MEMORY);
    CHECK_EQ(thrum_executor_map(other, &map, square, NULL, 0, 0, THRUM_FOREVER), THRUM_OK);
    void *value = NULL;
    CHECK_EQ(thrum_results_next(&map, &value), THRUM_EMPTY);
    CHECK_EQ(thrum_results_failure(&map).code, 0);
    thrum_results_end(&map);
    end(other);
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
