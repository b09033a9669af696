/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/rcu/retire.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

typedef struct note {
    thrum_rcu_head head;
    int number;
    thrum_event called;
} note;

static thrum_u32 calls;
static int order[8];

static void call(thrum_rcu_head *head) {
    note *const n = (note *)head;
    const uint32_t i = thrum_u32_fetch_add_release(&calls, 1);
    if (i < 8) order[i] = n->number;
    thrum_event_set(&n->called);
}

TEST(a_thread_is_reading_from_the_begin_of_a_section_to_the_end_of_the_outermost) {
    CHECK(!thrum_rcu_is_reading_());
    thrum_rcu_read_begin();
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    CHECK(thrum_rcu_is_reading_());
    thrum_rcu_read_end();
    CHECK(!thrum_rcu_is_reading_());
}

static thrum_event reading, end_reading;

/* Sections that nest: only the end of the outer one ends it. */
static void *read_for_long(void *unused) {
    thrum_rcu_read_begin();
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    thrum_event_set(&reading);
    thrum_event_wait(&end_reading);
    thrum_rcu_read_end();
    return unused;
}

TEST(a_callback_waits_for_a_section_that_began_before_and_sections_nest) {
    note n = {.number = 1};
    test_thread reader = test_start(read_for_long, NULL); /* it has never registered anywhere */
    thrum_event_wait(&reading);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&n.called);
    test_join(&reader);
}

/* liburcu's destructor comes first, since its key is older: it takes the thread's reader back. */
static pthread_key_t last_words;

static void read_at_the_end(void *unused) {
    (void)read_for_long(unused);
}

static void *read_and_end(void *unused) {
    THRUM_WITH_RCU CHECK_EQ(pthread_setspecific(last_words, &last_words), 0);
    return unused;
}

TEST(a_section_in_a_destructor_is_waited_for_where_liburcu_has_taken_the_reader_back) {
    note n = {.number = 1};
    CHECK_EQ(pthread_key_create(&last_words, read_at_the_end), 0);
    test_thread reader = test_start(read_and_end, NULL);
    thrum_event_wait(&reading);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&n.called);
    test_join(&reader);
}

static thrum_event synchronized;

static void *synchronize(void *unused) {
    thrum_rcu_synchronize();
    thrum_event_set(&synchronized);
    return unused;
}

TEST(synchronize_waits_for_a_section_that_began_before) {
    test_thread reader = test_start(read_for_long, NULL);
    thrum_event_wait(&reading);
    test_thread writer = test_start(synchronize, NULL);
    CHECK_EQ(thrum_event_wait_until(&synchronized, thrum_after_ms(100)), THRUM_TIMEOUT);
    thrum_event_set(&end_reading);
    thrum_event_wait(&synchronized);
    test_join(&reader);
    test_join(&writer);
}

TEST(barrier_waits_for_all_retired_before_in_their_order) {
    static note notes[8];
    for (int i = 0; i < 8; i++) {
        notes[i].number = i;
        thrum_rcu_retire(&notes[i].head, call);
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 8);
    for (int i = 0; i < 8; i++) CHECK_EQ(order[i], i);
}

static void call_and_retire_more(thrum_rcu_head *head) {
    note *const n = (note *)head;
    if (--n->number > 0)
        thrum_rcu_retire(head, call_and_retire_more);
    else
        thrum_event_set(&n->called);
}

TEST(a_callback_may_retire_more) {
    note n = {.number = 5};
    thrum_rcu_retire(&n.head, call_and_retire_more);
    thrum_event_wait(&n.called);
    CHECK_EQ(n.number, 0);
}

TEST(retiring_inside_a_section_does_not_wait) {
    note n = {.number = 1};
    thrum_rcu_read_begin();
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_event_wait_until(&n.called, thrum_after_ms(50)), THRUM_TIMEOUT);
    thrum_rcu_read_end();
    thrum_event_wait(&n.called);
}

/* Beyond the bound each that waited would take 5 ms: all together longer than a test may last. */
enum { MORE_THAN_THE_BOUND = 32768 + 20000 };
static thrum_rcu_head heads[MORE_THAN_THE_BOUND];

static void count_call(thrum_rcu_head *head) {
    (void)head;
    thrum_u32_fetch_add_relaxed(&calls, 1);
}

static void retire_more_than_the_bound(thrum_rcu_head *head) {
    (void)head;
    for (unsigned i = 0; i < MORE_THAN_THE_BOUND; i++) thrum_rcu_retire(&heads[i], count_call);
}

static void expect_all_called_back(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&calls), MORE_THAN_THE_BOUND);
}

