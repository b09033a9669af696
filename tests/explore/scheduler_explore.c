/* SPDX-License-Identifier: MIT */
/*
 * Timers on one thread: whatever is scheduled is called or cancelled, once, and its entry is the caller's
 * again when the header says so.
 */
#include "explore.h"

#include <thrum.h>

static struct {
    thrum_scheduler scheduler;
    thrum_scheduled a, b;
    thrum_event called; /* a wait for a call whose wake was lost never ends */
    thrum_u32 calls;
    int plain;
    bool kept[2];
    size_t dropped;
} s;

#define SOON EXPLORE_SOON

static void count(void *unused) {
    (void)unused;
    s.plain++; /* plain: calls come one after the other */
    thrum_u32_fetch_add_relaxed(&s.calls, 1);
    thrum_event_set(&s.called);
}

static void helper(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
}

static void at(thrum_scheduled *entry, thrum_deadline due, thrum_scheduler_function *function) {
    REQUIRE(thrum_scheduler_at(&s.scheduler, entry, due, function, NULL) == THRUM_OK);
}

static void stop(void) {
    s.dropped = thrum_scheduler_stop(&s.scheduler);
    REQUIRE(thrum_scheduler_pending(&s.scheduler) == 0);
}

static uint32_t calls(void) {
    return thrum_u32_load_relaxed(&s.calls);
}

/* --- called --------------------------------------------------------------------------------------------- */

static void schedule_and_wait(unsigned me) {
    (void)me;
    at(&s.a, SOON, count);
    thrum_event_wait(&s.called);
    stop();
    REQUIRE(calls() == 1 && s.dropped == 0);
    REQUIRE(thrum_scheduler_at(&s.scheduler, &s.a, SOON, count, NULL) == THRUM_CLOSED);
}
EXPLORE(what_is_scheduled_is_called_once, .threads = 1, .startable = 2, .begin = helper,
        .thread = schedule_and_wait, .bounds = {2, 1, 0, 0})

/* The thread may be about to sleep until `b`, for ever. */
static void schedule_late(void) {
    helper();
    at(&s.b, THRUM_FOREVER, count);
}
static void schedule_an_earlier_one(unsigned me) {
    (void)me;
    at(&s.a, THRUM_NOW, count);
    thrum_event_wait(&s.called);
    stop();
    REQUIRE(calls() == 1 && s.dropped == 1);
}
EXPLORE(an_earlier_one_is_not_slept_past, .threads = 1, .startable = 2, .begin = schedule_late,
        .thread = schedule_an_earlier_one, .bounds = {2, 1, 0, 0})

static void schedule_one_each(unsigned me) {
    at(me == 0 ? &s.a : &s.b, SOON, count);
}
static void wait_for_two(unsigned me) {
    if (me < 2) {
        schedule_one_each(me);
        return;
    }
    while (calls() < 2) {
        thrum_event_wait(&s.called);
        thrum_event_clear(&s.called);
    }
    stop();
}
EXPLORE(two_schedulings_share_a_thread, .threads = 3, .startable = 2, .begin = helper, .thread = wait_for_two,
        .bounds = {1, 0, 0, 0})

/* --- cancelled ------------------------------------------------------------------------------------------ */

static void schedule_soon(void) {
    helper();
    at(&s.a, SOON, count);
}
static void cancel_and_free(unsigned me) {
    (void)me;
    s.kept[0] = thrum_scheduler_cancel(&s.scheduler, &s.a);
    REQUIRE(s.plain == (s.kept[0] ? 0 : 1)); /* plain: a cancel waits for the call */
    explore_free(&s.a, sizeof s.a);
    stop();
    REQUIRE(calls() == (s.kept[0] ? 0 : 1));
}
EXPLORE(a_cancel_keeps_it_or_waits_for_its_call, .threads = 1, .startable = 2, .begin = schedule_soon,
        .thread = cancel_and_free, .bounds = {2, 0, 1, 0})

static void cancel_both(unsigned me) {
    s.kept[me] = thrum_scheduler_cancel(&s.scheduler, &s.a);
    if (me == 0) stop();
}
static void one_of_three_had_it(void) {
    REQUIRE((unsigned)s.kept[0] + s.kept[1] + calls() + (unsigned)s.dropped == 1);
}
EXPLORE(of_two_cancels_one_keeps_it, .threads = 2, .startable = 2, .begin = schedule_soon,
        .thread = cancel_both, .end = one_of_three_had_it, .bounds = {1, 0, 1, 0})

