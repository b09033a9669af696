/* SPDX-License-Identifier: MIT */
/* The calls on which everything rests, against the real kernel. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <thrum/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { ERRNO_MARK = 4242 };

/* Whether the kernel says that the task sleeps in this call with this first argument. */
static bool sleeps_in(pid_t tid, long call, const void *first) {
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

static void await_sleep_on(pid_t tid, const thrum_u32 *word) {
    while (!sleeps_in(tid, SYS_futex, word)) sched_yield();
}

static int status_of(pid_t child) {
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

/* A child that does not outlive a test that failed. */
static pid_t fork_child(void) {
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

static void *sleep_once(void *p) {
    struct sleeper *s = p;
    errno = ERRNO_MARK;
    s->outcome = thrum_futex_wait(s->word, 0, s->channels, s->shared, s->deadline);
    s->error = errno;
    thrum_u32_store_release(&s->done, 1);
    return NULL;
}

/* Returns when the kernel has the thread in its queue. */
static void put_to_sleep(struct sleeper *s, const thrum_u32 *word, uint32_t channels,
                         thrum_deadline deadline) {
    memset(s, 0, sizeof *s);
    s->word = word;
    s->channels = channels;
    s->deadline = deadline;
    s->thread = test_start(sleep_once, s);
    await_sleep_on(s->thread.tid, word);
}

static thrum_futex_outcome outcome_of(struct sleeper *s) {
    test_join(&s->thread);
    CHECK_EQ(s->error, ERRNO_MARK);
    return s->outcome;
}

/* The number of the first sleeper found awake. */
static int who_woke(struct sleeper *all, int count) {
    for (;;) {
        for (int i = 0; i < count; i++) {
            if (thrum_u32_load_acquire(&all[i].done)) return i;
        }
        sched_yield();
    }
}

TEST(a_wait_for_a_word_that_differs_returns_at_once) {
    thrum_u32 word = {7};
    const uint64_t begin = test_now_ns();
    CHECK_EQ(thrum_futex_wait(&word, 8, THRUM_FUTEX_ANY, false, THRUM_FOREVER), THRUM_FUTEX_CHANGED);
    CHECK_EQ(thrum_futex_wait(&word, 8, THRUM_FUTEX_ANY, true, THRUM_FOREVER), THRUM_FUTEX_CHANGED);
    CHECK_EQ(thrum_futex_wait(&word, 8, THRUM_FUTEX_ANY, false, thrum_after(30)), THRUM_FUTEX_CHANGED);
    CHECK(test_now_ns() < begin + 20000000000u);
}

TEST(a_wait_ends_with_the_wake_that_chose_it) {
    static thrum_u32 word;
    struct sleeper s;
    put_to_sleep(&s, &word, THRUM_FUTEX_ANY, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 1);
    CHECK_EQ(outcome_of(&s), THRUM_FUTEX_WOKEN);
}

TEST(a_wait_with_a_far_deadline_sleeps) {
    static const uint64_t moments[] = {UINT64_C(1) << 62, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1,
                                       UINT64_MAX};
    static thrum_u32 word;
    for (unsigned i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct sleeper s;
        put_to_sleep(&s, &word, THRUM_FUTEX_ANY, (thrum_deadline){moments[i]});
        CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 1);
        CHECK_EQ(outcome_of(&s), THRUM_FUTEX_WOKEN);
    }
}

TEST(a_wait_ends_at_its_deadline_and_not_before) {
    static thrum_u32 word;
    for (int64_t ms = 1; ms <= 16; ms *= 2) {
        const thrum_deadline end = thrum_after_ms(ms);
        CHECK_EQ(thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, end), THRUM_FUTEX_TIMED_OUT);
        const uint64_t now = test_now_ns();
        CHECK(now >= end.ns);
        CHECK(now < end.ns + 10000000000u);
    }
}

TEST(a_wait_with_a_deadline_in_the_past_returns_at_once) {
    static thrum_u32 word;
    const thrum_deadline past[] = {THRUM_NOW, {1}, {thrum_futex_now_ns() - 1}};
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, past[i]), THRUM_FUTEX_TIMED_OUT);
}

