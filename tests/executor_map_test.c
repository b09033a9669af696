/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* thrum_executor_map. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "executor_parts.h"
#include "refuse.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <thrum.h>

static int order[600];

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
