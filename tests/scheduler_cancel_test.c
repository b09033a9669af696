/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Cancels, stops, and functions that fail. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scheduler_parts.h"
#include "test.h"

#include <stdlib.h>
#include <thrum.h>

static thrum_scheduler scheduler;

/* ---- cancel, stop ---- */

static thrum_event running, let_go;

static void linger(void *unused) {
    (void)unused;
    thrum_event_set(&running);
    thrum_event_wait(&let_go);
    thrum_futex_nap(thrum_after_ms(5)); /* a thread that does not wait is seen */
    thrum_u32_fetch_add_release(&calls, 1);
}

static void *cancel_it(void *entry) {
    const bool kept = thrum_scheduler_cancel(&scheduler, entry);
    CHECK_EQ(CALLS, 1); /* it has waited for the call */
    free(entry);
    return kept ? &scheduler : NULL;
}

TEST(a_cancel_waits_for_the_call_that_runs) {
    thrum_scheduled *const entry = calloc(1, sizeof *entry);
    CHECK_EQ(thrum_scheduler_at(&scheduler, entry, THRUM_NOW, linger, NULL), THRUM_OK);
    thrum_event_wait(&running);
    test_thread canceller = test_start(cancel_it, entry);
    test_await_asleep(&canceller);
    thrum_event_set(&let_go);
    CHECK(test_join(&canceller) == NULL); /* too late to keep it from happening */
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

TEST(a_cancel_of_a_periodic_entry_that_runs_keeps_the_next_call_from_happening) {
    thrum_scheduled *const entry = calloc(1, sizeof *entry);
    CHECK_EQ(thrum_scheduler_every(&scheduler, entry, THRUM_NOW, 1000, linger, NULL), THRUM_OK);
    thrum_event_wait(&running);
    test_thread canceller = test_start(cancel_it, entry);
    test_await_asleep(&canceller);
    thrum_event_set(&let_go);
    CHECK(test_join(&canceller) != NULL);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    CHECK_EQ(CALLS, 1);
    thrum_scheduler_stop(&scheduler);
}

static void cancel_and_free_oneself(void *p) {
    CHECK(thrum_scheduler_cancel(&scheduler, p)); /* periodic: the next ones */
    free(p);
    thrum_event_set(&done);
}

static void free_oneself(void *p) {
    free(p);
    thrum_event_set(&done);
}

TEST(a_function_may_cancel_and_free_its_own_entry) {
    thrum_scheduled *entry = calloc(1, sizeof *entry);
    CHECK_EQ(thrum_scheduler_every(&scheduler, entry, THRUM_NOW, 1000, cancel_and_free_oneself, entry),
             THRUM_OK);
    thrum_event_wait(&done);
    thrum_event_clear(&done);
    entry = calloc(1, sizeof *entry);
    CHECK_EQ(thrum_scheduler_at(&scheduler, entry, THRUM_NOW, free_oneself, entry), THRUM_OK);
    thrum_event_wait(&done);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

static void schedule_oneself(void *p) {
    if (thrum_u32_fetch_add_release(&calls, 1) == 4)
        thrum_event_set(&done);
    else
        CHECK_EQ(thrum_scheduler_at(&scheduler, p, THRUM_NOW, schedule_oneself, p), THRUM_OK);
}

TEST(a_function_may_schedule_its_own_entry_anew) {
    thrum_scheduled entry = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, schedule_oneself, &entry), THRUM_OK);
    thrum_event_wait(&done);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    CHECK_EQ(CALLS, 5);
}

static void stop_it(void *unused) {
    (void)unused;
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    thrum_event_set(&done);
}

static void stop_twice(void *unused) {
    (void)unused;
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    thrum_event_set(&done);
}

TEST(a_periodic_entry_that_stops_the_scheduler_is_dropped_once_and_for_good) {
    thrum_scheduled entry = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entry, THRUM_NOW, 1000000, stop_twice, NULL), THRUM_OK);
    thrum_event_wait(&done);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0); /* the call has ended */
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    CHECK(!thrum_scheduler_cancel(&scheduler, &entry));
}

TEST(a_stop_drops_all_that_is_pending) {
    thrum_scheduled entries[3] = {{.order_ = 0}};
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], THRUM_FOREVER, stop_twice, NULL), THRUM_OK);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 3);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    for (int i = 0; i < 3; i++) CHECK(!thrum_scheduler_cancel(&scheduler, &entries[i]));
}

TEST(a_function_may_stop_the_scheduler) {
    thrum_scheduled entry = {.order_ = 0}, pending = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &pending, thrum_after(3600), note, LETTER('a')), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, stop_it, NULL), THRUM_OK);
    thrum_event_wait(&done);
    while (thrum_active_count() > 1) thrum_futex_yield();
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

/* ---- failing functions ---- */

static thrum_u32 reports;

static void count_report(const thrum_failure *failure) {
    CHECK_EQ(failure->code, 5);
    thrum_u32_fetch_add_relaxed(&reports, 1);
}

static void fail(void *unused) {
    (void)unused;
    thrum_u32_fetch_add_release(&calls, 1);
    thrum_thread_fail(5, "in a scheduled function");
}

TEST(when_a_function_fails_it_is_reported_and_the_others_are_called) {
    thrum_set_excepthook(count_report);
    thrum_scheduled failing = {.order_ = 0}, other = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_every(&scheduler, &failing, THRUM_NOW, 1000000, fail, NULL), THRUM_OK);
    while (CALLS < 3) thrum_futex_yield(); /* a periodic one that fails goes on */
    CHECK(thrum_scheduler_cancel(&scheduler, &failing));
    CHECK_EQ(thrum_scheduler_at(&scheduler, &other, THRUM_NOW, free_oneself, NULL), THRUM_OK);
    thrum_event_wait(&done);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    while (thrum_active_count() > 1) thrum_futex_yield(); /* the reports of those that failed */
    CHECK_EQ(thrum_u32_load_relaxed(&reports), CALLS);
}

static void end_the_thread(void *unused) {
    (void)unused;
    pthread_exit(NULL);
}

TEST(a_function_that_ends_its_thread_is_no_failure_and_the_others_are_called) {
    thrum_set_excepthook(count_report);
    thrum_scheduled ending = {.order_ = 0}, other = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &other, thrum_after_ms(20), free_oneself, NULL), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &ending, THRUM_NOW, end_the_thread, NULL), THRUM_OK);
    thrum_event_wait(&done);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    while (thrum_active_count() > 1) thrum_futex_yield();
    CHECK_EQ(thrum_u32_load_relaxed(&reports), 0);
}
