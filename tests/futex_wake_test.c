/* SPDX-License-Identifier: MIT */
/* Wakes, requeues, and waits for any of several words. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "futex_parts.h"
#include "test.h"

#include <thrum/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The number of the first sleeper found awake. */
static int who_woke(struct sleeper *all, int count) {
    for (;;) {
        for (int i = 0; i < count; i++) {
            if (thrum_u32_load_acquire(&all[i].done)) return i;
        }
        sched_yield();
    }
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
    static thrum_u32 pair[2];
    struct sleeper s;
    put_to_sleep(&s, &pair[0], THRUM_FUTEX_ANY, THRUM_FOREVER);
    CHECK_EQ(thrum_futex_wake(&pair[1], INT_MAX, THRUM_FUTEX_ANY, false), 0);
    CHECK_EQ(thrum_futex_wake(&pair[0], INT_MAX, THRUM_FUTEX_ANY, false), 1);
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