static void ignore(int number) {
    (void)number;
}

static void handle_usr1(int flags) {
    struct sigaction action = {.sa_handler = ignore, .sa_flags = flags};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

TEST(a_signal_handler_interrupts_a_wait_and_is_not_taken_for_a_wake) {
    static thrum_u32 word;
    handle_usr1(0);
    const thrum_deadline deadlines[] = {THRUM_FOREVER, thrum_after(60)};
    for (int i = 0; i < 2; i++) {
        struct sleeper s;
        put_to_sleep(&s, &word, THRUM_FUTEX_ANY, deadlines[i]);
        CHECK_EQ(pthread_kill(s.thread.thread, SIGUSR1), 0);
        CHECK_EQ(outcome_of(&s), THRUM_FUTEX_INTERRUPTED);
    }
}

static void *sleep_through_signals(void *p) {
    struct sleeper *s = p;
    do {
        s->outcome = thrum_futex_wait(s->word, 0, THRUM_FUTEX_ANY, false, s->deadline);
    } while (s->outcome == THRUM_FUTEX_INTERRUPTED);
    thrum_u32_store_release(&s->done, 1);
    return NULL;
}

TEST(signals_neither_shorten_nor_lengthen_a_wait_that_loops) {
    static thrum_u32 word;
    handle_usr1(0);
    /* long beside the time for which a busy machine may keep the sender from a processor */
    struct sleeper s = {.word = &word, .deadline = thrum_after_ms(1000)};
    s.thread = test_start(sleep_through_signals, &s);
    unsigned sent = 0;
    /* A wait that began anew at each signal would last until the storm ends. */
    while (!thrum_u32_load_acquire(&s.done) && test_now_ns() < s.deadline.ns + 20000000000u) {
        pthread_kill(s.thread.thread, SIGUSR1);
        sent++;
        thrum_futex_nap(thrum_after_ms(1));
    }
    const uint64_t now = test_now_ns();
    test_join(&s.thread);
    CHECK(sent > 5);
    CHECK_EQ(s.outcome, THRUM_FUTEX_TIMED_OUT);
    CHECK(now >= s.deadline.ns);
    CHECK(now < s.deadline.ns + 10000000000u);
}

TEST(a_wake_finds_at_most_so_many_and_says_how_many) {
    static thrum_u32 word;
    struct sleeper s[3];
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, THRUM_FUTEX_ANY, false), 0);
    for (int i = 0; i < 3; i++) put_to_sleep(&s[i], &word, THRUM_FUTEX_ANY, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 1);
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, THRUM_FUTEX_ANY, false), 2);
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, THRUM_FUTEX_ANY, false), 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(outcome_of(&s[i]), THRUM_FUTEX_WOKEN);
}

TEST(sleepers_wake_in_the_order_in_which_they_fell_asleep) {
    enum { SLEEPERS = 5 };
    static thrum_u32 word;
    struct sleeper s[SLEEPERS];
    for (int i = 0; i < SLEEPERS; i++) put_to_sleep(&s[i], &word, THRUM_FUTEX_ANY, THRUM_FOREVER);
    for (int i = 0; i < SLEEPERS; i++) {
        CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 1);
        CHECK_EQ(who_woke(s + i, SLEEPERS - i), 0);
        CHECK_EQ(outcome_of(&s[i]), THRUM_FUTEX_WOKEN);
    }
}

