/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rcu_parts.h"

#include "../src/rcu/retire.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

TEST(a_thread_is_reading_from_the_begin_of_a_section_to_the_end_of_the_outermost) {
    CHECK(!thrum_rcu_is_reading_());
    thrum_rcu_read_begin();
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    CHECK(thrum_rcu_is_reading_());
    thrum_rcu_read_end();
    CHECK(!thrum_rcu_is_reading_());
}

/* What is retired amid the reader's section is called back at its end, and not before. */
static void retire_waits_for(test_thread *reader) {
    note n = {.number = 1};
    thrum_event_wait(&reading);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&n.called);
    test_join(reader);
}

TEST(a_callback_waits_for_a_section_that_began_before_and_sections_nest) {
    test_thread reader = test_start(read_for_long, NULL); /* it has never registered anywhere */
    retire_waits_for(&reader);
}

/* liburcu's destructor comes first, since its key is older: it takes the thread's reader back. */
static pthread_key_t last_words;

static void read_at_the_end(void *unused) {
    (void)read_for_long(unused);
}

static void *read_and_end(void *unused) {
    THRUM_WITH_RCU CHECK_EQ(pthread_setspecific(last_words, &last_words), 0);
    return unused;
}

TEST(a_section_in_a_destructor_is_waited_for_where_liburcu_has_taken_the_reader_back) {
    CHECK_EQ(pthread_key_create(&last_words, read_at_the_end), 0);
    test_thread reader = test_start(read_and_end, NULL);
    retire_waits_for(&reader);
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

/* Beyond the bound each that waited would take 5 ms: all together longer than a test may last. */
enum { MORE_THAN_THE_BOUND = 32768 + 20000 };
static thrum_rcu_head heads[MORE_THAN_THE_BOUND];

static void count_call(thrum_rcu_head *head) {
    (void)head;
    thrum_u32_fetch_add_relaxed(&calls, 1);
}

static void retire_more_than_the_bound(thrum_rcu_head *head) {
    (void)head;
    for (unsigned i = 0; i < MORE_THAN_THE_BOUND; i++) thrum_rcu_retire(&heads[i], count_call);
}

static void expect_all_called_back(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&calls), MORE_THAN_THE_BOUND);
}

TEST(a_section_retires_more_than_the_bound_without_a_wait) {
    THRUM_WITH_RCU retire_more_than_the_bound(NULL);
    expect_all_called_back();
}

TEST(a_callback_retires_more_than_the_bound_without_a_wait) {
    thrum_rcu_head head;
    thrum_rcu_retire(&head, retire_more_than_the_bound);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    expect_all_called_back();
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
    test_in_child(retire_without_threads);
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
