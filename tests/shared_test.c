/* SPDX-License-Identifier: MIT */
/*
 * Objects that processes share, in memory that each of them maps at an address of its own. A test
 * maps the same pages twice, so that parent and child never use the same address.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thrum/barrier.h>
#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>

typedef struct common {
    thrum_lock lock;
    thrum_rwlock rwlock;
    thrum_event event, answer;
    thrum_semaphore semaphore, back;
    thrum_bounded_semaphore bounded;
    thrum_latch latch;
    thrum_barrier barrier;
    unsigned long written[3]; /* plain: the barrier publishes it */
    unsigned long count;      /* plain: the lock protects it */
    unsigned long payload;
    atomic_uint arrived;
    atomic_uint passed;
} common;

typedef struct views {
    common *parents;
    common *childs;
} views;

static views map_twice(void) {
    const int memory = memfd_create("shared_test", MFD_CLOEXEC);
    CHECK(memory >= 0);
    CHECK_EQ(ftruncate(memory, sizeof(common)), 0);
    void *const a = mmap(NULL, sizeof(common), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    void *const b = mmap(NULL, sizeof(common), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(a != MAP_FAILED && b != MAP_FAILED && a != b);
    close(memory);
    common *c = a;
    thrum_lock_init_shared(&c->lock);
    thrum_rwlock_init_shared(&c->rwlock);
    thrum_event_init_shared(&c->event);
    thrum_event_init_shared(&c->answer);
    CHECK_EQ(thrum_semaphore_init_shared(&c->semaphore, 0), THRUM_OK);
    CHECK_EQ(thrum_semaphore_init_shared(&c->back, 0), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_init_shared(&c->bounded, 1), THRUM_OK);
    CHECK_EQ(thrum_latch_init_shared(&c->latch, 2), THRUM_OK);
    CHECK_EQ(thrum_barrier_init_shared(&c->barrier, 3, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    return (views){a, b};
}

/* A child that runs the function on its own view, and that does not outlive the test. */
static pid_t start_child(void (*function)(common *), const views *v) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) return child;
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    CHECK_EQ(munmap(v->parents, sizeof(common)), 0);
    function(v->childs);
    _exit(0);
}

static void await_child_asleep(pid_t child) {
    while (!test_is_asleep(child)) {
        int status;
        CHECK_EQ(waitpid(child, &status, WNOHANG), 0); /* it has not ended */
        sched_yield();
    }
}

static void kill_child(pid_t child) {
    int status = -1;
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

enum { ROUNDS = 20000 };

static void count(common *c) {
    atomic_fetch_add(&c->arrived, 1);
    while (atomic_load(&c->arrived) < 3) sched_yield();
    for (unsigned i = 0; i < ROUNDS / test_slowdown(); i++) {
        thrum_lock_acquire(&c->lock);
        const unsigned long seen = c->count;
        if (i % 32 == 0) sched_yield(); /* the others run while it is held */
        c->count = seen + 1;
        CHECK_EQ(thrum_lock_release(&c->lock), THRUM_OK);
    }
}

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
