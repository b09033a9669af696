/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also registry */
/* Daemons, joins, and ways out of a thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "thread_parts.h"
#include "threads.h"

#include <sched.h>
#include <stdlib.h>
#include <thrum.h>

/* ---- daemon ---- */

static void *daemons_of_children(void *p) {
    bool *const inherited = p;
    thrum_thread *const child = test_new((thrum_thread_config){.target = answer});
    inherited[0] = thrum_thread_daemon(child);
    thrum_thread_release(child);
    return NULL;
}

TEST(daemon_is_inherited_from_the_thread_that_makes_it) {
    bool of_main[1], of_daemon[1], of_other[1];
    daemons_of_children(of_main);
    test_join_and_release(test_spawn((thrum_thread_config){
        .target = daemons_of_children, .argument = of_daemon, .daemon = THRUM_DAEMON_YES}));
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = daemons_of_children, .argument = of_other}));
    bool of_alien[1];
    test_thread alien = test_start(daemons_of_children, of_alien);
    test_join(&alien);
    CHECK(!of_main[0] && of_daemon[0] && !of_other[0] && of_alien[0]);
}

TEST(daemon_can_be_set_until_the_start_and_not_for_main_and_aliens) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_set_daemon(thread, true), THRUM_OK);
    CHECK(thrum_thread_daemon(thread));
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_set_daemon(thread, false), THRUM_ALREADY_STARTED);
    CHECK(thrum_thread_daemon(thread));
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(thrum_thread_set_daemon(thread, false), THRUM_ALREADY_STARTED);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_thread_set_daemon(thrum_main_thread(), true), THRUM_ALREADY_STARTED);
    CHECK(!thrum_thread_daemon(thrum_main_thread()));
}

/* ---- join ---- */

TEST(join_before_the_start_is_refused) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = answer});
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_NOT_STARTED);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, THRUM_NOW), THRUM_NOT_STARTED);
    thrum_thread_release(thread);
}

static void *join_oneself(void *unused) {
    CHECK_EQ(thrum_thread_join(thrum_current_thread(), NULL), THRUM_DEADLOCK);
    CHECK_EQ(thrum_thread_join_until(thrum_current_thread(), NULL, THRUM_NOW), THRUM_DEADLOCK);
    return unused;
}

TEST(join_of_oneself_is_refused) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = join_oneself}));
    join_oneself(NULL);
}

TEST(join_with_a_deadline_times_out_and_may_be_repeated) {
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger, .argument = &begin});
    void *untouched = &go_on;
    CHECK_EQ(thrum_thread_join_until(thread, &untouched, THRUM_NOW), THRUM_TIMEOUT);
    CHECK(untouched == &go_on);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after(-1)), THRUM_TIMEOUT);
    const uint64_t before = test_now_ns();
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after_ms(20)), THRUM_TIMEOUT);
    CHECK(test_now_ns() - before >= 20000000);
    CHECK(thrum_thread_is_alive(thread));
    thrum_event_set(&go_on);
    void *value = NULL;
    CHECK_EQ(thrum_thread_join_until(thread, &value, thrum_after(60)), THRUM_OK);
    CHECK(value == &begin);
    value = NULL;
    CHECK_EQ(thrum_thread_join_until(thread, &value, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == &begin);
    thrum_thread_release(thread);
}

typedef struct joining {
    thrum_thread *thread;
    bool timed;
} joining;

static void *join_it(void *p) {
    const joining *const j = p;
    void *value = NULL;
    CHECK_EQ(thrum_thread_join_until(j->thread, &value, j->timed ? thrum_after(60) : THRUM_FOREVER),
             THRUM_OK);
    return value;
}

TEST(many_threads_may_join_one_at_once) {
    for (int round = 0; round < 20; round++) {
        thrum_event_clear(&go_on);
        thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger, .argument = &go_on});
        joining patient = {thread, false}, timed = {thread, true};
        test_thread joiners[6];
        for (int i = 0; i < 6; i++) joiners[i] = test_start(join_it, i % 2 ? &patient : &timed);
        if (round % 2) { /* asleep in one, on their way in the other */
            for (int i = 0; i < 6; i += 2) test_await_asleep(&joiners[i]);
        }
        thrum_event_set(&go_on);
        for (int i = 0; i < 6; i++) CHECK(test_join(&joiners[i]) == &go_on);
        thrum_thread_release(thread);
    }
}

