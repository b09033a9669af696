/* SPDX-License-Identifier: MIT */
/* What is held: by one of several readers, after a read within a read, with the record of an ended thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_parts.h"

#include <thrum/event.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/with.h>

#include <stdlib.h>
#include <sys/resource.h>

static thrum_rwlock table;
static thrum_event has_read, may_leave;

static void *read_and_stay(void *unused) {
    THRUM_WITH_READ(&table) {
        thrum_event_set(&has_read);
        (void)thrum_event_wait(&may_leave);
    }
    return unused;
}

TEST(of_several_readers_each_releases_its_own_read) {
    begin_to_hear();
    thrum_rwlock_acquire_read(&table);
    test_thread other = test_start(read_and_stay, NULL);
    (void)thrum_event_wait(&has_read);
    CHECK(thrum_rwlock_release_read(&table) == THRUM_OK);
    thrum_event_set(&may_leave);
    (void)test_join(&other);
    check_told(NONE, "");
}

typedef struct reader {
    thrum_rwlock *table;
    thrum_rlock *rlock;
    thrum_event holds, may_leave;
} reader;

static void *hold(void *argument) {
    reader *const me = argument;
    if (me->table) thrum_rwlock_acquire_read(me->table);
    if (me->rlock) CHECK(thrum_rlock_acquire(me->rlock) == THRUM_OK);
    thrum_event_set(&me->holds);
    (void)thrum_event_wait(&me->may_leave);
    if (me->table) CHECK(thrum_rwlock_release_read(me->table) == THRUM_OK);
    return NULL;
}

static test_thread start_to_hold(reader *me) {
    const test_thread thread = test_start(hold, me);
    (void)thrum_event_wait(&me->holds);
    return thread;
}

TEST(a_reader_that_releases_leaves_the_others_reading) {
    static thrum_rwlock read;
    static reader second = {.table = &read}, third = {.table = &read};
    begin_to_hear();
    thrum_rwlock_acquire_read(&read);
    (void)start_to_hold(&second);
    test_thread last = start_to_hold(&third);
    CHECK(thrum_rwlock_release_read(&read) == THRUM_OK);
    thrum_event_set(&third.may_leave);
    (void)test_join(&last);
    check_told(NONE, "");
    thrum_checked_gone(&read, sizeof read);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
}

static thrum_rwlock forked;
static thrum_rlock forked_rlock;

static void reset_both(void) {
    thrum_rwlock_reset_after_fork(&forked);
    thrum_rlock_reset_after_fork(&forked_rlock);
    thrum_checked_gone(&forked, sizeof forked);
    thrum_checked_gone(&forked_rlock, sizeof forked_rlock);
    check_told(NONE, "");
}

TEST(what_a_child_resets_no_thread_of_its_parents_holds) {
    static reader readers[3] = {
        {.table = &forked}, {.table = &forked}, {.table = &forked, .rlock = &forked_rlock}};
    begin_to_hear();
    for (int i = 0; i < 3; i++) (void)start_to_hold(&readers[i]);
    test_in_child(reset_both);
}

static void reset_own(void) {
    thrum_lock_reset_after_fork(&left);
    thrum_checked_gone(&left, sizeof left);
    check_told(NONE, "");
}

TEST(what_a_child_resets_its_own_thread_holds_no_more) {
    begin_to_hear();
    THRUM_WITH(&left) test_in_child(reset_own);
}

static void *release_anothers(void *rlock) {
    CHECK(thrum_rlock_release(rlock) == THRUM_NOT_OWNER);
    return NULL;
}

TEST(another_threads_release_leaves_an_rlock_held) {
    static thrum_rlock mine;
    begin_to_hear();
    CHECK(thrum_rlock_acquire(&mine) == THRUM_OK);
    run(release_anothers, &mine);
    check_told(THRUM_CHECKED_NOT_HOLDER, " releases without holding");
    begin_to_hear();
    thrum_checked_gone(&mine, sizeof mine);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
}

TEST(what_is_gone_no_reader_holds) {
    static thrum_rwlock read;
    static reader readers[3] = {{.table = &read}, {.table = &read}, {.table = &read}};
    begin_to_hear();
    for (int i = 0; i < 3; i++) (void)start_to_hold(&readers[i]);
    thrum_checked_gone(&read, sizeof read);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    begin_to_hear();
    thrum_checked_gone(&read, sizeof read);
    check_told(NONE, "");
}

/* ---- a read within a read, and after it ---- */

enum { TOLD_TWICE = 42 };

static void hear_and_leave(const thrum_checked_report *report, void *words) {
    hear(report, NULL);
    CHECK(told.count == 1 || says(words));
    if (told.count == 2) _exit(TOLD_TWICE);
}

static void read_twice(const char *words) {
    thrum_checked_report_to(hear_and_leave, (void *)(uintptr_t)words);
    THRUM_WITH_READ(&table)
    THRUM_WITH_READ(&table) continue;
    CHECK(told.count == 1 && says("it reads what it reads"));
    THRUM_WITH_READ(&table)
    THRUM_WITH_READ(&table) continue;
    CHECK_EQ(told.count, 1);
}

static void read_what_is_written(void) {
    read_twice("waits for itself: it acquires what it holds");
    thrum_rwlock_acquire_write(&table);
    thrum_rwlock_acquire_read(&table);
}

static void write_what_is_read(void) {
    read_twice("waits for itself: it makes a read a write");
    thrum_rwlock_acquire_read(&table);
    thrum_rwlock_acquire_write(&table);
}

static void write_what_is_written(void) {
    read_twice("waits for itself: it acquires what it holds");
    thrum_rwlock_acquire_write(&table);
    thrum_rwlock_acquire_write(&table);
}

TEST(a_wait_for_itself_is_told_after_a_read_within_a_read_was) {
    CHECK_EQ(test_status_of(read_what_is_written), TOLD_TWICE);
    CHECK_EQ(test_status_of(write_what_is_read), TOLD_TWICE);
    CHECK_EQ(test_status_of(write_what_is_written), TOLD_TWICE);
}

/* ---- records ---- */

static void *use_left(void *unused) {
    THRUM_WITH(&left) continue;
    return unused;
}

static void use_in_many_threads(void) {
    const struct rlimit none = {0, 0};
    thrum_checked_abort(false);
    for (int i = 0; i < 4; i++) run(use_left, NULL);
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
    for (int i = 0; i < 2000; i++) run(use_left, NULL);
    abort();
}

TEST(the_record_of_an_ended_thread_is_used_again) {
    if (test_slowdown() > 1) test_skip("a sanitizer needs memory");
    hear_from_child(use_in_many_threads);
    if (told.text[0]) test_fail(__FILE__, __LINE__, told.text);
}
