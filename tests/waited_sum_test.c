/* SPDX-License-Identifier: MIT */
/* ctest: flags -O2 -fno-optimize-sibling-calls */
/* What a thread's waits add up to, and which of several within each other is told. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "waited_parts.h"

#include "../src/futex/waits.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the sum ---- */

static uint64_t longer_ns;

static void *wait_twice(void *unused) {
    CHECK_EQ(thrum_waited(), 0);
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
    const uint64_t once_ns = thrum_waited();
    thrum_lock_acquire(&second);
    thrum_lock_release(&second);
    longer_ns = thrum_waited() - once_ns;
    return unused;
}

TEST(waits_add_up_from_the_first_sleep_to_the_end) {
    thrum_lock_acquire(&lock);
    thrum_lock_acquire(&second);
    test_thread thread = test_start(wait_twice, NULL);
    test_await_asleep(&thread);
    thrum_lock_release(&lock);
    while (thrum_lock_locked(&lock) || !thrum_u32_load_relaxed(&second.state)) thrum_futex_yield();
    test_await_asleep(&thread);
    const uint64_t asleep_ns = test_now_ns();
    while (test_now_ns() < asleep_ns + 20000000) thrum_futex_yield();
    thrum_lock_release(&second);
    test_join(&thread);
    CHECK(longer_ns >= 10000000);
}

TEST(what_does_not_sleep_counts_nothing) {
    static thrum_lock own;
    const uint64_t before = thrum_waited();
    thrum_lock_acquire(&own);
    CHECK_EQ(thrum_lock_acquire_until(&own, THRUM_NOW), THRUM_TIMEOUT);
    thrum_lock_release(&own);
    thrum_event_set(&event);
    thrum_event_wait(&event);
    CHECK_EQ(thrum_waited(), before);
}

/*
 * On a busy machine its spin alone may last until the deadline: then it has not slept, and another one is
 * made.
 */
TEST(a_wait_that_times_out_counts) {
    static thrum_event never;
    const uint64_t before = thrum_waited(), begin_ns = test_now_ns();
    while (thrum_waited() == before)
        CHECK_EQ(thrum_event_wait_until(&never, thrum_after_ms(5)), THRUM_TIMEOUT);
    CHECK(thrum_waited() - before <= test_now_ns() - begin_ns);
}

/* ---- waits within waits ---- */

static char outer_object, inner_object, outer_site, inner_site;

static thrum_wait_ begin_outer(thrum_wait_kind_ what) {
    return thrum_wait_begin_(what, &outer_object, &outer_site);
}
static thrum_wait_ begin_inner(thrum_wait_kind_ what) {
    return thrum_wait_begin_(what, &inner_object, &inner_site);
}

static void check_own(thrum_wait_kind_ what, const void *object, const void *site) {
    const thrum_waits_ *const own = thrum_wait_own_();
    CHECK_EQ(thrum_u32_load_relaxed(&own->kind), what);
    CHECK_EQ(thrum_u64_load_relaxed(&own->object), (uintptr_t)object);
    CHECK_EQ(thrum_u64_load_relaxed(&own->site), (uintptr_t)site);
}

static bool gives_way(int outer, int inner) {
    return (outer == THRUM_WAIT_CONDITION_ || outer == THRUM_WAIT_ALL_) &&
           (inner == THRUM_WAIT_LOCK_ || inner == THRUM_WAIT_RLOCK_);
}

TEST(of_waits_within_waits_the_outermost_is_told_but_for_the_lock_of_a_condition_and_of_several) {
    for (int outer = 1; outer < THRUM_WAIT_KIND_COUNT_; outer++) {
        for (int inner = 1; inner < THRUM_WAIT_KIND_COUNT_; inner++) {
            thrum_wait_ whole = begin_outer((thrum_wait_kind_)outer);
            thrum_wait_ within = begin_inner((thrum_wait_kind_)inner);
            if (gives_way(outer, inner))
                check_own((thrum_wait_kind_)inner, &inner_object, &outer_site);
            else
                check_own((thrum_wait_kind_)outer, &outer_object, &outer_site);
            thrum_wait_end_(&within);
            check_own((thrum_wait_kind_)outer, &outer_object, &outer_site);
            thrum_wait_end_(&whole);
            check_own(THRUM_WAIT_NOTHING_, NULL, NULL);
        }
    }
}

