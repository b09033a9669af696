/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also executor local scheduler */
/* What threads, jobs, timers and scheduled functions inherit: thrum/local.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

typedef struct request {
    int id;
    uint64_t copied_by;
} request;

enum { NONE = -1 };

static thrum_u32 live; /* values made and not destroyed */
static thrum_result refusal;

static thrum_result begin_request(void *p, void *unused) {
    (void)unused;
    *(request *)p = (request){0, 0};
    thrum_u32_fetch_add_relaxed(&live, 1);
    return THRUM_OK;
}

static thrum_result copy_request(void *p, const void *from, void *unused) {
    (void)unused;
    if (refusal != THRUM_OK) return refusal;
    *(request *)p = (request){((const request *)from)->id, thrum_get_ident()};
    thrum_u32_fetch_add_relaxed(&live, 1);
    return THRUM_OK;
}

static void end_request(void *p, void *unused) {
    (void)p, (void)unused;
    thrum_u32_fetch_sub_relaxed(&live, 1);
}

static thrum_local current =
    THRUM_LOCAL_INHERITED(sizeof(request), begin_request, end_request, copy_request, NULL);

static int id_now(void) {
    const request *const r = thrum_local_peek(&current);
    return r ? r->id : NONE;
}

static void set_id(int id) {
    request *const r = thrum_local_get(&current);
    CHECK(r);
    r->id = id;
}

static unsigned live_now(void) {
    return thrum_u32_load_relaxed(&live);
}

/* ---- threads ---- */

static uint64_t copied_by;

static void *note_id(void *id) {
    *(int *)id = id_now();
    const request *const r = thrum_local_peek(&current);
    copied_by = r ? r->copied_by : 0;
    return NULL;
}

static void start_and_join(thrum_thread *thread) {
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
}

TEST(a_thread_begins_with_copies_of_what_its_starter_has_at_the_start) {
    int id = 0;
    set_id(1);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    set_id(2); /* the making copies nothing */
    start_and_join(thread);
    CHECK_EQ(id, 2);
    CHECK_EQ(copied_by, thrum_get_ident()); /* in the starter */
    CHECK_EQ(live_now(), 1);                /* the thread's went with it */
    CHECK_EQ(id_now(), 2);
    thrum_local_destroy(&current);
    CHECK_EQ(live_now(), 0);
}

TEST(where_the_starter_has_no_value_the_thread_has_none) {
    int id = 0;
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
    CHECK_EQ(id, NONE);
    set_id(3);
    thrum_local_clear(&current);
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
    CHECK_EQ(id, NONE);
    CHECK_EQ(live_now(), 0);
}

static void *change_and_start(void *id) {
    CHECK_EQ(id_now(), 4);
    set_id(5);
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = id}));
    return NULL;
}

TEST(a_copy_is_the_threads_own_and_is_inherited_in_turn) {
    int id = 0;
    set_id(4);
    start_and_join(test_new((thrum_thread_config){.target = change_and_start, .argument = &id}));
    CHECK_EQ(id, 5);
    CHECK_EQ(id_now(), 4);
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

TEST(an_empty_context_is_begun_with_nothing) {
    int id = 0;
    set_id(6);
    const thrum_thread_config config = {.target = note_id, .argument = &id, .context = THRUM_CONTEXT_EMPTY};
    start_and_join(test_new(config));
    CHECK_EQ(id, NONE);
    thrum_thread *const thread = test_new(config);
    CHECK_EQ(thrum_thread_set_context(thread, THRUM_CONTEXT_INHERIT), THRUM_OK);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_set_context(thread, THRUM_CONTEXT_EMPTY), THRUM_ALREADY_STARTED);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(id, 6);
    CHECK_EQ(thrum_thread_start(thread), THRUM_ALREADY_STARTED);
    CHECK_EQ(live_now(), 1); /* what a refused start copied is gone */
    thrum_thread_release(thread);
    thrum_local_destroy(&current);
}

