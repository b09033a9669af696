/* SPDX-License-Identifier: MIT */
/* The calls on which everything rests, against the real kernel. */
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
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

TEST(a_refused_look_at_the_affinity_counts_as_many_processors) {
    CHECK(under_refusal(SYS_sched_getaffinity, EPERM, ask_usable) >= 2);
    CHECK(under_refusal(SYS_sched_getaffinity, EPERM, ask_usable) != 50);
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
