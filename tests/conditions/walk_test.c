/* SPDX-License-Identifier: MIT */
/*
 * The kernel says no: each call that src/futex/futex.c makes, with each errno, to every primitive. A wait
 * ends at its deadline, a try says no, a hand-over arrives; nothing hangs, and nothing aborts.
 *
 * Each refusal has a child process, with a waiter and a giver for each primitive. The child's first thread
 * stays outside the sandbox: the C library's join aborts without its futex.
 *
 * ctest: seconds 120
 * mutants: also futex
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"
#include "walk_parts.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <thrum/futex.h>

/* tests/calls_test.sh holds this list and futex.c together. */
typedef struct call {
    const char *name;
    long number;
} call;
static const call calls[] = {
    {"futex", SYS_futex},
    {"futex_waitv", TEST_SYS_FUTEX_WAITV},
    {"clock_gettime", SYS_clock_gettime},
    {"clock_nanosleep", SYS_clock_nanosleep},
    {"sched_yield", SYS_sched_yield},
    {"sched_getscheduler", SYS_sched_getscheduler},
    {"sched_getaffinity", SYS_sched_getaffinity},
    {"membarrier", SYS_membarrier},
    {"getpid", SYS_getpid},
    {"gettid", SYS_gettid},
    {"tgkill", SYS_tgkill},
    {"openat", SYS_openat},
    {"read", SYS_read},
    {"write", SYS_write},
    {"close", SYS_close},
    {"process_vm_readv", SYS_process_vm_readv},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static const int errors[] = {EPERM, EACCES, ENOSYS, ENOMEM, EINVAL, EAGAIN, EFAULT, EINTR, ESRCH, ETIMEDOUT};
enum { ERRORS = sizeof errors / sizeof errors[0] };

enum { PRIMITIVES = sizeof primitives / sizeof primitives[0], ROUNDS = 4, ERRNO_MARK = 4242 };

/* What the children of one walk do. */
typedef struct plan {
    unsigned waiter_refused_in, giver_refused_in; /* the round before which that thread enters the sandbox */
    unsigned timed_in; /* the round in which the hand-over is waited for again and again, with a deadline */
} plan;

static plan plans;
static const call *refused_call;
static int refused_error;
static atomic_uint taken[PRIMITIVES]; /* hand-overs that have arrived */
static atomic_uint next[PRIMITIVES];  /* the hand-over for which the waiter is ready */

static void enter_sandbox(unsigned round, unsigned in) {
    static const thrum_u32 nobody;
    if (round != in) return;
    refuse(refused_call->number, refused_error);
    thrum_futex_wake(&nobody, 1, THRUM_FUTEX_ANY, false); /* the first that is refused */
}

static void *wait_for_hand_overs(void *argument) {
    const unsigned which = (unsigned)(uintptr_t)argument;
    const primitive *const p = &primitives[which];
    const unsigned rounds = p->until == once_until ? 1 : ROUNDS;
    for (unsigned round = 0; round < rounds; round++) {
        enter_sandbox(round, plans.waiter_refused_in);
        errno = ERRNO_MARK;
        CHECK(!p->attempt());
        const uint64_t begin = test_now_ns();
        CHECK_EQ(p->until(thrum_after_ms(4)), THRUM_TIMEOUT);
        const uint64_t end = test_now_ns();
        CHECK(end >= begin + 4000000);
        CHECK(end < begin + 5000000000);
        atomic_store(&next[which], round + 1);
        const bool timed = round == plans.timed_in;
        while (p->until(timed ? thrum_after_ms(20) : THRUM_FOREVER) != THRUM_OK) CHECK(timed);
        CHECK_EQ(errno, ERRNO_MARK);
        atomic_store(&taken[which], round + 1);
    }
    return NULL;
}

static void *hand_over(void *argument) {
    const unsigned which = (unsigned)(uintptr_t)argument;
    const primitive *const p = &primitives[which];
    const unsigned rounds = p->until == once_until ? 1 : ROUNDS;
    for (unsigned round = 0; round < rounds; round++) {
        enter_sandbox(round, plans.giver_refused_in);
        while (atomic_load(&next[which]) <= round) thrum_futex_nap(thrum_after_us(100));
        p->give();
        while (atomic_load(&taken[which]) <= round) thrum_futex_nap(thrum_after_us(100));
    }
    return NULL;
}

static void use_all(void) {
    thrum_lock_acquire(&lock);
    thrum_spinlock_acquire(&spinlock);
    thrum_lock_acquire(&first);
    thrum_lock_acquire(&second);
    thrum_rwlock_acquire_write(&rwlock);
    thrum_sharded_rwlock_acquire_write(&sharded);
    test_thread runner = test_start(run_once, NULL);
    while (!atomic_load(&running)) sched_yield();
    test_thread waiters[PRIMITIVES], givers[PRIMITIVES];
    for (uintptr_t i = 0; i < PRIMITIVES; i++) {
        waiters[i] = test_start(wait_for_hand_overs, (void *)i);
        givers[i] = test_start(hand_over, (void *)i);
    }
    for (unsigned i = 0; i < PRIMITIVES; i++) {
        test_join(&waiters[i]);
        test_join(&givers[i]);
    }
    test_join(&runner);
}

static void walk(plan p) {
    if (THRUM_UNDER_TSAN || test_under_asan())
        test_skip("the sanitizer's own locks sleep on futexes, and lose the wakes that are refused");
    plans = p;
    for (unsigned c = 0; c < CALLS; c++) {
        for (unsigned e = 0; e < ERRORS; e++) {
            refused_call = &calls[c];
            refused_error = errors[e];
            const pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(20); /* a hang has a name then: the line that is not followed by others */
                use_all();
                _exit(0);
            }
            test_join_child(child);
        }
        printf("    %s\n", calls[c].name);
        fflush(stdout);
    }
}

TEST(whatever_call_is_refused_with_whatever_errno_every_primitive_keeps_its_word) {
    walk((plan){.waiter_refused_in = 0, .giver_refused_in = 0, .timed_in = ROUNDS});
}

TEST(a_call_that_is_refused_in_the_middle_of_life_keeps_nobody_waiting) {
    walk((plan){.waiter_refused_in = 1, .giver_refused_in = 2, .timed_in = ROUNDS});
}

/* A wait that began before the first refused wake may need its deadline; later ones need none. */
TEST(a_thread_that_may_not_wake_keeps_nobody_waiting) {
    walk((plan){.waiter_refused_in = ROUNDS, .giver_refused_in = 1, .timed_in = 1});
}
