/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also thread */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "registry_parts.h"
#include "threads.h"

#include <thrum.h>
#include <unistd.h>

/* ---- enumerate, active_count ---- */

static thrum_event listed;

static void *be_an_alien(void *seen) {
    *(thrum_thread **)seen = thrum_current_thread();
    thrum_event_set(&listed);
    return linger(NULL);
}

TEST(enumerate_lists_main_threads_daemons_and_aliens_and_no_others) {
    thrum_thread *unstarted;
    CHECK_EQ(thrum_thread_new(&unstarted, &(thrum_thread_config){.target = linger}), THRUM_OK);
    thrum_event_set(&go_on);
    thrum_thread *const finished = test_spawn((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_join(finished, NULL), THRUM_OK);
    thrum_event_clear(&go_on);

    thrum_thread *const worker = test_spawn((thrum_thread_config){.target = linger});
    thrum_thread *const daemon =
        test_spawn((thrum_thread_config){.target = linger, .daemon = THRUM_DAEMON_YES});
    thrum_thread *dummy;
    test_thread alien = test_start(be_an_alien, &dummy);
    thrum_event_wait(&listed);

    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, 4);
    CHECK_EQ(thrum_active_count(), count);
    CHECK(threads[0] == thrum_main_thread()); /* in the order of their idents */
    bool seen[3] = {false, false, false};
    for (size_t i = 1; i < count; i++) {
        CHECK(thrum_thread_ident(threads[i - 1]) < thrum_thread_ident(threads[i]));
        seen[0] |= threads[i] == worker;
        seen[1] |= threads[i] == daemon;
        seen[2] |= threads[i] == dummy;
    }
    CHECK(seen[0] && seen[1] && seen[2]);

    thrum_event_set(&go_on);
    test_join(&alien);
    test_join_and_release(worker);
    test_join_and_release(daemon);
    CHECK_EQ(thrum_active_count(), 1);
    for (size_t i = 0; i < count; i++) CHECK_EQ(thrum_thread_is_alive(threads[i]), i == 0); /* still valid */
    thrum_enumerate_release(threads, count);
    thrum_thread_release(finished);
    thrum_thread_release(unstarted);
}

static thrum_event numbered, ask;

static void *be_an_alien_late(void *seen) {
    CHECK(thrum_get_ident() != 0);
    thrum_event_set(&numbered);
    thrum_event_wait(&ask);
    return be_an_alien(seen);
}

TEST(an_alien_that_asks_late_is_enumerated_in_the_order_of_idents) {
    thrum_thread *dummy;
    test_thread alien = test_start(be_an_alien_late, &dummy);
    thrum_event_wait(&numbered);
    thrum_thread *const worker = test_spawn((thrum_thread_config){.target = linger});
    thrum_event_set(&ask);
    thrum_event_wait(&listed);

    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, 3);
    CHECK(threads[0] == thrum_main_thread());
    CHECK(threads[1] == dummy);
    CHECK(threads[2] == worker);
    thrum_enumerate_release(threads, count);

    thrum_event_set(&go_on);
    test_join(&alien);
    test_join_and_release(worker);
    CHECK_EQ(thrum_active_count(), 1);
}

TEST(a_thousand_threads_are_counted_and_enumerated) {
    const unsigned started = start_many();
    CHECK_EQ(thrum_active_count(), started + 1);
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, started + 1);
    for (unsigned i = 0; i < started; i++) CHECK(threads[i + 1] == many[i]);
    thrum_enumerate_release(threads, count);
    end_many(started);
}

static thrum_u32 ends_told;

static void note_an_end(thrum_trace_event event, void *function, void *call_site) {
    (void)function;
    (void)call_site;
    if (event == THRUM_TRACE_THREAD_END) thrum_u32_fetch_add_relaxed(&ends_told, 1);
}

TEST(each_of_a_thousand_threads_gets_the_trace_function_of_all) {
    const unsigned started = start_many();
    thrum_set_trace_all_threads(note_an_end);
    end_many(started);
    CHECK_EQ(thrum_u32_load_relaxed(&ends_told), started);
}

static void *join_all_others(void *unused) {
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    for (size_t i = 0; i < count; i++) {
        if (threads[i] == thrum_current_thread() || threads[i] == thrum_main_thread()) continue;
        CHECK_EQ(thrum_thread_join(threads[i], NULL), THRUM_OK);
    }
    thrum_enumerate_release(threads, count);
    CHECK_EQ(thrum_active_count(), 2);
    return unused;
}

TEST(all_others_can_be_joined_by_enumerate) {
    for (int i = 0; i < 3; i++) thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    thrum_thread *const joiner = test_spawn((thrum_thread_config){.target = join_all_others});
    thrum_event_set(&go_on);
    test_join_and_release(joiner);
}

/* ---- main, current, idents ---- */

static void *look_at_main(void *unused) {
    CHECK(thrum_current_thread() != thrum_main_thread());
    CHECK(named(thrum_main_thread(), "MainThread"));
    return unused;
}

TEST(the_main_thread_is_always_there) {
    CHECK(thrum_current_thread() == thrum_main_thread());
    CHECK(named(thrum_main_thread(), "MainThread"));
    CHECK(thrum_thread_is_alive(thrum_main_thread()));
    CHECK(!thrum_thread_daemon(thrum_main_thread()));
    CHECK_EQ(thrum_thread_ident(thrum_main_thread()), thrum_get_ident());
    CHECK_EQ(thrum_thread_native_id(thrum_main_thread()), getpid());
    CHECK_EQ(thrum_active_count(), 1);
    test_join_and_release(test_spawn((thrum_thread_config){.target = look_at_main}));
}

