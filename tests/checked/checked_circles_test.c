/* SPDX-License-Identifier: MIT */
/* Circles of more than two threads; ways that lead past others; and waits that make no circle. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_actors.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rwlock.h>
#include <thrum/thread.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned times(const char *words) {
    unsigned count = 0;
    for (const char *at = told.text; (at = strstr(at, words)); at++) count++;
    return count;
}

static const char *place_of_wait(unsigned number) {
    char words[64];
    (void)snprintf(words, sizeof words, " waits for\n    lock 0x%llx",
                   (unsigned long long)(uintptr_t)&locks[number]);
    const char *const found = strstr(told.text, words);
    CHECK(found != NULL);
    return found;
}

/* ---- circles ---- */

static void three_in_a_circle(void) {
    only_circles();
    actor *const one = holder(LOCK(0), LOCK(1));
    actor *const two = holder(LOCK(1), LOCK(2));
    actor *const three = holder(LOCK(2), LOCK(0));
    waits(one);
    waits(two);
    waits(three);
}

TEST(three_threads_that_wait_for_each_other_are_told_in_the_order_of_their_waits) {
    hear_from_child(three_in_a_circle);
    CHECK(says("thrum: a deadlock of 3 threads\n"));
    CHECK_EQ(times(" waits for\n"), 3);
    CHECK(place_of_wait(0) < place_of_wait(1) && place_of_wait(1) < place_of_wait(2));
}

static void many_in_a_circle(void) {
    actor *all[MANY];
    only_circles();
    for (unsigned i = 0; i < MANY; i++) all[i] = holder(LOCK(i), LOCK((i + 1) % MANY));
    for (unsigned i = 0; i < MANY; i++) waits(all[i]);
}

TEST(a_circle_of_many_threads_is_told) {
    hear_from_child(many_in_a_circle);
    CHECK(says("thrum: a deadlock of 40 threads\n"));
}

/* The readers wait for what the writer holds, and it waits for each of them. */
static void a_stranger_comes_to_a_circle(void) {
    actor *readers[8];
    only_circles();
    thrum_checked_abort(false);
    actor *const writer = holder(LOCK(0), WRITE);
    for (unsigned i = 0; i < 8; i++) readers[i] = holder(READ, LOCK(0));
    actor *const stranger = holder(LOCK(1), LOCK(0));
    waits(readers[0]);
    waits(writer);
    for (unsigned i = 1; i < 8; i++) waits(readers[i]);
    waits(stranger);
    abort();
}

TEST(a_thread_that_comes_to_a_circle_of_others_is_in_none) {
    hear_from_child(a_stranger_comes_to_a_circle);
    CHECK_EQ(times("thrum: a deadlock of 2 threads\n"), 8); /* the writer, and each reader after it */
    CHECK_EQ(times("thrum: "), 8);
}

/* ---- holders and writers, among others ---- */

static bool first_of_two;

static void one_reader_of_two_waits(void) {
    only_circles();
    actor *const writer = holder(LOCK(0), WRITE);
    actor *const reader = holder(READ, first_of_two ? LOCK(0) : NOTHING);
    actor *const second = holder(READ, first_of_two ? NOTHING : LOCK(0));
    waits(first_of_two ? reader : second);
    waits(writer);
}

TEST(of_several_holders_each_is_looked_at) {
    for (int i = 0; i < 2; i++) {
        first_of_two = i == 0;
        hear_from_child(one_reader_of_two_waits);
        CHECK(says("thrum: a deadlock of 2 threads\n"));
    }
}

static void a_reader_behind_a_writer_that_holds(void) {
    only_circles();
    actor *const writer = holder(WRITE, LOCK(0));
    actor *const reader = holder(LOCK(0), READ);
    waits(writer);
    waits(reader);
}

TEST(a_read_of_what_a_waiting_thread_writes_is_a_circle) {
    hear_from_child(a_reader_behind_a_writer_that_holds);
    CHECK(says("thrum: a deadlock of 2 threads\n"));
}

static bool reader_waits_last;

/* A reader does not wait for the one that reads, but for the writer between the two. */
static void a_reader_behind_a_writer_behind_a_reader(void) {
    only_circles();
    actor *const writer = holder(LOCK(1), WRITE);
    actor *const reader = holder(READ, LOCK(0));
    actor *const second = holder(LOCK(0), READ_BEHIND);
    (void)holder(LOCK(2), NOTHING);
    waits(writer);
    if (reader_waits_last) {
        waits(reader);
        waits(second);
    } else {
        waits(second);
        waits(reader);
        abort();
    }
}

TEST(a_reader_behind_a_writer_that_waits_for_a_reader_is_in_a_circle_of_three) {
    reader_waits_last = true;
    hear_from_child(a_reader_behind_a_writer_behind_a_reader);
    CHECK(says("thrum: a deadlock of 3 threads\n"));
}

