/* SPDX-License-Identifier: MIT */
/*
 * Objects that processes share, in memory that each of them maps at an address of its own. A test
 * maps the same pages twice, so that parent and child never use the same address.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shared_parts.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/event.h>
#include <thrum/lock.h>
#include <thrum/rwlock.h>

TEST(a_shared_lock_excludes_other_processes) {
    views v = map_twice();
    const pid_t a = start_child(count, &v), b = start_child(count, &v);
    count(v.parents);
    test_join_child(a);
    test_join_child(b);
    CHECK_EQ(v.parents->count, 3ul * (ROUNDS / test_slowdown()));
    CHECK(!thrum_lock_locked(&v.parents->lock));
}

static void pass_lock(common *c) {
    thrum_lock_acquire(&c->lock);
    atomic_fetch_add(&c->passed, 1);
    CHECK_EQ(thrum_lock_release(&c->lock), THRUM_OK);
}

TEST(a_shared_locks_release_wakes_a_waiter_in_another_process) {
    views v = map_twice();
    for (unsigned round = 0; round < 20; round++) {
        thrum_lock_acquire(&v.parents->lock);
        const pid_t a = start_child(pass_lock, &v), b = start_child(pass_lock, &v);
        await_child_asleep(a);
        await_child_asleep(b);
        CHECK_EQ(atomic_load(&v.parents->passed), 2 * round);
        CHECK_EQ(thrum_lock_release(&v.parents->lock), THRUM_OK);
        test_join_child(a);
        test_join_child(b);
    }
    CHECK_EQ(thrum_lock_release(&v.parents->lock), THRUM_NOT_LOCKED);
}

static void hold_lock(common *c) {
    thrum_lock_acquire(&c->lock);
    thrum_event_wait(&c->event); /* never set: it is killed here */
}

TEST(a_holder_that_dies_leaves_it_held) {
    views v = map_twice();
    common *c = v.parents;
    const pid_t holder = start_child(hold_lock, &v);
    await_child_asleep(holder);
    CHECK(thrum_lock_locked(&c->lock));
    kill_child(holder);
    CHECK(thrum_lock_locked(&c->lock));
    CHECK(!thrum_lock_try_acquire(&c->lock));
    CHECK_EQ(thrum_lock_acquire_until(&c->lock, thrum_after_ms(3)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_lock_release(&c->lock), THRUM_OK); /* any process may */
    CHECK_EQ(thrum_lock_acquire_until(&c->lock, THRUM_NOW), THRUM_OK);
}

static void wait_for_lock(common *c) {
    thrum_lock_acquire(&c->lock);
}

/* The dead one may have been the next in turn, the one that watches the lock or any other. */
TEST(a_waiter_that_dies_does_not_hang_the_lock) {
    for (unsigned dying = 0; dying < 3; dying++) {
        views v = map_twice();
        common *c = v.parents;
        pid_t waiters[3];
        thrum_lock_acquire(&c->lock);
        for (unsigned i = 0; i < 3; i++) {
            waiters[i] = start_child(i == dying ? wait_for_lock : pass_lock, &v);
            await_child_asleep(waiters[i]);
        }
        kill_child(waiters[dying]);
        CHECK_EQ(thrum_lock_release(&c->lock), THRUM_OK);
        for (unsigned i = 0; i < 3; i++)
            if (i != dying) test_join_child(waiters[i]);
        CHECK_EQ(atomic_load(&c->passed), 2);
        thrum_lock_acquire(&c->lock);
    }
}

static void read_and_write(common *c) {
    atomic_fetch_add(&c->arrived, 1);
    while (atomic_load(&c->arrived) < 3) sched_yield();
    for (unsigned i = 0; i < ROUNDS / test_slowdown(); i++) {
        if (i % 4) {
            thrum_rwlock_acquire_read(&c->rwlock);
            CHECK_EQ(c->count % 2, 0);
            if (i % 32 == 1) sched_yield();
            CHECK_EQ(thrum_rwlock_release_read(&c->rwlock), THRUM_OK);
        } else {
            thrum_rwlock_acquire_write(&c->rwlock);
            c->count++;
            if (i % 32 == 0) sched_yield();
            c->count++;
            CHECK_EQ(thrum_rwlock_release_write(&c->rwlock), THRUM_OK);
        }
    }
}

TEST(a_shared_rwlock_excludes_writers_in_other_processes) {
    views v = map_twice();
    const pid_t a = start_child(read_and_write, &v), b = start_child(read_and_write, &v);
    read_and_write(v.parents);
    test_join_child(a);
    test_join_child(b);
    CHECK_EQ(v.parents->count, 2ul * 3 * ((ROUNDS / test_slowdown() + 3) / 4));
    CHECK_EQ(thrum_u32_load_relaxed(&v.parents->rwlock.state), THRUM_RWLOCK_SHARED_);
}

static void write_once(common *c) {
    thrum_rwlock_acquire_write(&c->rwlock);
    atomic_fetch_add(&c->passed, 1);
    CHECK_EQ(thrum_rwlock_release_write(&c->rwlock), THRUM_OK);
}
static void read_once(common *c) {
    thrum_rwlock_acquire_read(&c->rwlock);
    atomic_fetch_add(&c->passed, 1);
    CHECK_EQ(thrum_rwlock_release_read(&c->rwlock), THRUM_OK);
}

TEST(a_shared_rwlock_wakes_waiters_in_other_processes) {
    views v = map_twice();
    for (unsigned round = 0; round < 20; round++) {
        const bool reads = round % 2;
        if (reads)
            thrum_rwlock_acquire_read(&v.parents->rwlock);
        else
            thrum_rwlock_acquire_write(&v.parents->rwlock);
        const pid_t a = start_child(write_once, &v);
        await_child_asleep(a);
        const pid_t b = start_child(reads ? write_once : read_once, &v);
        await_child_asleep(b);
        CHECK_EQ(atomic_load(&v.parents->passed), 2 * round);
        if (reads)
            CHECK_EQ(thrum_rwlock_release_read(&v.parents->rwlock), THRUM_OK);
        else
            CHECK_EQ(thrum_rwlock_release_write(&v.parents->rwlock), THRUM_OK);
        test_join_child(a);
        test_join_child(b);
    }
}
