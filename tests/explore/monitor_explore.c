/* SPDX-License-Identifier: MIT */
/* The monitor: a wait releases any depth and comes back as deep, whatever ends it. */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/monitor.h>

static struct {
    thrum_monitor monitor;
    int items; /* the monitor protects them */
    int got;
} s;

static void name_words(void) {
    explore_name(&s.monitor.lock.lock, sizeof s.monitor.lock.lock, "lock");
    explore_name(&s.monitor.lock.owner, sizeof s.monitor.lock.owner, "owner");
}

static void put(int depth) {
    for (int i = 0; i < depth; i++) REQUIRE(thrum_monitor_acquire(&s.monitor) == THRUM_OK);
    s.items++;
    REQUIRE(thrum_monitor_notify(&s.monitor, 1) == THRUM_OK);
    for (int i = 0; i < depth; i++) REQUIRE(thrum_monitor_release(&s.monitor) == THRUM_OK);
}

static void get(uint32_t depth, thrum_deadline deadline) {
    for (uint32_t i = 0; i < depth; i++) REQUIRE(thrum_monitor_acquire(&s.monitor) == THRUM_OK);
    thrum_result result = THRUM_OK;
    while (s.items == 0 && result == THRUM_OK) {
        result = thrum_monitor_wait_until(&s.monitor, deadline);
        REQUIRE(thrum_rlock_depth(&s.monitor.lock) == depth);
    }
    if (s.items) {
        s.items--;
        s.got++;
    }
    for (uint32_t i = 0; i < depth; i++) REQUIRE(thrum_monitor_release(&s.monitor) == THRUM_OK);
}

static void nobody_holds_it(void) {
    REQUIRE(!thrum_monitor_locked(&s.monitor) && thrum_monitor_waiters(&s.monitor) == 0);
    REQUIRE(thrum_u64_load_relaxed(&s.monitor.lock.owner) == 0);
}

static void one_gets_what_one_puts(unsigned me) {
    if (me == 0)
        get(2, THRUM_FOREVER);
    else
        put(2);
}
EXPLORE(a_wait_comes_back_as_deep, .threads = 2, .begin = name_words, .thread = one_gets_what_one_puts,
        .end = nobody_holds_it, .bounds = {3, 1, 0, 1})

static void one_is_impatient(unsigned me) {
    if (me == 0)
        get(3, EXPLORE_SOON);
    else
        put(1);
}
EXPLORE(a_waiter_that_times_out_comes_back_as_deep, .threads = 2, .begin = name_words,
        .thread = one_is_impatient, .end = nobody_holds_it, .bounds = {3, 0, 2, 1})

static void two_get_what_one_puts(unsigned me) {
    if (me < 2)
        get(me + 1, THRUM_FOREVER);
    else
        for (int i = 0; i < 2; i++) put(1);
}
EXPLORE(two_of_different_depth_are_let_in, .threads = 3, .begin = name_words, .thread = two_get_what_one_puts,
        .end = nobody_holds_it, .bounds = {1, 0, 0, 1})
