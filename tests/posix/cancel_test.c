/* SPDX-License-Identifier: MIT */
/* Threads that are cancelled in waits. */
#include "cancel_parts.h"
#include "posix.h"

static const struct shared new_shared = {.mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                                         .changed = PTHREAD_COND_INITIALIZER};

enum { WAYS = 4 };

static int wait_by(struct shared *shared) {
    const struct timespec late = in_ms(CLOCK_REALTIME, 600000), monotonic = in_ms(CLOCK_MONOTONIC, 600000);
    switch (shared->way) {
    case 0:
        return pthread_cond_wait(&shared->changed, &shared->mutex);
    case 1:
        return pthread_cond_timedwait(&shared->changed, &shared->mutex, &late);
    case 2:
        return pthread_cond_clockwait(&shared->changed, &shared->mutex, CLOCK_MONOTONIC, &monotonic);
    default:
        return pthread_cond_clockwait(&shared->changed, &shared->mutex, CLOCK_REALTIME, &late);
    }
}

/* A cleanup: that the caller has the mutex is what its unlock says. */
static void unlock(void *p) {
    struct shared *const shared = p;
    shared->cleaned++;
    OK(pthread_mutex_unlock(&shared->mutex));
}

static void *wait_to_go(void *p) {
    struct shared *const shared = p;
    OK(pthread_mutex_lock(&shared->mutex));
    pthread_cleanup_push(unlock, shared);
    shared->waiting++;
    while (!shared->go) OK(wait_by(shared));
    shared->go--;
    shared->passed++;
    shared->passer = pthread_self();
    pthread_cleanup_pop(1);
    return NULL;
}

/* Returns when the thread is in its wait: it has let the mutex go. */
static test_thread start_waiting(struct shared *shared) {
    const int before = shared->waiting;
    test_thread thread = test_start(wait_to_go, shared);
    await(&shared->waiting, before + 1);
    OK(pthread_mutex_lock(&shared->mutex));
    OK(pthread_mutex_unlock(&shared->mutex));
    return thread;
}

TEST(a_thread_cancelled_in_a_wait_cleans_up_with_the_mutex) {
    for (int way = 0; way < WAYS; way++)
        for (int asleep = 0; asleep < 2; asleep++) {
            struct shared shared = new_shared;
            shared.way = way;
            test_thread thread = start_waiting(&shared);
            if (asleep) await_blocked(&thread);
            OK(pthread_cancel(thread.thread));
            CHECK(test_join(&thread) == PTHREAD_CANCELED);
            CHECK_EQ(shared.cleaned, 1);
            OK(pthread_mutex_trylock(&shared.mutex));
            OK(pthread_mutex_unlock(&shared.mutex));
            OK(pthread_cond_destroy(&shared.changed));
            OK(pthread_mutex_destroy(&shared.mutex));
        }
}

TEST(a_cancelled_wait_cleans_up_no_earlier_than_it_has_the_mutex) {
    for (int way = 0; way < WAYS; way++) {
        struct shared shared = new_shared;
        shared.way = way;
        test_thread thread = start_waiting(&shared);
        OK(pthread_mutex_lock(&shared.mutex));
        OK(pthread_cancel(thread.thread));
        const uint64_t end = test_now_ns() + 3000000;
        while (test_now_ns() < end) CHECK_EQ(shared.cleaned, 0);
        OK(pthread_mutex_unlock(&shared.mutex));
        CHECK(test_join(&thread) == PTHREAD_CANCELED);
        CHECK_EQ(shared.cleaned, 1);
    }
}

static _Atomic int cancelled;

static void *wait_after_the_cancel(void *p) {
    await(&cancelled, 1);
    return wait_to_go(p);
}

static void *time_out_with_a_cancel_to_come(void *unused) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    int before, result = 0;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
    OK(pthread_cancel(pthread_self()));
    OK(pthread_mutex_lock(&mutex));
    const struct timespec soon = in_ms(CLOCK_REALTIME, 15);
    while (result == 0) result = pthread_cond_timedwait(&never, &mutex, &soon);
    CHECK_EQ(result, ETIMEDOUT);
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

TEST(a_thread_that_may_not_be_cancelled_waits_until_its_deadline) {
    test_thread thread = test_start(time_out_with_a_cancel_to_come, NULL);
    CHECK(test_join(&thread) == NULL);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t never;
    int waiting;
} many = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void unlock_many(void *unused) {
    (void)unused;
    OK(pthread_mutex_unlock(&many.mutex));
}

static void *wait_among_many(void *unused) {
    OK(pthread_mutex_lock(&many.mutex));
    pthread_cleanup_push(unlock_many, NULL);
    many.waiting++;
    for (;;) OK(pthread_cond_wait(&many.never, &many.mutex));
    pthread_cleanup_pop(1);
    return unused;
}

TEST(of_many_waiters_each_can_be_cancelled) {
    enum { MANY = 130 };
    static test_thread threads[MANY];
    for (int i = 0; i < MANY; i++) threads[i] = test_start(wait_among_many, NULL);
    for (int there = 0; there < MANY;) {
        OK(pthread_mutex_lock(&many.mutex));
        there = many.waiting;
        OK(pthread_mutex_unlock(&many.mutex));
        if (there < MANY) sched_yield();
    }
    for (int i = 0; i < MANY; i++) {
        OK(pthread_cancel(threads[i].thread));
        CHECK(test_join(&threads[i]) == PTHREAD_CANCELED);
    }
    OK(pthread_cond_destroy(&many.never));
}

