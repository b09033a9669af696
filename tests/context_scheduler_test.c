/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also executor local scheduler */
/* What timers and scheduled functions inherit: thrum/local.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "context_parts.h"
#include "threads.h"

#include <thrum.h>

/* ---- timers ---- */

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
