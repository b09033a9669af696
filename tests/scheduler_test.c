/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scheduler_parts.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

static thrum_scheduler scheduler;

TEST(entries_are_called_in_the_order_of_their_deadlines_never_early) {
    thrum_scheduled entries[5] = {{.order_ = 0}};
    const thrum_deadline begin = thrum_after_ms(20);
    const char names[] = "dbzac";
    const int after_ms[] = {8, 4, 12, 2, 6};
    for (int i = 0; i < 5; i++) {
        const thrum_deadline due = {begin.ns + (uint64_t)after_ms[i] * 1000000};
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], due, note, LETTER(names[i])), THRUM_OK);
    }
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 5);
    thrum_event_wait(&done);
    CHECK(test_now_ns() >= begin.ns + 12000000);
    CHECK(strcmp(order, "abcdz") == 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

TEST(of_equal_deadlines_the_first_scheduled_is_first) {
    thrum_scheduled entries[6] = {{.order_ = 0}};
    const thrum_deadline due = thrum_after_ms(10);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], due, note, LETTER("abcdez"[i])), THRUM_OK);
    thrum_event_wait(&done);
    CHECK(strcmp(order, "abcdez") == 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

/* Waits until the scheduler's thread sleeps. */
static void await_asleep(void) {
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, 2);
    const test_thread thread = {.tid = (pid_t)thrum_thread_native_id(threads[1])};
    test_await_asleep(&thread);
    thrum_enumerate_release(threads, count);
}

TEST(a_later_entry_that_is_due_earlier_is_not_slept_past) {
    thrum_scheduled late = {.order_ = 0}, early = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &late, thrum_after(3600), note, LETTER('a')), THRUM_OK);
    await_asleep();
    CHECK_EQ(thrum_scheduler_at(&scheduler, &early, thrum_after_ms(1), note, LETTER('z')), THRUM_OK);
    thrum_event_wait(&done); /* an hour otherwise */
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
}

/* ---- periodic ---- */

enum { PERIOD_MS = 5 };
static thrum_scheduled periodic;
static thrum_deadline first;
static unsigned ticks;

/* The k-th call is not before first + k * period, however long the calls take. */
static void tick(void *slow) {
    CHECK(test_now_ns() >= first.ns + (uint64_t)ticks * PERIOD_MS * 1000000);
    if (++ticks == 10) thrum_event_set(&done);
    if (slow) thrum_futex_nap(thrum_after_ms(PERIOD_MS - 2));
}

TEST(periodic_calls_follow_the_schedule_and_not_their_own_length) {
    const uint64_t period = PERIOD_MS * UINT64_C(1000000);
    first = thrum_after_ms(5);
    CHECK_EQ(thrum_scheduler_every(&scheduler, &periodic, first, period, tick, &ticks), THRUM_OK);
    thrum_event_wait(&done);
    /*
     * By completion each would begin three milliseconds late after the one before: the schedule's remainder
     * tells.
     */
    CHECK(thrum_scheduler_cancel(&scheduler, &periodic));
    CHECK_EQ((periodic.due_.ns - first.ns) % period, 0);
    const unsigned seen = ticks;
    thrum_futex_nap(thrum_after_ms(3 * PERIOD_MS));
    CHECK_EQ(ticks, seen);
    thrum_scheduler_stop(&scheduler);
}

static uint64_t first_ended_at;

/* The second call is due after the end of the first, and not at one of the moments that passed meanwhile. */
static void oversleep(void *is_periodic) {
    if (thrum_u32_fetch_add_release(&calls, 1) == 0) {
        thrum_futex_nap(thrum_after_ms(4 * PERIOD_MS + 2));
        first_ended_at = test_now_ns();
    } else if (is_periodic) {
        if (CALLS == 2) CHECK(periodic.due_.ns >= first_ended_at);
        if (CALLS == 3) thrum_event_set(&done);
    }
}