/* Of another thread that is about to read the check does not know that it is behind the writer. */
TEST(another_threads_read_is_not_taken_for_one_behind_a_writer) {
    reader_waits_last = false;
    tells_nothing(a_reader_behind_a_writer_behind_a_reader);
}

/* ---- none ---- */

static void a_reader_behind_a_writer_that_runs(void) {
    only_circles();
    (void)holder(WRITE, NOTHING);
    actor *const reader = holder(LOCK(0), READ);
    actor *const behind = holder(LOCK(1), LOCK(0));
    waits(behind);
    waits(reader);
    abort();
}

TEST(a_reader_that_waits_for_a_thread_that_runs_is_in_no_circle) {
    tells_nothing(a_reader_behind_a_writer_that_runs);
}

static void a_thread_waits_for_itself(void) {
    only_circles();
    actor *const again = holder(LOCK(0), LOCK(0));
    actor *const behind = holder(LOCK(1), LOCK(0));
    waits(behind);
    waits(again);
    abort();
}

TEST(a_thread_that_waits_for_itself_is_in_no_circle_with_others) {
    tells_nothing(a_thread_waits_for_itself);
}

/* ---- joins ---- */

static struct {
    thrum_event started;
    pid_t main, joined;
} join;

static thrum_result acquire_the_first(thrum_thread *unused) {
    (void)unused;
    join.joined = gettid();
    thrum_event_set(&join.started);
    take(LOCK(0));
    return THRUM_OK;
}

static void join_one_of_several(void) {
    thrum_thread thread;
    const thrum_thread_config config = {.run = acquire_the_first, .daemon = THRUM_DAEMON_NO};
    take(LOCK(0));
    CHECK(thrum_thread_init(&thread, &config) == THRUM_OK && thrum_thread_start(&thread) == THRUM_OK);
    await(&join.started);
    while (!test_is_asleep(join.joined)) sched_yield();
    (void)holder(LOCK(1), NOTHING);
    (void)thrum_thread_join(&thread, NULL);
}

TEST(a_join_finds_the_thread_among_others) {
    hear_from_child(join_one_of_several);
    CHECK(says("thrum: a deadlock of 2 threads\n") && says(" waits for the end of thread "));
}

static thrum_result read_the_first(thrum_thread *unused) {
    (void)unused;
    join.joined = gettid();
    thrum_event_set(&join.started);
    while (!test_is_asleep(join.main)) sched_yield();
    take(READ);
    return THRUM_OK;
}

static struct { thrum_event first, go, second; } written;

/* Writes twice: first until the main thread waits for that, then until the thread does that it joins. */
static void *write_twice(void *unused) {
    take(WRITE);
    thrum_event_set(&written.first);
    while (!test_is_asleep(join.main)) sched_yield();
    (void)thrum_rwlock_release_write(&table);
    await(&written.go);
    take(WRITE);
    thrum_event_set(&written.second);
    await(&join.started);
    while (!test_is_asleep(join.joined)) sched_yield();
    abort();
    return unused;
}

static void join_a_reader_of_what_was_waited_for(void) {
    thrum_thread thread;
    const thrum_thread_config config = {.run = read_the_first, .daemon = THRUM_DAEMON_NO};
    join.main = gettid();
    (void)test_start(write_twice, NULL);
    await(&written.first);
    take(WRITE);
    (void)thrum_rwlock_release_write(&table);
    thrum_event_set(&written.go);
    await(&written.second);
    CHECK(thrum_thread_init(&thread, &config) == THRUM_OK && thrum_thread_start(&thread) == THRUM_OK);
    (void)thrum_thread_join(&thread, NULL);
}

TEST(a_wait_that_is_over_leads_nowhere) {
    tells_nothing(join_a_reader_of_what_was_waited_for);
}

/* ---- forks ---- */

static void (*make_anew)(thrum_rwlock *object); /* NULL: it stays as it is */

static void reset(thrum_rwlock *object) {
    thrum_rwlock_reset_after_fork(object);
}

static void make_again(thrum_rwlock *object) {
    thrum_rwlock_init(object);
}

static void a_reader_after_a_fork(void) {
    only_circles();
    thrum_checked_leave_out(THRUM_CHECKED_GONE);
    if (make_anew) {
        make_anew(&table);
        take(READ);
        waits(holder(NOTHING, WRITE));
    }
    waits(holder(LOCK(1), READ_BEHIND));
    abort();
}

TEST(what_a_lost_thread_waited_for_is_waited_for_by_nobody_once_it_is_made_anew) {
    if (THRUM_UNDER_TSAN) test_skip("a child of several threads starts none there");
    take(READ);
    waits(holder(LOCK(0), WRITE));
    (void)holder(LOCK(2), NOTHING);
    make_anew = reset;
    tells_nothing(a_reader_after_a_fork);
    make_anew = make_again;
    tells_nothing(a_reader_after_a_fork);
    make_anew = NULL;
    hear_from_child(a_reader_after_a_fork);
    CHECK(says("that the fork did not take along\n"));
}
