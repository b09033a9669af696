/* SPDX-License-Identifier: MIT */
/* pthread_rwlock_…, sem_… and pthread_once on thrum's objects: what POSIX's tests do not see. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef MAPPED /* the names that thrum/pthread.h inlines */
#include <thrum/pthread.h>
#endif

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int counted;

static void *write_often(void *unused) {
    for (int i = 0; i < 500; i++) {
        pthread_rwlock_wrlock(&rwlock);
        counted++;
        pthread_rwlock_unlock(&rwlock);
    }
    return unused;
}

static void *write_once(void *unused) {
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), EDEADLK);
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), EDEADLK);
    CHECK_EQ(pthread_rwlock_destroy(&rwlock), EBUSY);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return unused;
}

/* Until a writer that waits keeps new readers out. */
static void *read_until_refused(void *unused) {
    while (pthread_rwlock_tryrdlock(&rwlock) == 0) CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return unused;
}

TEST(a_reader_reads_again_beside_a_writer_that_waits) {
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    test_thread writer = test_start(write_once, NULL), reader = test_start(read_until_refused, NULL);
    test_join(&reader);
    for (int i = 0; i < 3; i++) CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_tryrdlock(&rwlock), 0);
    CHECK_EQ(pthread_rwlock_destroy(&rwlock), EBUSY);
    for (int i = 0; i < 5; i++) CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    test_join(&writer);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), EPERM);
    CHECK_EQ(pthread_rwlock_destroy(&rwlock), 0);
}

static void *write_and_leave(void *unused) {
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    counted++;
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return unused;
}

static void *read_after_the_writer(void *unused) {
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    CHECK_EQ(counted, 1);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    return unused;
}

/* A writer that has slept keeps it closed from then on. */
TEST(a_newcomer_that_reads_nothing_yet_lets_a_writer_that_waits_go_first) {
    CHECK_EQ(pthread_rwlock_rdlock(&rwlock), 0);
    test_thread writer = test_start(write_and_leave, NULL);
    test_await_asleep(&writer);
    test_thread reader = test_start(read_until_refused, NULL);
    test_join(&reader);
    test_thread newcomer = test_start(read_after_the_writer, NULL);
    test_await_asleep(&newcomer);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    test_join(&writer);
    test_join(&newcomer);
}

/* The waiters of the parent are no more; nobody whose traces are in the rwlock would wake this one. */
static void unlock_for_another(void) {
    test_thread waiter = test_start(write_once, NULL);
    test_await_asleep(&waiter);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    test_join(&waiter);
}

TEST(a_rwlock_with_waiters_that_is_held_over_a_fork_is_the_childs) {
    CHECK_EQ(pthread_rwlock_wrlock(&rwlock), 0);
    test_thread waiters[3];
    for (int i = 0; i < 3; i++) {
        waiters[i] = test_start(write_often, NULL);
        test_await_asleep(&waiters[i]);
    }
    test_in_child(unlock_for_another);
    CHECK_EQ(pthread_rwlock_unlock(&rwlock), 0);
    for (int i = 0; i < 3; i++) test_join(&waiters[i]);
    CHECK_EQ(counted, 1500);
}

/* What was thrum's becomes the C library's, which wakes a waiter of another process. */
TEST(the_last_initialisation_says_whose_a_semaphore_is) {
    sem_t *const sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sem != MAP_FAILED);
    CHECK_EQ(sem_init(sem, 0, 3), 0);
    CHECK_EQ(sem_wait(sem), 0);
    CHECK_EQ(sem_init(sem, 1, 0), 0);
    const pid_t child = fork();
    if (child == 0) _exit(sem_wait(sem) == 0 ? 0 : 1);
    while (!test_is_asleep(child)) sched_yield();
    CHECK_EQ(sem_post(sem), 0);
    test_join_child(child);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void run(void) {
    counted++;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}
static void *run_once(void *unused) {
    CHECK_EQ(pthread_once(&once, run), 0);
    return unused;
}
static void run_in_child(void) {
    CHECK_EQ(pthread_mutex_unlock(&gate), 0);
    counted = 0;
    CHECK_EQ(pthread_once(&once, run), 0);
    CHECK_EQ(counted, 1);
}
TEST(a_once_that_another_thread_was_amid_runs_in_the_child) {
    pthread_mutex_lock(&gate);
    test_thread runner = test_start(run_once, NULL);
    test_await_asleep(&runner);
    test_in_child(run_in_child);
    pthread_mutex_unlock(&gate);
    test_join(&runner);
    CHECK_EQ(counted, 1);
}

/* The forking thread goes on with its own run in the child. */
static pid_t child;
static void fork_amid(void) {
    counted++;
    child = fork();
}
TEST(a_fork_within_a_once_changes_nothing) {
    CHECK_EQ(pthread_once(&once, fork_amid), 0);
    CHECK_EQ(pthread_once(&once, fork_amid), 0);
    CHECK_EQ(counted, 1);
    if (child == 0) _exit(0);
    test_join_child(child);
}

/* A handler of the fork that asks for a once comes by the list that the fork holds. */
static bool asks;
static void ask(void) {
    if (asks) CHECK_EQ(pthread_once(&once, run), 0);
}
static void end(void) {}
__attribute__((constructor(101))) static void register_early(void) {
    pthread_atfork(ask, NULL, NULL);
}
TEST(a_handler_of_forks_may_run_a_once) {
    asks = true;
    test_in_child(end);
    CHECK_EQ(counted, 1);
}
