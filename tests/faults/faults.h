/* SPDX-License-Identifier: MIT */
/*
 * Faults by index: plays thrum_fault_ (src/futex/fault.h) for a scenario, which is run once to count
 * how often each point is crossed and then once for every fault at every crossing. The scenario
 * itself checks that nothing went wrong. Include it in one file of a program only.
 *
 * A fault answers in the kernel's place, as the kernel may: a wake that nobody made, an
 * interruption, a word found different. Never a deadline before its time and never a wake that is
 * swallowed. Or it is an act: a signal whose handler uses the library, a fork.
 *
 * The end of the thread at a point is no fault here: nothing in a wait is a cancellation point, so
 * only the death of the whole process can end one there (dying_test.c).
 */
#ifndef THRUM_TESTS_FAULTS_FAULTS_H
#define THRUM_TESTS_FAULTS_FAULTS_H

#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../../src/futex/fault.h"

enum { ERRNO_MARK = 4242, MOST_OCCURRENCES = 32 };

typedef struct fault {
    const char *name;
    int point;         /* the only one at which it happens; -1: all */
    void (*act)(void); /* NULL: it answers */
    long answer;
    int error;
} fault;

static struct {
    const fault *fault; /* NULL: none, crossings are counted only */
    thrum_fault_point point;
    unsigned occurrence;
    atomic_uint crossings[THRUM_FAULT_POINTS];
    atomic_uint happened;
} injection;

bool thrum_fault_(thrum_fault_point point, long *answer) {
    static __thread bool inside; /* an act's own crossings do not count */
    if (inside) return false;
    /* relaxed, so that a race is not hidden from a sanitizer */
    const unsigned nth = atomic_fetch_add_explicit(&injection.crossings[point], 1, memory_order_relaxed) + 1;
    const fault *f = injection.fault;
    if (!f || point != injection.point || nth != injection.occurrence) return false;
    atomic_fetch_add_explicit(&injection.happened, 1, memory_order_relaxed);
    if (f->act) {
        const int saved = errno;
        inside = true;
        f->act();
        inside = false;
        errno = saved;
        return false;
    }
    *answer = f->answer;
    if (f->answer < 0) errno = f->error;
    return true;
}

static inline void inject(const fault *f, thrum_fault_point point, unsigned occurrence) {
    for (int i = 0; i < THRUM_FAULT_POINTS; i++) atomic_store(&injection.crossings[i], 0);
    injection.fault = f;
    injection.point = point;
    injection.occurrence = occurrence;
}

/* Crossings of a run, the most of several; those beyond MOST_OCCURRENCES are not walked. */
static inline void count_crossings(void (*scenario)(void), unsigned *counts) {
    for (int i = 0; i < THRUM_FAULT_POINTS; i++) counts[i] = 0;
    for (int run = 0; run < 4; run++) {
        inject(NULL, 0, 0);
        scenario();
        for (int i = 0; i < THRUM_FAULT_POINTS; i++) {
            const unsigned seen = atomic_load(&injection.crossings[i]);
            if (counts[i] < seen) counts[i] = seen < MOST_OCCURRENCES ? seen : MOST_OCCURRENCES;
        }
    }
}

/* Runs the scenario once for each crossing. Schedules differ: some crossings are not reached. */
static inline unsigned walk_once(void (*scenario)(void), const fault *f, const unsigned *counts) {
    unsigned runs = 0;
    for (int point = 0; point < THRUM_FAULT_POINTS; point++) {
        if (f->point >= 0 && f->point != point) continue;
        const unsigned most = (counts[point] + test_slowdown() - 1) / test_slowdown();
        for (unsigned nth = 1; nth <= most; nth++) {
            inject(f, (thrum_fault_point)point, nth);
            scenario();
            runs++;
        }
    }
    return runs;
}

static inline void walk(void (*scenario)(void), const fault *f) {
    unsigned counts[THRUM_FAULT_POINTS];
    unsigned runs = 0, more;
    count_crossings(scenario, counts);
    atomic_store(&injection.happened, 0);
    do {
        more = walk_once(scenario, f, counts);
        runs += more;
    } while (more && atomic_load(&injection.happened) == 0);
    printf("    %s: %u runs, in %u it happened\n", f->name, runs, atomic_load(&injection.happened));
    fflush(stdout);
}

/* What the kernel may answer at any time. */
static const fault answers[] = {
    {"a wake that nobody made", THRUM_BEFORE_WAIT, NULL, 0, 0},
    {"a wait interrupted", THRUM_BEFORE_WAIT, NULL, -1, EINTR},
    {"a word found different", THRUM_BEFORE_WAIT, NULL, -1, EAGAIN},
    {"a wait refused", THRUM_BEFORE_WAIT, NULL, -1, ENOSYS},
    {"a nap interrupted", THRUM_BEFORE_NAP, NULL, EINTR, 0},
    {"a nap refused", THRUM_BEFORE_NAP, NULL, -1, EPERM},
    {"a yield refused", THRUM_BEFORE_YIELD, NULL, -1, EPERM},
};

static inline void walk_answers(void (*scenario)(void)) {
    for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) walk(scenario, &answers[i]);
}

static inline void raise_usr1(void) {
    CHECK_EQ(raise(SIGUSR1), 0);
}

static inline void walk_signals(void (*scenario)(void), void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    walk(scenario, &(fault){"a signal handler", -1, raise_usr1, 0, 0});
}

/* Long enough for the others to do what they can do meanwhile, and to fall asleep. */
static inline void delay(void) {
    const struct timespec length = {.tv_nsec = 400000};
    nanosleep(&length, NULL);
}

static inline void walk_delays(void (*scenario)(void)) {
    walk(scenario, &(fault){"a delay", -1, delay, 0, 0});
}

static void (*in_child)(void);

static inline void fork_here(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (in_child) in_child();
        _exit(0);
    }
    test_join_child(child);
}

/* A child that ends at once, and one that takes the inherited objects into use. */
static inline void walk_forks(void (*scenario)(void), void (*use)(void)) {
    in_child = NULL;
    walk(scenario, &(fault){"a fork", -1, fork_here, 0, 0});
    in_child = use;
    walk(scenario, &(fault){"a fork whose child goes on", -1, fork_here, 0, 0});
}

/* Uses the processor for about so long. */
static inline void busy(uint64_t ns) {
    const uint64_t end = test_now_ns() + ns;
    while (test_now_ns() < end) {
    }
}

#endif
