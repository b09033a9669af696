/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* rcu's helper beside the program's own threads: signals, the process's end, the helper's own life. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rcu_parts.h"

#include "../src/rcu/retire.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

static sigset_t blocked_in_helper;

static void look_what_is_blocked(thrum_rcu_head *head) {
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked_in_helper), 0);
    call(head);
}

TEST(the_helper_blocks_all_signals_but_those_of_its_own_faults) {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGSEGV);
    sigaddset(&some, SIGUSR1);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &some, NULL), 0); /* its starter's mask does not matter */
    note n = {.number = 1};
    thrum_rcu_retire(&n.head, look_what_is_blocked);
    thrum_event_wait(&n.called);
    for (int signal = 1; signal < 32; signal++) {
        bool is_fault = signal == SIGKILL || signal == SIGSTOP;
        for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) is_fault |= faults[i] == signal;
        CHECK_EQ(sigismember(&blocked_in_helper, signal), !is_fault);
    }
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &some), 0);
    CHECK(sigismember(&some, SIGUSR1) && !sigismember(&some, SIGTERM)); /* the starter's is as it was */
}

static void exit_by_handler(int signal) {
    _exit(100 + signal);
}

static void crash(thrum_rcu_head *head) {
    const int signal = ((note *)head)->number;
    if (signal == SIGABRT) abort();
    static int *volatile nowhere = (int *)16;
    if (signal == SIGSEGV) *nowhere = 0;
    __builtin_trap(); /* SIGILL or SIGTRAP */
}

/* The exit status of a process in whose helper that signal is raised. */
static int status_of_crash(int signal) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_handler = exit_by_handler};
        for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) sigaction(faults[i], &action, NULL);
        note n = {.number = signal};
        thrum_rcu_retire(&n.head, crash);
        thrum_event_wait(&n.called);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) - 100;
}

TEST(a_crash_in_a_callback_reaches_the_programs_handler) {
    CHECK_EQ(status_of_crash(SIGSEGV), SIGSEGV);
    CHECK_EQ(status_of_crash(SIGABRT), SIGABRT);
    const int trapped = status_of_crash(SIGILL);
    CHECK(trapped == SIGILL || trapped == SIGTRAP);
}

/* --- the process around it -------------------------------------------------------------------------- */

static void nothing(thrum_rcu_head *head) {
    (void)head;
}

static void retire_and_leave_main(void) {
    static thrum_rcu_head head;
    thrum_rcu_retire(&head, nothing);
    pthread_exit(NULL);
}

static void leave_main_during_a_callback_that_retires(void) {
    static note n = {.number = 3};
    thrum_rcu_retire(&n.head, call_and_retire_more);
    pthread_exit(NULL);
}

static void prepare_and_leave_main(void) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    pthread_exit(NULL);
}

static void *leave_main_behind(void *main_thread) {
    CHECK_EQ(pthread_join(*(pthread_t *)main_thread, NULL), 0);
    static thrum_rcu_head head;
    thrum_rcu_retire(&head, nothing);
    return NULL;
}

static void leave_main_to_a_thread_that_retires(void) {
    static pthread_t self;
    self = pthread_self();
    (void)test_start(leave_main_behind, &self);
    pthread_exit(NULL);
}

TEST(a_process_whose_own_threads_have_ended_ends) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime has a thread of its own");
    CHECK_EQ(test_status_of(prepare_and_leave_main), 0);
    CHECK_EQ(test_status_of(retire_and_leave_main), 0);
    CHECK_EQ(test_status_of(leave_main_during_a_callback_that_retires), 0);
    CHECK_EQ(test_status_of(leave_main_to_a_thread_that_retires), 0);
}

static void *wait_for_ever(void *unused) {
    thrum_event_wait(&(thrum_event){{0}});
    return unused;
}

static int ready[2];

static void leave_main_to_a_thread_that_waits(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    (void)test_start(wait_for_ever, NULL);
    CHECK_EQ(write(ready[1], "", 1), 1);
    pthread_exit(NULL);
}

static void wait_for_the_signal(void) {
    sigset_t all;
    int signal;
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* the helper is there */
    CHECK_EQ(write(ready[1], "", 1), 1);
    sigemptyset(&all);
    sigaddset(&all, SIGTERM);
    CHECK_EQ(sigwait(&all, &signal), 0);
    _exit(signal == SIGTERM ? 7 : 8);
}

/* How a child ends that is sent SIGTERM once it is ready. */
static int status_of_terminated(void (*run)(void)) {
    CHECK_EQ(pipe(ready), 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(99);
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(kill(child, SIGTERM), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : TEST_BY_SIGNAL + WTERMSIG(status);
}

TEST(a_signal_to_the_process_does_what_it_does_without_the_helper) {
    CHECK_EQ(status_of_terminated(leave_main_to_a_thread_that_waits), TEST_BY_SIGNAL + SIGTERM);
    CHECK_EQ(status_of_terminated(wait_for_the_signal), 7);
}

/* --- the helper's life ------------------------------------------------------------------------------ */

static thrum_u32 helper_now; /* its native id */

static void say_which_helper(thrum_rcu_head *head) {
    thrum_u32_store_relaxed(&helper_now, thrum_get_native_id());
    call(head);
}

/* Waits until the thread is no more. */
static void await_end_of(uint32_t native_id) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%u", (unsigned)native_id);
    while (access(path, F_OK) == 0) thrum_futex_nap(thrum_after_ms(5));
}

TEST(the_helper_ends_when_nothing_is_retired_and_the_next_retire_starts_another) {
    note n = {.number = 1};
    for (int i = 0; i < 3; i++) {
        thrum_event_clear(&n.called);
        thrum_rcu_retire(&n.head, say_which_helper);
        thrum_event_wait(&n.called);
        await_end_of(thrum_u32_load_relaxed(&helper_now));
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 3);
}

static void end_the_helper(thrum_rcu_head *head) {
    call(head);
    if (((note *)head)->number == 1) pthread_exit(NULL);
    thrum_thread_exit(NULL);
}

TEST(a_callback_that_ends_the_helper_loses_no_other) {
    if (THRUM_UNDER_TSAN) test_skip("pthread_exit in a detached thread confuses its runtime");
    note first = {.number = 1}, second = {.number = 2}, others[3] = {{.number = 3}};
    thrum_rcu_retire(&first.head, end_the_helper);
    thrum_rcu_retire(&others[0].head, call);
    thrum_rcu_retire(&second.head, end_the_helper);
    thrum_rcu_retire(&others[1].head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    thrum_rcu_retire(&others[2].head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 5);
}
