/* SPDX-License-Identifier: MIT */
/* What a thread still does after its target, and what waits for it. */
/* ctest: libraries thrum dl */
/* mutants: also registry */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

static thrum_event let_go;
static thrum_u32 destroyed;

#define DESTROYED thrum_u32_load_acquire(&destroyed)

static thrum_thread *start(thrum_thread_target *target, void *argument, thrum_daemon daemon) {
    thrum_thread *thread;
    const thrum_thread_config config = {.target = target, .argument = argument, .daemon = daemon};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    return thread;
}

static void *touch(void *local) {
    CHECK(thrum_local_get(local) != NULL);
    return local;
}

/* ---- released and never joined ---- */

static thrum_u32 detached;

/* In the C library's place, which it calls. */
int pthread_detach(pthread_t thread) {
    int (*theirs)(pthread_t);
    *(void **)&theirs = dlsym(RTLD_NEXT, "pthread_detach");
    thrum_u32_fetch_add_relaxed(&detached, 1);
    return theirs(thread);
}

static void await_no_thread(uint32_t native_id) {
    char task[64];
    (void)snprintf(task, sizeof task, "/proc/self/task/%u", native_id);
    while (access(task, F_OK) == 0) thrum_futex_nap(thrum_after_ms(1));
}

static void *wait_to_be_let_go(void *unused) {
    thrum_event_wait(&let_go);
    return unused;
}

/* No grace period ends while it looks: it would be late where the process ends first. */
TEST(a_thread_that_nobody_joins_is_detached_by_its_end_or_its_release) {
    thrum_rcu_read_begin();
    thrum_thread *thread = start(wait_to_be_let_go, NULL, THRUM_DAEMON_NO);
    uint32_t native_id = thrum_thread_native_id(thread);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_u32_load_relaxed(&detached), 0); /* its end is what releases it */
    thrum_event_set(&let_go);
    await_no_thread(native_id);
    CHECK_EQ(thrum_u32_load_relaxed(&detached), 1);

    thread = start(wait_to_be_let_go, NULL, THRUM_DAEMON_NO);
    native_id = thrum_thread_native_id(thread);
    await_no_thread(native_id);
    CHECK_EQ(thrum_u32_load_relaxed(&detached), 1);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_u32_load_relaxed(&detached), 2);

    thread = start(wait_to_be_let_go, NULL, THRUM_DAEMON_NO);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_u32_load_relaxed(&detached), 2);
    thrum_rcu_read_end();
}

/* ---- a destructor that takes its time ---- */

static void destroy_when_let_go(void *value, void *unused) {
    (void)value, (void)unused;
    thrum_event_wait(&let_go);
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static thrum_local patient = THRUM_LOCAL_INIT(8, NULL, destroy_when_let_go, NULL);

TEST(a_timed_join_keeps_its_deadline_while_destructors_run) {
    thrum_thread *const thread = start(touch, &patient, THRUM_DAEMON_NO);
    thrum_event_wait(thrum_thread_ended(thread));
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after_ms(20)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(DESTROYED, 0);
    thrum_event_set(&let_go);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after(60)), THRUM_OK);
    CHECK_EQ(DESTROYED, 1);
    thrum_thread_release(thread);
}

static void *join_it(void *thread) {
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(DESTROYED, 1);
    return NULL;
}

TEST(a_timed_join_keeps_its_deadline_beside_one_that_waits_for_ever) {
    thrum_thread *const thread = start(touch, &patient, THRUM_DAEMON_NO);
    thrum_event_wait(thrum_thread_ended(thread));
    thrum_thread *const joiner = start(join_it, thread, THRUM_DAEMON_NO);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after_ms(20)), THRUM_TIMEOUT);
    thrum_event_set(&let_go);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after(60)), THRUM_OK);
    CHECK_EQ(thrum_thread_join(joiner, NULL), THRUM_OK);
    thrum_thread_release(joiner);
    thrum_thread_release(thread);
}

