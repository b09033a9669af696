/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also executor local scheduler */
/* What threads, jobs, timers and scheduled functions inherit: thrum/local.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "context_parts.h"
#include "threads.h"

#include <stdlib.h>
#include <string.h>
#include <thrum.h>
#include <unistd.h>

/* ---- threads ---- */

TEST(a_thread_begins_with_copies_of_what_its_starter_has_at_the_start) {
    int id = 0;
    set_id(1);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    set_id(2); /* the making copies nothing */
    start_and_join(thread);
    CHECK_EQ(id, 2);
    CHECK_EQ(copied_by, thrum_get_ident()); /* in the starter */
    CHECK_EQ(live_now(), 1);                /* the thread's went with it */
    CHECK_EQ(id_now(), 2);
    thrum_local_destroy(&current);
    CHECK_EQ(live_now(), 0);
}

TEST(where_the_starter_has_no_value_the_thread_has_none) {
    int id = 0;
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
    CHECK_EQ(id, NONE);
    set_id(3);
    thrum_local_clear(&current);
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
    CHECK_EQ(id, NONE);
    CHECK_EQ(live_now(), 0);
}

static void *change_and_start(void *id) {
    CHECK_EQ(id_now(), 4);
    set_id(5);
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = id}));
    return NULL;
}

TEST(a_copy_is_the_threads_own_and_is_inherited_in_turn) {
    int id = 0;
    set_id(4);
    start_and_join(test_new((thrum_thread_config){.target = change_and_start, .argument = &id}));
    CHECK_EQ(id, 5);
    CHECK_EQ(id_now(), 4);
    CHECK_EQ(live_now(), 1);
    thrum_local_destroy(&current);
}

TEST(an_empty_context_is_begun_with_nothing) {
    int id = 0;
    set_id(6);
    const thrum_thread_config config = {.target = note_id, .argument = &id, .context = THRUM_CONTEXT_EMPTY};
    start_and_join(test_new(config));
    CHECK_EQ(id, NONE);
    thrum_thread *const thread = test_new(config);
    CHECK_EQ(thrum_thread_set_context(thread, THRUM_CONTEXT_INHERIT), THRUM_OK);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_set_context(thread, THRUM_CONTEXT_EMPTY), THRUM_ALREADY_STARTED);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(id, 6);
    CHECK_EQ(thrum_thread_start(thread), THRUM_ALREADY_STARTED);
    CHECK_EQ(live_now(), 1); /* what a refused start copied is gone */
    thrum_thread_release(thread);
    thrum_local_destroy(&current);
}

TEST(a_copier_that_fails_fails_the_start_which_may_be_tried_again) {
    int id = 0;
    set_id(7);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    const size_t count = thrum_active_count();
    refusal = THRUM_FULL;
    CHECK_EQ(thrum_thread_start(thread), THRUM_FULL);
    CHECK_EQ(thrum_active_count(), count);
    CHECK_EQ(thrum_thread_ident(thread), 0);
    CHECK_EQ(live_now(), 1);
    refusal = THRUM_OK;
    start_and_join(thread);
    CHECK_EQ(id, 7);
    thrum_local_destroy(&current);
}

static thrum_result refuse(void *p, const void *from, void *unused) {
    (void)p, (void)from, (void)unused;
    return THRUM_FULL;
}

TEST(where_the_second_copier_fails_the_first_ones_copy_is_destroyed) {
    thrum_local second = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, refuse, NULL);
    int id = 0;
    set_id(9);
    CHECK(thrum_local_get(&second));
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    CHECK_EQ(thrum_thread_start(thread), THRUM_FULL);
    CHECK_EQ(live_now(), 1);
    thrum_thread_release(thread);
    thrum_local_destroy(&second);
    thrum_local_destroy(&current);
}

static thrum_result exit_instead(void *p, const void *from, void *unused) {
    (void)p, (void)from, (void)unused;
    thrum_thread_exit(NULL);
}

static thrum_local exiting = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, exit_instead, NULL);

static void *start_another(void *thread) {
    set_id(8);
    CHECK(thrum_local_get(&exiting));
    (void)!thrum_thread_start(thread);
    CHECK(false); /* the copier has ended this thread */
    return NULL;
}

TEST(a_copier_that_ends_its_thread_leaves_nothing_behind) {
    int id = 0;
    thrum_thread *const thread = test_new((thrum_thread_config){.target = note_id, .argument = &id});
    start_and_join(test_new((thrum_thread_config){.target = start_another, .argument = thread}));
    CHECK_EQ(live_now(), 0);
    start_and_join(thread);
    CHECK_EQ(id, NONE);
    thrum_local_destroy(&exiting);
}

enum { MANY = 40 };
static thrum_local many[MANY];