TEST(a_wake_reaches_only_sleepers_on_its_channels) {
    static thrum_u32 word;
    struct sleeper s[3];
    put_to_sleep(&s[0], &word, 1, THRUM_FOREVER);
    put_to_sleep(&s[1], &word, 2, THRUM_FOREVER);
    put_to_sleep(&s[2], &word, 4 | 2, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, 8, false), 0);
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, 4, false), 1);
    CHECK_EQ(who_woke(s, 3), 2);
    CHECK_EQ(thrum_futex_wake(&word, 1, 8 | 2, false), 1);
    CHECK_EQ(outcome_of(&s[1]), THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_u32_load_acquire(&s[0].done), 0);
    CHECK_EQ(thrum_futex_wake(&word, INT_MAX, THRUM_FUTEX_ANY, false), 1);
    CHECK_EQ(outcome_of(&s[0]), THRUM_FUTEX_WOKEN);
    CHECK_EQ(outcome_of(&s[2]), THRUM_FUTEX_WOKEN);
}

TEST(a_wake_on_another_word_wakes_nobody_here) {
    static thrum_u32 words[2];
    struct sleeper s;
    put_to_sleep(&s, &words[0], THRUM_FUTEX_ANY, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_wake(&words[1], INT_MAX, THRUM_FUTEX_ANY, false), 0);
    CHECK_EQ(thrum_futex_wake(&words[0], INT_MAX, THRUM_FUTEX_ANY, false), 1);
    CHECK_EQ(outcome_of(&s), THRUM_FUTEX_WOKEN);
}

TEST(a_wake_on_unmapped_memory_is_harmless) {
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    thrum_u32 *word = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)word != MAP_FAILED);
    CHECK_EQ(munmap((void *)word, size), 0);
    errno = ERRNO_MARK;
    CHECK_EQ(thrum_futex_wake(word, INT_MAX, THRUM_FUTEX_ANY, false), 0);
    CHECK_EQ(thrum_futex_wake(word, INT_MAX, THRUM_FUTEX_ANY, true), 0);
    CHECK_EQ(errno, ERRNO_MARK);
}

/* A child sleeps on its own mapping of the page; the parent wakes through another one. */
TEST(processes_meet_on_a_shared_word_at_two_addresses) {
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    const int fd = (int)syscall(SYS_memfd_create, "word", 0);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)size), 0);
    thrum_u32 *here = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    thrum_u32 *there = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK((void *)here != MAP_FAILED && (void *)there != MAP_FAILED && here != there);
    const pid_t child = fork_child();
    if (child == 0) {
        munmap((void *)here, size);
        _exit((int)thrum_futex_wait(there, 0, THRUM_FUTEX_ANY, true, THRUM_FOREVER));
    }
    munmap((void *)there, size);
    await_sleep_on(child, there);
    CHECK_EQ(thrum_futex_wake(here, INT_MAX, THRUM_FUTEX_ANY, true), 1);
    CHECK_EQ(status_of(child), THRUM_FUTEX_WOKEN << 8);
    munmap((void *)here, size);
    close(fd);
}

TEST(requeue_with_the_expected_value_wakes_some_and_moves_others) {
    static thrum_u32 from, to;
    struct sleeper s[4];
    for (int i = 0; i < 4; i++) put_to_sleep(&s[i], &from, THRUM_FUTEX_ANY, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_requeue(&from, 0, 1, 2, &to, false), 3);
    CHECK_EQ(outcome_of(&s[0]), THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_futex_wake(&from, INT_MAX, THRUM_FUTEX_ANY, false), 1); /* one stayed */
    CHECK_EQ(outcome_of(&s[3]), THRUM_FUTEX_WOKEN);
    CHECK_EQ(thrum_futex_wake(&to, INT_MAX, THRUM_FUTEX_ANY, false), 2);
    CHECK_EQ(outcome_of(&s[1]), THRUM_FUTEX_WOKEN);
    CHECK_EQ(outcome_of(&s[2]), THRUM_FUTEX_WOKEN);
}

