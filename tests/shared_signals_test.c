/* SPDX-License-Identifier: MIT */
/* Events, latches, barriers and semaphores between processes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shared_parts.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/barrier.h>
#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/semaphore.h>

static void wait_for_event(common *c) {
    thrum_event_wait(&c->event);
    CHECK_EQ(c->payload, 42);
    atomic_fetch_add(&c->passed, 1);
}

TEST(a_shared_event_wakes_every_process) {
    for (unsigned round = 0; round < 20; round++) {
        views v = map_twice();
        common *c = v.parents;
        pid_t waiters[3];
        for (unsigned i = 0; i < 3; i++) waiters[i] = start_child(wait_for_event, &v);
        for (unsigned i = 0; i < 3; i++) await_child_asleep(waiters[i]);
        c->payload = 42;
        thrum_event_set(&c->event);
        thrum_event_clear(&c->event);
        for (unsigned i = 0; i < 3; i++) test_join_child(waiters[i]);
        CHECK_EQ(atomic_load(&c->passed), 3);
    }
}

TEST(a_waiter_that_dies_does_not_hang_the_event) {
    views v = map_twice();
    const pid_t dead = start_child(wait_for_event, &v), alive = start_child(wait_for_event, &v);
    await_child_asleep(dead);
    await_child_asleep(alive);
    kill_child(dead);
    v.parents->payload = 42;
    thrum_event_set(&v.parents->event);
    test_join_child(alive);
    CHECK_EQ(atomic_load(&v.parents->passed), 1);
}

static void wait_for_latch(common *c) {
    thrum_latch_wait(&c->latch);
    CHECK_EQ(c->payload, 42);
    atomic_fetch_add(&c->passed, 1);
}

static void count_latch_down(common *c) {
    thrum_latch_count_down(&c->latch);
}

TEST(a_shared_latch_wakes_every_process) {
    for (unsigned round = 0; round < 20; round++) {
        views v = map_twice();
        common *c = v.parents;
        pid_t waiters[3];
        for (unsigned i = 0; i < 3; i++) waiters[i] = start_child(wait_for_latch, &v);
        for (unsigned i = 0; i < 3; i++) await_child_asleep(waiters[i]);
        test_join_child(start_child(count_latch_down, &v));
        for (unsigned i = 0; i < 3; i++) CHECK(test_is_asleep(waiters[i]));
        c->payload = 42;
        thrum_latch_count_down(&c->latch);
        CHECK_EQ(thrum_latch_reset(&c->latch, 1), THRUM_OK);
        for (unsigned i = 0; i < 3; i++) test_join_child(waiters[i]);
        CHECK_EQ(atomic_load(&c->passed), 3);
    }
}

TEST(a_waiter_that_dies_does_not_hang_the_latch) {
    views v = map_twice();
    const pid_t dead = start_child(wait_for_latch, &v), alive = start_child(wait_for_latch, &v);
    await_child_asleep(dead);
    await_child_asleep(alive);
    kill_child(dead);
    v.parents->payload = 42;
    CHECK_EQ(thrum_latch_count_down_n(&v.parents->latch, 2), THRUM_OK);
    test_join_child(alive);
    CHECK_EQ(atomic_load(&v.parents->passed), 1);
}

static void meet(common *c) {
    const unsigned me = atomic_fetch_add(&c->arrived, 1);
    unsigned indices = 0;
    for (unsigned long i = 1; i <= 500 / test_slowdown(); i++) {
        int32_t index;
        c->written[me] = i;
        CHECK_EQ(thrum_barrier_wait(&c->barrier, &index), THRUM_OK);
        for (unsigned p = 0; p < 3; p++) CHECK_EQ(c->written[p], i);
        indices |= 1u << index;
        CHECK_EQ(thrum_barrier_wait(&c->barrier, NULL), THRUM_OK);
    }
    CHECK(indices < 8);
    atomic_fetch_add(&c->passed, 1);
}

TEST(processes_meet_at_a_shared_barrier) {
    views v = map_twice();
    const pid_t a = start_child(meet, &v), b = start_child(meet, &v);
    meet(v.parents);
    test_join_child(a);
    test_join_child(b);
    CHECK_EQ(atomic_load(&v.parents->passed), 3);
    CHECK_EQ(thrum_barrier_waiting(&v.parents->barrier), 0);
}

static void wait_at_barrier(common *c) {
    const thrum_result result = thrum_barrier_wait(&c->barrier, NULL);
    atomic_fetch_add(result == THRUM_OK ? &c->passed : &c->arrived, 1);
}

TEST(a_shared_barrier_wakes_sleepers_in_other_processes) {
    for (unsigned round = 0; round < 20; round++) {
        views v = map_twice();
        const pid_t a = start_child(wait_at_barrier, &v), b = start_child(wait_at_barrier, &v);
        await_child_asleep(a);
        await_child_asleep(b);
        if (round % 2)
            thrum_barrier_abort(&v.parents->barrier);
        else
            CHECK_EQ(thrum_barrier_wait(&v.parents->barrier, NULL), THRUM_OK);
        test_join_child(a);
        test_join_child(b);
        CHECK_EQ(atomic_load(&v.parents->passed), round % 2 ? 0 : 2);
        CHECK_EQ(atomic_load(&v.parents->arrived), round % 2 ? 2 : 0);
    }
}

/* It stays counted: the others meet without it, and a deadline or an abort ends what waits for more. */
TEST(a_party_that_dies_stays_counted) {
    views v = map_twice();
    common *c = v.parents;
    const pid_t dead = start_child(wait_at_barrier, &v);
    await_child_asleep(dead);
    kill_child(dead);
    CHECK_EQ(thrum_barrier_waiting(&c->barrier), 1);
    const pid_t alive = start_child(wait_at_barrier, &v);
    await_child_asleep(alive);
    CHECK_EQ(thrum_barrier_wait_until(&c->barrier, NULL, THRUM_NOW), THRUM_OK);
    test_join_child(alive);
    CHECK_EQ(atomic_load(&c->passed), 1);
    CHECK_EQ(thrum_barrier_wait_until(&c->barrier, NULL, thrum_after_ms(2)), THRUM_TIMEOUT);
}

