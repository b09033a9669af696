/* SPDX-License-Identifier: MIT */
/* What pthread promises of a forked child, kept by the library in front. */
#include "gate_parts.h"

static void *lock_and_unlock(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    OK(pthread_mutex_unlock(mutex));
    return NULL;
}

TEST(a_child_unlocks_what_its_thread_had_locked) {
    /*
     * Normal ones: the owner of another type in a child is left open, since a child's thread has another
     * number.
     */
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 50; i++) {
        OK(pthread_mutex_lock(&mutex));
        test_thread waiter = test_start(lock_and_unlock, &mutex);
        await_blocked(&waiter); /* the child inherits the mark of a waiter that it does not have */
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
            OK(pthread_mutex_unlock(&mutex));
            test_thread thread = test_start(lock_and_unlock, &mutex);
            (void)test_join(&thread);
            _exit(0);
        }
        test_join_child(child);
        OK(pthread_mutex_unlock(&mutex));
        (void)test_join(&waiter);
    }
}

static pthread_mutex_t guarded = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t guarded_lock = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic bool stop;

static void lock_all(void) {
    OK(pthread_mutex_lock(&guarded));
    OK(pthread_rwlock_wrlock(&guarded_lock));
}

static void unlock_all(void) {
    OK(pthread_rwlock_unlock(&guarded_lock));
    OK(pthread_mutex_unlock(&guarded));
}

static void unlock_in_child(void) {
    /*
     * Some libraries know the writer by its thread's number: a child makes the lock anew, as POSIX advises.
     */
    OK(pthread_rwlock_init(&guarded_lock, NULL));
    OK(pthread_mutex_unlock(&guarded));
}

static void *keep_locking(void *unused) {
    while (!stop) {
        OK(pthread_mutex_lock(&guarded));
        OK(pthread_mutex_unlock(&guarded));
        OK(pthread_rwlock_rdlock(&guarded_lock));
        OK(pthread_rwlock_unlock(&guarded_lock));
    }
    return unused;
}

TEST(fork_handlers_keep_objects_whole) {
    OK(pthread_atfork(lock_all, unlock_all, unlock_in_child));
    test_thread threads[3];
    for (int i = 0; i < 3; i++) threads[i] = test_start(keep_locking, NULL);
    for (int i = 0; i < 100; i++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            lock_all();
            unlock_all();
            _exit(0);
        }
        test_join_child(child);
    }
    stop = true;
    for (int i = 0; i < 3; i++) (void)test_join(&threads[i]);
}

TEST(a_childs_condition_may_be_made_anew_without_its_parents_waiters) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    test_thread waiter = test_start(pass, &gate);
    await_waiting(&gate, 1);
    OK(pthread_mutex_lock(&gate.mutex));
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        OK(pthread_cond_init(&gate.opened, NULL));
        gate.waiting = 0;
        OK(pthread_mutex_unlock(&gate.mutex));
        test_thread thread = test_start(pass, &gate);
        await_waiting(&gate, 1);
        OK(pthread_mutex_lock(&gate.mutex));
        gate.open = true;
        OK(pthread_mutex_unlock(&gate.mutex));
        OK(pthread_cond_broadcast(&gate.opened));
        (void)test_join(&thread);
        _exit(0);
    }
    test_join_child(child);
    gate.open = true;
    OK(pthread_mutex_unlock(&gate.mutex));
    OK(pthread_cond_broadcast(&gate.opened));
    (void)test_join(&waiter);
}

TEST(a_child_may_notify_a_condition_that_others_waited_for_in_the_parent) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    test_thread waiter = test_start(pass, &gate);
    await_waiting(&gate, 1);
    OK(pthread_mutex_lock(&gate.mutex));
    const pid_t child = fork();
    CHECK(child >= 0);
    OK(pthread_cond_signal(&gate.opened));
    OK(pthread_cond_broadcast(&gate.opened));
    gate.open = true;
    OK(pthread_mutex_unlock(&gate.mutex));
    if (child == 0) _exit(0);
    test_join_child(child);
    (void)test_join(&waiter);
}
