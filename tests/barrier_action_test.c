/* SPDX-License-Identifier: MIT */
/* The action of a barrier. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "barrier_parts.h"
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <thrum/barrier.h>
#include <thrum/event.h>

TEST(the_action_runs_once_a_cycle) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        begin_with(4, act);
        atomic_store(&action_runs, 0);
        start(0, 4);
        join_all(0, 4, THRUM_OK);
        indices_are_distinct(4);
        CHECK_EQ(atomic_load(&action_runs), 1);
        CHECK_EQ(action_saw, 1);
    }
}

TEST(the_action_runs_before_anyone_leaves) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    for (unsigned i = 0; i < 3; i++) CHECK(!atomic_load(&parties[i].over));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 3);
    thrum_event_set(&go);
    join_all(0, 3, THRUM_OK);
}

static thrum_result ask_the_state(void *argument) {
    char text[96];
    CHECK_EQ(thrum_barrier_parties(&barrier), 2);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 2);
    CHECK(!thrum_barrier_broken(&barrier));
    CHECK(thrum_barrier_describe(&barrier, text, sizeof text) > 0);
    CHECK(strncmp(text, "barrier: acting", 15) == 0);
    return act(argument);
}

TEST(asking_the_state_from_the_action_works) {
    begin_with(2, ask_the_state);
    start(0, 2);
    join_all(0, 2, THRUM_OK);
}

static thrum_result wait_within(void *argument) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_DEADLOCK);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_DEADLOCK);
    static thrum_barrier other = THRUM_BARRIER_INIT(1);
    CHECK_EQ(thrum_barrier_wait(&other, NULL), THRUM_OK);
    return act(argument);
}

TEST(waiting_on_it_from_the_action_is_refused) {
    begin_with(2, wait_within);
    start(0, 2);
    join_all(0, 2, THRUM_OK);
    CHECK(!thrum_barrier_broken(&barrier));
}

TEST(the_action_fails_and_that_party_gets_its_code) {
    begin_with(4, act);
    action_result = THRUM_NO_MEMORY;
    start_asleep(0, 3);
    int32_t index = -1;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_NO_MEMORY);
    CHECK_EQ(index, -1);
    join_all(0, 3, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    action_result = THRUM_OK;
    thrum_barrier_reset(&barrier);
    start(0, 4);
    join_all(0, 4, THRUM_OK);
}

static thrum_result leave_thread(void *argument) {
    (void)argument;
    thrum_self_release_guards();
    pthread_exit(NULL);
}

TEST(a_thread_that_ends_within_the_action_breaks_it) {
    begin_with(3, leave_thread);
    start_asleep(0, 2);
    start(2, 3);
    test_join(&threads[2]);
    join_all(0, 2, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(a_party_that_arrives_while_the_action_runs_waits_for_the_next_cycle) {
    begin_with(2, act_slowly);
    start_asleep(0, 2);
    start_asleep(2, 3);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 2);
    thrum_event_set(&go);
    join_all(0, 2, THRUM_OK);
    while (thrum_barrier_waiting(&barrier) != 1) sched_yield();
    CHECK(!atomic_load(&parties[2].over));
    int32_t index = -1;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_OK);
    CHECK_EQ(index, 1);
    join_all(2, 3, THRUM_OK);
    CHECK_EQ(parties[2].index, 0);
}

TEST(a_party_that_arrives_while_the_action_runs_keeps_its_own_deadline) {
    begin_with(2, act_slowly);
    start_asleep(0, 2);
    start_timed(2, thrum_after_ms(3));
    join_all(2, 3, THRUM_TIMEOUT);
    CHECK(!thrum_barrier_broken(&barrier)); /* the cycle was complete without it */
    thrum_event_set(&go);
    join_all(0, 2, THRUM_OK);
    CHECK(thrum_barrier_broken(&barrier)); /* the next would wait for it in vain */
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
}
