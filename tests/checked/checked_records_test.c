/* SPDX-License-Identifier: MIT */
/* What the checked build keeps of threads, objects and classes; its settings; and how reports are written. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/with.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void acquire_in_two_orders(void) {
    THRUM_WITH(&left)
        THRUM_WITH(&right) continue;
    THRUM_WITH(&right)
        THRUM_WITH(&left) continue;
}

/* ---- settings ---- */

static void say_abort_in_the_environment(void) {
    thrum_checked_abort(false);
    CHECK(setenv("THRUM_CHECKED", "abort", 1) == 0);
    acquire_in_two_orders();
}

TEST(the_environment_can_say_that_a_report_aborts) {
    hear_from_child(say_abort_in_the_environment);
    CHECK(says("an order that may deadlock"));
}

TEST(the_environment_can_say_something_else) {
    CHECK(setenv("THRUM_CHECKED", "yes", 1) == 0);
    begin_to_hear();
    acquire_in_two_orders();
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
}

/* ---- how a report is written ---- */

static volatile int writes; /* one more than those of the report; 0: as they come */

/* In the C library's place. The first takes half of what it is given, the second is interrupted. */
ssize_t write(int file, const void *bytes, size_t count) {
    if (file == STDERR_FILENO && writes) {
        errno = 0;
        if (++writes == 2) count /= 2;
        if (writes == 3) {
            errno = EINTR;
            return -1;
        }
    }
    return syscall(SYS_write, file, bytes, count);
}

static void write_a_report_in_parts(void) {
    writes = 1;
    acquire_in_two_orders();
}

TEST(a_report_that_is_written_in_parts_is_whole) {
    hear_from_child(write_a_report_in_parts);
    CHECK(strncmp(told.text, "thrum: an order", 15) == 0 && told.text[strlen(told.text) - 1] == '\n');
    CHECK(says("  before, thread ") && strstr(strstr(told.text, "  before, thread "), "  and acquired\n"));
}

/* ---- no memory ---- */

enum { MANY = 1 << 13 };
static thrum_lock many[MANY];

static void acquire_without_memory(void) {
    const struct rlimit none = {0, 0};
    thrum_checked_abort(false);
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    for (int i = 0; i < MANY; i++) thrum_lock_acquire(&many[i]), (void)thrum_lock_release(&many[i]);
    abort();
}

TEST(that_there_is_no_memory_is_said_once) {
    if (test_slowdown() > 1) test_skip("a sanitizer needs memory");
    hear_from_child(acquire_without_memory);
    const char *const words = "the check has no memory";
    const char *const first = strstr(told.text, words);
    CHECK(first && !strstr(first + 1, words));
}

/* ---- objects ---- */

TEST(every_object_is_known_by_its_address) {
    const int count = test_slowdown() > 1 && !test_under_asan() ? 32 : MANY; /* its limit: 64 held */
    begin_to_hear();
    for (int i = 0; i < count; i++) CHECK(thrum_lock_try_acquire(&many[i]));
    for (int i = 0; i < count; i++) CHECK(thrum_lock_release(&many[i]) == THRUM_OK);
    check_told(NONE, "");
    CHECK(thrum_lock_try_acquire(&many[0]));
    thrum_checked_gone(many, sizeof many);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    begin_to_hear();
    CHECK(thrum_lock_try_acquire(&many[MANY - 1]));
    thrum_checked_gone(many, sizeof many);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
}

static thrum_rwlock table;

static void *read_table(void *done) {
    thrum_rwlock_acquire_read(&table);
    thrum_event_set(done);
    static thrum_event never;
    (void)thrum_event_wait(&never);
    return NULL;
}

TEST(of_what_goes_away_every_holder_is_told) {
    static thrum_event read;
    thrum_rwlock_acquire_read(&table);
    begin_to_hear();
    (void)test_start(read_table, &read);
    (void)thrum_event_wait(&read);
    thrum_checked_gone(&table, sizeof table);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    const char *const one = strstr(told.text, "  held by thread ");
    CHECK(one && strstr(one + 1, "  held by thread "));
}

/* ---- classes ---- */

TEST(a_class_has_one_name_among_many) {
    static thrum_lock made, named[4];
    static const char *const names[] = {"one", "two", "three"};
    thrum_lock_init(&made); /* a class without a name */
    for (int i = 0; i < 3; i++) thrum_checked_class(&named[i], names[i]);
    thrum_checked_class(&named[3], "one");
    begin_to_hear();
    THRUM_WITH(&named[0])
        THRUM_WITH(&named[1]) continue;
    check_told(NONE, "");
    THRUM_WITH(&named[1])
        THRUM_WITH(&named[3]) continue;
    check_told(THRUM_CHECKED_INVERSION, "of class \"two\"");
}

/* ---- forks ---- */

TEST(the_thread_that_forks_is_not_lost) {
    THRUM_WITH(&left) continue;
    hear_from_child(deadlock_of_two);
    CHECK(says("thrum: a deadlock of 2 threads\n"));
}

typedef struct keeper {
    thrum_lock lock;
    thrum_event held;
} keeper;
static keeper keepers[3];

static void *keep(void *argument) {
    static thrum_event never;
    keeper *const mine = argument;
    thrum_lock_acquire(&mine->lock);
    thrum_event_set(&mine->held);
    (void)thrum_event_wait(&never);
    return NULL;
}

static int wanted;

static void acquire_what_was_kept(void) {
    thrum_lock_acquire(&keepers[wanted].lock);
}

TEST(a_fork_loses_every_other_thread) {
    for (int i = 0; i < 3; i++) {
        (void)test_start(keep, &keepers[i]);
        (void)thrum_event_wait(&keepers[i].held);
    }
    for (wanted = 0; wanted < 3; wanted++) {
        hear_from_child(acquire_what_was_kept);
        CHECK(says("that the fork did not take along\n"));
    }
}