TEST(a_wait_counts_from_its_first_sleep_to_its_end_whatever_waits_are_within_it) {
    const thrum_waits_ *const own = thrum_wait_own_();
    const uint64_t before = thrum_waited();
    thrum_wait_ outer = begin_outer(THRUM_WAIT_CONDITION_);
    thrum_wait_end_(&outer); /* it has not slept */
    CHECK_EQ(thrum_waited(), before);
    outer = begin_outer(THRUM_WAIT_CONDITION_);
    thrum_wait_sleeps_();
    const uint64_t since_ns = thrum_u64_load_relaxed(&own->since_ns);
    CHECK(since_ns);
    thrum_wait_ inner = begin_inner(THRUM_WAIT_LOCK_);
    thrum_wait_sleeps_();
    thrum_wait_end_(&inner);
    CHECK_EQ(thrum_waited(), before);
    CHECK_EQ(thrum_u64_load_relaxed(&own->since_ns), since_ns);
    const uint64_t least_ns = test_now_ns() - since_ns;
    thrum_wait_end_(&outer);
    CHECK(thrum_waited() - before >= least_ns);
    CHECK_EQ(thrum_u64_load_relaxed(&own->since_ns), 0);
}

/* ---- reading ---- */

TEST(what_is_being_written_down_is_not_read) {
    thrum_waits_ waits, copy;
    memset(&waits, 0, sizeof waits);
    thrum_u32_store_relaxed(&waits.turn, 2);
    CHECK(thrum_wait_read_(&waits, &copy));
    thrum_u32_store_relaxed(&waits.turn, 3);
    CHECK(!thrum_wait_read_(&waits, &copy));
}

/* The second page of what is read, which cannot be until the handler has written another wait down. */
static struct {
    size_t page;
    thrum_waits_ *waits;
} cut;

static void write_another(int number) {
    (void)number;
    CHECK_EQ(mprotect((char *)&cut.waits->object, cut.page, PROT_READ | PROT_WRITE), 0);
    thrum_u32_store_relaxed(&cut.waits->turn, 4);
    thrum_u32_store_relaxed(&cut.waits->kind, THRUM_WAIT_LATCH_);
    thrum_u64_store_relaxed(&cut.waits->object, (uintptr_t)&inner_object);
    thrum_u64_store_relaxed(&cut.waits->site, (uintptr_t)&inner_site);
}

TEST(a_reader_that_another_wait_has_come_upon_sees_no_half_of_one) {
    cut.page = (size_t)sysconf(_SC_PAGESIZE);
    char *const memory = mmap(NULL, 2 * cut.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    cut.waits = (thrum_waits_ *)(void *)(memory + cut.page - offsetof(thrum_waits_, object));
    thrum_u32_store_relaxed(&cut.waits->turn, 2);
    thrum_u32_store_relaxed(&cut.waits->kind, THRUM_WAIT_EVENT_);
    thrum_u64_store_relaxed(&cut.waits->object, (uintptr_t)&outer_object);
    thrum_u64_store_relaxed(&cut.waits->site, (uintptr_t)&outer_site);
    CHECK_EQ(mprotect(memory + cut.page, cut.page, PROT_NONE), 0);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = write_another;
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    thrum_waits_ copy;
    CHECK(thrum_wait_read_(cut.waits, &copy));
    CHECK_EQ(thrum_u32_load_relaxed(&copy.turn), 4);
    CHECK_EQ(thrum_u32_load_relaxed(&copy.kind), THRUM_WAIT_LATCH_);
    CHECK_EQ(thrum_u64_load_relaxed(&copy.object), (uintptr_t)&inner_object);
    CHECK_EQ(thrum_u64_load_relaxed(&copy.site), (uintptr_t)&inner_site);
}

TEST(each_kind_has_a_name_of_its_own) {
    for (uint32_t i = 0; i < THRUM_WAIT_KIND_COUNT_; i++)
        for (uint32_t k = 0; k < i; k++)
            CHECK(strcmp(thrum_wait_kind_name_(i), thrum_wait_kind_name_(k)) != 0);
    CHECK(strcmp(thrum_wait_kind_name_(THRUM_WAIT_KIND_COUNT_), "?") == 0);
}
