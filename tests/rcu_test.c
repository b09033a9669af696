/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

typedef struct note {
    thrum_rcu_head head;
    int number;
    thrum_event called;
} note;

static thrum_u32 calls;
static int order[8];

static void call(thrum_rcu_head *head) {
    note *const n = (note *)head;
    const uint32_t i = thrum_u32_fetch_add_release(&calls, 1);
    if (i < 8) order[i] = n->number;
    thrum_event_set(&n->called);
}

static thrum_event reading, end_reading;

/* Sections that nest: only the end of the outer one ends it. */
static void *read_for_long(void *unused) {
    thrum_rcu_read_begin();
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    thrum_event_set(&reading);
    thrum_event_wait(&end_reading);
    thrum_rcu_read_end();
    return unused;
}

TEST(a_callback_waits_for_a_section_that_began_before_and_sections_nest) {
    note n = {.number = 1};
    test_thread reader = test_start(read_for_long, NULL); /* it has never registered anywhere */
    thrum_event_wait(&reading);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&n.called);
    test_join(&reader);
}

static thrum_event synchronized;

static void *synchronize(void *unused) {
    thrum_rcu_synchronize();
    thrum_event_set(&synchronized);
    return unused;
}

TEST(synchronize_waits_for_a_section_that_began_before) {
    test_thread reader = test_start(read_for_long, NULL);
    thrum_event_wait(&reading);
    test_thread writer = test_start(synchronize, NULL);
    CHECK_EQ(thrum_event_wait_until(&synchronized, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&synchronized);
    test_join(&reader);
    test_join(&writer);
}

TEST(barrier_waits_for_all_retired_before_in_their_order) {
    static note notes[8];
    for (int i = 0; i < 8; i++) {
        notes[i].number = i;
        thrum_rcu_retire(&notes[i].head, call);
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 8);
    for (int i = 0; i < 8; i++) CHECK_EQ(order[i], i);
}

static void call_and_retire_more(thrum_rcu_head *head) {
    note *const n = (note *)head;
    if (--n->number > 0)
        thrum_rcu_retire(head, call_and_retire_more);
    else
        thrum_event_set(&n->called);
}

TEST(a_callback_may_retire_more) {
    note n = {.number = 5};
    thrum_rcu_retire(&n.head, call_and_retire_more);
    thrum_event_wait(&n.called);
    CHECK_EQ(n.number, 0);
}

TEST(retiring_inside_a_section_does_not_wait) {
    note n = {.number = 1};
    thrum_rcu_read_begin();
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(50)), THRUM_TIMEOUT);
    thrum_rcu_read_end();
    thrum_event_wait(&n.called);
}

static void in_child(void (*run)(void)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    test_join_child(child);
}

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
    in_child(find_it_called_back);
    thrum_event_wait(&pending.called); /* and in the parent */
    CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    test_join(&reader);
}

static void retire_without_threads(void) {
    const struct rlimit none = {0, 4096}, many = {4096, 4096};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    if (getuid() == 0) CHECK_EQ(setresuid(54321, 54321, 54321), 0); /* root is not limited */
    errno = 77;
    note n = {.number = 1};
    CHECK_EQ(thrum_rcu_prepare(), THRUM_NO_THREAD);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_NO_THREAD);
    CHECK_EQ(errno, 77);
    CHECK(!thrum_event_is_set(&n.called));
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &many), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* nothing is lost */
    CHECK(thrum_event_is_set(&n.called));
}

TEST(a_helper_that_cannot_be_started_is_a_result_and_loses_nothing) {
    in_child(retire_without_threads);
}

static int leaves_by_return(void) {
    THRUM_WITH_RCU return 1;
    return 0;
}

TEST(a_block_that_reads_ends_its_section_on_every_way_out) {
    CHECK_EQ(leaves_by_return(), 1);
    for (int i = 0; i < 2; i++) {
        THRUM_WITH_RCU {
            CHECK_EQ(thrum_self_guards(), 1);
            if (i) break;
            continue;
        }
    }
    THRUM_WITH_RCU thrum_self_release_guards(); /* as a thread does that ends inside */
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_rcu_synchronize(); /* would wait for an open section */
    static int page = 7, *published;
    thrum_rcu_publish(&published, &page);
    CHECK(thrum_rcu_read(&published) == &page);
    CHECK(thrum_rcu_exchange(&published, (int *)NULL) == &page);
    CHECK(thrum_rcu_read(&published) == NULL);
}