static void return_permits(common *c) {
    for (unsigned i = 0; i < ROUNDS / 4 / test_slowdown(); i++) {
        thrum_semaphore_acquire(&c->semaphore);
        CHECK_EQ(c->payload, 2ul * i); /* the hand-over publishes it */
        c->payload++;
        CHECK_EQ(thrum_semaphore_release(&c->back), THRUM_OK);
    }
}

TEST(a_shared_semaphore_hands_permits_to_and_fro) {
    views v = map_twice();
    common *c = v.parents;
    const pid_t child = start_child(return_permits, &v);
    for (unsigned i = 0; i < ROUNDS / 4 / test_slowdown(); i++) {
        c->payload = 2ul * i;
        CHECK_EQ(thrum_semaphore_release(&c->semaphore), THRUM_OK);
        thrum_semaphore_acquire(&c->back);
        CHECK_EQ(c->payload, 2ul * i + 1);
    }
    test_join_child(child);
    CHECK_EQ(thrum_semaphore_value(&c->semaphore), 0);
    CHECK_EQ(thrum_semaphore_value(&c->back), 0);
}

static void pass_bounded(common *c) {
    thrum_bounded_semaphore_acquire(&c->bounded);
    atomic_fetch_add(&c->passed, 1);
}

TEST(a_shared_bounded_semaphore_keeps_its_bound_and_wakes) {
    views v = map_twice();
    common *c = v.parents;
    CHECK_EQ(thrum_bounded_semaphore_release(&c->bounded), THRUM_LIMIT);
    thrum_bounded_semaphore_acquire(&c->bounded);
    const pid_t a = start_child(pass_bounded, &v), b = start_child(pass_bounded, &v);
    await_child_asleep(a);
    await_child_asleep(b);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&c->bounded, 2), THRUM_LIMIT);
    CHECK(test_is_asleep(a) && test_is_asleep(b));
    CHECK_EQ(thrum_bounded_semaphore_release(&c->bounded), THRUM_OK);
    while (atomic_load(&c->passed) < 1) sched_yield();
    CHECK_EQ(thrum_bounded_semaphore_release(&c->bounded), THRUM_OK);
    test_join_child(a);
    test_join_child(b);
    CHECK_EQ(atomic_load(&c->passed), 2);
}

static void wait_for_permit(common *c) {
    thrum_semaphore_acquire(&c->semaphore);
    atomic_fetch_add(&c->passed, 1);
}

/* The dead one stays counted as a waiter: that may cost a wake that finds nobody, nothing else. */
TEST(a_waiter_that_dies_does_not_hang_the_semaphore) {
    for (unsigned dying = 0; dying < 3; dying++) {
        views v = map_twice();
        common *c = v.parents;
        pid_t waiters[3];
        for (unsigned i = 0; i < 3; i++) {
            waiters[i] = start_child(wait_for_permit, &v);
            await_child_asleep(waiters[i]);
        }
        kill_child(waiters[dying]);
        for (unsigned i = 0; i < 2; i++) CHECK_EQ(thrum_semaphore_release(&c->semaphore), THRUM_OK);
        for (unsigned i = 0; i < 3; i++)
            if (i != dying) test_join_child(waiters[i]);
        CHECK_EQ(atomic_load(&c->passed), 2);
        CHECK_EQ(thrum_semaphore_value(&c->semaphore), 0);
    }
}
