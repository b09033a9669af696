/* SPDX-License-Identifier: MIT */
/*
 * The primitives where a sandbox refuses calls on which they rest: it costs processor time, never a
 * hang. What is refused is refused to every thread that uses the objects. A thread that alone may
 * not use the futex cannot wake the others; that it may wait among them is shown below.
 *
 * mutants: also futex
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"
#include "shapes.h"

#include <thrum/wait_any.h>

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>

/* The futex may be used, but not this operation of it. */
static void refuse_operation(unsigned operation, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])), /* its lower half */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)FUTEX_CMD_MASK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, operation, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    refuse_by(filter, sizeof filter / sizeof filter[0]);
}

/*
 * The sanitizers' own locks sleep in the futex, too. A thread that is refused it cannot wake another that
 * sleeps in one of those: then that one sleeps for ever.
 */
static void no_sanitizer(void) {
    if (test_slowdown() > 1) test_skip("the sanitizer's own locks need the futex");
}

static const long *refused; /* ends with -1 */

static void arrive_refused(unsigned number) {
    for (const long *call = refused; *call >= 0; call++) refuse(*call, number % 2 ? EPERM : ENOSYS);
}

static void play_without(const long *calls, unsigned rounds) {
    const crowd c = {.threads = 6, .rounds = rounds / test_slowdown(), .arrive = arrive_refused};
    refused = calls;
    for (unsigned i = 0; i < SHAPES; i++) play(&shapes[i], &c, NULL);
}

TEST(without_the_futex_everybody_finishes) {
    no_sanitizer();
    static const long calls[] = {SYS_futex, -1};
    play_without(calls, 2000);
}

static void arrive_without_requeue(unsigned number) {
    refuse_operation(FUTEX_CMP_REQUEUE, number % 2 ? EPERM : ENOSYS);
}

TEST(without_the_requeue_everybody_finishes) {
    const crowd c = {.threads = 6, .rounds = 4000 / test_slowdown(), .arrive = arrive_without_requeue};
    for (unsigned i = 0; i < SHAPES; i++) play(&shapes[i], &c, NULL);
}

TEST(without_naps_everybody_finishes) {
    static const long calls[] = {SYS_clock_nanosleep, -1};
    play_without(calls, 4000);
}

TEST(without_yields_everybody_finishes) {
    static const long calls[] = {SYS_sched_yield, -1};
    play_without(calls, 4000);
}

TEST(without_a_look_at_the_affinity_everybody_finishes) {
    static const long calls[] = {SYS_sched_getaffinity, -1};
    play_without(calls, 4000);
}

TEST(without_membarrier_everybody_finishes) {
    static const long calls[] = {SYS_membarrier, -1};
    play_without(calls, 4000);
}

/* It had been there, and then some of the threads may not call it any more. */
static void arrive_half_refused(unsigned number) {
    if (number % 2) refuse(SYS_membarrier, EPERM);
}
TEST(half_of_them_without_membarrier_everybody_finishes) {
    thrum_fence_light();
    CHECK(thrum_fence_heavy());
    const crowd c = {.threads = 6, .rounds = 1000 / test_slowdown(), .arrive = arrive_half_refused};
    for (unsigned i = 0; i < SHAPES; i++) play(&shapes[i], &c, NULL);
}

TEST(without_any_of_them_everybody_finishes) {
    no_sanitizer();
    static const long calls[] = {SYS_futex, SYS_clock_nanosleep, SYS_sched_yield, SYS_sched_getaffinity, -1};
    play_without(calls, 1000);
}

TEST(without_any_of_them_everybody_finishes_on_one_processor) {
    no_sanitizer();
    static const long calls[] = {SYS_futex, SYS_clock_nanosleep, SYS_sched_yield, SYS_sched_getaffinity, -1};
    test_pin(1);
    play_without(calls, 80);
    test_unpin();
}

static thrum_semaphore jobs, done;
static thrum_event over;

static void *work_without_waitv(void *number) {
    const thrum_waitable set[] = {THRUM_WAITABLE(&jobs), THRUM_WAITABLE(&over)};
    refuse(TEST_SYS_FUTEX_WAITV, (uintptr_t)number % 2 ? EPERM : ENOSYS);
    for (unsigned which = 0;;) {
        if (thrum_wait_any_until(set, 2, &which, thrum_after_ms(3)) == THRUM_TIMEOUT) continue;
        if (which == 1) return NULL;
        CHECK_EQ(thrum_semaphore_release(&done), THRUM_OK);
    }
}

TEST(without_the_wait_for_several_everybody_finishes) {
    enum { WORKERS = 4, JOBS = 500 };
    test_thread workers[WORKERS];
    for (uintptr_t i = 0; i < WORKERS; i++) workers[i] = test_start(work_without_waitv, (void *)i);
    for (unsigned i = 0; i < JOBS; i++) {
        CHECK_EQ(thrum_semaphore_release(&jobs), THRUM_OK);
        thrum_semaphore_acquire(&done);
    }
    thrum_event_set(&over);
    for (unsigned i = 0; i < WORKERS; i++) test_join(&workers[i]);
    CHECK_EQ(thrum_u64_load_relaxed(&jobs.state), 0);
}

static thrum_lock lock;
static thrum_event event;
static thrum_semaphore semaphore;

/* Waits by yields among those that sleep. */
static void *wait_refused(void *arrived) {
    refuse(SYS_futex, EPERM);
    atomic_store((atomic_bool *)arrived, true);
    thrum_lock_acquire(&lock);
    thrum_event_wait(&event);
    thrum_semaphore_acquire(&semaphore);
    return NULL;
}

static void *wait_asleep(void *arrived) {
    (void)arrived;
    thrum_event_wait(&event);
    thrum_semaphore_acquire(&semaphore);
    return NULL;
}

TEST(one_thread_without_the_futex_waits_like_the_others) {
    no_sanitizer();
    static atomic_bool arrived;
    thrum_lock_acquire(&lock);
    test_thread asleep = test_start(wait_asleep, NULL);
    test_await_asleep(&asleep);
    test_thread refused_one = test_start(wait_refused, &arrived);
    while (!atomic_load(&arrived)) sched_yield();
    test_await_busy(&refused_one, 50000); /* it waits for the lock */
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    while (!thrum_lock_locked(&lock)) sched_yield();
    test_await_busy(&refused_one, 50000); /* it waits for the event */
    thrum_event_set(&event);
    test_await_busy(&refused_one, 50000); /* and for a permit */
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    test_join(&asleep);
    test_join(&refused_one);
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}
