/* SPDX-License-Identifier: MIT */
/* A timer calls or was cancelled in time, and is the caller's again after its join. */
#include "explore.h"

#include <thrum.h>

static struct {
    thrum_timer timer;
    int called, seen;
} s;

static void call(void *unused) {
    (void)unused;
    s.called++;
}

static void start(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    REQUIRE(thrum_timer_init(&s.timer, 1e-6, call, NULL) == THRUM_OK);
    REQUIRE(thrum_timer_start(&s.timer) == THRUM_OK);
}

static void join_and_free(void) {
    REQUIRE(thrum_timer_join(&s.timer) == THRUM_OK);
    REQUIRE(thrum_event_is_set(&s.timer.finished));
    thrum_timer_release(&s.timer);
    explore_free(&s.timer, sizeof s.timer);
}

static void join_it(unsigned me) {
    (void)me;
    join_and_free();
    REQUIRE(s.called == 1); /* plain: ordered by the join */
}
EXPLORE(a_timer_calls_once, .threads = 1, .startable = 2, .begin = start, .thread = join_it,
        .bounds = {2, 1, 1, 0})

static void cancel_or_wait(unsigned me) {
    if (me == 0) {
        thrum_timer_cancel(&s.timer);
        return;
    }
    thrum_event_wait(&s.timer.finished);
    s.seen = s.called; /* plain: no call runs any more, and none begins */
}
static void it_is_over(void) {
    join_and_free();
    REQUIRE(s.called <= 1 && s.seen == s.called);
    REQUIRE(explore_blocks() == 0);
}
EXPLORE(a_waiter_for_a_timer_is_told_of_its_call_or_cancel, .threads = 2, .startable = 2, .begin = start,
        .thread = cancel_or_wait, .end = it_is_over, .bounds = {1, 1, 1, 0})

static void cancel_and_join(unsigned me) {
    (void)me;
    thrum_timer_cancel(&s.timer);
    join_and_free();
    REQUIRE(s.called <= 1);
}
EXPLORE(a_cancelled_timer_is_the_callers_after_its_join, .threads = 1, .startable = 2, .begin = start,
        .thread = cancel_and_join, .bounds = {2, 1, 1, 0})

/* One of them finds it cancelled; when its call returns it is finished all the same (timer.I2). */
static void begin_not_started(void) {
    REQUIRE(thrum_timer_init(&s.timer, 1e-6, call, NULL) == THRUM_OK);
}
static void cancel_and_look(unsigned me) {
    (void)me;
    thrum_timer_cancel(&s.timer);
    REQUIRE(thrum_event_is_set(&s.timer.finished));
}
EXPLORE(after_either_of_two_cancels_it_is_finished, .threads = 2, .begin = begin_not_started,
        .thread = cancel_and_look, .bounds = {2, 1, 0, 0})

static void do_nothing(unsigned me) {
    (void)me;
}
static void begin_cancelled(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    REQUIRE(thrum_timer_init(&s.timer, 1e-6, call, NULL) == THRUM_OK);
    thrum_timer_cancel(&s.timer);
    REQUIRE(thrum_timer_start(&s.timer) == THRUM_OK);
}
static void it_was_not_called(void) {
    it_is_over();
    REQUIRE(s.called == 0);
}
EXPLORE(one_cancelled_before_its_start_does_not_call, .threads = 1, .startable = 2, .begin = begin_cancelled,
        .thread = do_nothing, .end = it_was_not_called, .bounds = {2, 1, 1, 0})