static void destroy_slowly(void *value, void *unused) {
    (void)value, (void)unused;
    thrum_event_wait(&let_go);
    thrum_futex_nap(thrum_after_ms(50));
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static thrum_local slow = THRUM_LOCAL_INIT(8, NULL, destroy_slowly, NULL);

static void let_it_go(void *unused) {
    (void)unused;
    thrum_event_set(&let_go);
}

TEST(a_shutdown_waits_for_destructors) {
    CHECK_EQ(thrum_at_shutdown(let_it_go, NULL), THRUM_OK);
    thrum_thread *const thread = start(touch, &slow, THRUM_DAEMON_NO);
    thrum_event_wait(thrum_thread_ended(thread));
    CHECK(!thrum_thread_is_alive(thread));
    CHECK_EQ(thrum_active_count(), 1);
    thrum_shutdown();
    CHECK_EQ(DESTROYED, 1);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
}

TEST(a_shutdown_waits_for_no_destructor_of_a_daemon) {
    thrum_thread *const thread = start(touch, &patient, THRUM_DAEMON_YES);
    thrum_event_wait(thrum_thread_ended(thread));
    thrum_shutdown();
    CHECK_EQ(DESTROYED, 0);
    thrum_event_set(&let_go);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
}

static void ask_for_oneself(void *value, void *unused) {
    (void)unused;
    CHECK(thrum_current_thread() == *(thrum_thread **)value);
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static thrum_local own = THRUM_LOCAL_INIT(sizeof(thrum_thread *), NULL, ask_for_oneself, NULL);

static void *keep_oneself(void *unused) {
    (void)touch(&own);
    *(thrum_thread **)thrum_local_get(&own) = thrum_current_thread();
    return unused;
}

TEST(a_destructor_finds_the_object_of_its_thread) {
    thrum_thread *const thread = start(keep_oneself, NULL, THRUM_DAEMON_NO);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(DESTROYED, 1);
    thrum_thread_release(thread);
}

/* ---- the end of main ---- */

static void *join_main(void *unused) {
    CHECK_EQ(thrum_thread_join(thrum_main_thread(), NULL), THRUM_OK);
    CHECK_EQ(DESTROYED, 1);
    CHECK(!thrum_thread_is_alive(thrum_main_thread()));
    _exit(7);
    return unused;
}

static void ignore_failure(const thrum_failure *failure) {
    (void)failure;
}

static void count(void *value, void *unused) {
    (void)value, (void)unused;
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static thrum_local counted = THRUM_LOCAL_INIT(8, NULL, count, NULL);

static void end_main_joined(void (*end)(void)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)touch(&counted);
        thrum_thread_release(start(join_main, NULL, THRUM_DAEMON_NO));
        end();
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void fail(void) {
    thrum_set_excepthook(ignore_failure);
    thrum_thread_fail(3, "main fails");
}

static void leave(void) {
    thrum_thread_exit(NULL);
}

static void leave_by_pthread(void) {
    pthread_exit(NULL);
}

TEST(main_that_has_failed_can_be_joined) {
    end_main_joined(fail);
}

TEST(main_that_has_exited_can_be_joined) {
    end_main_joined(leave);
}

TEST(main_that_has_called_pthread_exit_can_be_joined) {
    end_main_joined(leave_by_pthread);
}

/* ---- what destructors make ---- */

static thrum_u32 made;
static thrum_local first_of_two, second_of_two;

static thrum_result make(void *value, void *unused) {
    (void)unused;
    thrum_u32_fetch_add_relaxed(&made, 1);
    *(void **)value = malloc(1);
    return *(void **)value ? THRUM_OK : THRUM_NO_MEMORY;
}

/* It makes both anew: what is refused is not made. */
static void destroy_and_make(void *value, void *unused) {
    (void)unused;
    free(*(void **)value);
    thrum_u32_fetch_add_release(&destroyed, 1);
    (void)thrum_local_get(&first_of_two);
    (void)thrum_local_get(&second_of_two);
}

static pthread_key_t key;
static unsigned rounds;
/* In the last one ThreadSanitizer has taken down what it keeps for the thread. */
enum { LAST_ROUND = PTHREAD_DESTRUCTOR_ITERATIONS - THRUM_UNDER_TSAN };

static void touch_in_the_last_round(void *value) {
    if (++rounds < LAST_ROUND)
        CHECK_EQ(pthread_setspecific(key, value), 0);
    else
        (void)thrum_local_get(&first_of_two);
}

static void *set_key(void *value) {
    CHECK_EQ(pthread_setspecific(key, value), 0);
    return NULL;
}

static void check_none_is_left(void) {
    CHECK(DESTROYED >= 1);
    CHECK_EQ(thrum_u32_load_relaxed(&made), DESTROYED);
    thrum_u32_store_relaxed(&made, 0);
    thrum_u32_store_relaxed(&destroyed, 0);
}

TEST(values_that_destructors_make_are_destroyed_or_refused) {
    CHECK_EQ(pthread_key_create(&key, touch_in_the_last_round), 0);
    first_of_two = second_of_two =
        (thrum_local)THRUM_LOCAL_INIT(sizeof(void *), make, destroy_and_make, NULL);
    thrum_thread *const thread = start(touch, &first_of_two, THRUM_DAEMON_NO);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
    check_none_is_left();

    test_thread alien = test_start(touch, &first_of_two);
    test_join(&alien);
    check_none_is_left();

    alien = test_start(set_key, &key); /* its first touch is in the last round */
    test_join(&alien);
    check_none_is_left();

    rounds = 0;
    thrum_thread *const late = start(set_key, &key, THRUM_DAEMON_NO);
    CHECK_EQ(thrum_thread_join(late, NULL), THRUM_OK);
    thrum_thread_release(late);
    CHECK_EQ(thrum_u32_load_relaxed(&made), DESTROYED);
}
