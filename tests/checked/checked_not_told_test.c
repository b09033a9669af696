/* SPDX-License-Identifier: MIT */
/* What is no fault, and is not told; and what is held after a release that was refused. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_actors.h"
#include "test.h"

#include <thrum/all.h>
#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/thread.h>

#include <sched.h>
#include <stdlib.h>

/* ---- forks ---- */

static thrum_thread lost;
static thrum_event started;

static thrum_result hold_for_ever(thrum_thread *unused) {
    static thrum_event never;
    (void)unused;
    take(LOCK(0));
    thrum_event_set(&started);
    (void)thrum_event_wait(&never);
    return THRUM_OK;
}

static void join_the_lost_one(void) {
    CHECK(thrum_thread_join(&lost, NULL) == THRUM_OK);
    abort();
}

TEST(a_join_of_a_thread_that_the_fork_did_not_take_along_is_over_at_once) {
    const thrum_thread_config config = {.run = hold_for_ever, .daemon = THRUM_DAEMON_YES};
    CHECK(thrum_thread_init(&lost, &config) == THRUM_OK && thrum_thread_start(&lost) == THRUM_OK);
    await(&started);
    tells_nothing(join_the_lost_one);
}

static void read_behind_a_lost_reader(void) {
    (void)thrum_rwlock_release_write(&table);
    thrum_rwlock_acquire_read(&table);
    abort();
}

TEST(a_lost_reader_that_waited_is_waited_for_by_nobody) {
    take(WRITE);
    waits(holder(NOTHING, READ));
    while (!(thrum_u32_load_relaxed(&table.state) & THRUM_RWLOCK_CLOSED_)) sched_yield();
    tells_nothing(read_behind_a_lost_reader); /* which finds it closed, and goes in all the same */
}

static void write_behind_a_lost_writer(void) {
    (void)thrum_rwlock_release_read(&table);
    thrum_rwlock_acquire_write(&table);
    abort();
}

TEST(a_lost_writer_that_waited_is_waited_for_by_no_writer) {
    take(READ);
    waits(holder(NOTHING, WRITE));
    while (!(thrum_u32_load_relaxed(&table.state) & THRUM_RWLOCK_CLOSED_)) sched_yield();
    tells_nothing(write_behind_a_lost_writer);
}

/* ---- a wait for itself ---- */

static step second;

static void a_writer_reads_what_another_waits_for(void) {
    only_circles();
    actor *const again = holder(WRITE, READ);
    actor *const behind = holder(NOTHING, second);
    waits(behind);
    waits(again);
    abort();
}

TEST(a_writer_that_reads_what_it_holds_waits_for_itself_and_for_nobody_behind_it) {
    second = READ;
    tells_nothing(a_writer_reads_what_another_waits_for);
    second = WRITE;
    tells_nothing(a_writer_reads_what_another_waits_for);
}

/* ---- several that are not released ---- */

static thrum_lock one, two;
static thrum_rlock deep;

static void check_held(void *object, size_t size, bool held) {
    begin_to_hear();
    thrum_checked_gone(object, size);
    check_told(held ? THRUM_CHECKED_GONE : NONE, "what is held goes away");
}

TEST(of_several_that_are_refused_those_that_are_held_stay_held) {
    const thrum_all all = THRUM_ALL(&one, &deep, &two);
    begin_to_hear();
    CHECK(thrum_lock_try_acquire(&one) && thrum_rlock_try_acquire(&deep));
    CHECK(thrum_release_all(&all) == THRUM_NOT_LOCKED);
    check_told(THRUM_CHECKED_NOT_HOLDER, " releases without holding");
    check_held(&one, sizeof one, true);
    check_held(&deep, sizeof deep, true);
    check_held(&two, sizeof two, false);
}

TEST(a_set_that_names_a_lock_twice_or_an_rlock_too_often_releases_nothing) {
    const thrum_all twice = THRUM_ALL(&deep, &one, &one), often = THRUM_ALL(&one, &deep, &deep, &deep);
    thrum_all none = THRUM_ALL(&one, &deep);
    begin_to_hear();
    CHECK(thrum_lock_try_acquire(&one) && thrum_rlock_try_acquire(&deep) && thrum_rlock_try_acquire(&deep));
    CHECK(thrum_release_all(&twice) == THRUM_INVALID);
    CHECK(thrum_release_all(&often) == THRUM_NOT_OWNER);
    none.members[1].kind = THRUM_ALL_RLOCK_ + 1;
    CHECK(thrum_release_all(&none) == THRUM_INVALID);
    check_told(NONE, "");
    check_held(&one, sizeof one, true);
    check_held(&deep, sizeof deep, true);
}

TEST(a_set_that_names_an_rlock_as_often_as_it_is_held_releases_it) {
    const thrum_all all = THRUM_ALL(&one, &deep, &deep);
    CHECK(thrum_lock_try_acquire(&one) && thrum_rlock_try_acquire(&deep) && thrum_rlock_try_acquire(&deep));
    CHECK(thrum_release_all(&all) == THRUM_OK);
    check_held(&one, sizeof one, false);
    check_held(&deep, sizeof deep, false);
}

TEST(a_set_that_names_nothing_releases_nothing) {
    thrum_all all = THRUM_ALL(&one, &two);
    all.members[1].object = NULL;
    CHECK(thrum_lock_try_acquire(&one));
    CHECK(thrum_release_all(&all) == THRUM_INVALID);
    check_held(&one, sizeof one, true);
}

static void *release_both(void *set) {
    CHECK(thrum_release_all(set) == THRUM_NOT_OWNER);
    return NULL;
}

TEST(what_another_thread_holds_is_not_taken_back_by_a_release_that_is_refused) {
    thrum_all all = THRUM_ALL(&one, &deep);
    CHECK(thrum_lock_try_acquire(&one));
    begin_to_hear();
    run(release_both, &all);
    CHECK_EQ(told.count, 2); /* of each */
    check_held(&one, sizeof one, true);
}
