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

/* A guard that writes its number down when it is let go. */
static int journal[8];
static unsigned entries;
static unsigned guards_seen_by_release;

static void note(void *object) {
    guards_seen_by_release = thrum_self_guards();
    journal[entries++] = *(int *)object;
}

static int numbers[] = {0, 1, 2, 3};

static thrum_guard_ guard_of(int number) {
    return (thrum_guard_){note, &numbers[number], NULL};
}

TEST(a_thread_begins_without_guards_and_each_push_counts) {
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_guard_ a = guard_of(1), b = guard_of(2);
    thrum_self_push_(&a);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_push_(&b);
    CHECK_EQ(thrum_self_guards(), 2);
    thrum_self_pop_(&b);
    thrum_self_pop_(&a);
    CHECK_EQ(thrum_self_guards(), 0);
}

TEST(draining_lets_go_of_the_innermost_first_and_empties_the_chain) {
    thrum_guard_ a = guard_of(1), b = guard_of(2), c = guard_of(3);
    thrum_self_push_(&a);
    thrum_self_push_(&b);
    thrum_self_push_(&c);
    entries = 0;
    thrum_self_release_guards();
    CHECK_EQ(entries, 3);
    CHECK_EQ(journal[0], 3);
    CHECK_EQ(journal[1], 2);
    CHECK_EQ(journal[2], 1);
    CHECK_EQ(thrum_self_guards(), 0);
}

TEST(a_drained_guard_holds_nothing_any_more) {
    thrum_guard_ a = guard_of(1);
    thrum_self_push_(&a);
    thrum_self_release_guards();
    CHECK(a.object == NULL);
}

TEST(the_chain_knows_what_it_holds) {
    thrum_guard_ a = guard_of(1), b = guard_of(2);
    thrum_self_push_(&a);
    thrum_self_push_(&b);
    CHECK(thrum_self_holds_(&numbers[1]) && thrum_self_holds_(&numbers[2]));
    CHECK(!thrum_self_holds_(&numbers[3]));
    thrum_self_pop_(&a);
    CHECK(!thrum_self_holds_(&numbers[1]) && thrum_self_holds_(&numbers[2]));
    thrum_self_release_guards();
    CHECK(!thrum_self_holds_(&numbers[2]));
}

TEST(draining_twice_lets_go_once) {
    thrum_guard_ a = guard_of(1);
    thrum_self_push_(&a);
    entries = 0;
    thrum_self_release_guards();
    thrum_self_release_guards();
    CHECK_EQ(entries, 1);
}

TEST(a_guard_is_out_of_the_chain_before_its_object_is_let_go) {
    thrum_guard_ a = guard_of(1), b = guard_of(2);
    thrum_self_push_(&a);
    thrum_self_push_(&b);
    guards_seen_by_release = 99;
    thrum_self_release_guards();
    CHECK_EQ(guards_seen_by_release, 0);
}

static thrum_guard_ late;

static void push_another(void *object) {
    note(object);
    late = guard_of(3);
    thrum_self_push_(&late);
}

TEST(a_guard_that_a_release_adds_is_drained_too) {
    thrum_guard_ a = guard_of(1), b = {push_another, &numbers[2], NULL};
    thrum_self_push_(&a);
    thrum_self_push_(&b);
    entries = 0;
    thrum_self_release_guards();
    CHECK_EQ(entries, 3);
    CHECK_EQ(journal[0], 2);
    CHECK_EQ(journal[1], 3);
    CHECK_EQ(journal[2], 1);
    CHECK_EQ(thrum_self_guards(), 0);
}

TEST(draining_stops_at_a_fence_which_still_shows_what_is_held_outside) {
    thrum_guard_ a = guard_of(1), fence = {NULL, NULL, NULL}, b = guard_of(2), c = guard_of(3);
    thrum_self_push_(&a);
    thrum_self_push_(&fence);
    thrum_self_push_(&b);
    thrum_self_push_(&c);
    CHECK_EQ(thrum_self_guards(), 3);
    CHECK(thrum_self_holds_(&numbers[1]));
    entries = 0;
    thrum_self_release_guards();
    CHECK_EQ(entries, 2);
    CHECK_EQ(journal[1], 2);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_pop_(&fence);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_release_guards();
    CHECK_EQ(entries, 3);
    CHECK_EQ(journal[2], 1);
}

/* --- a function that is called under a guard ---------------------------------------------------------- */

static void do_nothing(void *p) {
    (void)p;
}
static void leave_a_guard_behind(void *p) {
    thrum_self_push_(p);
}
static void let_go_of_all(void *p) {
    (void)p;
    thrum_self_release_guards();
}
static void end_the_thread(void *p) {
    if (p) thrum_self_release_guards();
    pthread_exit(NULL);
}

