/* SPDX-License-Identifier: MIT */
/*
 * Ways out of the caller's code: every kind of function that the library calls, left in every way. Each pair
 * is tried in a child process. A thread uses the kind, within a block that holds `outer`. Then the thread's
 * state is what it was, if it goes on, and the object is whole.
 */
/* ctest: libraries thrum::thrum */
/* ctest: seconds 120 */
#include "ways_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const kind *used;
static bool went_on;

/* The thread's state is what it was: its guards, its tracing, and its way out. */
static void *use_in_thread(void *unused) {
    (void)unused;
    THRUM_WITH(&outer) {
        used->use();
        if (used->use != use_last_destructor) be_ended();
        went_on = true;
        CHECK_EQ(thrum_self_guards(), 1);
        CHECK(thrum_lock_locked(&outer));
        const uint32_t before = number(&traced);
        thrum_trace_enter(NULL, NULL);
        CHECK(number(&traced) > before);
        thrum_thread_exit(&went_on);
    }
    return NULL;
}

/* Whether the functions of the kind run in threads of their own, which the user only waits for. */
static bool runs_elsewhere(void) {
    return strstr(used->name, "job") == used->name || strstr(used->name, "worker") ||
           used->use == use_scheduler || used->use == use_timer || strstr(used->name, "'s destroy");
}

static void try_pair(void) {
    thrum_thread *thread;
    void *value = NULL;
    /* The process's end would wait for a thread that is none, and that for the function. */
    const thrum_thread_config config = {
        .target = use_in_thread, .daemon = chosen == PROCESS_EXIT ? THRUM_DAEMON_YES : THRUM_DAEMON_NO};
    const bool ends = chosen == END || chosen == CANCELLATION, ends_by_us = chosen == FAIL || chosen == EXIT;
    thrum_set_excepthook(tell);
    thrum_set_trace_all_threads(trace);
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    be_ended();
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(number(&left) > 0);
    const bool at_end = used->use == use_last_destructor;
    const bool goes_on = at_end || returned() || (runs_elsewhere() && used->use != use_job_drop) ||
                         (used->shielded && ends_by_us);
    CHECK_EQ(went_on, goes_on);
    if (goes_on) CHECK(value == &went_on);
    if (goes_on || (!used->shielded && ends_by_us)) CHECK(thrum_lock_try_acquire(&outer));
    if (!ends) CHECK(thrum_lock_try_acquire(&inner));
    const bool heard = used->use == use_job || used->use == use_hook;
    if (!heard) CHECK_EQ(number(&told), chosen == FAIL);
    CHECK_EQ(thrum_thread_failed(thread, NULL), chosen == FAIL && !used->shielded);
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_thread_release(thread);
    if (used->check) used->check();
}

static void try_every_kind(way by) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        chosen = by;
        used = &kinds[i];
        fprintf(stderr, "%s, %s\n", used->name, ways[by]);
        const pid_t child = fork();
        if (child == 0) {
            try_pair();
            exit(by == PROCESS_EXIT ? 1 : 0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), by == PROCESS_EXIT ? STATUS : 0);
    }
}

TEST(every_function_may_return) {
    try_every_kind(RETURN);
}

TEST(every_function_may_fail) {
    try_every_kind(FAIL);
}

TEST(every_function_may_exit) {
    try_every_kind(EXIT);
}

TEST(every_function_may_end_its_thread) {
    try_every_kind(END);
}

TEST(every_function_may_be_cancelled) {
    try_every_kind(CANCELLATION);
}

TEST(every_function_may_exit_the_process) {
    try_every_kind(PROCESS_EXIT);
}