TEST(a_cancellation_that_came_before_the_wait_ends_it) {
    for (int way = 0; way < WAYS; way++) {
        struct shared shared = new_shared;
        shared.way = way;
        cancelled = 0;
        test_thread thread = test_start(wait_after_the_cancel, &shared);
        OK(pthread_cancel(thread.thread));
        cancelled = 1;
        CHECK(test_join(&thread) == PTHREAD_CANCELED);
        CHECK_EQ(shared.cleaned, 1);
    }
}

static void *wait_uncancelled(void *p) {
    int old;
    OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
    (void)wait_to_go(p);
    OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    return NULL;
}

TEST(a_thread_that_may_not_be_cancelled_waits_on) {
    for (int way = 0; way < WAYS; way++) {
        struct shared shared = new_shared;
        shared.way = way;
        test_thread thread = test_start(wait_uncancelled, &shared);
        await(&shared.waiting, 1);
        await_blocked(&thread);
        OK(pthread_cancel(thread.thread));
        OK(pthread_mutex_lock(&shared.mutex));
        CHECK_EQ(shared.cleaned, 0);
        shared.go = 1;
        OK(pthread_mutex_unlock(&shared.mutex));
        OK(pthread_cond_signal(&shared.changed));
        CHECK(test_join(&thread) == PTHREAD_CANCELED); /* at its testcancel */
        CHECK_EQ(shared.passed, 1);
    }
}

TEST(a_cancelled_waiter_leaves_the_signal_to_another) {
    /*
     * One signal, two waiters, one of them cancelled at about the same time: one passes, or the other one
     * does.
     */
    for (unsigned i = 0; i < 4000 / test_slowdown(); i++) {
        struct shared shared = new_shared;
        shared.way = (int)(i / 4 % WAYS);
        test_thread doomed = start_waiting(&shared), other = start_waiting(&shared);
        OK(pthread_mutex_lock(&shared.mutex));
        shared.go = 1;
        if (i % 2) OK(pthread_cancel(doomed.thread));
        OK(pthread_cond_signal(&shared.changed));
        if (i % 4 < 2) OK(pthread_mutex_unlock(&shared.mutex));
        if (i % 2 == 0) OK(pthread_cancel(doomed.thread));
        if (i % 4 >= 2) OK(pthread_mutex_unlock(&shared.mutex));
        (void)test_join(&doomed); /* glibc may call a thread cancelled that returned at the same time */
        OK(pthread_mutex_lock(&shared.mutex));
        const bool was_cancelled = !shared.passed || !pthread_equal(shared.passer, doomed.thread);
        OK(pthread_mutex_unlock(&shared.mutex));
        if (!was_cancelled) { /* it passed; the other one waits for a signal of its own */
            OK(pthread_mutex_lock(&shared.mutex));
            shared.go++;
            OK(pthread_cond_broadcast(&shared.changed));
            OK(pthread_mutex_unlock(&shared.mutex));
        }
        CHECK(test_join(&other) == NULL);
        CHECK_EQ(shared.passed, was_cancelled ? 1 : 2);
    }
}

TEST(cancelled_waiters_leave_a_condition_that_works) {
    /* Many waiters, all cancelled but one; the condition may be destroyed when they have ended. */
    for (unsigned i = 0; i < 100 / test_slowdown(); i++) {
        struct shared shared = new_shared;
        shared.way = (int)(i % WAYS);
        test_thread threads[8];
        for (int j = 0; j < 8; j++) threads[j] = start_waiting(&shared);
        const int kept = (int)(i % 8);
        for (int j = 0; j < 8; j++)
            if (j != kept) OK(pthread_cancel(threads[j].thread));
        OK(pthread_mutex_lock(&shared.mutex));
        shared.go = 1;
        OK(pthread_cond_broadcast(&shared.changed));
        OK(pthread_mutex_unlock(&shared.mutex));
        for (int j = 0; j < 8; j++)
            if (j != kept) (void)test_join(&threads[j]);
        OK(pthread_mutex_lock(&shared.mutex));
        const bool passed = shared.passed && !pthread_equal(shared.passer, threads[kept].thread);
        OK(pthread_mutex_unlock(&shared.mutex));
        if (passed) { /* one was faster than its cancellation */
            OK(pthread_mutex_lock(&shared.mutex));
            shared.go = 1;
            OK(pthread_cond_broadcast(&shared.changed));
            OK(pthread_mutex_unlock(&shared.mutex));
        }
        CHECK(test_join(&threads[kept]) == NULL);
        CHECK_EQ(shared.cleaned, 8);
        OK(pthread_cond_destroy(&shared.changed));
        OK(pthread_mutex_destroy(&shared.mutex));
    }
}

static void *wait_asynchronously(void *p) {
    int old;
    OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    return wait_to_go(p);
}

TEST(a_thread_cancelled_asynchronously_in_a_wait_cleans_up_with_the_mutex) {
    /* POSIX allows no wait in such a thread; programs make them, and glibc bears it. */
    if (!IS_GLIBC && !is_replaced()) test_skip("musl: the cleanup runs without the mutex");
    for (unsigned i = 0; i < 200; i++) {
        struct shared shared = new_shared;
        shared.way = (int)(i / 2 % WAYS);
        test_thread thread = test_start(wait_asynchronously, &shared);
        await(&shared.waiting, 1);
        OK(pthread_mutex_lock(&shared.mutex));
        OK(pthread_mutex_unlock(&shared.mutex));
        if (i % 2) await_blocked(&thread);
        OK(pthread_cancel(thread.thread));
        CHECK(test_join(&thread) == PTHREAD_CANCELED);
        CHECK_EQ(shared.cleaned, 1);
        OK(pthread_cond_signal(&shared.changed)); /* it waits no more */
        OK(pthread_mutex_trylock(&shared.mutex));
        OK(pthread_mutex_unlock(&shared.mutex));
        OK(pthread_cond_destroy(&shared.changed));
    }
}