TEST(a_function_that_returns_leaves_its_guard_the_object_and_the_chain_as_it_was) {
    thrum_guard_ guard = guard_of(1), left = guard_of(2), fence = {NULL, NULL, NULL};
    entries = 0;
    CHECK(thrum_self_call_(&guard, do_nothing, NULL));
    CHECK(guard.object == &numbers[1]);
    CHECK_EQ(thrum_self_guards(), 0);
    CHECK(thrum_self_call_(&guard, leave_a_guard_behind, &left));
    CHECK_EQ(thrum_self_guards(), 0);
    CHECK(thrum_self_call_(&fence, do_nothing, NULL)); /* it holds nothing, and nothing was released */
    thrum_self_call_plainly_(do_nothing, NULL);
    CHECK_EQ(thrum_self_guards(), 0);
    CHECK_EQ(entries, 0);
}

TEST(a_function_that_lets_go_of_all_has_its_guard_and_those_outside_forgotten) {
    thrum_guard_ a = guard_of(1), b = guard_of(2), guard = guard_of(3);
    thrum_self_push_(&a);
    thrum_self_push_(&b);
    entries = 0;
    CHECK(!thrum_self_call_(&guard, let_go_of_all, NULL));
    CHECK_EQ(entries, 3);
    CHECK_EQ(thrum_self_guards(), 0);
    CHECK(!thrum_self_holds_(NULL)); /* none of them is in the chain */
}

TEST(what_lies_outside_of_a_fence_stays_there_after_a_call) {
    thrum_guard_ a = guard_of(1), fence = {NULL, NULL, NULL}, guard = guard_of(2);
    thrum_self_push_(&a);
    thrum_self_push_(&fence);
    entries = 0;
    CHECK(!thrum_self_call_(&guard, let_go_of_all, NULL));
    CHECK_EQ(entries, 1);
    thrum_self_release_guards();
    CHECK_EQ(entries, 1);
    thrum_self_pop_(&fence);
    thrum_self_release_guards();
    CHECK_EQ(entries, 2);
}

static void *call_and_end(void *released_before) {
    thrum_guard_ guard = guard_of(1);
    (void)thrum_self_call_(&guard, end_the_thread, released_before);
    return NULL;
}
static void *call_under_a_fence_and_end(void *p) {
    thrum_guard_ fence = {NULL, p, NULL};
    (void)thrum_self_call_(&fence, end_the_thread, NULL);
    return NULL;
}
TEST(a_function_that_ends_its_thread_has_its_guard_released_once) {
    entries = 0;
    test_thread ended = test_start(call_and_end, NULL);
    test_join(&ended);
    CHECK_EQ(entries, 1);
    ended = test_start(call_and_end, &entries);
    test_join(&ended);
    CHECK_EQ(entries, 2);
    ended = test_start(call_under_a_fence_and_end, &entries);
    test_join(&ended);
    CHECK_EQ(entries, 2);
}

TEST(guards_may_leave_out_of_order) {
    for (int first = 1; first <= 3; first++) {
        thrum_guard_ guards[4] = {guard_of(0), guard_of(1), guard_of(2), guard_of(3)};
        for (int i = 1; i <= 3; i++) thrum_self_push_(&guards[i]);
        thrum_self_pop_(&guards[first]);
        CHECK_EQ(thrum_self_guards(), 2);
        entries = 0;
        thrum_self_release_guards();
        CHECK_EQ(entries, 2);
        CHECK_EQ(journal[0], first == 3 ? 2 : 3);
        CHECK_EQ(journal[1], first == 1 ? 2 : 1);
    }
}

TEST(a_guard_that_is_not_in_the_chain_leaves_without_harm) {
    thrum_guard_ a = guard_of(1), stranger = guard_of(2);
    thrum_self_pop_(&stranger);
    thrum_self_push_(&a);
    thrum_self_pop_(&stranger);
    CHECK_EQ(thrum_self_guards(), 1);
    entries = 0;
    thrum_self_release_guards();
    CHECK_EQ(entries, 1);
    CHECK_EQ(journal[0], 1);
}

static void *count_and_drain(void *count) {
    *(unsigned *)count = thrum_self_guards();
    thrum_self_release_guards();
    return NULL;
}

TEST(a_chain_is_its_threads_own) {
    thrum_guard_ a = guard_of(1);
    thrum_self_push_(&a);
    entries = 0;
    unsigned elsewhere = 99;
    test_thread t = test_start(count_and_drain, &elsewhere);
    test_join(&t);
    CHECK_EQ(elsewhere, 0);
    CHECK_EQ(entries, 0);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_pop_(&a);
}

static void never_called(void *object) {
    (void)object;
    CHECK(!"a forgotten guard was let go");
}

TEST(forgotten_guards_are_not_let_go) {
    thrum_guard_ guard = {never_called, &guard, NULL};
    thrum_self_push_(&guard);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_forget_guards_();
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_self_release_guards();
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