static pthread_key_t very_end;

static void note_very_end(void *noted) {
    thrum_futex_nap(thrum_after_ms(2)); /* a join that returns when the target has is seen */
    thrum_u32_store_relaxed(noted, 1);
}

static void *have_a_very_end(void *noted) {
    CHECK_EQ(pthread_setspecific(very_end, noted), 0);
    return NULL;
}

TEST(after_join_no_code_of_the_thread_runs_any_more) {
    CHECK_EQ(pthread_key_create(&very_end, note_very_end), 0);
    for (int i = 0; i < 20; i++) {
        thrum_u32 noted = {0};
        thrum_thread *const thread =
            test_spawn((thrum_thread_config){.target = have_a_very_end, .argument = &noted});
        CHECK_EQ(thrum_thread_join_until(thread, NULL, i % 2 ? thrum_after(60) : THRUM_FOREVER), THRUM_OK);
        CHECK_EQ(thrum_u32_load_relaxed(&noted), 1);
        thrum_thread_release(thread);
    }
}

TEST(a_thread_that_ends_wakes_a_waiter_for_any) {
    thrum_event_clear(&go_on);
    thrum_event never = THRUM_EVENT_INIT;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger});
    const thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(thrum_thread_ended(thread))};
    unsigned which = 9;
    CHECK_EQ(thrum_wait_any_until(set, 2, &which, THRUM_NOW), THRUM_TIMEOUT);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_wait_any(set, 2, &which), THRUM_OK);
    CHECK_EQ(which, 1);
    test_join_and_release(thread);
}

/* ---- exit ---- */

static void *exit_with(void *value) {
    thrum_thread_exit(value);
}

TEST(exit_hands_its_value_to_join_and_is_no_failure) {
    void *value = NULL;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = exit_with, .argument = &begin});
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == &begin);
    CHECK(!thrum_thread_failed(thread, NULL));
    thrum_thread_release(thread);
}

static thrum_lock held;

static void *exit_holding(void *value) {
    THRUM_WITH(&held) {
        thrum_thread_exit(value);
    }
    return NULL;
}

TEST(exit_lets_go_of_what_is_held) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = exit_holding}));
    CHECK(thrum_lock_try_acquire(&held));
}

static void fail_late(void *unused) {
    (void)unused;
    thrum_self_release_guards(); /* those of frames that are no more would be released here */
}

static void *pthread_exit_holding(void *unused) {
    pthread_key_t late;
    CHECK_EQ(pthread_key_create(&late, fail_late), 0);
    CHECK_EQ(pthread_setspecific(late, &late), 0);
    THRUM_WITH(&held) {
        pthread_exit(unused);
    }
    return NULL;
}

TEST(pthread_exit_within_a_block_lets_go_of_nothing_and_does_no_harm) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = pthread_exit_holding}));
    CHECK(thrum_lock_locked(&held)); /* this file is compiled without -fexceptions */
}

static void note_cleanup(void *p) {
    *(bool *)p = true;
}

static void *exit_with_cleanup(void *cleaned) {
    pthread_cleanup_push(note_cleanup, cleaned);
    thrum_thread_exit(NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

TEST(exit_runs_cleanup_handlers) {
    bool cleaned = false;
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = exit_with_cleanup, .argument = &cleaned}));
    CHECK(cleaned);
}

static void *be_cancelled(void *p) {
    *(pthread_t *)p = pthread_self();
    thrum_event_set(&begin);
    for (;;) { /* not in a call that a sanitizer intercepts: it would not see the end of it */
        pthread_testcancel();
        sched_yield();
    }
    return p;
}

TEST(a_cancelled_thread_ends_as_others_do) {
    pthread_t self;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = be_cancelled, .argument = &self});
    thrum_event_wait(&begin);
    CHECK_EQ(pthread_cancel(self), 0);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(!thrum_thread_is_alive(thread));
    CHECK(!thrum_thread_failed(thread, NULL));
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread_release(thread);
}
