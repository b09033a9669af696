/* SPDX-License-Identifier: MIT */
/* Which processors may be used, the clock, naps, and yields. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "futex_parts.h"
#include "test.h"

#include <thrum/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static int processors(void) {
    cpu_set_t mask;
    CHECK_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    return CPU_COUNT(&mask);
}

/* Keeps the calling thread to the first of its processors. */
static void pin(void) {
    cpu_set_t mask, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof mask, &mask)) _exit(98);
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &mask)) CPU_SET(i, &one);
    }
    if (sched_setaffinity(0, sizeof one, &one)) _exit(98);
}

TEST(usable_processors_are_those_of_the_affinity_mask) {
    CHECK_EQ(thrum_futex_usable_cpus(), processors());
}

TEST(one_processor_is_usable_in_a_process_pinned_to_one) {
    const pid_t child = fork_child();
    if (child == 0) {
        pin();
        _exit(ask_usable());
    }
    CHECK_EQ(status_of(child), 1 << 8);
}

static void *pinned_usable(void *answer) {
    pin();
    *(unsigned *)answer = thrum_futex_usable_cpus();
    return NULL;
}

TEST(a_thread_that_pinned_itself_still_has_partners_elsewhere) {
    if (processors() < 2) test_skip("needs two processors");
    unsigned usable = 0;
    test_thread t = test_start(pinned_usable, &usable);
    test_join(&t);
    CHECK_EQ(usable, processors());
}

static thrum_u32 may_ask;

static void *usable_when_told(void *answer) {
    while (!thrum_u32_load_acquire(&may_ask)) sched_yield();
    *(unsigned *)answer = thrum_futex_usable_cpus();
    return NULL;
}

TEST(a_first_thread_that_pinned_itself_does_not_speak_for_the_others) {
    const int all = processors();
    if (all < 2) test_skip("needs two processors");
    cpu_set_t before;
    CHECK_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    unsigned usable = 0;
    test_thread t = test_start(usable_when_told, &usable);
    pin();
    thrum_u32_store_release(&may_ask, 1);
    test_join(&t);
    CHECK_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    CHECK_EQ(usable, all);
}

TEST(the_clock_is_the_monotonic_one) {
    for (int i = 0; i < 1000; i++) {
        const uint64_t before = test_now_ns();
        const uint64_t now = thrum_futex_now_ns();
        CHECK(before <= now);
        CHECK(now <= test_now_ns());
    }
}

TEST(a_nap_ends_at_its_deadline_and_not_before) {
    for (int64_t ms = 0; ms <= 8; ms += 2) {
        const thrum_deadline end = thrum_after_ms(ms);
        thrum_futex_nap(end);
        const uint64_t now = test_now_ns();
        CHECK(now >= end.ns);
        if (ms > 0) CHECK(now < end.ns + 10000000000u);
    }
    const uint64_t begin = test_now_ns();
    thrum_futex_nap(THRUM_NOW);
    CHECK(test_now_ns() < begin + 10000000000u);
}

static void *nap_for_a_minute(void *error) {
    errno = ERRNO_MARK;
    thrum_futex_nap(thrum_after(60));
    *(int *)error = errno;
    return NULL;
}

TEST(a_signal_ends_a_nap_early_and_errno_is_kept) {
    handle_usr1(0);
    int error = 0;
    test_thread t = test_start(nap_for_a_minute, &error);
    while (!sleeps_in(t.tid, SYS_clock_nanosleep, NULL)) sched_yield();
    const uint64_t begin = test_now_ns();
    CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0);
    test_join(&t);
    CHECK(test_now_ns() < begin + 30000000000u);
    CHECK_EQ(error, ERRNO_MARK);
}

enum { TURNS = 300 };
static thrum_u32 turn;

static uint64_t take_turns(uint32_t mine) {
    uint64_t yields = 0;
    for (int i = 0; i < TURNS; i++) {
        while (thrum_u32_load_acquire(&turn) != mine) {
            thrum_futex_yield();
            yields++;
        }
        thrum_u32_store_release(&turn, 1 - mine);
    }
    return yields;
}

static void *take_odd_turns(void *yields) {
    *(uint64_t *)yields = take_turns(1);
    return NULL;
}

/* One that kept the processor would ask thousands of times before its time slice ends. */
TEST(a_yield_lets_the_partner_on_this_processor_run) {
    const pid_t child = fork_child();
    if (child == 0) {
        pin();
        uint64_t odd = 0;
        pthread_t t;
        if (pthread_create(&t, NULL, take_odd_turns, &odd)) _exit(2);
        const uint64_t even = take_turns(0);
        if (pthread_join(t, NULL)) _exit(3);
        _exit(odd + even < (uint64_t)TURNS * 100 ? 0 : 1);
    }
    test_join_child(child);
}
