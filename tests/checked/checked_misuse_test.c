/* SPDX-License-Identifier: MIT */
/* Circles of threads that wait for each other, and misuse. */
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rcu.h>
#include <thrum/thread.h>
#include <thrum/with.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- circles ---- */

TEST(two_threads_that_wait_for_each_other_are_told_with_what_they_hold) {
    hear_from_child(deadlock_of_two);
    CHECK(says("thrum: a deadlock of 2 threads\n"));
    const char *const waits = strstr(told.text, " waits for\n    lock 0x");
    CHECK(waits && strstr(waits + 1, " waits for\n    lock 0x") && says(" holds\n    lock 0x"));
}

static thrum_result acquire_left(thrum_thread *unused) {
    (void)unused;
    thrum_lock_acquire(&left);
    return THRUM_OK;
}

static void join_what_waits(void) {
    thrum_thread thread;
    const thrum_thread_config config = {.run = acquire_left, .daemon = THRUM_DAEMON_NO};
    thrum_lock_acquire(&left);
    CHECK(thrum_thread_init(&thread, &config) == THRUM_OK && thrum_thread_start(&thread) == THRUM_OK);
    (void)thrum_thread_join(&thread, NULL);
}

TEST(a_join_of_a_thread_that_waits_for_what_the_joiner_holds_is_a_circle) {
    hear_from_child(join_what_waits);
    CHECK(says("thrum: a deadlock of 2 threads\n") && says(" waits for the end of thread "));
}

static thrum_rwlock table;

static void *write_table(void *unused) {
    thrum_rwlock_acquire_write(&table);
    return unused;
}

static void read_behind_a_writer(void) {
    thrum_checked_leave_out(THRUM_CHECKED_AGAIN);
    thrum_rwlock_acquire_read(&table);
    const test_thread writer = test_start(write_table, NULL);
    test_await_asleep(&writer);
    while (thrum_rwlock_try_acquire_read(&table)) (void)thrum_rwlock_release_read(&table);
    thrum_rwlock_acquire_read(&table);
}

TEST(a_read_within_a_read_behind_a_writer_is_a_circle) {
    hear_from_child(read_behind_a_writer);
    CHECK(says("thrum: a deadlock of 2 threads\n") && says(", to write\n") && says(", to read\n"));
}

static thrum_event holds_right;

static void *patient(void *unused) {
    thrum_lock_acquire(&right);
    thrum_event_set(&holds_right);
    CHECK(thrum_lock_acquire_until(&left, thrum_after_ms(20)) == THRUM_TIMEOUT);
    (void)thrum_lock_release(&right);
    return unused;
}

TEST(a_circle_in_which_one_gives_up_is_none) {
    begin_to_hear();
    thrum_lock_acquire(&left);
    test_thread other = test_start(patient, NULL);
    (void)thrum_event_wait(&holds_right);
    thrum_lock_acquire(&right);
    (void)thrum_lock_release(&right);
    (void)thrum_lock_release(&left);
    test_join(&other);
    check_told(NONE, "");
}

/* ---- misuse ---- */

static thrum_cond changed = THRUM_COND_INIT(&left);

TEST(a_wait_on_a_condition_with_a_second_lock_is_told) {
    begin_to_hear();
    thrum_lock_acquire(&right);
    thrum_lock_acquire(&left);
    CHECK(thrum_cond_wait_until(&changed, THRUM_NOW) == THRUM_TIMEOUT);
    check_told(THRUM_CHECKED_SECOND_LOCK, "holds more than the condition's lock");
    begin_to_hear();
    (void)thrum_lock_release(&left);
    (void)thrum_lock_release(&right);
    check_told(NONE, "");
}

static int not_yet(void *unused) {
    (void)unused;
    return 0;
}

TEST(a_monitor_that_waits_holds_it_again_as_deep_as_before) {
    static thrum_monitor monitor;
    begin_to_hear();
    CHECK(thrum_monitor_acquire(&monitor) == THRUM_OK && thrum_monitor_acquire(&monitor) == THRUM_OK);
    CHECK(thrum_monitor_wait_for(&monitor, not_yet, NULL, THRUM_NOW) == THRUM_TIMEOUT);
    CHECK(thrum_monitor_release(&monitor) == THRUM_OK && thrum_monitor_release(&monitor) == THRUM_OK);
    check_told(NONE, "");
    CHECK(thrum_monitor_release(&monitor) == THRUM_NOT_OWNER);
    check_told(THRUM_CHECKED_NOT_HOLDER, "releases without holding");
}

