/* SPDX-License-Identifier: MIT */
/* What a monitor has beyond a condition; what both promise is in cond_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/with.h>

TEST(it_is_an_rlock_and_a_list) {
    CHECK_EQ(sizeof(thrum_monitor), sizeof(thrum_rlock) + sizeof(void *));
}

TEST(all_zero_memory_is_a_monitor) {
    static thrum_monitor from_static;
    static thrum_monitor from_macro = THRUM_MONITOR_INIT;
    thrum_monitor *from_heap = calloc(1, sizeof *from_heap);
    thrum_monitor from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_monitor_init(&from_init);
    thrum_monitor *const monitors[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(!thrum_monitor_locked(monitors[i]));
        CHECK_EQ(thrum_monitor_waiters(monitors[i]), 0);
        CHECK_EQ(thrum_monitor_acquire(monitors[i]), THRUM_OK);
        CHECK(thrum_monitor_is_owned(monitors[i]));
        CHECK_EQ(thrum_monitor_notify_all(monitors[i]), THRUM_OK);
        CHECK_EQ(thrum_monitor_wait_until(monitors[i], thrum_after_us(100)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_monitor_release(monitors[i]), THRUM_OK);
        CHECK_EQ(thrum_monitor_release(monitors[i]), THRUM_NOT_OWNER);
    }
    free(from_heap);
}

static thrum_monitor monitor;
static int turn; /* the monitor protects it */

static void *second(void *p) {
    THRUM_WITH(&monitor) {
        THRUM_WITH(&monitor) {
            while (turn != 1) CHECK_EQ(thrum_monitor_wait(&monitor), THRUM_OK);
            turn = 2;
            CHECK_EQ(thrum_monitor_notify_all(&monitor), THRUM_OK);
        }
    }
    return p;
}

TEST(a_wait_lets_go_of_every_block_that_holds_it) {
    test_thread t = test_start(second, NULL);
    THRUM_WITH(&monitor) {
        THRUM_WITH(&monitor) {
            turn = 1;
            CHECK_EQ(thrum_monitor_notify_all(&monitor), THRUM_OK);
            while (turn != 2) CHECK_EQ(thrum_monitor_wait(&monitor), THRUM_OK);
        }
        CHECK(thrum_monitor_is_owned(&monitor));
    }
    CHECK(!thrum_monitor_locked(&monitor));
    test_join(&t);
}

static void *waits(void *p) {
    THRUM_WITH(&monitor) CHECK_EQ(thrum_monitor_wait(&monitor), THRUM_OK);
    return p;
}

TEST(a_childs_monitor_is_free_and_nobody_waits) {
    test_thread t = test_start(waits, NULL);
    test_await_asleep(&t);
    const pid_t child = fork();
    if (child == 0) {
        thrum_monitor_reset_after_fork(&monitor);
        CHECK_EQ(thrum_monitor_waiters(&monitor), 0);
        CHECK(thrum_monitor_try_acquire(&monitor));
        CHECK_EQ(thrum_monitor_notify_all(&monitor), THRUM_OK);
        CHECK_EQ(thrum_monitor_release(&monitor), THRUM_OK);
        _exit(0);
    }
    test_join_child(child);
    THRUM_WITH(&monitor) CHECK_EQ(thrum_monitor_notify(&monitor, 1), THRUM_OK);
    test_join(&t);
}

TEST(it_describes_itself) {
    char text[80];
    thrum_monitor fresh = THRUM_MONITOR_INIT;
    thrum_monitor_describe(&fresh, text, sizeof text);
    CHECK(strcmp(text, "monitor: free, 0 waiting") == 0);
    CHECK_EQ(thrum_monitor_acquire(&fresh), THRUM_OK);
    CHECK_EQ(thrum_monitor_describe(&fresh, text, 9), strlen("monitor: locked, 0 waiting"));
    CHECK(strcmp(text, "monitor:") == 0);
}
