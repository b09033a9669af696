/* SPDX-License-Identifier: MIT */
/* What a forked child finds of floors 4 and 5, whatever the parent's threads were amid. */
/* ctest: libraries thrum */
/* mutants: also registry thread */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fork_parts.h"
#include "threads.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <thrum.h>
#include <unistd.h>

static thrum_event go_on, begun;
static int ran;

static void *answer(void *argument) {
    return argument;
}

/* Takes its time to end: a join that does not wait is seen. */
static void *wait_to_go_on(void *argument) {
    thrum_event_wait(&go_on);
    thrum_futex_nap(thrum_after_ms(20));
    ran++;
    return argument;
}

/* ---- threads that had ended ---- */

static thrum_thread *ended;
static thrum_thread embedded;

static thrum_thread *start_one_that_waits(void) {
    return test_spawn((thrum_thread_config){.target = wait_to_go_on});
}

/* A thread of the child's may have the number of one of the parent's: it is not the one that is joined. */
static void join_ended(void) {
    thrum_thread *const fresh = start_one_that_waits();
    void *value = NULL;
    CHECK_EQ(thrum_thread_join(ended, &value), THRUM_OK);
    CHECK(value == &ran);
    CHECK_EQ(thrum_thread_join_until(&embedded, &value, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_thread_join(&embedded, NULL), THRUM_OK);
    thrum_thread_release(ended);
    thrum_thread_release(&embedded);
    thrum_event_set(&go_on);
    test_join_and_release(fresh);
    CHECK_EQ(ran, 1);
}

static void release_ended(void) {
    thrum_thread *const fresh = start_one_that_waits();
    thrum_thread_release(ended);
    thrum_thread_release(&embedded);
    thrum_event_set(&go_on);
    test_join_and_release(fresh);
    CHECK_EQ(ran, 1);
}

static void start_and_await_the_end(void) {
    const thrum_thread_config config = {.target = answer, .argument = &ran};
    ended = test_spawn(config);
    CHECK_EQ(thrum_thread_init(&embedded, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_start(&embedded), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    const pid_t ids[] = {(pid_t)thrum_thread_native_id(ended), (pid_t)thrum_thread_native_id(&embedded)};
    for (int i = 0; i < 2; i++) /* until the kernel knows it no more */
        while (tgkill(getpid(), ids[i], 0) == 0) thrum_futex_yield();
}

TEST(a_thread_that_had_ended_is_joined_in_a_child_at_once) {
    NO_THREADS_UNDER_TSAN();
    start_and_await_the_end();
    in_child(join_ended);
    test_join_and_release(ended);
    CHECK_EQ(thrum_thread_join(&embedded, NULL), THRUM_OK);
    thrum_thread_release(&embedded);
}

static void start_the_parents(void) {
    CHECK_EQ(thrum_thread_join(ended, NULL), THRUM_NOT_STARTED);
    CHECK_EQ(thrum_thread_ident(ended), 0);
    CHECK_EQ(thrum_thread_start(ended), THRUM_OK);
    CHECK_EQ(thrum_thread_join(ended, NULL), THRUM_OK);
    thrum_thread_release(ended);
}

TEST(a_thread_that_was_not_started_is_started_in_a_child) {
    NO_THREADS_UNDER_TSAN();
    ended = test_new((thrum_thread_config){.target = answer});
    in_child(start_the_parents);
    thrum_thread_release(ended);
}

TEST(a_thread_that_had_ended_is_released_in_a_child) {
    NO_THREADS_UNDER_TSAN();
    start_and_await_the_end();
    in_child(release_ended);
    thrum_thread_release(ended);
    thrum_thread_release(&embedded);
}

/* ---- threads amid their end, and amid a join ---- */

static void destroy_when_let_go(void *value, void *unused) {
    (void)value, (void)unused;
    thrum_event_set(&begun);
    thrum_event_wait(&go_on);
}

static thrum_local patient = THRUM_LOCAL_INIT(8, NULL, destroy_when_let_go, NULL);

static void *touch(void *argument) {
    CHECK(thrum_local_get(&patient) != NULL);
    return argument;
}

static void join_the_ending(void) {
    void *value = NULL;
    CHECK_EQ(thrum_thread_join(ended, &value), THRUM_OK);
    CHECK(value == &ran);
    CHECK_EQ(thrum_thread_join_until(ended, NULL, THRUM_NOW), THRUM_OK);
    thrum_thread_release(ended);
    thrum_shutdown();
}

static void *join_it(void *thread) {
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    return NULL;
}

/* Until the kernel says that it sleeps in a futex, of the C library's too. */
static void await_in_futex(pid_t tid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)tid);
    for (long number = -1; number != SYS_futex; thrum_futex_yield()) {
        FILE *const file = fopen(path, "re");
        CHECK(file);
        if (fscanf(file, "%ld", &number) != 1) number = -1; /* it runs */
        (void)fclose(file);
    }
}

TEST(a_thread_amid_its_destructors_and_a_join_is_joined_in_a_child_at_once) {
    ended = test_spawn((thrum_thread_config){.target = touch, .argument = &ran});
    test_thread joiner = test_start(join_it, ended);
    thrum_event_wait(&begun);
    await_in_futex(joiner.tid);
    in_child(join_the_ending);
    thrum_event_set(&go_on);
    test_join(&joiner);
    test_join_and_release(ended);
}

/* ---- threads amid whatever ---- */

enum { BUSY = 2 };
static thrum_thread shown[BUSY];
static thrum_u32 over;

static void *start_and_end_threads(void *slot) {
    const thrum_thread_config config = {.target = answer};
    while (!thrum_u32_load_acquire(&over)) {
        CHECK_EQ(thrum_thread_init(slot, &config), THRUM_OK);
        CHECK_EQ(thrum_thread_start(slot), THRUM_OK);
        CHECK_EQ(thrum_thread_join(slot, NULL), THRUM_OK);
        thrum_thread_release(slot);
    }
    return NULL;
}

static void ask_join_and_release_all(void) {
    char text[128];
    for (int i = 0; i < BUSY; i++) {
        (void)thrum_thread_describe(&shown[i], text, sizeof text);
        (void)thrum_thread_native_id(&shown[i]);
        CHECK(!thrum_thread_is_alive(&shown[i]));
        const thrum_result result = thrum_thread_join(&shown[i], NULL);
        CHECK(result == THRUM_OK || result == THRUM_NOT_STARTED);
        thrum_thread_release(&shown[i]);
        const thrum_thread_config config = {.target = answer};
        CHECK_EQ(thrum_thread_init(&shown[i], &config), THRUM_OK);
        CHECK_EQ(thrum_thread_start(&shown[i]), THRUM_OK);
        CHECK_EQ(thrum_thread_join(&shown[i], NULL), THRUM_OK);
        thrum_thread_release(&shown[i]);
    }
}

TEST(whatever_threads_are_amid_a_child_can_ask_join_and_release_them) {
    NO_THREADS_UNDER_TSAN();
    thrum_thread *busy[BUSY];
    for (int i = 0; i < BUSY; i++)
        busy[i] = test_spawn((thrum_thread_config){.target = start_and_end_threads, .argument = &shown[i]});
    for (unsigned i = 0; i < 200 / test_slowdown(); i++) in_child(ask_join_and_release_all);
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < BUSY; i++) test_join_and_release(busy[i]);
}

