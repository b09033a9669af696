/* SPDX-License-Identifier: MIT */
/* Barriers that a timeout or an abort has broken, and resets. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "barrier_parts.h"
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <thrum/barrier.h>
#include <thrum/event.h>

/* --- time --------------------------------------------------------------------------------------------- */

TEST(a_timeout_breaks_it_for_all_now_and_later) {
    begin(4);
    start_asleep(0, 2);
    start_timed(2, thrum_after_ms(3));
    join_all(2, 3, THRUM_TIMEOUT);
    join_all(0, 2, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
    for (unsigned i = 0; i < 5; i++) CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_BROKEN);
}

TEST(wait_uses_the_constructors_default) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, 3 * MS), THRUM_OK);
    const uint64_t begun = test_now_ns();
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_TIMEOUT);
    CHECK(test_now_ns() - begun >= 3 * MS);
    CHECK(thrum_barrier_broken(&barrier));
    static const int64_t polls[] = {0, -1, INT64_MIN};
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, polls[i]), THRUM_OK);
        CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_TIMEOUT);
    }
}

TEST(wait_until_overrides_the_default) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, 1), THRUM_OK);
    start_timed(0, THRUM_FOREVER);
    test_await_asleep(&threads[0]);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW),
             THRUM_OK); /* the last, whatever the deadline */
    join_all(0, 1, THRUM_OK);
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, thrum_after_ms(2)), THRUM_TIMEOUT);
}

TEST(a_deadline_already_past_breaks_it_unless_it_is_the_last) {
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(a_deadline_that_passes_while_the_action_runs_breaks_the_cycle) {
    begin_with(2, act_slowly);
    start_timed(0, thrum_after_ms(500));
    test_await_asleep(&threads[0]);
    start(1, 2);
    join_all(0, 1, THRUM_TIMEOUT);
    CHECK(thrum_barrier_broken(&barrier));
    thrum_event_set(&go);
    join_all(1, 2, THRUM_BROKEN);
    CHECK_EQ(atomic_load(&action_runs), 1);
}

static void interrupted(int number) {
    (void)number;
}

TEST(a_signal_neither_shortens_nor_lengthens_a_wait) {
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    begin(2);
    start_timed(0, thrum_after_ms(30));
    while (!atomic_load(&parties[0].over)) {
        (void)pthread_kill(threads[0].thread, SIGUSR1);
        sched_yield();
    }
    join_all(0, 1, THRUM_TIMEOUT);
    CHECK(parties[0].ended_ns >= parties[0].deadline.ns);
    CHECK(parties[0].ended_ns < parties[0].deadline.ns + 1000u * MS);
}

TEST(errno_is_kept) {
    errno = 4711;
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, thrum_after_us(100)), THRUM_TIMEOUT);
    thrum_barrier_reset(&barrier);
    start_asleep(0, 1);
    errno = 4711;
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(errno, 4711);
    join_all(0, 1, THRUM_OK);
}

/* --- abort, reset ------------------------------------------------------------------------------------- */

TEST(abort_breaks_it_at_once_and_for_all) {
    begin(4);
    start_asleep(0, 3);
    thrum_barrier_abort(&barrier);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
    join_all(0, 3, THRUM_BROKEN);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
}

TEST(abort_is_idempotent) {
    begin(2);
    thrum_barrier_abort(&barrier);
    const uint64_t before = word();
    thrum_barrier_abort(&barrier);
    CHECK_EQ(word(), before);
    thrum_barrier_reset(&barrier);
    CHECK(!thrum_barrier_broken(&barrier));
}

TEST(abort_while_the_action_runs_breaks_the_cycle) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    thrum_barrier_abort(&barrier);
    thrum_event_set(&go);
    join_all(0, 3, THRUM_BROKEN);
    CHECK_EQ(atomic_load(&action_runs), 1);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(reset_sends_the_waiters_away_and_leaves_it_whole) {
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        begin(4);
        start_asleep(0, 3);
        thrum_barrier_reset(&barrier);
        CHECK(!thrum_barrier_broken(&barrier));
        join_all(0, 3, THRUM_BROKEN);
        start(0, 4);
        join_all(0, 4, THRUM_OK);
    }
}

/* A party that comes before all have been sent away must not be sent away, too. */
TEST(a_party_that_comes_after_the_reset_is_not_sent_away) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        begin(3);
        start_asleep(0, 2);
        thrum_barrier_reset(&barrier);
        start(2, 5);
        join_all(0, 2, THRUM_BROKEN);
        join_all(2, 5, THRUM_OK);
    }
}

TEST(reset_of_an_idle_barrier_does_nothing) {
    begin(2);
    thrum_barrier_reset(&barrier);
    CHECK_EQ(word(), 0);
}

TEST(reset_repairs_a_broken_barrier) {
    begin(2);
    thrum_barrier_abort(&barrier);
    thrum_barrier_reset(&barrier);
    CHECK(!thrum_barrier_broken(&barrier));
    start(0, 2);
    join_all(0, 2, THRUM_OK);
}

TEST(reset_while_draining_has_no_effect) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    thrum_barrier_reset(&barrier); /* complete: only the action runs still */
    CHECK(!thrum_barrier_broken(&barrier));
    thrum_event_set(&go);
    thrum_barrier_reset(&barrier);
    join_all(0, 3, THRUM_OK);
    indices_are_distinct(3);
}

static void handler(int number) {
    (void)number;
    CHECK_EQ(thrum_barrier_parties(&barrier), 3);
    thrum_barrier_abort(&barrier);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(a_signal_handler_may_abort) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    begin(3);
    start_asleep(0, 2);
    CHECK_EQ(pthread_kill(threads[0].thread, SIGUSR1), 0);
    join_all(0, 2, THRUM_BROKEN);
}