TEST(a_copier_that_fails_fails_the_start_which_may_be_tried_again) {
    int id = 0;
    set_id(7);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    const size_t count = thrum_active_count();
    refusal = THRUM_FULL;
    CHECK_EQ(thrum_thread_start(thread), THRUM_FULL);
    CHECK_EQ(thrum_active_count(), count);
    CHECK_EQ(thrum_thread_ident(thread), 0);
    CHECK_EQ(live_now(), 1);
    refusal = THRUM_OK;
    start_and_join(thread);
    CHECK_EQ(id, 7);
    thrum_local_destroy(&current);
}

static thrum_result refuse(void *p, const void *from, void *unused) {
    (void)p, (void)from, (void)unused;
    return THRUM_FULL;
}

TEST(where_the_second_copier_fails_the_first_ones_copy_is_destroyed) {
    thrum_local second = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, refuse, NULL);
    int id = 0;
    set_id(9);
    CHECK(thrum_local_get(&second));
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    CHECK_EQ(thrum_thread_start(thread), THRUM_FULL);
    CHECK_EQ(live_now(), 1);
    thrum_thread_release(thread);
    thrum_local_destroy(&second);
    thrum_local_destroy(&current);
}

static thrum_result exit_instead(void *p, const void *from, void *unused) {
    (void)p, (void)from, (void)unused;
    thrum_thread_exit(NULL);
}

static thrum_local exiting = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, exit_instead, NULL);

static void *start_another(void *thread) {
    set_id(8);
    CHECK(thrum_local_get(&exiting));
    (void)!thrum_thread_start(thread);
    CHECK(false); /* the copier has ended this thread */
    return NULL;
}

TEST(a_copier_that_ends_its_thread_leaves_nothing_behind) {
    int id = 0;
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    start_and_join(test_new((thrum_thread_config){.target = start_another, .argument = thread}));
    CHECK_EQ(live_now(), 0);
    start_and_join(thread);
    CHECK_EQ(id, NONE);
    thrum_local_destroy(&exiting);
}

enum { MANY = 40 };
static thrum_local many[MANY];

static thrum_result copy_number(void *p, const void *from, void *unused) {
    (void)unused;
    *(int *)p = *(const int *)from;
    return THRUM_OK;
}

static void make_many(void) {
    static const thrum_local one = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, copy_number, NULL);
    for (int i = 0; i < MANY; i++) {
        many[i] = one;
        int *const value = thrum_local_get(&many[i]);
        CHECK(value);
        *value = i;
    }
}

/*
 * Not inlined: in a loop, gcc 12's check for NULL reads flags of an addition that the linker has turned into
 * an instruction that sets none (a thread-local's address).
 */
__attribute__((noinline)) static const int *number_now(int i) {
    return thrum_local_peek(&many[i]);
}

static void *have_many(void *odd) {
    for (int i = 0; i < MANY; i++) {
        const int *const value = number_now(i);
        if (odd && i % 2 == 0)
            CHECK(value == NULL);
        else
            CHECK(value && *value == i);
    }
    return NULL;
}

TEST(a_clear_destroys_the_value_of_its_inherited_local_alone) {
    make_many();
    thrum_local_clear(&many[MANY - 1]);
    for (int i = 0; i < MANY; i++) CHECK((number_now(i) == NULL) == (i == MANY - 1));
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
}

static thrum_result copy_and_make_many(void *p, const void *from, void *unused) {
    make_many();
    return copy_number(p, from, unused);
}

/* What is copied grows meanwhile; what the copier made need not be inherited. */
TEST(a_copier_may_touch_other_inherited_locals) {
    thrum_local eager = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, copy_and_make_many, NULL);
    CHECK(thrum_local_get(&eager));
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &(int){0}}));
    have_many(NULL);
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
    thrum_local_destroy(&eager);
}

