/* SPDX-License-Identifier: MIT */
/*
 * The process that holds a shared lock is stopped for a second and a half: those that wait keep their
 * deadlines, use hardly any processor time, and get in when it goes on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <thrum/lock.h>

enum { WAITERS = 6, MS = 1000000 };

/* All waiters together, while the holder stands still: a fiftieth of the time. */
enum { STOPPED_MS = 1500, MOST_CPU_MS = 30 };

static thrum_lock *lock;      /* in shared memory */
static unsigned long through; /* plain: the lock protects it */

typedef struct waiter {
    thrum_deadline deadline;
    thrum_result result;
    uint64_t ended_ns;
} waiter;

static void *wait_for_lock(void *p) {
    waiter *w = p;
    if (w->deadline.ns == THRUM_FOREVER.ns) {
        thrum_lock_acquire(lock);
        w->result = THRUM_OK;
    } else {
        w->result = thrum_lock_acquire_until(lock, w->deadline);
    }
    w->ended_ns = test_now_ns();
    if (w->result == THRUM_OK) {
        through++;
        CHECK_EQ(thrum_lock_release(lock), THRUM_OK);
    }
    return NULL;
}

/* Holds the lock, stops itself, and releases it when it is continued. */
static pid_t start_holder(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
        thrum_lock_acquire(lock);
        CHECK_EQ(raise(SIGSTOP), 0);
        CHECK_EQ(thrum_lock_release(lock), THRUM_OK);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    return child;
}

static uint64_t process_cpu_ns(void) {
    struct timespec used;
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

TEST(waiters_for_a_stopped_holder_keep_their_deadlines_and_cost_little) {
    lock = mmap(NULL, sizeof *lock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)lock != MAP_FAILED);
    thrum_lock_init_shared(lock);
    const pid_t holder = start_holder();

    static waiter waiters[WAITERS];
    test_thread threads[WAITERS];
    const uint64_t begin_ns = test_now_ns();
    const uint64_t cpu_ns = process_cpu_ns();
    for (unsigned i = 0; i < WAITERS; i++) {
        const thrum_deadline last = {begin_ns + (uint64_t)STOPPED_MS * MS};
        waiters[i].deadline = i % 2 ? THRUM_FOREVER : (thrum_deadline){last.ns - i * 300u * MS};
        threads[i] = test_start(wait_for_lock, &waiters[i]);
    }
    for (unsigned i = 0; i < WAITERS; i += 2) test_join(&threads[i]);
    const uint64_t used_ns = process_cpu_ns() - cpu_ns;
    CHECK(test_now_ns() - begin_ns >= (uint64_t)STOPPED_MS * MS);
    for (unsigned i = 0; i < WAITERS; i += 2) {
        CHECK_EQ(waiters[i].result, THRUM_TIMEOUT);
        CHECK(waiters[i].ended_ns >= waiters[i].deadline.ns);
        CHECK(waiters[i].ended_ns - waiters[i].deadline.ns < 1000u * MS);
    }

    CHECK_EQ(kill(holder, SIGCONT), 0);
    for (unsigned i = 1; i < WAITERS; i += 2) test_join(&threads[i]);
    test_join_child(holder);
    CHECK_EQ(through, WAITERS / 2);
    CHECK(!thrum_lock_locked(lock));
    printf("    %lu us of processor time while it was stopped\n", (unsigned long)(used_ns / 1000));
    CHECK(used_ns < (uint64_t)MOST_CPU_MS * MS * test_slowdown());
}
