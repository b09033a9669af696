/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also executor local scheduler */
/* What jobs inherit: thrum/local.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "context_parts.h"
#include "threads.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

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