TEST(any_number_is_inherited_but_those_that_are_gone) {
    make_many();
    start_and_join(test_new((thrum_thread_config){.target = have_many}));
    for (int i = 0; i < MANY; i += 2) thrum_local_destroy(&many[i]);
    start_and_join(test_new((thrum_thread_config){.target = have_many, .argument = many}));
    const size_t places = thrum_local_context_now_.count;
    for (int round = 0; round < 100; round++) { /* whose places are used again */
        for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
        make_many();
    }
    CHECK_EQ(thrum_local_context_now_.count, places);
    have_many(NULL);
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
}

TEST(a_fork_keeps_the_callers) {
    set_id(9);
    const pid_t child = fork();
    if (child == 0) {
        int id = 0;
        CHECK_EQ(id_now(), 9);
        if (!THRUM_UNDER_TSAN) { /* its runtime does not let a child of several threads start one */
            start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
            CHECK_EQ(id, 9);
        }
        _exit(0);
    }
    test_join_child(child);
    thrum_local_destroy(&current);
}

/* ---- timers ---- */

static void note_id_in_timer(void *id) {
    *(int *)id = id_now();
}

TEST(a_timers_function_has_what_the_timers_starter_had) {
    int id = 0;
    thrum_timer timer;
    set_id(10);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(thrum_timer_init(&timer, 0, note_id_in_timer, &id), THRUM_OK);
        if (i == 1) CHECK_EQ(thrum_thread_set_context(&timer.thread, THRUM_CONTEXT_EMPTY), THRUM_OK);
        CHECK_EQ(thrum_timer_start(&timer), THRUM_OK);
        CHECK_EQ(thrum_timer_join(&timer), THRUM_OK);
        CHECK_EQ(id, i == 0 ? 10 : NONE);
        thrum_timer_release(&timer);
    }
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

/* ---- jobs ---- */

static thrum_executor *pool;

static void make_pool(const thrum_executor_config *config) {
    CHECK_EQ(thrum_executor_new(&pool, 1, config), THRUM_OK);
}

static void end_pool(void) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}

static thrum_future *submit(thrum_job *job, void *argument) {
    thrum_future *future;
    CHECK_EQ(thrum_executor_submit(pool, job, argument, &future), THRUM_OK);
    return future;
}

static thrum_result finish(thrum_future *future) {
    const thrum_result result = thrum_future_result(future, NULL);
    thrum_future_release(future);
    return result;
}

static int note_id_in_job(void *id, void **value) {
    (void)value;
    *(int *)id = id_now();
    return 0;
}

TEST(a_job_has_copies_of_what_its_submitter_had) {
    int ids[3] = {0, 0, 0};
    make_pool(NULL);
    CHECK_EQ(finish(submit(note_id_in_job, &ids[0])), THRUM_OK);
    set_id(11);
    CHECK_EQ(finish(submit(note_id_in_job, &ids[1])), THRUM_OK);
    CHECK_EQ(live_now(), 1); /* the job's was destroyed before its future was done */
    thrum_local_clear(&current);
    CHECK_EQ(finish(submit(note_id_in_job, &ids[2])), THRUM_OK);
    CHECK_EQ(ids[0], NONE);
    CHECK_EQ(ids[1], 11);
    CHECK_EQ(ids[2], NONE);
    end_pool();
    CHECK_EQ(live_now(), 0);
}

static int set_id_in_job(void *id, void **value) {
    (void)value;
    CHECK_EQ(id_now(), NONE);
    set_id(*(int *)id);
    return 0;
}

TEST(what_a_job_makes_is_no_later_jobs) {
    int id = 12;
    make_pool(NULL);
    CHECK_EQ(finish(submit(set_id_in_job, &id)), THRUM_OK);
    CHECK_EQ(live_now(), 0);
    CHECK_EQ(finish(submit(set_id_in_job, &id)), THRUM_OK); /* it sees none */
    end_pool();
}

