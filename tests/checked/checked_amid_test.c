/* SPDX-License-Identifier: MIT */
/* The check is called amid a fork, and amid the naming of a function. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_parts.h"

#include <dlfcn.h>

static thrum_lock lock, other_lock;

static void acquire(void) {
    thrum_lock_acquire(&lock);
}

static void release(void) {
    thrum_lock_release(&lock);
}

static void use_other(void) {
    thrum_lock_acquire(&other_lock);
    thrum_lock_release(&other_lock);
    check_told(NONE, "");
}

/* ---- forks ---- */

static void (*before)(void), (*after)(void); /* of the test that runs */

static void before_fork(void) {
    if (before) before();
}

static void after_fork(void) {
    if (after) after();
}

/* Forks; the child runs it between the handlers' calls and its end. */
static void fork_between(void (*acquires)(void), void (*releases)(void), void (*in_child)(void)) {
    static bool registered;
    if (!registered) CHECK_EQ(pthread_atfork(before_fork, after_fork, after_fork), 0);
    registered = true;
    before = acquires;
    after = releases;
    test_in_child(in_child);
    before = after = NULL;
}

TEST(a_handler_registered_before_the_first_call_acquires_and_releases) {
    begin_to_hear();
    fork_between(acquire, release, use_other);
    use_other();
    fork_between(acquire, release, use_other);
    use_other();
}

static void exit_well(void) {}

static void acquire_both(void) {
    thrum_lock_acquire(&other_lock);
    acquire(); /* the other order */
}

static void release_both(void) {
    release();
    thrum_lock_release(&other_lock);
}

TEST(what_a_fork_handler_acquires_is_checked) {
    begin_to_hear();
    acquire();
    use_other();
    release();
    fork_between(acquire_both, release_both, exit_well);
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
}

/* ---- the loader ---- */

static bool is_loading;

static void *use_there(void *unused) {
    use_other();
    return unused;
}

/* In the C library's place. The loader's lock may be held by a thread that waits for the check. */
int dladdr(const void *address, Dl_info *found) {
    *found = (Dl_info){0};
    if (!is_loading) return 1; /* in an object, and in no function that has a name */
    is_loading = false;
    run(use_there, NULL);
    *found = (Dl_info){.dli_sname = "the_function", .dli_saddr = (void *)(uintptr_t)address};
    return 1;
}

/* Frames of the program, which have their distance from its beginning, or others. */
static unsigned count_frames(bool of_program) {
    unsigned count = 0;
    for (const char *at = told.text; (at = strstr(at, "\n      at 0x")); at++) {
        char line[64];
        (void)snprintf(line, sizeof line, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
        count += (strstr(line, " (+0x") != NULL) == of_program;
    }
    return count;
}

TEST(functions_are_named_while_other_threads_are_checked) {
    begin_to_hear();
    is_loading = true;
    CHECK(thrum_lock_try_acquire(&lock));
    thrum_checked_gone(&lock, sizeof lock);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    CHECK(says(" the_function\n") && !is_loading && !says("(null)"));
    const char *const second = strstr(strstr(told.text, " the_function\n"), "\n      at 0x");
    CHECK(second && strstr(second + 1, "\n      at 0x"));
    CHECK(count_frames(true) > 0 && count_frames(false) > 0); /* the C library's, which calls main */
    CHECK(strstr(told.text, "      at 0x") < strstr(told.text, " the_function\n"));
}

static __attribute__((noinline)) int acquire_deep_down(int levels) {
    if (levels == 0) return thrum_lock_try_acquire(&lock);
    return acquire_deep_down(levels - 1) + (*(volatile int *)&levels > 1000);
}

TEST(of_a_deep_stack_the_first_sixteen_frames_are_told) {
    begin_to_hear();
    CHECK(acquire_deep_down(300));
    thrum_checked_gone(&lock, sizeof lock);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    CHECK_EQ(count_frames(true), 16);
}