TEST(requeue_with_another_value_changes_nothing_and_says_so) {
    static thrum_u32 from, to;
    struct sleeper s[2];
    for (int i = 0; i < 2; i++) put_to_sleep(&s[i], &from, THRUM_FUTEX_ANY, THRUM_FOREVER);
    errno = ERRNO_MARK;
    CHECK_EQ(thrum_futex_requeue(&from, 1, 1, INT_MAX, &to, false), -1);
    CHECK_EQ(errno, ERRNO_MARK);
    CHECK_EQ(thrum_futex_wake(&to, INT_MAX, THRUM_FUTEX_ANY, false), 0);
    CHECK_EQ(thrum_futex_wake(&from, INT_MAX, THRUM_FUTEX_ANY, false), 2);
    for (int i = 0; i < 2; i++) CHECK_EQ(outcome_of(&s[i]), THRUM_FUTEX_WOKEN);
}

TEST(requeue_without_sleepers_answers_zero) {
    thrum_u32 from = {3}, to = {0};
    CHECK_EQ(thrum_futex_requeue(&from, 3, 1, INT_MAX, &to, false), 0);
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

static void *wait_for_any(void *p) {
    struct chooser *c = p;
    thrum_futex_choice choices[WORDS];
    for (unsigned i = 0; i < c->count; i++) choices[i] = (thrum_futex_choice){&words[i], 0, c->shared};
    errno = ERRNO_MARK;
    c->refused = true;
    c->outcome = thrum_futex_wait_any(choices, c->count, &c->refused, c->deadline);
    c->error = errno;
    return NULL;
}

static void need_wait_any(void) {
    struct chooser c = {.count = 1, .deadline = THRUM_NOW};
    wait_for_any(&c);
    if (c.refused) test_skip("the kernel or a sandbox refuses futex_waitv");
}

TEST(wait_any_ends_with_a_wake_on_any_word) {
    need_wait_any();
    static const unsigned counts[] = {1, 3, WORDS};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned woken = 0; woken < counts[i]; woken += i < 2 ? 1 : 127) {
            for (int shared = 0; shared < 2; shared++) {
                struct chooser c = {.count = counts[i], .shared = shared, .deadline = THRUM_FOREVER};
                test_thread t = test_start(wait_for_any, &c);
                while (!sleeps_in(t.tid, SYS_futex_waitv, NULL)) sched_yield();
                CHECK_EQ(thrum_futex_wake(&words[woken], INT_MAX, THRUM_FUTEX_ANY, shared), 1);
                test_join(&t);
                CHECK_EQ(c.outcome, THRUM_FUTEX_WOKEN);
                CHECK(!c.refused);
                CHECK_EQ(c.error, ERRNO_MARK);
            }
        }
    }
}

TEST(wait_any_returns_at_once_when_one_word_differs) {
    need_wait_any();
    for (unsigned i = 0; i < 3; i++) {
        struct chooser c = {.count = 3, .deadline = THRUM_FOREVER};
        thrum_u32_store_relaxed(&words[i], 1);
        wait_for_any(&c);
        thrum_u32_store_relaxed(&words[i], 0);
        CHECK_EQ(c.outcome, THRUM_FUTEX_CHANGED);
        CHECK(!c.refused);
        CHECK_EQ(c.error, ERRNO_MARK);
    }
}

TEST(wait_any_ends_at_its_deadline_and_not_before) {
    need_wait_any();
    const thrum_deadline ends[] = {THRUM_NOW, {1}, thrum_after_ms(5), thrum_after_ms(10)};
    for (unsigned i = 0; i < 4; i++) {
        struct chooser c = {.count = 3, .deadline = ends[i]};
        wait_for_any(&c);
        CHECK_EQ(c.outcome, THRUM_FUTEX_TIMED_OUT);
        CHECK(!c.refused);
        CHECK(test_now_ns() >= ends[i].ns);
        CHECK_EQ(c.error, ERRNO_MARK);
    }
}