static void *release_left(void *unused) {
    CHECK(thrum_lock_release(&left) == THRUM_OK);
    return unused;
}

TEST(a_release_and_a_notify_by_a_thread_that_does_not_hold_are_told) {
    begin_to_hear();
    CHECK(thrum_cond_notify(&changed, 1) == THRUM_NOT_LOCKED);
    check_told(THRUM_CHECKED_NOT_HOLDER, "which nobody holds");
    begin_to_hear();
    thrum_lock_acquire(&left);
    run(release_left, NULL);
    check_told(THRUM_CHECKED_NOT_HOLDER, " has held since\n");
    begin_to_hear();
    thrum_lock_acquire(&left); /* it is one that is handed over */
    run(release_left, NULL);
    check_told(NONE, "");
}

TEST(a_kind_of_report_can_be_left_out) {
    begin_to_hear();
    thrum_checked_leave_out(THRUM_CHECKED_NOT_HOLDER);
    CHECK(thrum_lock_release(&left) == THRUM_NOT_LOCKED);
    check_told(NONE, "");
}

TEST(what_is_held_and_goes_away_or_is_made_again_is_told) {
    thrum_lock lock = THRUM_LOCK_INIT;
    begin_to_hear();
    thrum_lock_acquire(&lock);
    thrum_checked_gone(&lock, sizeof lock);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    begin_to_hear();
    thrum_lock_init(&lock);
    thrum_lock_acquire(&lock);
    thrum_lock_init(&lock);
    check_told(THRUM_CHECKED_GONE, "what is held is made again");
}

TEST(what_went_away_leaves_no_order_behind) {
    begin_to_hear();
    THRUM_WITH(&left)
        THRUM_WITH(&right) continue;
    thrum_checked_gone(&right, sizeof right);
    THRUM_WITH(&right)
        THRUM_WITH(&left) continue;
    check_told(NONE, "");
}

static void *keep_left(void *unused) {
    thrum_lock_acquire(&left);
    return unused;
}

TEST(what_a_thread_leaves_held_at_its_end_is_told) {
    begin_to_hear();
    run(keep_left, NULL);
    check_told(THRUM_CHECKED_LEFT, " has ended and left held\n");
}

static void end_the_process_with_left(void) {
    thrum_lock_acquire(&left);
    exit(0);
}

TEST(what_the_thread_that_ends_the_process_leaves_held_is_told) {
    hear_from_child(end_the_process_with_left);
    CHECK(says(" has ended the process and left held\n"));
}

static thrum_event go_on;

static void *hold_left(void *unused) {
    thrum_lock_acquire(&left);
    (void)thrum_event_wait(&go_on);
    (void)thrum_lock_release(&left);
    return unused;
}

static void acquire_what_was_lost(void) {
    thrum_lock_acquire(&left);
}

static void acquire_what_was_reset(void) {
    thrum_lock_reset_after_fork(&left);
    thrum_lock_acquire(&left);
    abort();
}

TEST(a_lock_that_another_thread_held_over_a_fork_is_told_where_it_is_waited_for) {
    test_thread holder = test_start(hold_left, NULL);
    while (!thrum_lock_locked(&left)) sched_yield();
    test_await_asleep(&holder);
    hear_from_child(acquire_what_was_lost);
    CHECK(says("that the fork did not take along\n"));
    hear_from_child(acquire_what_was_reset);
    CHECK(told.text[0] == 0);
    thrum_event_set(&go_on);
    test_join(&holder);
}

TEST(a_wait_in_a_read_section_is_told) {
    static thrum_event never;
    begin_to_hear();
    thrum_rcu_read_begin();
    while (!told.count) /* a deadline that has passed by the time of the look makes no wait */
        CHECK(thrum_event_wait_until(&never, thrum_after_ms(1)) == THRUM_TIMEOUT);
    check_told(THRUM_CHECKED_IN_SECTION, " waits for event in a read section\n");
    thrum_rcu_read_end();
    begin_to_hear();
    THRUM_WITH_RCU continue;
    CHECK(thrum_event_wait_until(&never, thrum_after_ms(1)) == THRUM_TIMEOUT);
    check_told(NONE, "");
}

static void synchronize_in_a_section(void) {
    thrum_rcu_read_begin();
    thrum_rcu_synchronize();
}

TEST(a_synchronize_in_a_read_section_is_told) {
    hear_from_child(synchronize_in_a_section);
    CHECK(says("waits for grace period in a read section\n"));
}
