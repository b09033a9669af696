/* SPDX-License-Identifier: MIT */
/* Whose an rlock is after its owner or its process has gone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rlock_parts.h"
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <thrum/rlock.h>

static void *acquires_and_ends(void *p) {
    CHECK_EQ(thrum_rlock_acquire(p), THRUM_OK);
    return NULL;
}

static void *is_not_the_owner(void *p) {
    CHECK(!thrum_rlock_is_owned(p));
    CHECK_EQ(thrum_rlock_release(p), THRUM_NOT_OWNER);
    CHECK(!thrum_rlock_try_acquire(p));
    CHECK(thrum_self_id() != 0);
    CHECK(!thrum_rlock_is_owned(p));
    return NULL;
}

/* Which gets the stack, the thread-local memory and perhaps the kernel's number of the dead one. */
TEST(no_later_thread_is_taken_for_an_owner_that_ended) {
    static thrum_rlock rlock;
    elsewhere(acquires_and_ends, &rlock);
    for (unsigned i = 0; i < 100; i++) elsewhere(is_not_the_owner, &rlock);
    CHECK(thrum_rlock_locked(&rlock));
}

static void *owns_for_a_while(void *p) {
    parcel *r = p;
    CHECK_EQ(thrum_rlock_acquire_depth(&r->rlock, 3), THRUM_OK);
    atomic_store(&r->sent, true);
    while (atomic_load(&r->sent)) sched_yield();
    uint32_t depth;
    CHECK_EQ(thrum_rlock_release_all(&r->rlock, &depth), THRUM_OK);
    return NULL;
}

TEST(reset_after_fork_frees_what_another_thread_owned) {
    static parcel p;
    test_thread owner = test_start(owns_for_a_while, &p);
    while (!atomic_load(&p.sent)) sched_yield();
    test_thread waiter = test_start(passes_through, &p.rlock);
    test_await_asleep(&waiter);
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(thrum_rlock_acquire_until(&p.rlock, thrum_after_ms(1)), THRUM_TIMEOUT);
        thrum_rlock_reset_after_fork(&p.rlock);
        CHECK(is_free(&p.rlock));
        CHECK_EQ(thrum_rlock_acquire(&p.rlock), THRUM_OK);
        CHECK_EQ(thrum_rlock_depth(&p.rlock), 1);
        CHECK_EQ(thrum_rlock_release(&p.rlock), THRUM_OK);
        _exit(0);
    }
    test_join_child(child);
    atomic_store(&p.sent, false);
    test_join(&owner);
    test_join(&waiter);
}

TEST(reset_after_fork_leaves_the_forking_threads_own_to_it) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 3), THRUM_OK);
    const thrum_rlock alone = rlock;
    test_thread waiter = test_start(passes_through, &rlock);
    test_await_asleep(&waiter);
    const pid_t child = fork();
    if (child == 0) {
        thrum_rlock_reset_after_fork(&rlock);
        CHECK(same(&rlock, &alone)); /* the waiters are forgotten */
        CHECK(thrum_rlock_is_owned(&rlock));
        CHECK_EQ(thrum_rlock_depth(&rlock), 3);
        for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
        CHECK(is_free(&rlock));
        _exit(0);
    }
    test_join_child(child);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    test_join(&waiter);
}

TEST(no_thread_of_a_forked_child_is_taken_for_its_owner) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        thrum_rlock_reset_after_fork(&rlock);
        elsewhere(is_not_the_owner, &rlock);
        _exit(0);
    }
    test_join_child(child);
}
