/* SPDX-License-Identifier: MIT */
/* pthread_once beside a fork: in its handlers, in signal handlers, and in its children. */
#include "posix.h"

/* As a library's that was loaded before all others: its handlers run last before a fork, and first after. */
static pthread_mutex_t librarys = PTHREAD_MUTEX_INITIALIZER;
static bool has_handlers, is_asked;
static pthread_once_t *asked_in_child;

static void nothing(void) {}

static void before_fork(void) {
    if (is_asked) OK(pthread_mutex_lock(&librarys));
}

static void after_fork(void) {
    if (is_asked) OK(pthread_mutex_unlock(&librarys));
}

static void in_child(void) {
    after_fork();
    if (asked_in_child) OK(pthread_once(asked_in_child, nothing));
}

static void register_handlers(void) {
    has_handlers = pthread_atfork(before_fork, after_fork, in_child) == 0;
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
    static pthread_once_t in_handler = PTHREAD_ONCE_INIT;
    asked_in_child = &in_handler;
    test_thread threads[ONCES];
    for (int i = 0; i < ONCES; i++) threads[i] = test_start(begin_and_end, &onces[i]);
    for (int i = 0; i < FORKS; i++) test_in_child(call_all);
    stop = true;
    for (int i = 0; i < ONCES; i++) (void)test_join(&threads[i]);
    asked_in_child = NULL;
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

TEST(the_first_handler_in_a_child_calls_what_another_thread_ran) {
    if (!has_handlers) test_skip("this loader runs no function before the constructors");
    inside = may_go = 0;
    others_once = (pthread_once_t)PTHREAD_ONCE_INIT;
    test_thread other = test_start(stay_inside, NULL);
    await(&inside, 1);
    asked_in_child = &others_once;
    test_in_child(nothing);
    asked_in_child = NULL;
    may_go = 1;
    (void)test_join(&other);
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
    inside = may_go = 0;
    others_once = (pthread_once_t)PTHREAD_ONCE_INIT;
    test_thread other = test_start(stay_inside, NULL);
    await(&inside, 1);
    OK(pthread_once(&own_once, fork_and_call_others));
    may_go = 1;
    (void)test_join(&other);
}

/* ---- a once whose memory goes as soon as it is done ---- */

static _Atomic int may_leave;

static void hold(int unused) {
    (void)unused;
    await(&may_leave, 1);
}

static void *run_and_stay(void *mapped) {
    OK(pthread_once(mapped, stay));
    await(&may_leave, 1);
    return NULL;
}

static void *find_done(void *mapped) {
    OK(pthread_once(mapped, nothing));
    return NULL;
}

/* A signal holds the runner in the wake of its waiter, or thereabouts. */
TEST(a_child_looks_at_no_once_that_was_unmapped_when_it_was_done) {
    on_signal_do(SIGUSR1, hold);
    for (int i = 0; i < 50; i++) {
        inside = may_go = may_leave = 0;
        pthread_once_t *const mapped = shared_memory(sizeof *mapped);
        test_thread runner = test_start(run_and_stay, mapped);
        await(&inside, 1);
        test_thread waiter = test_start(find_done, mapped);
        await_blocked(&waiter);
        may_go = 1;
        (void)find_done(mapped);
        OK(pthread_kill(runner.thread, SIGUSR1));
        (void)test_join(&waiter);
        OK(munmap(mapped, sizeof *mapped));
        test_in_child(nothing);
        may_leave = 1;
        (void)test_join(&runner);
    }
}

/* ---- forks by signal handlers ---- */

static pid_t first_process;
static _Atomic int handled;

/* The child returns, too. */
static void fork_here(int unused) {
    (void)unused;
    const int error = errno;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) test_join_child(child);
    handled++;
    errno = error;
}

static void count(void) {
    calls++;
}

static void *begin_and_end_beside_signals(void *unused) {
    while (!stop) {
        pthread_once_t one = PTHREAD_ONCE_INIT, another = PTHREAD_ONCE_INIT;
        calls = 0;
        OK(pthread_once(&one, count));
        OK(pthread_once(&one, count));
        OK(pthread_once(&another, count));
        CHECK_EQ(calls, 2);
        if (getpid() != first_process) _exit(0);
    }
    return unused;
}

TEST(a_signal_handler_forks_whatever_it_interrupts) {
    static pthread_once_t in_handler = PTHREAD_ONCE_INIT;
    asked_in_child = &in_handler;
    first_process = getpid();
    stop = false;
    handled = 0;
    on_signal_do(SIGUSR2, fork_here);
    test_thread thread = test_start(begin_and_end_beside_signals, NULL);
    for (int i = 1; i <= FORKS; i++) {
        OK(pthread_kill(thread.thread, SIGUSR2));
        await(&handled, i);
    }
    stop = true;
    (void)test_join(&thread);
    asked_in_child = NULL;
}

static void *wait_beside_signals(void *unused) {
    calls = 0;
    OK(pthread_once(&others_once, count));
    if (getpid() == first_process) return unused;
    CHECK_EQ(calls, 1);
    _exit(0);
}

TEST(a_waiter_whose_signal_handler_forks_runs_the_function_in_the_child) {
    if (!is_replaced()) test_skip("the child waits");
    struct sigaction restart = {.sa_handler = fork_here, .sa_flags = SA_RESTART};
    OK(sigaction(SIGUSR2, &restart, NULL));
    first_process = getpid();
    inside = may_go = handled = 0;
    others_once = (pthread_once_t)PTHREAD_ONCE_INIT;
    test_thread other = test_start(stay_inside, NULL);
    await(&inside, 1);
    test_thread waiter = test_start(wait_beside_signals, NULL);
    await_blocked(&waiter);
    OK(pthread_kill(waiter.thread, SIGUSR2));
    await(&handled, 1);
    may_go = 1;
    (void)test_join(&waiter);
    (void)test_join(&other);
    CHECK_EQ(calls, 0);
}

/* ---- a run that goes on in a child, and a second one there ---- */

static _Atomic int left;

static void *see_it_done(void *unused) {
    await(&left, 1);
    OK(pthread_once(&forked, count));
    CHECK_EQ(calls, 1);
    _exit(0);
    return unused;
}

static void *call_forked(void *unused) {
    OK(pthread_once(&forked, count));
    return unused;
}

static void fork_and_leave(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
        test_join_child(child);
        return;
    }
    test_thread second = test_start(call_forked, NULL);
    (void)test_join(&second);
    CHECK_EQ(calls, 1);
    (void)test_start(see_it_done, NULL);
    pthread_exit(NULL);
}

static void tell_left(void *unused) {
    (void)unused;
    left = 1;
}

static void run_fork_and_leave(void) {
    calls = 0;
    forked = (pthread_once_t)PTHREAD_ONCE_INIT;
    pthread_cleanup_push(tell_left, NULL);
    OK(pthread_once(&forked, fork_and_leave));
    pthread_cleanup_pop(0);
}

TEST(a_run_that_is_left_in_a_child_leaves_done_what_a_second_one_has_done) {
    if (!is_replaced()) test_skip("it is open again");
    test_in_child(run_fork_and_leave);
}