TEST(a_section_retires_more_than_the_bound_without_a_wait) {
    THRUM_WITH_RCU retire_more_than_the_bound(NULL);
    expect_all_called_back();
}

TEST(a_callback_retires_more_than_the_bound_without_a_wait) {
    thrum_rcu_head head;
    thrum_rcu_retire(&head, retire_more_than_the_bound);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    expect_all_called_back();
}

static note pending;

static void find_it_called_back(void) {
    if (!THRUM_UNDER_TSAN) { /* its runtime does not let a child of several threads start one */
        CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
        CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    }
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    thrum_rcu_synchronize(); /* the parent's reader does not count here */
}

TEST(what_is_retired_before_a_fork_is_called_back_in_the_child_too) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    test_thread reader = test_start(read_for_long, NULL);
    thrum_event_wait(&reading);
    if (THRUM_UNDER_TSAN)
        thrum_event_set(&end_reading); /* else the helper is in a grace period that does not end */
    thrum_rcu_retire(&pending.head, call);
    if (!THRUM_UNDER_TSAN) thrum_event_set(&end_reading);
    test_in_child(find_it_called_back);
    thrum_event_wait(&pending.called); /* and in the parent */
    CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    test_join(&reader);
}

static void retire_without_threads(void) {
    const struct rlimit none = {0, 4096}, many = {4096, 4096};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    if (getuid() == 0) CHECK_EQ(setresuid(54321, 54321, 54321), 0); /* root is not limited */
    errno = 77;
    note n = {.number = 1};
    CHECK_EQ(thrum_rcu_prepare(), THRUM_NO_THREAD);
    thrum_rcu_retire(&n.head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_NO_THREAD);
    CHECK_EQ(errno, 77);
    CHECK(!thrum_event_is_set(&n.called));
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &many), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* nothing is lost */
    CHECK(thrum_event_is_set(&n.called));
}

TEST(a_helper_that_cannot_be_started_is_a_result_and_loses_nothing) {
    test_in_child(retire_without_threads);
}

static int leaves_by_return(void) {
    THRUM_WITH_RCU return 1;
    return 0;
}

TEST(a_block_that_reads_ends_its_section_on_every_way_out) {
    CHECK_EQ(leaves_by_return(), 1);
    for (int i = 0; i < 2; i++) {
        THRUM_WITH_RCU {
            CHECK_EQ(thrum_self_guards(), 1);
            if (i) break;
            continue;
        }
    }
    THRUM_WITH_RCU thrum_self_release_guards(); /* as a thread does that ends inside */
    CHECK_EQ(thrum_self_guards(), 0);
    thrum_rcu_synchronize(); /* would wait for an open section */
    static int page = 7, *published;
    thrum_rcu_publish(&published, &page);
    CHECK(thrum_rcu_read(&published) == &page);
    CHECK(thrum_rcu_exchange(&published, (int *)NULL) == &page);
    CHECK(thrum_rcu_read(&published) == NULL);
}

/* --- signals ---------------------------------------------------------------------------------------- */

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

static sigset_t blocked_in_helper;

static void look_what_is_blocked(thrum_rcu_head *head) {
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked_in_helper), 0);
    call(head);
}

TEST(the_helper_blocks_all_signals_but_those_of_its_own_faults) {
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGSEGV);
    sigaddset(&some, SIGUSR1);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &some, NULL), 0); /* its starter's mask does not matter */
    note n = {.number = 1};
    thrum_rcu_retire(&n.head, look_what_is_blocked);
    thrum_event_wait(&n.called);
    for (int signal = 1; signal < 32; signal++) {
        bool is_fault = signal == SIGKILL || signal == SIGSTOP;
        for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) is_fault |= faults[i] == signal;
        CHECK_EQ(sigismember(&blocked_in_helper, signal), !is_fault);
    }
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &some), 0);
    CHECK(sigismember(&some, SIGUSR1) && !sigismember(&some, SIGTERM)); /* the starter's is as it was */
}

static void exit_by_handler(int signal) {
    _exit(100 + signal);
}

static void crash(thrum_rcu_head *head) {
    const int signal = ((note *)head)->number;
    if (signal == SIGABRT) abort();
    static int *volatile nowhere = (int *)16;
    if (signal == SIGSEGV) *nowhere = 0;
    __builtin_trap(); /* SIGILL or SIGTRAP */
}

/* The exit status of a process in whose helper that signal is raised. */
static int status_of_crash(int signal) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_handler = exit_by_handler};
        for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) sigaction(faults[i], &action, NULL);
        note n = {.number = signal};
        thrum_rcu_retire(&n.head, crash);
        thrum_event_wait(&n.called);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) - 100;
}