static void make_many(void) {
    static const thrum_local one = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, copy_number, NULL);
    for (int i = 0; i < MANY; i++) {
        many[i] = one;
        int *const value = thrum_local_get(&many[i]);
        CHECK(value);
        *value = i;
    }
}

/*
 * Not inlined: in a loop, gcc 12's check for NULL reads flags of an addition that the linker has turned into
 * an instruction that sets none (a thread-local's address).
 */
__attribute__((noinline)) static const int *number_now(int i) {
    return thrum_local_peek(&many[i]);
}

static void *have_many(void *odd) {
    for (int i = 0; i < MANY; i++) {
        const int *const value = number_now(i);
        if (odd && i % 2 == 0)
            CHECK(value == NULL);
        else
            CHECK(value && *value == i);
    }
    return NULL;
}

TEST(a_clear_destroys_the_value_of_its_inherited_local_alone) {
    make_many();
    thrum_local_clear(&many[MANY - 1]);
    for (int i = 0; i < MANY; i++) CHECK((number_now(i) == NULL) == (i == MANY - 1));
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
}

static thrum_result copy_and_make_many(void *p, const void *from, void *unused) {
    make_many();
    return copy_number(p, from, unused);
}

/* What is copied grows meanwhile; what the copier made need not be inherited. */
TEST(a_copier_may_touch_other_inherited_locals) {
    thrum_local eager = THRUM_LOCAL_INHERITED(sizeof(int), NULL, NULL, copy_and_make_many, NULL);
    CHECK(thrum_local_get(&eager));
    start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &(int){0}}));
    have_many(NULL);
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
    thrum_local_destroy(&eager);
}

TEST(any_number_is_inherited_but_those_that_are_gone) {
    make_many();
    start_and_join(test_new((thrum_thread_config){.target = have_many}));
    for (int i = 0; i < MANY; i += 2) thrum_local_destroy(&many[i]);
    start_and_join(test_new((thrum_thread_config){.target = have_many, .argument = many}));
    const size_t places = thrum_local_context_now_.count;
    for (int round = 0; round < 100; round++) { /* whose places are used again */
        for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
        make_many();
    }
    CHECK_EQ(thrum_local_context_now_.count, places);
    have_many(NULL);
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
}

TEST(a_fork_keeps_the_callers) {
    set_id(9);
    const pid_t child = fork();
    if (child == 0) {
        int id = 0;
        CHECK_EQ(id_now(), 9);
        if (!THRUM_UNDER_TSAN) { /* its runtime does not let a child of several threads start one */
            start_and_join(test_new((thrum_thread_config){.target = note_id, .argument = &id}));
            CHECK_EQ(id, 9);
        }
        _exit(0);
    }
    test_join_child(child);
    thrum_local_destroy(&current);
}

static thrum_local sessions = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);
static thrum_scheduler scheduler;

/* ---- a forked child ---- */

static thrum_event has_value;

static void *keep_a_value(void *unused) {
    CHECK(thrum_local_get(&sessions) != NULL);
    thrum_event_set(&has_value);
    thrum_event_wait(&go);
    return unused;
}

static void join_both(thrum_thread *const *threads) {
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(thrum_thread_join(threads[i], NULL), THRUM_OK);
        thrum_thread_release(threads[i]);
    }
}

static int do_nothing(void *unused, void **value) {
    (void)unused, (void)value;
    return 0;
}

/*
 * Other threads have values, copies in force, and copies that wait for their turn. The child has its own, and
 * loses the address of no memory: AddressSanitizer looks for that at its exit.
 */
TEST(a_forked_child_leaks_nothing_that_was_other_threads) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer's own table of threads does not survive a fork");
    thrum_scheduled entry = {.order_ = 0};
    set_id(24);
    make_pool(NULL);
    CHECK(thrum_local_get(&sessions) != NULL);
    thrum_thread *threads[2];
    for (int i = 0; i < 2; i++) {
        threads[i] = test_new((thrum_thread_config){.target = keep_a_value});
        CHECK_EQ(thrum_thread_start(threads[i]), THRUM_OK);
        thrum_event_wait(&has_value);
        thrum_event_clear(&has_value);
    }
    thrum_future *const begun = submit(wait_for_go, NULL), *const pending = submit(do_nothing, NULL);
    thrum_event_wait(&busy);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_FOREVER, note_id_in_timer, NULL), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        thrum_scheduler_reset_after_fork(&scheduler);
        memset(&entry, 0, sizeof entry);
        CHECK_EQ(id_now(), 24);
        CHECK(thrum_local_peek(&sessions) != NULL);
        join_both(threads);
        thrum_local_destroy(&sessions);
        thrum_local_destroy(&current);
        exit(0);
    }
    test_join_child(child);
    thrum_event_set(&go);
    CHECK_EQ(finish(begun), THRUM_OK);
    CHECK_EQ(finish(pending), THRUM_OK);
    join_both(threads);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    end_pool();
}