/* --- in a function -------------------------------------------------------------------------------------- */

static void free_the_entry(void *unused) {
    (void)unused;
    REQUIRE(!thrum_scheduler_cancel(&s.scheduler, &s.a)); /* its own: does not wait for itself */
    explore_free(&s.a, sizeof s.a);
    thrum_event_set(&s.called);
}
static void schedule_who_frees_itself(unsigned me) {
    (void)me;
    at(&s.a, SOON, free_the_entry);
    thrum_event_wait(&s.called);
    stop();
}
EXPLORE(a_function_may_free_its_entry, .threads = 1, .startable = 2, .begin = helper,
        .thread = schedule_who_frees_itself, .bounds = {2, 1, 0, 0})

static void schedule_again(void *unused) {
    count(unused);
    if (calls() == 1) at(&s.a, THRUM_NOW, schedule_again);
}
static void schedule_who_schedules_itself(unsigned me) {
    (void)me;
    at(&s.a, SOON, schedule_again);
    while (calls() < 2) {
        thrum_event_wait(&s.called);
        thrum_event_clear(&s.called);
    }
    stop();
    REQUIRE(s.plain == 2 && s.dropped == 0);
}
EXPLORE(a_function_may_schedule_its_entry_anew, .threads = 1, .startable = 2, .begin = helper,
        .thread = schedule_who_schedules_itself, .bounds = {2, 1, 0, 0})

static void stop_here(void *unused) {
    (void)unused;
    s.dropped = thrum_scheduler_stop(&s.scheduler);
    thrum_event_set(&s.called);
}
static void schedule_who_stops(unsigned me) {
    (void)me;
    at(&s.b, THRUM_FOREVER, count);
    at(&s.a, SOON, stop_here);
    thrum_event_wait(&s.called);
    REQUIRE(s.dropped == 1);
    REQUIRE(thrum_scheduler_at(&s.scheduler, &s.b, SOON, count, NULL) == THRUM_CLOSED);
}
EXPLORE(a_function_may_stop_the_scheduler, .threads = 1, .startable = 2, .begin = helper,
        .thread = schedule_who_stops, .bounds = {2, 1, 0, 0})

/* --- periodic ------------------------------------------------------------------------------------------- */

static void repeat(void) {
    helper();
    REQUIRE(thrum_scheduler_every(&s.scheduler, &s.a, SOON, 1000000000, count, NULL) == THRUM_OK);
}
static void wait_cancel_and_free(unsigned me) {
    (void)me;
    thrum_event_wait(&s.called);
    REQUIRE(thrum_scheduler_cancel(&s.scheduler, &s.a)); /* there is always one to come */
    const int so_far = s.plain;                          /* plain: as above */
    explore_free(&s.a, sizeof s.a);
    stop();
    REQUIRE(s.plain == so_far && s.dropped == 0);
}
EXPLORE(a_cancel_ends_the_calls_of_a_period, .threads = 1, .startable = 2, .begin = repeat,
        .thread = wait_cancel_and_free, .bounds = {2, 1, 0, 0})

/* --- stops, and threads that are refused ---------------------------------------------------------------- */

static void stop_both(unsigned me) {
    s.kept[me] = thrum_scheduler_stop(&s.scheduler) == 1;
}
static void it_was_dropped_or_called(void) {
    REQUIRE((unsigned)s.kept[0] + s.kept[1] + calls() == 1);
}
EXPLORE(of_two_stops_one_drops_it, .threads = 2, .startable = 2, .begin = schedule_soon, .thread = stop_both,
        .end = it_was_dropped_or_called, .bounds = {1, 0, 1, 0})

static void schedule_twice(unsigned me) {
    (void)me;
    REQUIRE(thrum_scheduler_at(&s.scheduler, &s.a, SOON, count, NULL) == THRUM_NO_THREAD);
    REQUIRE(thrum_scheduler_pending(&s.scheduler) == 0);
    schedule_and_wait(me);
}
EXPLORE(without_a_thread_nothing_is_scheduled, .threads = 1, .startable = 2, .refused_starts = 1u << 1,
        .begin = helper, .thread = schedule_twice, .bounds = {1, 1, 0, 0})
