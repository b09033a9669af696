/* SPDX-License-Identifier: MIT */
/*
 * pthread_once, at each moment at which it asks for its process's number: the function ends then, or a fork
 * comes, as it can by a signal handler.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifdef MAPPED /* the names that thrum/pthread.h inlines */
#include <thrum/pthread.h>
#endif

static _Thread_local void (*meddle)(void); /* once, at the calling thread's call in so many */
static _Thread_local int calls_left;

/* In front of the C library's, and called by the library, too. */
pid_t getpid(void) {
    if (meddle) {
        const struct timespec longer_than_a_spin = {.tv_nsec = 20000};
        (void)nanosleep(&longer_than_a_spin, NULL);
        if (--calls_left == 0) {
            void (*const now)(void) = meddle;
            meddle = NULL;
            now();
        }
    }
    return (pid_t)syscall(SYS_getpid);
}

enum { MOMENTS = 30 }; /* more than the looks of a spin and those around it */

static pthread_once_t once;
static _Atomic int runs, inside, may_go, moment, meddled;

static void begin(int which) {
    once = (pthread_once_t)PTHREAD_ONCE_INIT;
    runs = inside = may_go = meddled = 0;
    moment = which;
}

static void count(void) {
    runs++;
}

static void run_it(void) {
    meddled = 1;
    CHECK_EQ(pthread_once(&once, count), 0);
}

TEST(a_thread_that_is_about_to_begin_finds_that_another_has_ended) {
    begin(1);
    calls_left = moment;
    meddle = run_it;
    CHECK_EQ(pthread_once(&once, count), 0);
    CHECK(meddled);
    CHECK_EQ(runs, 1);
}

static void stay(void) {
    inside = 1;
    while (!may_go) sched_yield();
    runs++;
}

static test_thread runner;

static void *run(void *unused) {
    CHECK_EQ(pthread_once(&once, stay), 0);
    return unused;
}

static void let_go(void) {
    if (atomic_exchange(&may_go, 1) == 0) (void)test_join(&runner);
}

static void end_run(void) {
    let_go();
    meddled = 1;
}

static bool is_child;

static void *wait_for_run(void *how) {
    calls_left = moment;
    meddle = *(void (**)(void))how;
    CHECK_EQ(pthread_once(&once, count), 0);
    meddle = NULL;
    CHECK_EQ(runs, 1);
    if (is_child) _exit(0);
    return NULL;
}

/* At the moment `which` of a thread that waits, or not at all if that sleeps before. */
static void meet(int which, void (*how)(void)) {
    begin(which);
    runner = test_start(run, NULL);
    while (!inside) sched_yield();
    test_thread waiter = test_start(wait_for_run, &how);
    while (!meddled && !test_is_asleep(waiter.tid)) sched_yield();
    let_go();
    (void)test_join(&waiter);
    CHECK_EQ(runs, 1);
}

TEST(a_thread_that_is_about_to_sleep_finds_that_the_run_has_ended) {
    for (int i = 1; i <= MOMENTS; i++) meet(i, end_run);
}

/* The child goes on as the parent does; its runner is lost. */
static void fork_here(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    is_child = child == 0;
    if (child > 0) test_join_child(child);
    meddled = 1;
}

TEST(a_child_of_a_thread_that_waits_runs_the_function_whenever_the_fork_comes) {
    for (int i = 1; i <= MOMENTS; i++) meet(i, fork_here);
}

TEST(a_child_of_a_thread_that_is_about_to_begin_runs_the_function) {
    begin(1);
    calls_left = moment;
    meddle = fork_here;
    CHECK_EQ(pthread_once(&once, count), 0);
    CHECK(meddled);
    CHECK_EQ(runs, 1);
    if (is_child) _exit(0);
}
