/* SPDX-License-Identifier: MIT */
/* What the tests of the checked build share. */
#ifndef THRUM_TESTS_CHECKED_PARTS_H
#define THRUM_TESTS_CHECKED_PARTS_H

#include "test.h"

#include <thrum/checked.h>
#include <thrum/lock.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NONE = -1 };

static struct {
    unsigned count;
    thrum_checked_kind kind;
    char text[8192];
} told;

static inline void hear(const thrum_checked_report *report, void *argument) {
    (void)argument;
    told.count++;
    told.kind = report->kind;
    (void)snprintf(told.text, sizeof told.text, "%s", report->text);
}

static inline void begin_to_hear(void) {
    told.count = 0;
    told.text[0] = 0;
    thrum_checked_report_to(hear, NULL);
}

static inline bool says(const char *words) {
    return strstr(told.text, words) != NULL;
}

static inline void check_told(int kind, const char *words) {
    if (kind == NONE) {
        if (told.count) test_fail(__FILE__, __LINE__, told.text);
        return;
    }
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.kind, kind);
    if (!says(words)) test_fail(words, __LINE__, told.text);
}

/* For what is a deadlock: the child is ended by its first report, which the parent reads. */
static inline void hear_from_child(void (*deadlocks)(void)) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        thrum_checked_report_to(NULL, NULL);
        thrum_checked_abort(true);
        deadlocks();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], told.text + length, sizeof told.text - 1 - length)) > 0;)
        length += (size_t)got;
    told.text[length] = 0;
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) test_fail("no report:", status, told.text);
}

static inline void run(void *(*function)(void *), void *argument) {
    test_thread thread = test_start(function, argument);
    test_join(&thread);
}

/* ---- two threads that wait for each other ---- */

static thrum_lock left, right;

static inline void *left_behind_right(void *unused) {
    thrum_lock_acquire(&right);
    thrum_lock_acquire(&left);
    return unused;
}

static inline void deadlock_of_two(void) {
    thrum_checked_leave_out(THRUM_CHECKED_INVERSION);
    thrum_lock_acquire(&left);
    const test_thread other = test_start(left_behind_right, NULL);
    test_await_asleep(&other);
    thrum_lock_acquire(&right);
}

#endif