static int set_id_in_initialiser(void *id) {
    set_id(*(int *)id);
    return 0;
}

static uint32_t live_beside(void *unused) {
    (void)unused;
    return live_now();
}

TEST(a_workers_own_value_is_out_of_sight_of_jobs_and_back_when_they_have_ended) {
    int own = 13, seen = 0;
    make_pool(&(thrum_executor_config){.initialise = set_id_in_initialiser, .argument = &own});
    CHECK_EQ(finish(submit(note_id_in_job, &seen)), THRUM_OK);
    CHECK_EQ(seen, NONE);
    set_id(14);
    CHECK_EQ(finish(submit(note_id_in_job, &seen)), THRUM_OK);
    CHECK_EQ(seen, 14);
    CHECK_EQ(live_beside(NULL), 2); /* main's and the worker's */
    end_pool();
    CHECK_EQ(live_now(), 1); /* destroyed with its thread */
    thrum_local_destroy(&current);
}

TEST(an_executor_of_an_empty_context_hands_down_nothing) {
    int seen = 0;
    set_id(15);
    make_pool(&(thrum_executor_config){.context = THRUM_CONTEXT_EMPTY});
    CHECK_EQ(finish(submit(note_id_in_job, &seen)), THRUM_OK);
    CHECK_EQ(seen, NONE);
    end_pool();
    thrum_local_destroy(&current);
}

static int ways_seen;

static int end_somehow(void *way, void **value) {
    (void)value;
    CHECK_EQ(id_now(), 16);
    ways_seen++;
    switch (*(const char *)way) {
    case 'r':
        return 0;
    case 'e':
        return thrum_job_error(1, "an error");
    case 'f':
        thrum_thread_fail(2, "a failure");
    case 'x':
        thrum_thread_exit(NULL);
    default:
        pthread_exit(NULL);
    }
}

TEST(a_jobs_values_are_destroyed_whatever_way_it_ends) {
    static char ways[] = "refxprefxp";
    set_id(16);
    make_pool(NULL);
    for (char *way = ways; *way; way++) {
        const thrum_result result = finish(submit(end_somehow, way));
        CHECK_EQ(result, *way == 'e' || *way == 'f' ? THRUM_FAILED : THRUM_OK);
        CHECK_EQ(live_now(), 1);
    }
    CHECK_EQ(ways_seen, strlen(ways));
    end_pool();
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

static thrum_event go, busy;

static int wait_for_go(void *unused, void **value) {
    (void)unused, (void)value;
    thrum_event_set(&busy);
    thrum_event_wait(&go);
    return 0;
}

static unsigned dropped;

static void drop(void *argument, void *unused) {
    (void)unused;
    CHECK(argument == &dropped); /* the job's own argument */
    dropped++;
}

static void cancel_pending_jobs(bool one_by_one) {
    make_pool(&(thrum_executor_config){.drop = drop});
    thrum_future *const first = submit(wait_for_go, NULL);
    thrum_event_wait(&busy);
    set_id(17);
    thrum_future *const pending = submit(note_id_in_job, NULL);
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, &dropped, NULL), THRUM_OK);
    CHECK_EQ(live_now(), 3);
    if (one_by_one) CHECK_EQ(thrum_future_cancel(pending), THRUM_OK);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
    CHECK_EQ(live_now(), 1);
    thrum_event_set(&go);
    CHECK_EQ(finish(first), THRUM_OK);
    CHECK_EQ(finish(pending), THRUM_CANCELLED);
    end_pool();
    CHECK_EQ(dropped, 1);
    thrum_local_destroy(&current);
}

TEST(the_values_of_jobs_that_a_shutdown_cancels_are_destroyed) {
    cancel_pending_jobs(false);
}

TEST(the_values_of_a_job_that_was_cancelled_are_destroyed_when_it_is_taken) {
    cancel_pending_jobs(true);
}