TEST(periods_missed_by_a_slow_function_are_left_out) {
    const uint64_t period = PERIOD_MS * UINT64_C(1000000);
    first = thrum_after_ms(1);
    CHECK_EQ(thrum_scheduler_every(&scheduler, &periodic, first, period, oversleep, &periodic), THRUM_OK);
    thrum_event_wait(&done);
    thrum_scheduler_stop(&scheduler);
    CHECK_EQ((periodic.due_.ns - first.ns) % period, 0);
}

/* The third call is the last one: the moments of the schedule up to it are calls, or missed. */
static void count_missed(void *missed) {
    if (thrum_u32_fetch_add_release(&calls, 1) == 0) thrum_futex_nap(thrum_after_ms(4 * PERIOD_MS + 2));
    if (CALLS < 3) return;
    *(uint64_t *)missed = thrum_scheduler_missed(&scheduler, &periodic);
    CHECK(thrum_scheduler_cancel(&scheduler, &periodic));
    thrum_event_set(&done);
}

TEST(missed_periods_are_counted_until_the_entry_is_scheduled_anew) {
    const uint64_t period = PERIOD_MS * UINT64_C(1000000);
    uint64_t missed = 0;
    first = thrum_after_ms(1);
    CHECK_EQ(thrum_scheduler_missed(&scheduler, &periodic), 0);
    CHECK_EQ(thrum_scheduler_every(&scheduler, &periodic, first, period, count_missed, &missed), THRUM_OK);
    thrum_event_wait(&done);
    CHECK(missed >= 4);
    CHECK_EQ(missed, (periodic.due_.ns - first.ns) / period - 2);
    CHECK_EQ(thrum_scheduler_missed(&scheduler, &periodic), missed);
    CHECK_EQ(thrum_scheduler_every(&scheduler, &periodic, thrum_after(3600), period, count_missed, &missed),
             THRUM_OK);
    CHECK_EQ(thrum_scheduler_missed(&scheduler, &periodic), 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
}

TEST(a_slow_function_delays_the_others) {
    thrum_scheduled slow = {.order_ = 0}, quick = {.order_ = 0};
    const uint64_t before = test_now_ns();
    CHECK_EQ(thrum_scheduler_at(&scheduler, &slow, THRUM_NOW, oversleep, NULL), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &quick, thrum_after_ms(1), note, LETTER('z')), THRUM_OK);
    thrum_event_wait(&done);
    CHECK(test_now_ns() - before >= (4 * PERIOD_MS + 2) * UINT64_C(1000000));
    thrum_scheduler_stop(&scheduler);
}

/* ---- refusals ---- */

TEST(bad_input_is_refused_and_changes_nothing) {
    thrum_scheduled entry = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entry, THRUM_NOW, 0, note, LETTER('a')), THRUM_INVALID);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, thrum_after(3600), note, LETTER('a')), THRUM_OK);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note, LETTER('b')), THRUM_STATE);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 1);
    CHECK(thrum_scheduler_cancel(&scheduler, &entry));
    CHECK(!thrum_scheduler_cancel(&scheduler, &entry));
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note, LETTER('a')), THRUM_CLOSED);
    CHECK_EQ(CALLS, 0);
}

/* No clock reaches them: such a moment never comes, and of such a period only the first call does. */
TEST(the_largest_moments_and_periods_neither_wrap_nor_come) {
    static const uint64_t large[] = {INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
    thrum_scheduled never[4] = {{.order_ = 0}}, once[4] = {{.order_ = 0}}, last = {.order_ = 0};
    for (int i = 0; i < 4; i++) {
        const thrum_deadline moment = {large[i]}, past = {i % 2 ? 1 : 0};
        CHECK_EQ(thrum_scheduler_every(&scheduler, &never[i], moment, 1, note, LETTER('n')), THRUM_OK);
        CHECK_EQ(thrum_scheduler_every(&scheduler, &once[i], past, large[i], note, LETTER('o')), THRUM_OK);
    }
    CHECK_EQ(thrum_scheduler_at(&scheduler, &last, thrum_after_ms(10), note, LETTER('z')), THRUM_OK);
    thrum_event_wait(&done);
    await_asleep();
    CHECK(strcmp(order, "ooooz") == 0);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 8);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(thrum_scheduler_missed(&scheduler, &never[i]) + thrum_scheduler_missed(&scheduler, &once[i]),
                 0);
        CHECK(thrum_scheduler_cancel(&scheduler, &never[i]) && thrum_scheduler_cancel(&scheduler, &once[i]));
    }
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

