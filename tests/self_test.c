/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <thrum/futex.h>
#include <thrum/self.h>

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static void *ask(void *into) {
    uint64_t *id = into;
    *id = thrum_self_id();
    CHECK_EQ(thrum_self_id(), *id);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TEST(an_id_is_not_zero_and_stays) {
    const uint64_t id = thrum_self_id();
    CHECK(id != 0);
    CHECK_EQ(thrum_self_id(), id);
}

/* Batches: threads at the same time, and threads that get the stack and the number of dead ones. */
TEST(ids_of_a_thousand_threads_all_differ) {
    enum { BATCHES = 100, AT_ONCE = 10, ALL = BATCHES * AT_ONCE };
    static uint64_t ids[ALL + 1];
    for (int batch = 0; batch < BATCHES; batch++) {
        test_thread threads[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) threads[i] = test_start(ask, &ids[batch * AT_ONCE + i]);
        for (int i = 0; i < AT_ONCE; i++) test_join(&threads[i]);
    }
    ids[ALL] = thrum_self_id();
    qsort(ids, ALL + 1, sizeof ids[0], ascending);
    CHECK(ids[0] != 0);
    for (int i = 0; i < ALL; i++) CHECK(ids[i] != ids[i + 1]);
}

TEST(the_id_is_the_same_in_a_forked_child) {
    const uint64_t id = thrum_self_id();
    const pid_t child = fork();
    if (child == 0) _exit(thrum_self_id() == id ? 0 : 1);
    test_join_child(child);
    CHECK_EQ(thrum_self_id(), id);
}

TEST(a_thread_of_a_forked_child_gets_an_id_that_its_parent_did_not_give) {
    enum { BEFORE = 5 };
    uint64_t ids[BEFORE + 1];
    ids[BEFORE] = thrum_self_id();
    for (int i = 0; i < BEFORE; i++) {
        test_thread t = test_start(ask, &ids[i]);
        test_join(&t);
    }
    const pid_t child = fork();
    if (child == 0) {
        uint64_t id = 0;
        pthread_t t;
        if (pthread_create(&t, NULL, ask, &id) || pthread_join(t, NULL)) _exit(2);
        for (int i = 0; i <= BEFORE; i++) {
            if (ids[i] == id) _exit(1);
        }
        _exit(0);
    }
    test_join_child(child);
}

static void *adopt(void *reserved) {
    const uint64_t id = *(const uint64_t *)reserved;
    thrum_self_adopt_id_(id);
    CHECK_EQ(thrum_self_id(), id);
    thrum_self_adopt_id_(id + 1); /* too late */
    CHECK_EQ(thrum_self_id(), id);
    return NULL;
}

TEST(a_thread_may_adopt_an_id_that_was_drawn_for_it) {
    const uint64_t own = thrum_self_id();
    uint64_t reserved = thrum_self_reserve_id_();
    CHECK(reserved != own && reserved != 0);
    test_thread thread = test_start(adopt, &reserved);
    test_join(&thread);
    CHECK_EQ(thrum_self_id(), own);
}

/* --- slots ---------------------------------------------------------------------------------------- */

typedef struct crowd {
    atomic_uint drawn;
    atomic_bool leave;
    unsigned count;
    atomic_bool taken[THRUM_SELF_SLOTS];
} crowd;

static void *hold_a_slot(void *p) {
    crowd *c = p;
    const uint32_t slot = thrum_self_slot();
    CHECK_EQ(thrum_self_slot(), slot);
    if (slot < THRUM_SELF_SLOTS) CHECK(!atomic_exchange(&c->taken[slot], true)); /* nobody else has it */
    atomic_fetch_add(&c->drawn, 1);
    while (!atomic_load(&c->leave)) thrum_futex_nap(thrum_after_ms(1));
    return NULL;
}

static uint32_t highest(const crowd *c) {
    uint32_t end = 0;
    for (uint32_t i = 0; i < THRUM_SELF_SLOTS; i++)
        if (atomic_load(&c->taken[i])) end = i;
    return end;
}

static void gather(crowd *c, unsigned count) {
    static test_thread threads[THRUM_SELF_SLOTS + 8];
    for (unsigned i = 0; i < count; i++) threads[i] = test_start(hold_a_slot, c);
    while (atomic_load(&c->drawn) < count) sched_yield();
    atomic_store(&c->leave, true);
    for (unsigned i = 0; i < count; i++) test_join(&threads[i]);
}

TEST(living_threads_have_slots_of_their_own_and_small_ones) {
    static crowd c;
    gather(&c, 40);
    CHECK(highest(&c) < 48);
}

/* Threads that end without telling anybody: their slots come back. */
TEST(slots_of_the_dead_are_given_again) {
    for (unsigned i = 0; i < 40; i++) {
        static crowd batch[40];
        gather(&batch[i], 10);
        CHECK(highest(&batch[i]) < 32);
    }
}

TEST(more_threads_than_slots_find_none) {
    if (test_slowdown() > 1) test_skip("a thousand threads at once cost a sanitizer too much");
    static crowd c;
    const uint32_t mine = thrum_self_slot();
    gather(&c, THRUM_SELF_SLOTS + 4);
    for (uint32_t i = 0; i < THRUM_SELF_SLOTS; i++) CHECK_EQ(atomic_load(&c.taken[i]), i != mine);
    static crowd later;
    gather(&later, 4);
    CHECK(highest(&later) < THRUM_SELF_SLOTS);
    CHECK(atomic_load(&later.taken[highest(&later)]));
}

/* AddressSanitizer sees it if it leaves the one beyond the last. */
static void *live_without_a_slot(void *argument) {
    thrum_self_.slot = THRUM_SELF_SLOTS + 1; /* as if it had found all of them taken */
    CHECK_EQ(thrum_self_slot(), THRUM_SELF_SLOTS);
    const pid_t child = fork();
    if (child == 0) thrum_self_reset_after_fork();
    if (child == 0 && thrum_self_slot() != THRUM_SELF_SLOTS) _exit(1);
    if (child == 0) thrum_self_.slot = 0; /* nor has it drawn one */
    if (child == 0) thrum_self_reset_after_fork();
    if (child == 0) _exit(0);
    test_join_child(child);
    thrum_self_leave_slot_();
    CHECK(thrum_self_slot() < THRUM_SELF_SLOTS); /* the next draw finds one */
    thrum_self_leave_slot_();
    return argument;
}
TEST(a_thread_without_a_slot_leaves_none) {
    test_thread t = test_start(live_without_a_slot, NULL);
    test_join(&t);
}

TEST(a_forked_child_keeps_its_slot_and_frees_the_others) {
    if (THRUM_UNDER_TSAN) test_skip("it does not survive threads that a forked child starts");
    static crowd c;
    const uint32_t mine = thrum_self_slot();
    test_thread other = test_start(hold_a_slot, &c);
    while (!atomic_load(&c.drawn)) sched_yield();
    const uint32_t others = highest(&c);
    CHECK(others != mine);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        static crowd grown, free_again;
        CHECK_EQ(thrum_self_slot(), mine);
        gather(&grown, 1);
        CHECK(!atomic_load(&grown.taken[others])); /* until it is told */
        CHECK(!atomic_load(&grown.taken[mine]));
        thrum_self_reset_after_fork();
        CHECK_EQ(thrum_self_slot(), mine);
        gather(&free_again, 2);
        CHECK(highest(&free_again) <= 2);
        CHECK(!atomic_load(&free_again.taken[mine]));
        _exit(0);
    }
    test_join_child(child);
    atomic_store(&c.leave, true);
    test_join(&other);
}

static void *name_oneself(void *into) {
    *(uint64_t *)into = thrum_futex_thread();
    CHECK_EQ(thrum_futex_thread(), *(uint64_t *)into);
    CHECK(!thrum_futex_thread_is_gone(*(uint64_t *)into));
    return NULL;
}
TEST(the_kernel_says_which_thread_is_gone) {
    uint64_t other = 0;
    test_thread t = test_start(name_oneself, &other);
    test_join(&t);
    CHECK(other != 0);
    while (!thrum_futex_thread_is_gone(other)) sched_yield(); /* a join returns a moment before */
    const uint64_t mine = thrum_futex_thread();
    CHECK(!thrum_futex_thread_is_gone(mine));
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(thrum_futex_thread() != mine);
        CHECK(!thrum_futex_thread_is_gone(other)); /* another process's: nothing is said */
        _exit(0);
    }
    test_join_child(child);
}