TEST(a_copier_that_fails_fails_the_submit_and_nothing_is_handed_over) {
    int seen = 0;
    set_id(18);
    make_pool(NULL);
    refusal = THRUM_EMPTY;
    thrum_future *future = NULL;
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, &seen, &future), THRUM_EMPTY);
    CHECK(future == NULL);
    CHECK_EQ(thrum_executor_pending(pool), 0);
    refusal = THRUM_OK;
    CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, &seen, &future), THRUM_CLOSED);
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, &seen, NULL), THRUM_CLOSED);
    CHECK_EQ(live_now(), 1); /* what was copied for those is gone */
    end_pool();
    thrum_local_destroy(&current);
}

static int submit_another(void *seen, void **value) {
    (void)value;
    set_id(id_now() + 1);
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, seen, NULL), THRUM_OK);
    set_id(99);
    return 0;
}

TEST(a_job_that_a_job_submits_inherits_from_it) {
    int seen = 0;
    set_id(19);
    make_pool(NULL);
    CHECK_EQ(finish(submit(submit_another, &seen)), THRUM_OK);
    end_pool();
    CHECK_EQ(seen, 20);
    CHECK_EQ(id_now(), 19);
    thrum_local_destroy(&current);
}

TEST(the_destruction_of_a_local_destroys_what_pending_jobs_have_of_it) {
    int seen = 0;
    make_pool(NULL);
    thrum_future *const first = submit(wait_for_go, NULL);
    set_id(21);
    thrum_future *const pending = submit(note_id_in_job, &seen);
    CHECK_EQ(live_now(), 2);
    thrum_local_destroy(&current);
    CHECK_EQ(live_now(), 0);
    thrum_event_set(&go);
    CHECK_EQ(finish(first), THRUM_OK);
    CHECK_EQ(finish(pending), THRUM_OK);
    CHECK_EQ(seen, NONE);
    end_pool();
}

static thrum_local sessions = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);

static int count_in_session(void *count, void **value) {
    (void)value;
    int *const mine = thrum_local_get(&sessions);
    CHECK(mine);
    *(int *)count = ++*mine;
    return 0;
}

TEST(a_local_that_is_not_inherited_stays_the_workers) {
    int count = 0;
    set_id(22);
    make_pool(NULL);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(finish(submit(count_in_session, &count)), THRUM_OK);
        CHECK_EQ(count, i);
    }
    end_pool();
    thrum_local_destroy(&current);
    thrum_local_destroy(&sessions);
}

static int fail_in_destructor_now;

static void fail_or_make_anew(void *p, void *unused) {
    (void)p, (void)unused;
    if (fail_in_destructor_now == 1) thrum_thread_fail(3, "in the destructor");
    if (fail_in_destructor_now == 2) (void)thrum_local_get(&current);
}

static thrum_local awkward = THRUM_LOCAL_INHERITED(sizeof(int), NULL, fail_or_make_anew, copy_number, NULL);

static unsigned reports;
static void count_report(const thrum_failure *failure) {
    CHECK_EQ(failure->code, 3);
    reports++;
}

static int touch_awkward(void *argument, void **value) {
    (void)argument, (void)value;
    CHECK(thrum_local_get(&awkward));
    return 0;
}

TEST(a_destructor_that_fails_or_makes_values_anew_harms_no_job) {
    thrum_set_excepthook(count_report);
    make_pool(NULL);
    for (fail_in_destructor_now = 1; fail_in_destructor_now <= 2; fail_in_destructor_now++) {
        CHECK_EQ(finish(submit(touch_awkward, NULL)), THRUM_OK);
        int seen = 0;
        CHECK_EQ(finish(submit(note_id_in_job, &seen)), THRUM_OK);
        CHECK_EQ(seen, NONE);
        CHECK_EQ(live_now(), 0);
    }
    CHECK_EQ(reports, 1);
    end_pool();
    thrum_local_destroy(&awkward);
}

