/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also thread */
/* The registry in a forked child. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "registry_parts.h"
#include "threads.h"

#include <errno.h>
#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

static thrum_thread *worker;

static void *add_one(void *p) {
    ++*(int *)p;
    return NULL;
}

/* The main thread of a child is one that runs on. */
static void *try_to_join_main(void *unused) {
    CHECK_EQ(thrum_thread_join_until(thrum_main_thread(), NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK(!thrum_thread_daemon(thrum_main_thread()));
    return unused;
}

/* Main's end lets those go who join it, also when it is a thread that was started as another. */
static void *join_main(void *joined) {
    CHECK_EQ(thrum_thread_join(thrum_main_thread(), NULL), THRUM_OK);
    thrum_u32_store_release(joined, 1);
    return NULL;
}

/*
 * ThreadSanitizer's runtime still knows the parent's threads, and refuses a new one that gets the stack of
 * one of them.
 */
static void start_threads_in_child(void) {
    if (THRUM_UNDER_TSAN) return;
    test_join_and_release(test_spawn((thrum_thread_config){.target = try_to_join_main}));
    int number = 0;
    for (int i = 0; i < 3; i++)
        test_join_and_release(test_spawn((thrum_thread_config){.target = add_one, .argument = &number}));
    CHECK_EQ(number, 3);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

/* What holds in every child of a process with other threads. */
static void check_child(const char *name) {
    CHECK_EQ(thrum_active_count(), 1);
    CHECK(thrum_current_thread() == thrum_main_thread());
    CHECK(named(thrum_main_thread(), name));
    CHECK_EQ(thrum_get_native_id(), gettid());
    CHECK_EQ(thrum_thread_native_id(thrum_main_thread()), getpid());
    CHECK_EQ(thrum_thread_ident(thrum_main_thread()), thrum_get_ident());
    if (worker) {
        CHECK(!thrum_thread_is_alive(worker)); /* the others are dead, and joinable */
        CHECK_EQ(thrum_thread_join(worker, NULL), THRUM_OK);
        CHECK(thrum_thread_native_id(worker) != 0);
    }
    start_threads_in_child();
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    CHECK_EQ(count, 1);
    thrum_enumerate_release(threads, count);
    static thrum_u32 joined;
    if (!THRUM_UNDER_TSAN)
        thrum_thread_release(test_spawn(
            (thrum_thread_config){.target = join_main, .argument = &joined, .daemon = THRUM_DAEMON_NO}));
    thrum_shutdown(); /* and can end */
    CHECK(THRUM_UNDER_TSAN || thrum_u32_load_acquire(&joined));
}

static void fork_and_check(const char *name, void (*end)(int status)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        check_child(name);
        end(0);
    }
    test_join_child(child);
}

TEST(a_child_has_none_of_a_thousand_threads) {
    const unsigned started = start_many();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK_EQ(thrum_active_count(), 1);
        _exit(0);
    }
    test_join_child(child);
    end_many(started);
}

static void *fork_in_thread(void *name) {
    fork_and_check(name, exit);
    return NULL;
}

/* When it returns, no other thread is in the allocator: AddressSanitizer's may be locked in the child. */
static void start_worker(void) {
    worker = test_spawn((thrum_thread_config){.target = linger});
    thrum_event_wait(&begin);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

static void end_worker(void) {
    CHECK(thrum_thread_is_alive(worker)); /* the parent's is untouched */
    thrum_event_set(&go_on);
    test_join_and_release(worker);
}

TEST(a_child_forked_by_main_has_main_alone) {
    start_worker();
    fork_and_check("MainThread", exit);
    CHECK_EQ(thrum_active_count(), 2);
    end_worker();
}

TEST(a_child_forked_by_a_thread_has_it_as_its_main_thread) {
    start_worker();
    static char name[] = "forker";
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = fork_in_thread, .argument = name, .name = name}));
    end_worker();
}

static void *fork_in_alien(void *with_object) {
    if (with_object) CHECK(thrum_current_thread() != NULL);
    fork_and_check("MainThread", exit);
    return NULL;
}

TEST(a_child_forked_by_an_alien_has_it_as_MainThread) {
    start_worker();
    for (int i = 0; i < 2; i++) {
        test_thread alien = test_start(fork_in_alien, i ? &begin : NULL);
        test_join(&alien);
    }
    end_worker();
}

static thrum_u32 over;

static void *start_and_end_threads(void *unused) {
    while (!thrum_u32_load_acquire(&over))
        test_join_and_release(test_spawn((thrum_thread_config){.target = add_one, .argument = &(int){0}}));
    return unused;
}

TEST(forks_amid_starts_and_exits_leave_a_child_that_works) {
    if (test_under_asan()) test_skip("AddressSanitizer's allocator may be locked in the child");
    thrum_thread *busy[2];
    for (int i = 0; i < 2; i++) busy[i] = test_spawn((thrum_thread_config){.target = start_and_end_threads});
    for (unsigned i = 0; i < 60 / test_slowdown() + 4; i++)
        fork_and_check("MainThread",
                       _exit); /* a handle that a thread had is lost in the child: no leak to report */
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < 2; i++) test_join_and_release(busy[i]);
}

TEST(errno_is_left_as_it_was) {
    errno = 77;
    thrum_thread **threads;
    size_t count;
    CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
    thrum_enumerate_release(threads, count);
    (void)thrum_active_count();
    test_join_and_release(test_spawn((thrum_thread_config){.target = add_one, .argument = &(int){0}}));
    CHECK_EQ(errno, 77);
}
