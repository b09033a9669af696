/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also rcu registry thread */
/*
 * A main thread that ends before the others: the process ends when the last of the program's own threads
 * has, whatever of the library it has used, and with the status that it would have without the library.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

static void *work(void *unused) {
    thrum_futex_nap(thrum_after_ms(20));
    return unused;
}

static void start_work(void) {
    const thrum_thread_config config = {THRUM_TARGET(work), .daemon = THRUM_DAEMON_NO};
    CHECK_EQ(thrum_thread_spawn(NULL, &config), THRUM_OK);
}

static void nothing(void *unused) {
    (void)unused;
}

static int no_job(void *argument, void **value) {
    (void)argument, (void)value;
    return 0;
}

static void use_nothing(void) {}

static void use_a_map(void) {
    static thrum_map *map; /* the process ends with it */
    CHECK_EQ(thrum_map_new(&map, NULL), THRUM_OK);
    for (int i = 0; i < 2; i++) CHECK_EQ(thrum_map_put(map, thrum_key("a"), map), THRUM_OK);
}

static void use_a_snapshot(void) {
    static thrum_snapshot cell;
    for (int i = 0; i < 2; i++) CHECK_EQ(thrum_snapshot_set(&cell, &cell, nothing), THRUM_OK);
}

static void use_a_scheduler(void) {
    static thrum_scheduler scheduler;
    static thrum_scheduled entry;
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entry, THRUM_NOW, 1000000, nothing, NULL), THRUM_OK);
    thrum_scheduler_stop(&scheduler);
}

static void use_an_executor(void) {
    thrum_executor *pool;
    CHECK_EQ(thrum_executor_new(&pool, 2, NULL), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, no_job, NULL, NULL), THRUM_OK);
    thrum_executor_release(pool);
}

static void use_the_end(void) {
    use_a_snapshot();
    thrum_shutdown();
}

static void (*const uses[])(void) = {use_nothing,     use_a_map,       use_a_snapshot,
                                     use_a_scheduler, use_an_executor, use_the_end};

static void leave_by_pthread_exit(void) {
    pthread_exit(NULL);
}
static void leave_by_thrum_thread_exit(void) {
    thrum_thread_exit(NULL);
}
static void leave_by_exit(void) {
    exit(5);
}

static void (*used)(void), (*left_by)(void);

static void use_and_leave(void) {
    if (used != use_the_end) start_work();
    used();
    left_by();
}

static void check_all(void (*leave)(void), int status) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime has a thread of its own");
    left_by = leave;
    for (unsigned i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        used = uses[i];
        CHECK_EQ(test_status_of(use_and_leave), status);
    }
}

TEST(after_a_pthread_exit_of_main_the_process_ends_with_its_last_thread) {
    check_all(leave_by_pthread_exit, 0);
}

TEST(after_a_thread_exit_of_main_the_process_ends_with_its_last_thread) {
    check_all(leave_by_thrum_thread_exit, 0);
}

TEST(an_exit_keeps_its_status) {
    check_all(leave_by_exit, 5);
}