static size_t pages(void) {
    FILE *const file = fopen("/proc/self/statm", "r");
    size_t count;
    CHECK(file && fscanf(file, "%zu", &count) == 1);
    fclose(file);
    return count;
}

TEST(no_memory_for_a_copy_is_a_result_and_changes_nothing) {
    if (THRUM_UNDER_TSAN || test_under_asan()) test_skip("the sanitizers die without memory");
    static thrum_local large = THRUM_LOCAL_INHERITED((size_t)64 << 20, NULL, NULL, copy_number, NULL);
    static thrum_scheduler scheduler;
    thrum_scheduled entry = {.order_ = 0};
    int seen = 0;
    make_pool(NULL);
    CHECK_EQ(finish(submit(note_id_in_job, &seen)), THRUM_OK);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &seen});
    set_id(23);
    CHECK(thrum_local_get(&large));
    const rlim_t limit = (pages() + 4096) * (rlim_t)sysconf(_SC_PAGESIZE);
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    CHECK_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){limit, before.rlim_max}), 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_executor_submit(pool, note_id_in_job, &seen, NULL), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note_id_in_timer, &seen), THRUM_NO_MEMORY);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
    CHECK_EQ(live_now(), 1);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    start_and_join(thread);
    CHECK_EQ(seen, 23);
    end_pool();
    thrum_local_destroy(&large);
    thrum_local_destroy(&current);
}

/* ---- scheduled functions ---- */

static thrum_scheduler scheduler;
static thrum_u32 calls;
static thrum_event called;
static int ids[8];

static void note_and_raise(void *unused) {
    (void)unused;
    const uint32_t call = thrum_u32_load_relaxed(&calls);
    ids[call] = id_now();
    if (id_now() != NONE) set_id(id_now() + 1);
    thrum_u32_store_relaxed(&calls, call + 1);
    if (call == 2) thrum_event_set(&called);
}

TEST(a_scheduled_function_has_what_its_scheduler_had_and_keeps_it_from_call_to_call) {
    thrum_scheduled entry = {.order_ = 0};
    set_id(30);
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entry, THRUM_NOW, 1000000, note_and_raise, NULL), THRUM_OK);
    set_id(40);
    CHECK_EQ(live_now(), 2);
    thrum_event_wait(&called);
    CHECK(thrum_scheduler_cancel(&scheduler, &entry));
    CHECK(ids[0] == 30 && ids[1] == 31 && ids[2] == 32);
    CHECK_EQ(live_now(), 1);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    thrum_local_destroy(&current);
}

static void make_one(void *unused) {
    (void)unused;
    CHECK_EQ(id_now(), NONE);
    set_id(50);
    if (thrum_u32_fetch_add_relaxed(&calls, 1) == 2) thrum_event_set(&called);
}

TEST(what_a_scheduled_function_makes_is_no_other_calls) {
    thrum_scheduled entries[2] = {{.order_ = 0}, {.order_ = 0}};
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entries[0], THRUM_NOW, 1000000, make_one, NULL), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[1], THRUM_NOW, make_one, NULL), THRUM_OK);
    thrum_event_wait(&called);
    thrum_scheduler_stop(&scheduler);
    CHECK_EQ(live_now(), 0);
}

static void schedule_anew(void *p) {
    thrum_scheduled *const entry = p;
    const uint32_t call = thrum_u32_fetch_add_relaxed(&calls, 1);
    ids[call] = id_now();
    set_id(id_now() + 1);
    if (call < 2)
        CHECK_EQ(thrum_scheduler_at(&scheduler, entry, THRUM_NOW, schedule_anew, entry), THRUM_OK);
    else
        thrum_event_set(&called);
}

TEST(an_entry_scheduled_anew_by_its_own_function_inherits_from_that_call) {
    thrum_scheduled entry = {.order_ = 0};
    set_id(60);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, schedule_anew, &entry), THRUM_OK);
    thrum_event_wait(&called);
    CHECK(ids[0] == 60 && ids[1] == 61 && ids[2] == 62);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

