/* SPDX-License-Identifier: MIT */
/* The promises of the read-mostly form of thrum/rwlock.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rwlock_parts.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thrum/futex.h>
#include <thrum/rwlock.h>
#include <thrum/with.h>

enum { PLACES = 8 };
static thrum_rwlock_slot places[PLACES];
static thrum_sharded_rwlock sharded = THRUM_SHARDED_RWLOCK_INIT(places, PLACES);

static void *reads_sharded(void *p) {
    thrum_sharded_rwlock_acquire_read(p);
    CHECK_EQ(thrum_sharded_rwlock_release_read(p), THRUM_OK);
    return NULL;
}
static void *writes_sharded(void *p) {
    thrum_sharded_rwlock_acquire_write(p);
    CHECK_EQ(thrum_sharded_rwlock_release_write(p), THRUM_OK);
    return NULL;
}
static void *finds_it_read(void *p) {
    thrum_sharded_rwlock *rwlock = p;
    CHECK(thrum_sharded_rwlock_try_acquire_read(rwlock));
    CHECK_EQ(thrum_sharded_rwlock_release_read(rwlock), THRUM_OK);
    CHECK(!thrum_sharded_rwlock_try_acquire_write(rwlock));
    CHECK_EQ(thrum_sharded_rwlock_acquire_write_until(rwlock, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_sharded_rwlock_acquire_write_until(rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
    CHECK(thrum_sharded_rwlock_try_acquire_read(rwlock)); /* it is open again */
    CHECK_EQ(thrum_sharded_rwlock_release_read(rwlock), THRUM_OK);
    return NULL;
}
static void *finds_it_written(void *p) {
    thrum_sharded_rwlock *rwlock = p;
    CHECK(!thrum_sharded_rwlock_try_acquire_read(rwlock));
    CHECK_EQ(thrum_sharded_rwlock_acquire_read_until(rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
    CHECK(!thrum_sharded_rwlock_try_acquire_write(rwlock));
    CHECK_EQ(thrum_sharded_rwlock_acquire_write_until(rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
    return NULL;
}
static void elsewhere(void *(*function)(void *), void *argument) {
    test_thread t = test_start(function, argument);
    test_join(&t);
}

static void *reads_beside_three(void *p) {
    thrum_sharded_rwlock_acquire_read(p);
    CHECK_EQ(thrum_sharded_rwlock_readers(p), 4);
    CHECK_EQ(thrum_sharded_rwlock_release_read(p), THRUM_OK);
    return NULL;
}
TEST(a_reader_with_a_place_counts_there_and_nowhere_else) {
    for (int i = 0; i < PLACES; i++) thrum_u32_store_relaxed(&places[i].reads, 5);
    CHECK_EQ(thrum_sharded_rwlock_init(&sharded, places, PLACES), THRUM_OK);
    CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 0);
    thrum_sharded_rwlock_acquire_read(&sharded);
    CHECK(thrum_sharded_rwlock_try_acquire_read(&sharded));
    CHECK_EQ(thrum_sharded_rwlock_acquire_read_until(&sharded, THRUM_NOW), THRUM_OK);
    elsewhere(reads_beside_three, &sharded);
    CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 3);
    CHECK_EQ(thrum_rwlock_readers(&sharded.rest), 0);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 0);
}

TEST(the_read_mostly_form_excludes_as_the_other_does) {
    static thrum_sharded_rwlock without; /* all zero: no place for anybody */
    static thrum_rwlock_slot one[1];
    static thrum_sharded_rwlock single = THRUM_SHARDED_RWLOCK_INIT(one, 1);
    thrum_sharded_rwlock *const forms[] = {&sharded, &without, &single};
    for (unsigned i = 0; i < 3; i++) {
        thrum_sharded_rwlock *const rwlock = forms[i];
        thrum_sharded_rwlock_acquire_read(rwlock);
        CHECK_EQ(thrum_sharded_rwlock_readers(rwlock), 1);
        elsewhere(finds_it_read, rwlock);
        CHECK_EQ(thrum_sharded_rwlock_release_read(rwlock), THRUM_OK);
        CHECK_EQ(thrum_sharded_rwlock_readers(rwlock), 0);
        for (unsigned how = 0; how < 3; how++) {
            if (how == 0) thrum_sharded_rwlock_acquire_write(rwlock);
            if (how == 1) CHECK(thrum_sharded_rwlock_try_acquire_write(rwlock));
            if (how == 2) CHECK_EQ(thrum_sharded_rwlock_acquire_write_until(rwlock, THRUM_NOW), THRUM_OK);
            CHECK(thrum_sharded_rwlock_writing(rwlock));
            elsewhere(finds_it_written, rwlock);
            CHECK_EQ(thrum_sharded_rwlock_release_write(rwlock), THRUM_OK);
        }
        elsewhere(reads_sharded, rwlock);
        CHECK(!thrum_sharded_rwlock_writing(rwlock));
    }
}

TEST(the_read_mostly_form_tells_a_release_of_nothing) {
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_sharded_rwlock_downgrade(&sharded), THRUM_NOT_LOCKED);
    thrum_sharded_rwlock_acquire_write(&sharded);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_OK);
    thrum_sharded_rwlock_acquire_read(&sharded);
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_NOT_LOCKED);
    thrum_rwlock_slot *const crooked = (thrum_rwlock_slot *)(void *)((char *)places + 8);
    CHECK_EQ(thrum_sharded_rwlock_init(&sharded, crooked, 1), THRUM_INVALID);
    CHECK_EQ(thrum_sharded_rwlock_init(&sharded, NULL, 1), THRUM_INVALID);
    CHECK_EQ(sharded.count, PLACES);
}