static void *keep_current(void *p) {
    *(thrum_thread **)p = thrum_current_thread();
    CHECK(thrum_current_thread() == *(thrum_thread **)p);
    CHECK_EQ(thrum_get_ident(), thrum_thread_ident(thrum_current_thread()));
    CHECK_EQ(thrum_get_native_id(), thrum_thread_native_id(thrum_current_thread()));
    CHECK_EQ(thrum_get_native_id(), gettid());
    return NULL;
}

TEST(the_current_thread_is_the_one_that_was_started) {
    thrum_thread *seen = NULL;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = keep_current, .argument = &seen});
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(seen == thread);
    thrum_thread_release(thread);
}

TEST(a_living_thread_is_found_by_its_ident) {
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger});
    const uint64_t ident = thrum_thread_ident(thread);
    thrum_thread *const found = thrum_thread_by_ident(ident);
    CHECK(found == thread);
    thrum_thread_release(found);
    CHECK(thrum_thread_by_ident(thrum_get_ident()) == thrum_main_thread());
    CHECK(thrum_thread_by_ident(0) == NULL);
    CHECK(thrum_thread_by_ident(ident + 256) == NULL); /* of the same chain */
    thrum_event_set(&go_on);
    test_join_and_release(thread);
    CHECK(thrum_thread_by_ident(ident) == NULL);
}

static void linger_at_the_end(void *value, void *unused) {
    (void)value, (void)unused;
    linger(NULL);
}

static thrum_local last = THRUM_LOCAL_INIT(1, NULL, linger_at_the_end, NULL);

static void *leave_a_value(void *unused) {
    CHECK(thrum_local_get(&last));
    return unused;
}

/* It is listed until its thread-local values are destroyed. */
TEST(a_thread_whose_target_has_returned_is_neither_counted_nor_found) {
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = leave_a_value});
    const uint64_t ident = thrum_thread_ident(thread);
    thrum_event_wait(&begin);
    CHECK(thrum_thread_by_ident(ident) == NULL);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, 1);
    thrum_enumerate_release(threads, count);
    thrum_event_set(&go_on);
    test_join_and_release(thread);
    thrum_local_destroy(&last);
}

/* ---- aliens ---- */

static void *alien_object(void *kept) {
    thrum_thread *const own = thrum_current_thread();
    CHECK(own && own == thrum_current_thread()); /* one */
    CHECK(named(own, "Dummy-1"));
    CHECK(thrum_thread_daemon(own));
    CHECK(thrum_thread_is_alive(own));
    CHECK_EQ(thrum_thread_ident(own), thrum_get_ident());
    CHECK_EQ(thrum_thread_native_id(own), thrum_get_native_id());
    CHECK_EQ(thrum_thread_start(own), THRUM_ALREADY_STARTED);
    CHECK_EQ(thrum_thread_join(own, NULL), THRUM_STATE);
    CHECK_EQ(thrum_thread_set_daemon(own, false), THRUM_ALREADY_STARTED);
    *(thrum_thread **)kept = thrum_thread_retain(own);
    CHECK_EQ(thrum_active_count(), 2);
    return NULL;
}

TEST(an_alien_gets_one_object_that_is_gone_when_it_exits) {
    thrum_thread *kept;
    test_thread alien = test_start(alien_object, &kept);
    test_join(&alien);
    CHECK_EQ(thrum_active_count(), 1);
    CHECK(!thrum_thread_is_alive(kept));
    CHECK_EQ(thrum_thread_join(kept, NULL), THRUM_STATE);
    thrum_thread_release(kept);
}

static void *use_primitives(void *unused) {
    static thrum_rlock rlock;
    static thrum_monitor monitor;
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    THRUM_WITH(&monitor) {
        CHECK_EQ(thrum_monitor_wait_until(&monitor, THRUM_NOW), THRUM_TIMEOUT);
    }
    CHECK(thrum_get_ident() != 0);
    CHECK_EQ(thrum_active_count(), 1);
    return unused;
}

static pthread_key_t late; /* its destructor runs twice, the second time when the registry's has run */
static thrum_thread *asked[2];

static void ask_again_at_the_end(void *rounds) {
    if (--*(int *)rounds) {
        CHECK_EQ(pthread_setspecific(late, rounds), 0);
        return;
    }
    asked[1] = thrum_current_thread();
}

static void *ask_at_the_end(void *ask_before) {
    static int rounds;
    rounds = 2;
    CHECK_EQ(pthread_setspecific(late, &rounds), 0);
    asked[0] = *(bool *)ask_before ? thrum_current_thread() : NULL;
    return NULL;
}

TEST(an_alien_that_has_left_gets_no_object_and_one_that_asks_in_a_destructor_leaves) {
    CHECK_EQ(pthread_key_create(&late, ask_again_at_the_end), 0);
    for (int i = 0; i < 2; i++) {
        bool before = i == 0;
        test_thread alien = test_start(ask_at_the_end, &before);
        test_join(&alien);
        CHECK(before ? asked[0] && !asked[1] : asked[1] != NULL);
        CHECK_EQ(thrum_active_count(), 1);
    }
}

TEST(using_a_primitive_registers_nobody) {
    test_thread alien = test_start(use_primitives, NULL);
    test_join(&alien);
}

TEST(many_aliens_leave_nothing) {
    thrum_thread *kept = NULL;
    for (unsigned i = 0; i < 2000 / test_slowdown(); i++) {
        pthread_t alien;
        CHECK_EQ(pthread_create(&alien, NULL, keep_current, &kept), 0);
        CHECK_EQ(pthread_join(alien, NULL), 0);
    }
    CHECK_EQ(thrum_active_count(), 1);
}