static void never(void *unused) {
    (void)unused;
    CHECK(false);
}

TEST(the_values_of_entries_that_are_cancelled_or_stopped_are_destroyed) {
    thrum_scheduled entries[3] = {{.order_ = 0}, {.order_ = 0}, {.order_ = 0}};
    set_id(70);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], thrum_after(3600), never, NULL), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[0], THRUM_NOW, never, NULL), THRUM_STATE);
    CHECK_EQ(live_now(), 4);
    CHECK(thrum_scheduler_cancel(&scheduler, &entries[1]));
    CHECK_EQ(live_now(), 3);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 2);
    CHECK_EQ(live_now(), 1);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[0], THRUM_NOW, never, NULL), THRUM_CLOSED);
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

static void stop_or_end(void *way) {
    CHECK_EQ(id_now(), 80);
    thrum_event_set(&called);
    if (*(const char *)way == 's') thrum_scheduler_stop(&scheduler);
    if (*(const char *)way == 'e') thrum_thread_exit(NULL);
    if (*(const char *)way == 'p') pthread_exit(NULL);
}

TEST(the_values_of_a_call_are_destroyed_whatever_way_it_ends) {
    static char ways[] = "reps";
    set_id(80);
    for (char *way = ways; *way; way++) {
        thrum_scheduled entry = {.order_ = 0};
        thrum_event_clear(&called);
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, stop_or_end, way), THRUM_OK);
        thrum_event_wait(&called);
        thrum_scheduler_cancel(&scheduler, &entry); /* waits for it */
        CHECK_EQ(live_now(), 1);
    }
    thrum_scheduler_stop(&scheduler);
    thrum_local_destroy(&current);
}

/* ---- a forked child ---- */

static thrum_event has_value;

static void *keep_a_value(void *unused) {
    CHECK(thrum_local_get(&sessions) != NULL);
    thrum_event_set(&has_value);
    thrum_event_wait(&go);
    return unused;
}

static void join_both(thrum_thread *const *threads) {
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(thrum_thread_join(threads[i], NULL), THRUM_OK);
        thrum_thread_release(threads[i]);
    }
}

static int do_nothing(void *unused, void **value) {
    (void)unused, (void)value;
    return 0;
}

/*
 * Other threads have values, copies in force, and copies that wait for their turn. The child has its own, and
 * loses the address of no memory: AddressSanitizer looks for that at its exit.
 */
TEST(a_forked_child_leaks_nothing_that_was_other_threads) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer's own table of threads does not survive a fork");
    thrum_scheduled entry = {.order_ = 0};
    set_id(24);
    make_pool(NULL);
    CHECK(thrum_local_get(&sessions) != NULL);
    thrum_thread *threads[2];
    for (int i = 0; i < 2; i++) {
        threads[i] = test_new((thrum_thread_config){.target = keep_a_value});
        CHECK_EQ(thrum_thread_start(threads[i]), THRUM_OK);
        thrum_event_wait(&has_value);
        thrum_event_clear(&has_value);
    }
    thrum_future *const begun = submit(wait_for_go, NULL), *const pending = submit(do_nothing, NULL);
    thrum_event_wait(&busy);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_FOREVER, note_id_in_timer, NULL), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        thrum_scheduler_reset_after_fork(&scheduler);
        memset(&entry, 0, sizeof entry);
        CHECK_EQ(id_now(), 24);
        CHECK(thrum_local_peek(&sessions) != NULL);
        join_both(threads);
        thrum_local_destroy(&sessions);
        thrum_local_destroy(&current);
        exit(0);
    }
    test_join_child(child);
    thrum_event_set(&go);
    CHECK_EQ(finish(begun), THRUM_OK);
    CHECK_EQ(finish(pending), THRUM_OK);
    join_both(threads);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    end_pool();
}
