/* SPDX-License-Identifier: MIT */
/* pthread_once beside a fork: whose handlers acquire what a caller of pthread_once holds. */
#include "posix.h"

/* As a library's that was loaded before all others: its handlers run last before a fork, and first after. */
static pthread_mutex_t librarys = PTHREAD_MUTEX_INITIALIZER;
static bool has_handlers, is_asked;

static void before_fork(void) {
    if (is_asked) OK(pthread_mutex_lock(&librarys));
}

static void after_fork(void) {
    if (is_asked) OK(pthread_mutex_unlock(&librarys));
}

static void register_handlers(void) {
    has_handlers = pthread_atfork(before_fork, after_fork, after_fork) == 0;
}
/* Before every constructor; of glibc's loader alone. */
__attribute__((section(".preinit_array"), used)) static void (*const early)(void) = register_handlers;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic int calls;

static void initialise(void) {
    calls++;
}

static void *fork_beside(void *unused) {
    const pid_t child = fork();
    CHECK(child >= 0);
    OK(pthread_once(&once, initialise));
    CHECK_EQ(calls, 1);
    if (child == 0) _exit(0);
    test_join_child(child);
    return unused;
}

TEST(a_fork_whose_handler_waits_for_a_mutex_keeps_no_onces_from_its_holder) {
    if (!has_handlers) test_skip("this loader runs no function before the constructors");
    is_asked = true;
    OK(pthread_mutex_lock(&librarys));
    test_thread forker = test_start(fork_beside, NULL);
    await_blocked(&forker);
    OK(pthread_once(&once, initialise));
    OK(pthread_mutex_unlock(&librarys));
    (void)test_join(&forker);
}

/* ---- onces that begin and end while the process forks ---- */

enum { ONCES = 4, FORKS = 200 };

static pthread_once_t onces[ONCES];
static _Atomic bool stop;

static void nothing(void) {}

static void *begin_and_end(void *which) {
    pthread_once_t *const mine = which;
    while (!stop) {
        *(volatile pthread_once_t *)mine = (pthread_once_t)PTHREAD_ONCE_INIT;
        OK(pthread_once(mine, nothing));
    }
    return NULL;
}

static void call_all(void) {
    for (int i = 0; i < ONCES; i++) OK(pthread_once(&onces[i], nothing));
}

TEST(a_child_calls_each_once_whatever_a_thread_of_its_parents_was_amid) {
    if (!IS_GLIBC && !is_replaced()) test_skip("musl: the child waits");
    test_thread threads[ONCES];
    for (int i = 0; i < ONCES; i++) threads[i] = test_start(begin_and_end, &onces[i]);
    for (int i = 0; i < FORKS; i++) test_in_child(call_all);
    stop = true;
    for (int i = 0; i < ONCES; i++) (void)test_join(&threads[i]);
}

static pthread_once_t forked = PTHREAD_ONCE_INIT;
static _Atomic int forks;

static void *wait_for_it(void *unused) {
    OK(pthread_once(&forked, nothing));
    return unused;
}

static void fork_amid(void) {
    test_thread waiter = test_start(wait_for_it, NULL);
    await_blocked(&waiter);
    const pid_t child = fork();
    CHECK(child >= 0);
    forks++;
    if (child == 0) return;
    test_join_child(child);
    (void)pthread_detach(waiter.thread);
}

TEST(a_function_that_forks_ends_its_once_in_parent_and_child) {
    const pid_t parent = getpid();
    OK(pthread_once(&forked, fork_amid));
    OK(pthread_once(&forked, fork_amid));
    CHECK_EQ(forks, 1);
    if (getpid() != parent) _exit(0);
}

static pthread_once_t others_once = PTHREAD_ONCE_INIT;
static _Atomic int inside, may_go;

static void stay(void) {
    inside = 1;
    await(&may_go, 1);
}

static void *stay_inside(void *unused) {
    OK(pthread_once(&others_once, stay));
    return unused;
}

static void call_others(void) {
    OK(pthread_once(&others_once, nothing));
}

static void fork_and_call_others(void) {
    test_in_child(call_others);
}

TEST(a_child_of_a_function_that_forks_calls_what_another_thread_ran) {
    if (!IS_GLIBC && !is_replaced()) test_skip("musl: the child waits");
    static pthread_once_t own_once = PTHREAD_ONCE_INIT;
    test_thread other = test_start(stay_inside, NULL);
    await(&inside, 1);
    OK(pthread_once(&own_once, fork_and_call_others));
    may_go = 1;
    (void)test_join(&other);
}
