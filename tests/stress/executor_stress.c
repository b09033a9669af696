/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The executor under load: no job is lost or run twice, whenever and by whomever it is shut down. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum.h>

static thrum_executor *make(int workers) {
    thrum_executor *pool = NULL;
    CHECK_EQ(thrum_executor_new(&pool, workers, NULL), THRUM_OK);
    return pool;
}

/* ---- ten million ---- */

enum { SUBMITTERS = 4 };

static unsigned char *marks; /* plain: a job that ran twice at once would be a race, too */
static size_t marks_count;

static int mark(void *argument, void **value) {
    (void)value;
    ++*(unsigned char *)argument;
    return 0;
}

struct share {
    thrum_executor *pool;
    size_t first, end;
};

static void *submit_a_share(void *argument) {
    const struct share *const share = argument;
    for (size_t i = share->first; i < share->end; i++) {
        while (thrum_executor_pending(share->pool) > 100000) thrum_futex_nap(thrum_after_us(100));
        thrum_future *future = NULL;
        CHECK_EQ(thrum_executor_submit(share->pool, mark, &marks[i], i % 16 ? NULL : &future), THRUM_OK);
        thrum_future_release(future);
    }
    return NULL;
}

TEST(ten_million_jobs_none_is_lost_and_none_runs_twice) {
    marks_count = 10000000 / (test_slowdown() == 1 ? 1 : test_slowdown() * 4);
    marks = calloc(marks_count, 1);
    CHECK(marks != NULL);
    thrum_executor *const pool = make(4);
    struct share shares[SUBMITTERS];
    test_thread threads[SUBMITTERS];
    for (size_t i = 0; i < SUBMITTERS; i++) {
        shares[i] = (struct share){pool, marks_count * i / SUBMITTERS, marks_count * (i + 1) / SUBMITTERS};
        threads[i] = test_start(submit_a_share, &shares[i]);
    }
    for (size_t i = 0; i < SUBMITTERS; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    for (size_t i = 0; i < marks_count; i++) CHECK_EQ(marks[i], 1);
    thrum_executor_release(pool);
    free(marks);
}

/* ---- shut down at any moment ---- */

static thrum_u64 accepted, ran, cancelled;

static int run_and_perhaps_end_the_thread(void *argument, void **value) {
    (void)value;
    const uint64_t number = thrum_u64_fetch_add_relaxed(&ran, 1);
    if (number % 61 == 0) thrum_thread_exit(argument);
    if (number % 67 == 0) thrum_thread_fail(1, "one of many");
    return number % 71 == 0;
}

static void *submit_until_refused(void *argument) {
    thrum_executor *const pool = argument;
    for (unsigned i = 0;; i++) {
        thrum_future *future = NULL;
        const thrum_result result =
            thrum_executor_submit(pool, run_and_perhaps_end_the_thread, pool, &future);
        if (result == THRUM_CLOSED) return NULL;
        CHECK_EQ(result, THRUM_OK);
        thrum_u64_fetch_add_relaxed(&accepted, 1);
        if (i % 5 == 0 && thrum_future_cancel(future) == THRUM_OK) {
            thrum_u64_fetch_add_relaxed(&cancelled, 1);
            thrum_future_release(future);
            continue;
        }
        const thrum_result heard =
            i % 7 == 0 ? thrum_future_result(future, NULL) : thrum_future_try_result(future, NULL);
        CHECK(heard != THRUM_BROKEN);
        thrum_future_release(future);
    }
}

static int shut_down_from_inside(void *argument, void **value) {
    (void)value;
    CHECK_EQ(thrum_executor_shutdown(argument, THRUM_SHUTDOWN_WAIT), THRUM_DEADLOCK);
    return 0;
}

static void ignore(const thrum_failure *failure) {
    (void)failure;
}

static void shut_down_after(uint64_t ns, bool from_inside) {
    thrum_u64_store_relaxed(&accepted, 0);
    thrum_u64_store_relaxed(&ran, 0);
    thrum_u64_store_relaxed(&cancelled, 0);
    thrum_executor *const pool = make(3);
    test_thread threads[2];
    for (int i = 0; i < 2; i++) threads[i] = test_start(submit_until_refused, pool);
    thrum_futex_nap(thrum_after_ns(ns));
    if (from_inside)
        CHECK_EQ(thrum_executor_submit(pool, shut_down_from_inside, pool, NULL), THRUM_OK);
    else
        CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
    for (int i = 0; i < 2; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    CHECK_EQ(thrum_u64_load_relaxed(&ran) + thrum_u64_load_relaxed(&cancelled),
             thrum_u64_load_relaxed(&accepted));
    thrum_executor_release(pool);
    CHECK_EQ(thrum_active_count(), 1);
}

TEST(a_shutdown_at_any_moment_from_outside_or_inside_loses_nothing) {
    thrum_set_excepthook(ignore);
    uint64_t random = test_seed();
    const unsigned rounds = 1000 / test_slowdown();
    for (unsigned i = 0; i < rounds; i++) shut_down_after(test_random(&random) % 3000000, i % 2);
}

/*
 * With what is pending cancelled, amid submits: each future ends, and those that were cancelled were not run.
 */
static void *submit_and_ask_all(void *argument) {
    enum { MANY = 64 };
    thrum_executor *const pool = argument;
    thrum_future *futures[MANY];
    for (;;) {
        unsigned count = 0;
        thrum_result result = THRUM_OK;
        while (count < MANY && result == THRUM_OK) {
            result = thrum_executor_submit(pool, run_and_perhaps_end_the_thread, pool, &futures[count]);
            count += result == THRUM_OK;
        }
        thrum_u64_fetch_add_relaxed(&accepted, count);
        for (unsigned i = 0; i < count; i++) {
            if (thrum_future_result(futures[i], NULL) == THRUM_CANCELLED)
                thrum_u64_fetch_add_relaxed(&cancelled, 1);
            thrum_future_release(futures[i]);
        }
        if (result == THRUM_CLOSED) return NULL;
        CHECK_EQ(result, THRUM_OK);
    }
}

TEST(a_shutdown_that_cancels_amid_submits_ends_every_future) {
    thrum_set_excepthook(ignore);
    uint64_t random = test_seed();
    const unsigned rounds = 1000 / test_slowdown();
    for (unsigned i = 0; i < rounds; i++) {
        thrum_u64_store_relaxed(&accepted, 0);
        thrum_u64_store_relaxed(&ran, 0);
        thrum_u64_store_relaxed(&cancelled, 0);
        thrum_executor *const pool = make(2);
        test_thread threads[2];
        for (int t = 0; t < 2; t++) threads[t] = test_start(submit_and_ask_all, pool);
        thrum_futex_nap(thrum_after_ns(test_random(&random) % 2000000));
        CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT | THRUM_SHUTDOWN_CANCEL_PENDING),
                 THRUM_OK);
        for (int t = 0; t < 2; t++) test_join(&threads[t]);
        CHECK_EQ(thrum_u64_load_relaxed(&ran) + thrum_u64_load_relaxed(&cancelled),
                 thrum_u64_load_relaxed(&accepted));
        thrum_executor_release(pool);
    }
}

