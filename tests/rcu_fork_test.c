/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* What is retired, and rcu's helper, in a forked child. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rcu_parts.h"

#include "../src/rcu/retire.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

static note pending;

static void find_it_called_back(void) {
    if (!THRUM_UNDER_TSAN) { /* its runtime does not let a child of several threads start one */
        CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
        CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    }
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    thrum_rcu_synchronize(); /* the parent's reader does not count here */
}

TEST(what_is_retired_before_a_fork_is_called_back_in_the_child_too) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    test_thread reader = test_start(read_for_long, NULL);
    thrum_event_wait(&reading);
    if (THRUM_UNDER_TSAN)
        thrum_event_set(&end_reading); /* else the helper is in a grace period that does not end */
    thrum_rcu_retire(&pending.head, call);
    if (!THRUM_UNDER_TSAN) thrum_event_set(&end_reading);
    test_in_child(find_it_called_back);
    thrum_event_wait(&pending.called); /* and in the parent */
    CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    test_join(&reader);
}

/* --- forks beside callbacks ------------------------------------------------------------------------- */

static thrum_event in_callback, end_callback;

static void stay(thrum_rcu_head *head) {
    thrum_event_set(&in_callback);
    thrum_event_wait(&end_callback);
    call(head);
}

static void find_the_others_called_back(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    CHECK_EQ(order[0], 2);
}

TEST(a_fork_amid_a_callback_leaves_it_out_in_the_child_and_calls_the_others_back) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1}, other = {.number = 2};
    thrum_rcu_retire(&slow.head, stay);
    thrum_rcu_retire(&other.head, call);
    thrum_event_wait(&in_callback);
    test_in_child(find_the_others_called_back); /* the fork does not wait for the callback */
    thrum_event_set(&end_callback);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(order[0], 1);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 2);
}

static void *wait_for_callbacks(void *unused) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    return unused;
}

static void use_a_stack(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    test_thread other = test_start(wait_for_callbacks, NULL); /* on a stack that a lost thread had */
    test_join(&other);
}

TEST(a_barrier_of_another_thread_is_forgotten_in_a_child) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1};
    thrum_rcu_retire(&slow.head, stay);
    test_thread waiter = test_start(wait_for_callbacks, NULL);
    test_await_asleep(&waiter);
    thrum_event_wait(&in_callback);
    test_in_child(use_a_stack);
    thrum_event_set(&end_callback);
    test_join(&waiter);
}

enum { STACK = 256 * 1024 };
static void *stack; /* of a thread that the child does not have */
static thrum_u32 waiter_id;

static void *say_id_and_wait(void *unused) {
    thrum_u32_store_release(&waiter_id, thrum_get_native_id());
    return wait_for_callbacks(unused);
}

static void do_without_the_stack(void) {
    CHECK_EQ(munmap(stack, STACK), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

TEST(a_barrier_behind_what_was_retired_later_is_forgotten_in_a_child) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1}, later = {.number = 2};
    thrum_rcu_retire(&slow.head, stay);
    thrum_event_wait(&in_callback);
    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    pthread_attr_t attributes;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstack(&attributes, stack, STACK), 0);
    pthread_t waiter;
    CHECK_EQ(pthread_create(&waiter, &attributes, say_id_and_wait, NULL), 0);
    pthread_attr_destroy(&attributes);
    while (!thrum_u32_load_acquire(&waiter_id) || !test_is_asleep((pid_t)thrum_u32_load_relaxed(&waiter_id)))
        thrum_futex_yield();
    thrum_rcu_retire(&later.head, call);
    test_in_child(do_without_the_stack);
    thrum_event_set(&end_callback);
    CHECK_EQ(pthread_join(waiter, NULL), 0);
    thrum_event_wait(&later.called);
}

static void ask_for_a_name(thrum_rcu_head *head) {
    CHECK(thrum_thread_name(thrum_main_thread()).text[0]); /* holds a lock that a fork takes, too */
    free(head);
}

static thrum_event no_more;

static void *retire_all_the_time(void *unused) {
    while (!thrum_event_is_set(&no_more)) {
        thrum_rcu_head *const head = malloc(sizeof *head);
        CHECK(head);
        thrum_rcu_retire(head, ask_for_a_name);
        thrum_futex_nap(thrum_after_us(10));
    }
    return unused;
}

TEST(forks_beside_callbacks_that_take_locks_do_not_deadlock) {
    if (test_under_asan() || THRUM_UNDER_TSAN) test_skip("the sanitizer does not survive such forks");
    test_thread busy = test_start(retire_all_the_time, NULL);
    for (int i = 0; i < 2000; i++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(0);
        CHECK_EQ(waitpid(child, NULL, 0), child);
    }
    thrum_event_set(&no_more);
    test_join(&busy);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

static void fork_and_call(thrum_rcu_head *head) {
    const pid_t child = fork();
    CHECK(child >= 0);
    call(head);
    if (child == 0) return; /* the child's helper is its only thread, and ends when it has called all back */
    test_join_child(child);
}

TEST(a_callback_may_fork_and_the_child_ends_when_all_is_called_back) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads go on");
    note first = {.number = 1}, second = {.number = 2};
    thrum_rcu_retire(&first.head, fork_and_call);
    thrum_rcu_retire(&second.head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 2);
}
