/* SPDX-License-Identifier: MIT */
/* What the tests of objects between processes share. */
#ifndef THRUM_TESTS_SHARED_PARTS_H
#define THRUM_TESTS_SHARED_PARTS_H

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

static inline views map_twice(void) {
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
static inline pid_t start_child(void (*function)(common *), const views *v) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) return child;
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    CHECK_EQ(munmap(v->parents, sizeof(common)), 0);
    function(v->childs);
    _exit(0);
}

static inline void await_child_asleep(pid_t child) {
    while (!test_is_asleep(child)) {
        int status;
        CHECK_EQ(waitpid(child, &status, WNOHANG), 0); /* it has not ended */
        sched_yield();
    }
}

static inline void kill_child(pid_t child) {
    int status = -1;
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
}

enum { ROUNDS = 20000 };

static inline void count(common *c) {
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

#endif