/* ---- memory ---- */

static size_t resident_kib(void) {
    FILE *const file = fopen("/proc/self/statm", "r");
    unsigned long whole = 0, resident = 0;
    CHECK(file && fscanf(file, "%lu %lu", &whole, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static int use_memory(void *argument, void **value) {
    (void)argument;
    *value = NULL;
    void *const some = malloc(2000);
    free(some);
    return 0;
}

/*
 * What a server does in a second: bursts, maps, cancels, failures, threads that end, a pool that comes and
 * goes.
 */
static void one_second_of_use(thrum_executor *pool) {
    enum { BURST = 500 };
    static thrum_future *futures[BURST];
    static int items[50];
    for (int i = 0; i < BURST; i++)
        CHECK_EQ(thrum_executor_submit(pool, i % 100 ? use_memory : run_and_perhaps_end_the_thread, pool,
                                       &futures[i]),
                 THRUM_OK);
    for (int i = 0; i < BURST; i += 10) (void)thrum_future_cancel(futures[i]);
    CHECK_EQ(thrum_future_wait(futures, BURST, THRUM_ALL_COMPLETED, NULL), THRUM_OK);
    for (int i = 0; i < BURST; i++) thrum_future_release(futures[i]);
    thrum_results map;
    CHECK_EQ(thrum_executor_map(pool, &map, use_memory, items, 50, sizeof items[0], THRUM_FOREVER), THRUM_OK);
    void *value;
    for (int i = 0; i < 25; i++) CHECK_EQ(thrum_results_next(&map, &value), THRUM_OK);
    thrum_results_end(&map);
    thrum_executor *const other = make(2);
    for (int i = 0; i < 20; i++) CHECK_EQ(thrum_executor_submit(other, use_memory, NULL, NULL), THRUM_OK);
    thrum_executor_release(other);
}

/* 3600 such seconds take some ten seconds here. */
TEST(memory_stays_flat_over_an_hours_use) {
    if (THRUM_UNDER_TSAN || test_under_asan()) test_skip("the sanitizers keep memory of their own");
    thrum_set_excepthook(ignore);
    thrum_executor *const pool = make(4);
    for (int i = 0; i < 600; i++) one_second_of_use(pool);
    const size_t before = resident_kib();
    for (int i = 0; i < 3000; i++) one_second_of_use(pool);
    const size_t after = resident_kib();
    printf("%zu KiB after ten minutes, %zu after an hour\n", before, after);
    CHECK(after < before + 512);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}
