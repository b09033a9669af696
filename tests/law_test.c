/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <thrum/lock.h>
#include <thrum/once.h>
#include <thrum/rcu.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The debug build has this check beside the laws (src/rcu/inner_lock.h). */
__attribute__((weak)) void thrum_inner_acquire_(const void *lock, const char *file, const char *expression);

static void wake_for_a_lock_that_is_free(void) {
    static thrum_lock lock;
    static thrum_u32 word;
    thrum_lock_wake_at_release_(&lock, &word, 1);
}

static void end_a_once_that_nobody_runs(void) {
    static thrum_once once;
    thrum_once_end_(&once, THRUM_OK);
}

/* What a child that calls it has written to stderr; it must have been ended by abort. */
static void end_by(void (*breaks)(void), char *text, size_t size) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        breaks();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    text[length] = 0;
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(a_law_that_is_broken_ends_the_process_with_its_place_and_its_label_in_the_debug_build) {
    CHECK(thrum_rcu_prepare() == THRUM_OK); /* so that the linker looks for the check of its lock */
    if (!thrum_inner_acquire_) test_skip("this build runs no laws");
    char text[512];
    end_by(wake_for_a_lock_that_is_free, text, sizeof text);
    CHECK(strstr(text, "lock.c:") && strstr(text, "the law lock.I3 is broken: thrum_lock_locked(lock)\n"));
    end_by(end_a_once_that_nobody_runs, text, sizeof text);
    CHECK(strstr(text, "once.c:") && strstr(text, "the law once.I1 is broken: seen & RUNNING\n"));
}
