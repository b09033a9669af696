/* SPDX-License-Identifier: MIT */
/* The chain of the guards that a thread holds. */
#include "test.h"

#include <thrum/self.h>

/* A guard that writes its number down when it is released. */
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
    CHECK(!"a forgotten guard was released");
}

TEST(forgotten_guards_are_not_let_go) {
    thrum_guard_ guard = {never_called, &guard, NULL};
    thrum_self_push_(&guard);
    CHECK_EQ(thrum_self_guards(), 1);
    thrum_self_forget_guards_();
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_self_release_guards();
}
