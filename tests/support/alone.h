/* SPDX-License-Identifier: MIT */
/*
 * For test.c alone: all tests of a program, each in a process of its own, which is the program anew with
 * the test's name. So it is the process that ctest makes, and nothing that one test leaves in a variable, a
 * signal's handler or the library is there for the next. What a test prints is shown if it fails.
 *
 *     THRUM_SEED=81985529216486895
 *     a_release_wakes_a_waiter: passed
 *     a_wait_spans_processors: skipped
 *         skipped: one processor
 *     1 passed, 1 skipped, 0 failed
 */
#ifndef THRUM_TESTS_SUPPORT_ALONE_H
#define THRUM_TESTS_SUPPORT_ALONE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

enum { SKIPPED = 77 };
/* A test's time is ctest's, which runs few at once. Here it is for hangs alone, whatever else runs. */
enum { PATIENCE = 5 };

/* The leader of the process group of the test that runs; 0: none runs. */
static volatile pid_t running;

static void end_with_test(int number) {
    if (running) (void)kill(-running, SIGKILL);
    _exit(128 + number);
}

static void on_child(int number) {
    (void)number; /* it is waited for; a signal that is ignored could not be */
}

/* This program anew, for one test: the same process as ctest's, and nothing of another test's in it. */
static pid_t start_alone(const test_case *test, char *program, int output, const sigset_t *mask) {
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    CHECK(length > 0);
    path[length] = 0;
    char name[256];
    CHECK((size_t)snprintf(name, sizeof name, "%s", test->name) < sizeof name);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child) {
        (void)setpgid(child, child); /* in both, so that it is done for either */
        return child;
    }
    (void)setpgid(0, 0);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
        (void)execv(path, (char *[]){program, name, NULL});
    perror(path);
    _exit(127);
}

/* It is not waited for yet: until that its group's number is its own. */
static bool ends_within(pid_t child, unsigned seconds, const sigset_t *of_children) {
    const uint64_t end = test_now_ns() + seconds * UINT64_C(1000000000);
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) return true;
        const uint64_t now = test_now_ns();
        if (now >= end) return false;
        const struct timespec left = {(time_t)((end - now) / 1000000000), (long)((end - now) % 1000000000)};
        (void)sigtimedwait(of_children, NULL, &left);
    }
}

static void print_verdict(const test_case *test, FILE *output, bool ended, int status) {
    const bool skipped = ended && WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED;
    if (!ended)
        printf("%s: still running after %u s\n", test->name, PATIENCE * test->seconds);
    else if (WIFSIGNALED(status))
        printf("%s: ended by signal %d (%s)\n", test->name, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (skipped)
        printf("%s: skipped\n", test->name);
    else if (WEXITSTATUS(status))
        printf("%s: failed with exit status %d\n", test->name, WEXITSTATUS(status));
    else
        printf("%s: passed\n", test->name);
    rewind(output);
    for (char line[1024]; fgets(line, sizeof line, output);)
        if (skipped ? strncmp(line, "skipped: ", 9) == 0 : !ended || status != 0)
            printf("    %s%s", line, strchr(line, '\n') ? "" : "\n");
    fflush(stdout);
}

/* Runs it as ctest does, and says how it has ended; what it leaves running in its group ends with it. */
static int run_alone(const test_case *test, char *program) {
    sigset_t all, of_children, mask;
    sigfillset(&all);
    sigemptyset(&of_children);
    sigaddset(&of_children, SIGCHLD);
    FILE *const output = tmpfile();
    CHECK(output);
    (void)sigprocmask(SIG_SETMASK, &all, &mask); /* until what ends this process can end the test, too */
    running = start_alone(test, program, fileno(output), &mask);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)sigprocmask(SIG_BLOCK, &of_children, NULL);
    const bool ended = ends_within(running, PATIENCE * test->seconds, &of_children);
    (void)kill(-running, SIGKILL);
    int status = 0;
    CHECK_EQ(waitpid(running, &status, 0), running);
    running = 0;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    print_verdict(test, output, ended, status);
    fclose(output);
    if (!ended || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

static int run_all(const test_case *tests, char *program, uint64_t seed) {
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    CHECK_EQ(setenv("THRUM_SEED", text, 1), 0);
    (void)signal(SIGCHLD, on_child);
    (void)signal(SIGINT, end_with_test);
    (void)signal(SIGQUIT, end_with_test);
    (void)signal(SIGTERM, end_with_test);
    (void)signal(SIGHUP, end_with_test);
    unsigned passed = 0, skipped = 0, failed = 0;
    for (const test_case *test = tests; test; test = test->next) {
        const int status = run_alone(test, program);
        passed += status == 0;
        skipped += status == SKIPPED;
        failed += status != 0 && status != SKIPPED;
    }
    printf("%u passed, %u skipped, %u failed\n", passed, skipped, failed);
    return failed != 0;
}

#endif
