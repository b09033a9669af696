/* SPDX-License-Identifier: MIT */
/* What follows a thread's end: another thread that begins amid the report of it; its own last calls. */
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static thrum_lock spare;

static void await(const atomic_bool *flag) {
    while (!atomic_load(flag)) sched_yield();
}

/* A fault, which is told where the call is checked. */
static void release_what_nobody_holds(void) {
    (void)thrum_lock_release(&spare);
}

static atomic_uint reports;
static atomic_bool has_left, is_told, has_ended;

/* Of the thread that ends: stays until another one is here, too, which waits for its end. */
static void hear_both(const thrum_checked_report *report, void *unused) {
    (void)unused;
    (void)atomic_fetch_add(&reports, 1);
    if (report->kind == THRUM_CHECKED_LEFT) {
        release_what_nobody_holds();
        atomic_store(&has_left, true);
        await(&is_told);
    } else if (!atomic_exchange(&is_told, true)) {
        await(&has_ended);
        release_what_nobody_holds();
    }
}

static void *leave_held(void *unused) {
    thrum_lock_acquire(&left);
    return unused;
}

static void *call_for_the_first_time(void *unused) {
    await(&has_left);
    release_what_nobody_holds();
    return unused;
}

TEST(a_thread_that_begins_amid_the_report_of_anothers_end_has_a_record_of_its_own) {
    thrum_checked_report_to(hear_both, NULL);
    test_thread ends = test_start(leave_held, NULL), begins = test_start(call_for_the_first_time, NULL);
    (void)test_join(&ends);
    atomic_store(&has_ended, true);
    (void)test_join(&begins);
    CHECK_EQ(atomic_load(&reports), 2); /* none of a function that is handed one */
}

/* ---- after its end ---- */

static pthread_key_t last_key;

/* The second time the check's own destructor has run. */
static void come_twice(void *times) {
    if (++*(int *)times == 1)
        CHECK_EQ(pthread_setspecific(last_key, times), 0);
    else
        release_what_nobody_holds();
}

static void *end_and_call(void *times) {
    CHECK_EQ(pthread_setspecific(last_key, times), 0);
    thrum_lock_acquire(&left);
    thrum_lock_release(&left);
    return NULL;
}

TEST(a_thread_that_calls_after_its_end_is_checked_as_itself) {
    int times = 0;
    CHECK_EQ(pthread_key_create(&last_key, come_twice), 0);
    begin_to_hear();
    run(end_and_call, &times);
    CHECK_EQ(times, 2);
    check_told(THRUM_CHECKED_NOT_HOLDER, " releases without holding");
    CHECK(!says("thread 0 "));
}