TEST(the_read_mostly_form_works_without_places) {
    CHECK_EQ(thrum_sharded_rwlock_init(&sharded, NULL, 0), THRUM_OK);
    thrum_sharded_rwlock_acquire_read(&sharded);
    CHECK(!thrum_sharded_rwlock_try_acquire_write(&sharded));
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    thrum_sharded_rwlock_acquire_write(&sharded);
    CHECK(!thrum_sharded_rwlock_try_acquire_read(&sharded));
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_OK);
}

TEST(a_writer_sleeps_until_the_last_place_is_left) {
    thrum_sharded_rwlock_acquire_read(&sharded);
    thrum_sharded_rwlock_acquire_read(&sharded);
    test_thread writer = test_start(writes_sharded, &sharded);
    test_await_asleep(&writer);
    CHECK(thrum_sharded_rwlock_writing(&sharded));
    test_thread reader = test_start(reads_sharded, &sharded); /* kept out, and not for ever */
    test_await_asleep(&reader);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    CHECK(test_is_asleep(writer.tid));
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    test_join(&writer);
    test_join(&reader);
    CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 0);
}

/*
 * A thread of which nobody tells leaves its place to the next; what it read must be seen to come before what
 * a writer writes who has met only the next one. Nothing else orders them: they are joined at the very end.
 */
static thrum_rwlock_slot one_place[1];
static thrum_sharded_rwlock of_one_place = THRUM_SHARDED_RWLOCK_INIT(one_place, 1);
static int guarded_by_it; /* plain */

static void *read_it(void *unused) {
    THRUM_WITH_READ(&of_one_place) CHECK_EQ(guarded_by_it, 0);
    return unused;
}

static void *write_it(void *unused) {
    THRUM_WITH_WRITE(&of_one_place) guarded_by_it = 1;
    return unused;
}

TEST(a_place_that_is_left_untold_brings_its_readers_along) {
    void *(*const roles[])(void *) = {read_it, read_it, write_it};
    test_thread threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = test_start(roles[i], NULL);
        while (syscall(SYS_tgkill, getpid(), threads[i].tid, 0) == 0) thrum_futex_nap(thrum_after_ms(1));
    }
    for (int i = 0; i < 3; i++) test_join(&threads[i]);
    CHECK_EQ(guarded_by_it, 1);
}

TEST(a_downgrade_of_the_read_mostly_form_lets_readers_in) {
    thrum_sharded_rwlock_acquire_write(&sharded);
    test_thread reader = test_start(reads_sharded, &sharded);
    test_await_asleep(&reader);
    CHECK_EQ(thrum_sharded_rwlock_downgrade(&sharded), THRUM_OK);
    test_join(&reader);
    elsewhere(finds_it_read, &sharded);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    CHECK(thrum_sharded_rwlock_try_acquire_write(&sharded));
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_OK);
}

TEST(guards_take_the_read_mostly_form) {
    THRUM_WITH_READ(&sharded) CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 1);
    THRUM_WITH_WRITE(&sharded) CHECK(thrum_sharded_rwlock_writing(&sharded));
    CHECK(!thrum_sharded_rwlock_writing(&sharded));
    char text[64];
    THRUM_HOLD_READ(&sharded);
    thrum_sharded_rwlock_describe(&sharded, text, sizeof text);
    CHECK_EQ(strcmp(text, "sharded rwlock: 1 reader"), 0);
    thrum_result result = THRUM_OK;
    THRUM_WITH_WRITE_UNTIL(&sharded, thrum_after_us(10), &result) CHECK(false);
    CHECK_EQ(result, THRUM_TIMEOUT);
}

TEST(a_child_can_reset_the_read_mostly_form) {
    thrum_sharded_rwlock_acquire_read(&sharded);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        thrum_sharded_rwlock_reset_after_fork(&sharded);
        CHECK_EQ(thrum_sharded_rwlock_readers(&sharded), 0);
        CHECK(thrum_sharded_rwlock_try_acquire_write(&sharded));
        _exit(0);
    }
    test_join_child(child);
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
}