TEST(a_crash_in_a_callback_reaches_the_programs_handler) {
    CHECK_EQ(status_of_crash(SIGSEGV), SIGSEGV);
    CHECK_EQ(status_of_crash(SIGABRT), SIGABRT);
    const int trapped = status_of_crash(SIGILL);
    CHECK(trapped == SIGILL || trapped == SIGTRAP);
}

/* --- the process around it -------------------------------------------------------------------------- */

static void nothing(thrum_rcu_head *head) {
    (void)head;
}

static void retire_and_leave_main(void) {
    static thrum_rcu_head head;
    thrum_rcu_retire(&head, nothing);
    pthread_exit(NULL);
}

static void leave_main_during_a_callback_that_retires(void) {
    static note n = {.number = 3};
    thrum_rcu_retire(&n.head, call_and_retire_more);
    pthread_exit(NULL);
}

static void prepare_and_leave_main(void) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    pthread_exit(NULL);
}

static void *leave_main_behind(void *main_thread) {
    CHECK_EQ(pthread_join(*(pthread_t *)main_thread, NULL), 0);
    static thrum_rcu_head head;
    thrum_rcu_retire(&head, nothing);
    return NULL;
}

static void leave_main_to_a_thread_that_retires(void) {
    static pthread_t self;
    self = pthread_self();
    (void)test_start(leave_main_behind, &self);
    pthread_exit(NULL);
}

TEST(a_process_whose_own_threads_have_ended_ends) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime has a thread of its own");
    CHECK_EQ(test_status_of(prepare_and_leave_main), 0);
    CHECK_EQ(test_status_of(retire_and_leave_main), 0);
    CHECK_EQ(test_status_of(leave_main_during_a_callback_that_retires), 0);
    CHECK_EQ(test_status_of(leave_main_to_a_thread_that_retires), 0);
}

static void *wait_for_ever(void *unused) {
    thrum_event_wait(&(thrum_event){{0}});
    return unused;
}

static int ready[2];

static void leave_main_to_a_thread_that_waits(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    (void)test_start(wait_for_ever, NULL);
    CHECK_EQ(write(ready[1], "", 1), 1);
    pthread_exit(NULL);
}

static void wait_for_the_signal(void) {
    sigset_t all;
    int signal;
    sigfillset(&all);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* the helper is there */
    CHECK_EQ(write(ready[1], "", 1), 1);
    sigemptyset(&all);
    sigaddset(&all, SIGTERM);
    CHECK_EQ(sigwait(&all, &signal), 0);
    _exit(signal == SIGTERM ? 7 : 8);
}

/* How a child ends that is sent SIGTERM once it is ready. */
static int status_of_terminated(void (*run)(void)) {
    CHECK_EQ(pipe(ready), 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(99);
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(kill(child, SIGTERM), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : TEST_BY_SIGNAL + WTERMSIG(status);
}

TEST(a_signal_to_the_process_does_what_it_does_without_the_helper) {
    CHECK_EQ(status_of_terminated(leave_main_to_a_thread_that_waits), TEST_BY_SIGNAL + SIGTERM);
    CHECK_EQ(status_of_terminated(wait_for_the_signal), 7);
}

/* --- the helper's life ------------------------------------------------------------------------------ */

static thrum_u32 helper_now; /* its native id */

static void say_which_helper(thrum_rcu_head *head) {
    thrum_u32_store_relaxed(&helper_now, thrum_get_native_id());
    call(head);
}

/* Waits until the thread is no more. */
static void await_end_of(uint32_t native_id) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%u", (unsigned)native_id);
    while (access(path, F_OK) == 0) thrum_futex_nap(thrum_after_ms(5));
}

TEST(the_helper_ends_when_nothing_is_retired_and_the_next_retire_starts_another) {
    note n = {.number = 1};
    for (int i = 0; i < 3; i++) {
        thrum_event_clear(&n.called);
        thrum_rcu_retire(&n.head, say_which_helper);
        thrum_event_wait(&n.called);
        await_end_of(thrum_u32_load_relaxed(&helper_now));
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 3);
}

static void end_the_helper(thrum_rcu_head *head) {
    call(head);
    if (((note *)head)->number == 1) pthread_exit(NULL);
    thrum_thread_exit(NULL);
}

TEST(a_callback_that_ends_the_helper_loses_no_other) {
    if (THRUM_UNDER_TSAN) test_skip("pthread_exit in a detached thread confuses its runtime");
    note first = {.number = 1}, second = {.number = 2}, others[3] = {{.number = 3}};
    thrum_rcu_retire(&first.head, end_the_helper);
    thrum_rcu_retire(&others[0].head, call);
    thrum_rcu_retire(&second.head, end_the_helper);
    thrum_rcu_retire(&others[1].head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    thrum_rcu_retire(&others[2].head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 5);
}

/* --- forks beside callbacks ------------------------------------------------------------------------- */

static thrum_event in_callback, end_callback;

static void stay(thrum_rcu_head *head) {
    thrum_event_set(&in_callback);
    thrum_event_wait(&end_callback);
    call(head);
}

static void find_the_others_called_back(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 1);
    CHECK_EQ(order[0], 2);
}

TEST(a_fork_amid_a_callback_leaves_it_out_in_the_child_and_calls_the_others_back) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1}, other = {.number = 2};
    thrum_rcu_retire(&slow.head, stay);
    thrum_rcu_retire(&other.head, call);
    thrum_event_wait(&in_callback);
    test_in_child(find_the_others_called_back); /* the fork does not wait for the callback */
    thrum_event_set(&end_callback);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(order[0], 1);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 2);
}