static void schedule_without_threads(void) {
    const struct rlimit none = {0, 4096}, many = {4096, 4096};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    if (getuid() == 0) CHECK_EQ(setresuid(54321, 54321, 54321), 0);
    thrum_scheduled entry = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note, LETTER('z')), THRUM_NO_THREAD);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &many), 0);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note, LETTER('z')), THRUM_OK);
    thrum_event_wait(&done);
    thrum_scheduler_stop(&scheduler);
}

TEST(without_a_thread_scheduling_is_refused_and_may_be_tried_again) {
    const pid_t child = fork();
    if (child == 0) {
        schedule_without_threads();
        _exit(0);
    }
    test_join_child(child);
}

/* ---- many ---- */

enum { MANY = 100000 };

static void count_call(void *unused) {
    (void)unused;
    if (thrum_u32_fetch_add_release(&calls, 1) + 1 == MANY / 2) thrum_event_set(&done);
}

static long resident_kb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

TEST(a_hundred_thousand_pending_take_less_than_twenty_megabytes) {
    const long before = resident_kb();
    thrum_scheduled *const entries = calloc(MANY, sizeof *entries);
    uint64_t random = test_seed();
    const thrum_deadline base = thrum_after_ms(300 * test_slowdown());
    for (int i = 0; i < MANY; i++) {
        const thrum_deadline due = {base.ns + test_random(&random) % 100000000};
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], due, count_call, NULL), THRUM_OK);
    }
    for (int i = 0; i < MANY; i += 2)
        CHECK(thrum_scheduler_cancel(&scheduler, &entries[i]) || test_now_ns() > base.ns);
    CHECK(thrum_scheduler_pending(&scheduler) <= MANY / 2 || test_now_ns() > base.ns);
    if (test_slowdown() == 1) CHECK(resident_kb() - before < 20 * 1024);
    thrum_event_wait(&done);
    while (thrum_scheduler_pending(&scheduler)) thrum_futex_yield();
    thrum_scheduler_stop(&scheduler);
    free(entries);
}

TEST(a_forked_child_starts_with_an_empty_one) {
    thrum_scheduled entry = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, thrum_after(3600), note, LETTER('a')), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        thrum_scheduler_reset_after_fork(&scheduler);
        CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
        if (!THRUM_UNDER_TSAN) { /* its runtime does not let a child of several threads start one */
            memset(&entry, 0, sizeof entry);
            CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, note, LETTER('z')), THRUM_OK);
            thrum_event_wait(&done);
            thrum_scheduler_stop(&scheduler);
        }
        _exit(0);
    }
    test_join_child(child);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
}

static void describe_own(void *text) {
    CHECK_EQ(thrum_scheduler_describe(&scheduler, text, 64), strlen("scheduler: 0 pending, a call runs"));
    thrum_event_set(&done);
}

TEST(describe_tells_the_state) {
    static char text[64];
    thrum_scheduled now = {.order_ = 0}, later = {.order_ = 0};
    CHECK_EQ(thrum_scheduler_describe(&scheduler, text, sizeof text), strlen("scheduler: 0 pending"));
    CHECK_EQ(thrum_scheduler_at(&scheduler, &now, THRUM_NOW, describe_own, text), THRUM_OK);
    thrum_event_wait(&done);
    CHECK(strcmp(text, "scheduler: 0 pending, a call runs") == 0);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &later, thrum_after(3600), note, LETTER('a')), THRUM_OK);
    thrum_scheduler_cancel(&scheduler, &now); /* its call has ended */
    thrum_scheduler_describe(&scheduler, text, sizeof text);
    CHECK(strcmp(text, "scheduler: 1 pending") == 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    CHECK_EQ(thrum_scheduler_describe(&scheduler, text, 10), strlen("scheduler: 0 pending, stopped"));
    CHECK(strcmp(text, "scheduler") == 0);
}