/* From here on the calling process gets `error` from that call. */
static bool refuse(long call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum { NO_FILTERS = 99 };

/* What `ask` answers, in a child, under such a filter. */
static int under_refusal(long call, int error, int (*ask)(void)) {
    const pid_t child = fork_child();
    if (child == 0) _exit(refuse(call, error) ? ask() : NO_FILTERS);
    const int status = status_of(child);
    CHECK(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_FILTERS) test_skip("no seccomp filters here");
    return WEXITSTATUS(status);
}

static int ask_wait_any(void) {
    struct chooser c = {.count = 2, .deadline = THRUM_FOREVER};
    wait_for_any(&c);
    return (c.refused ? 1 : 0) | (c.outcome == THRUM_FUTEX_CHANGED ? 2 : 0) | (c.error == ERRNO_MARK ? 4 : 0);
}

TEST(wait_any_says_that_the_kernel_has_no_such_call) {
    CHECK_EQ(under_refusal(SYS_futex_waitv, ENOSYS, ask_wait_any), 7);
}

TEST(wait_any_says_that_a_sandbox_refuses_the_call) {
    CHECK_EQ(under_refusal(SYS_futex_waitv, EPERM, ask_wait_any), 7);
}

static int ask_wait(void) {
    static thrum_u32 word;
    errno = ERRNO_MARK;
    const thrum_futex_outcome outcome = thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    return errno == ERRNO_MARK ? (int)outcome : 50;
}

TEST(a_refused_wait_is_no_wake_and_no_hang) {
    CHECK_EQ(under_refusal(SYS_futex, EPERM, ask_wait), THRUM_FUTEX_INTERRUPTED);
    CHECK_EQ(under_refusal(SYS_futex, ENOSYS, ask_wait), THRUM_FUTEX_INTERRUPTED);
}

static int ask_wake(void) {
    static thrum_u32 word;
    errno = ERRNO_MARK;
    const int woken = thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false);
    return errno == ERRNO_MARK ? woken : 50;
}

TEST(a_refused_wake_woke_nobody) {
    CHECK_EQ(under_refusal(SYS_futex, EPERM, ask_wake), 0);
}

static int ask_usable(void) {
    errno = ERRNO_MARK;
    const unsigned usable = thrum_futex_usable_cpus();
    return errno == ERRNO_MARK ? (int)usable : 50;
}

TEST(a_refused_look_at_the_affinity_counts_as_many_processors) {
    CHECK(under_refusal(SYS_sched_getaffinity, EPERM, ask_usable) >= 2);
    CHECK(under_refusal(SYS_sched_getaffinity, EPERM, ask_usable) != 50);
}

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

TEST(errno_is_kept_by_every_outcome) {
    thrum_u32 word = {0};
    errno = ERRNO_MARK;
    CHECK_EQ(thrum_futex_wait(&word, 1, THRUM_FUTEX_ANY, false, THRUM_FOREVER), THRUM_FUTEX_CHANGED);
    CHECK_EQ(errno, ERRNO_MARK);
    CHECK_EQ(thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, THRUM_NOW), THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(errno, ERRNO_MARK);
    CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 0);
    thrum_futex_nap(THRUM_NOW);
    thrum_futex_yield();
    (void)thrum_futex_now_ns();
    (void)thrum_futex_usable_cpus();
    CHECK_EQ(errno, ERRNO_MARK);
}

static thrum_u32 cancelled_word;

static void *wait_though_cancelled(void *returned) {
    thrum_futex_wait(&cancelled_word, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    *(bool *)returned = true;
    return NULL;
}

TEST(a_wait_is_not_a_cancellation_point) {
    bool returned = false;
    test_thread t = test_start(wait_though_cancelled, &returned);
    await_sleep_on(t.tid, &cancelled_word);
    CHECK_EQ(pthread_cancel(t.thread), 0);
    thrum_futex_wake(&cancelled_word, 1, THRUM_FUTEX_ANY, false);
    CHECK(test_join(&t) == NULL);
    CHECK(returned);
}