/* ---- a first use in the parent ---- */

static thrum_event in_atexit;
static thrum_u32 slow_atexit;
int __cxa_atexit(void (*function)(void *), void *argument, void *object);
extern void *__dso_handle __attribute__((visibility("hidden")));
int atexit(void (*function)(void));

static void call_handler(void *handler) {
    (*(void (**)(void))handler)();
}

static void (*handlers[8])(void);

/* In the C library's place: the library's first start calls it. */
int atexit(void (*function)(void)) {
    if (thrum_u32_load_relaxed(&slow_atexit)) {
        thrum_event_set(&in_atexit);
        thrum_futex_nap(thrum_after_ms(50));
    }
    static int count;
    handlers[count] = function;
    return __cxa_atexit(call_handler, &handlers[count++], &__dso_handle);
}

static void *make_the_first_start(void *unused) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = answer}));
    return unused;
}

static void start_first(void) {
    (void)make_the_first_start(NULL);
}

TEST(a_fork_amid_the_first_start_leaves_a_child_that_starts_threads) {
    NO_THREADS_UNDER_TSAN();
    thrum_u32_store_relaxed(&slow_atexit, 1);
    test_thread alien = test_start(make_the_first_start, NULL);
    thrum_event_wait(&in_atexit);
    in_child(start_first);
    test_join(&alien);
}

/* ---- who is the child's main ---- */

static void check_daemon(void) {
    CHECK(thrum_current_thread() == thrum_main_thread());
    CHECK(thrum_thread_daemon(thrum_main_thread()));
}

static void check_no_daemon(void) {
    CHECK(!thrum_thread_daemon(thrum_main_thread()));
}

static void *fork_in_thread(void *check) {
    in_child(*(void (**)(void))check);
    return NULL;
}

TEST(the_main_thread_of_a_child_keeps_the_daemon_flag) {
    static void (*daemon)(void) = check_daemon, (*none)(void) = check_no_daemon;
    test_join_and_release(test_spawn(
        (thrum_thread_config){.target = fork_in_thread, .argument = &daemon, .daemon = THRUM_DAEMON_YES}));
    test_join_and_release(test_spawn(
        (thrum_thread_config){.target = fork_in_thread, .argument = &none, .daemon = THRUM_DAEMON_NO}));
    test_thread alien = test_start(fork_in_thread, &none); /* it becomes "MainThread", and no daemon */
    test_join(&alien);
}

static thrum_thread *first_main;

static void release_the_old_main(void) {
    CHECK(thrum_current_thread() == thrum_main_thread());
    thrum_thread_release(first_main);
    CHECK(thrum_thread_is_alive(thrum_main_thread()));
}

TEST(a_handle_of_main_can_be_released_in_a_child_of_an_alien) {
    static void (*release)(void) = release_the_old_main;
    first_main = thrum_thread_retain(thrum_main_thread());
    test_thread alien = test_start(fork_in_thread, &release);
    test_join(&alien);
    thrum_thread_release(first_main);
}
