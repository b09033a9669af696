/* SPDX-License-Identifier: MIT */
/* What the tests of futexes share. */
#ifndef THRUM_TESTS_FUTEX_PARTS_H
#define THRUM_TESTS_FUTEX_PARTS_H

#include "test.h"

#include <thrum/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { ERRNO_MARK = 4242 };

/* Whether the kernel says that the task sleeps in this call with this first argument. */
static inline bool sleeps_in(pid_t tid, long call, const void *first) {
    char path[64], text[128] = {0};
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    long number;
    unsigned long argument;
    if (length <= 0 || sscanf(text, "%ld 0x%lx", &number, &argument) != 2) return false;
    return number == call && (first == NULL || argument == (unsigned long)(uintptr_t)first);
}

static inline void await_sleep_on(pid_t tid, const thrum_u32 *word) {
    while (!sleeps_in(tid, SYS_futex, word)) sched_yield();
}

static inline int status_of(pid_t child) {
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

/* A child that does not outlive a test that failed. */
static inline pid_t fork_child(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

/* One wait of a thread, and what came of it. */
struct sleeper {
    const thrum_u32 *word;
    uint32_t channels;
    bool shared;
    thrum_deadline deadline;
    thrum_u32 done; /* once the outcome is there */
    thrum_futex_outcome outcome;
    int error;
    test_thread thread;
};

static inline void *sleep_once(void *p) {
    struct sleeper *s = p;
    errno = ERRNO_MARK;
    s->outcome = thrum_futex_wait(s->word, 0, s->channels, s->shared, s->deadline);
    s->error = errno;
    thrum_u32_store_release(&s->done, 1);
    return NULL;
}

/* Returns when the kernel has the thread in its queue. */
static inline void put_to_sleep(struct sleeper *s, const thrum_u32 *word, uint32_t channels,
                                thrum_deadline deadline) {
    memset(s, 0, sizeof *s);
    s->word = word;
    s->channels = channels;
    s->deadline = deadline;
    s->thread = test_start(sleep_once, s);
    await_sleep_on(s->thread.tid, word);
}

static inline thrum_futex_outcome outcome_of(struct sleeper *s) {
    test_join(&s->thread);
    CHECK_EQ(s->error, ERRNO_MARK);
    return s->outcome;
}

static inline void ignore(int number) {
    (void)number;
}

static inline void handle_usr1(int flags) {
    struct sigaction action = {.sa_handler = ignore, .sa_flags = flags};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

/* A thread that waits for any of `count` words; the outcome, and whether it was refused. */
enum { WORDS = THRUM_FUTEX_WAIT_ANY_MAX };

static thrum_u32 words[WORDS];

struct chooser {
    unsigned count;
    bool shared;
    thrum_deadline deadline;
    thrum_futex_outcome outcome;
    bool refused;
    int error;
};

static inline void *wait_for_any(void *p) {
    struct chooser *c = p;
    thrum_futex_choice choices[WORDS];
    for (unsigned i = 0; i < c->count; i++) choices[i] = (thrum_futex_choice){&words[i], 0, c->shared};
    errno = ERRNO_MARK;
    c->refused = true;
    c->outcome = thrum_futex_wait_any(choices, c->count, &c->refused, c->deadline);
    c->error = errno;
    return NULL;
}

static inline int ask_usable(void) {
    errno = ERRNO_MARK;
    const unsigned usable = thrum_futex_usable_cpus();
    return errno == ERRNO_MARK ? (int)usable : 50;
}

#endif