static void *wait_for_callbacks(void *unused) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    return unused;
}

static void use_a_stack(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    test_thread other = test_start(wait_for_callbacks, NULL); /* on a stack that a lost thread had */
    test_join(&other);
}

TEST(a_barrier_of_another_thread_is_forgotten_in_a_child) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1};
    thrum_rcu_retire(&slow.head, stay);
    test_thread waiter = test_start(wait_for_callbacks, NULL);
    test_await_asleep(&waiter);
    thrum_event_wait(&in_callback);
    test_in_child(use_a_stack);
    thrum_event_set(&end_callback);
    test_join(&waiter);
}

enum { STACK = 256 * 1024 };
static void *stack; /* of a thread that the child does not have */
static thrum_u32 waiter_id;

static void *say_id_and_wait(void *unused) {
    thrum_u32_store_release(&waiter_id, thrum_get_native_id());
    return wait_for_callbacks(unused);
}

static void do_without_the_stack(void) {
    CHECK_EQ(munmap(stack, STACK), 0);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

TEST(a_barrier_behind_what_was_retired_later_is_forgotten_in_a_child) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads start one");
    note slow = {.number = 1}, later = {.number = 2};
    thrum_rcu_retire(&slow.head, stay);
    thrum_event_wait(&in_callback);
    stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    pthread_attr_t attributes;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstack(&attributes, stack, STACK), 0);
    pthread_t waiter;
    CHECK_EQ(pthread_create(&waiter, &attributes, say_id_and_wait, NULL), 0);
    pthread_attr_destroy(&attributes);
    while (!thrum_u32_load_acquire(&waiter_id) || !test_is_asleep((pid_t)thrum_u32_load_relaxed(&waiter_id)))
        thrum_futex_yield();
    thrum_rcu_retire(&later.head, call);
    test_in_child(do_without_the_stack);
    thrum_event_set(&end_callback);
    CHECK_EQ(pthread_join(waiter, NULL), 0);
    thrum_event_wait(&later.called);
}

static void ask_for_a_name(thrum_rcu_head *head) {
    CHECK(thrum_thread_name(thrum_main_thread()).text[0]); /* holds a lock that a fork takes, too */
    free(head);
}

static thrum_event no_more;

static void *retire_all_the_time(void *unused) {
    while (!thrum_event_is_set(&no_more)) {
        thrum_rcu_head *const head = malloc(sizeof *head);
        CHECK(head);
        thrum_rcu_retire(head, ask_for_a_name);
        thrum_futex_nap(thrum_after_us(10));
    }
    return unused;
}

TEST(forks_beside_callbacks_that_take_locks_do_not_deadlock) {
    if (test_under_asan() || THRUM_UNDER_TSAN) test_skip("the sanitizer does not survive such forks");
    test_thread busy = test_start(retire_all_the_time, NULL);
    for (int i = 0; i < 2000; i++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(0);
        CHECK_EQ(waitpid(child, NULL, 0), child);
    }
    thrum_event_set(&no_more);
    test_join(&busy);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

static void fork_and_call(thrum_rcu_head *head) {
    const pid_t child = fork();
    CHECK(child >= 0);
    call(head);
    if (child == 0) return; /* the child's helper is its only thread, and ends when it has called all back */
    test_join_child(child);
}

TEST(a_callback_may_fork_and_the_child_ends_when_all_is_called_back) {
    if (THRUM_UNDER_TSAN) test_skip("its runtime does not let a child of several threads go on");
    note first = {.number = 1}, second = {.number = 2};
    thrum_rcu_retire(&first.head, fork_and_call);
    thrum_rcu_retire(&second.head, call);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&calls), 2);
}
