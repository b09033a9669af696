/* SPDX-License-Identifier: MIT */
/* Threads that are cancelled in waits. */
#include "posix.h"

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int way;
    _Atomic int waiting, cleaned;
    int go, passed;
    pthread_t passer; /* the last one */
};

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

/* ---- semaphores ---- */

struct with_semaphore {
    sem_t semaphore;
    int way;
    _Atomic int cleaned;
};

static void note(void *p) {
    ((struct with_semaphore *)p)->cleaned++;
}

static int wait_for_post(struct with_semaphore *with) {
    const struct timespec late = in_ms(CLOCK_REALTIME, 600000), monotonic = in_ms(CLOCK_MONOTONIC, 600000);
    switch (with->way) {
    case 0:
        return sem_wait(&with->semaphore);
    case 1:
        return sem_timedwait(&with->semaphore, &late);
    default:
        return sem_clockwait(&with->semaphore, CLOCK_MONOTONIC, &monotonic);
    }
}

static void *wait_for_a_post(void *p) {
    struct with_semaphore *const with = p;
    pthread_cleanup_push(note, with);
    OK(wait_for_post(with));
    pthread_cleanup_pop(0);
    return NULL;
}

TEST(a_thread_is_cancelled_in_a_wait_for_a_semaphore) {
    for (int way = 0; way < 3; way++) {
        struct with_semaphore with = {.way = way};
        OK(sem_init(&with.semaphore, 0, 0));
        test_thread thread = test_start(wait_for_a_post, &with);
        await_blocked(&thread);
        OK(pthread_cancel(thread.thread));
        CHECK(test_join(&thread) == PTHREAD_CANCELED);
        CHECK_EQ(with.cleaned, 1);
        OK(sem_post(&with.semaphore)); /* it took none with it */
        OK(sem_trywait(&with.semaphore));
        FAILS(sem_trywait(&with.semaphore), EAGAIN);
        OK(sem_destroy(&with.semaphore));
    }
}

static void *wait_for_a_post_cancelled(void *p) {
    await(&cancelled, 1);
    return wait_for_a_post(p);
}

TEST(a_cancellation_that_came_before_takes_no_post) {
    /*
     * sem_wait alone: glibc 2.36 looks for a cancellation in sem_timedwait and sem_clockwait only where they
     * wait.
     */
    struct with_semaphore with = {.way = 0};
    cancelled = 0;
    OK(sem_init(&with.semaphore, 0, 1));
    test_thread thread = test_start(wait_for_a_post_cancelled, &with);
    OK(pthread_cancel(thread.thread));
    cancelled = 1;
    CHECK(test_join(&thread) == PTHREAD_CANCELED);
    OK(sem_trywait(&with.semaphore));
}

TEST(a_cancelled_waiter_leaves_the_post_to_another) {
    if (IS_GLIBC && !is_replaced())
        test_skip("glibc 2.36: a waiter that is woken and cancelled at once takes the wake with it");
    for (unsigned i = 0; i < 3000 / test_slowdown(); i++) {
        struct with_semaphore with = {.way = (int)(i % 3)};
        OK(sem_init(&with.semaphore, 0, 0));
        test_thread doomed = test_start(wait_for_a_post, &with), other = test_start(wait_for_a_post, &with);
        if (i % 4 < 2) await_blocked(&doomed);
        if (i % 2) OK(pthread_cancel(doomed.thread));
        OK(sem_post(&with.semaphore));
        if (i % 2 == 0) OK(pthread_cancel(doomed.thread));
        (void)test_join(&doomed); /* glibc may call a thread cancelled that returned at the same time */
        if (!with.cleaned) OK(sem_post(&with.semaphore)); /* it was faster, and has it */
        CHECK(test_join(&other) == NULL);
        FAILS(sem_trywait(&with.semaphore), EAGAIN);
        OK(sem_destroy(&with.semaphore));
    }
}

/*
 * On one processor the waiter that was first in the queue runs when the thread that posts and cancels has
 * done both: it is woken and cancelled, in either order, before it has done a step.
 */
TEST(a_waiter_that_meets_a_post_and_a_cancel_at_once_leaves_the_post_to_another) {
    if (IS_GLIBC && !is_replaced())
        test_skip("glibc 2.36: a waiter that is woken and cancelled at once takes the wake with it");
    test_pin(1);
    for (unsigned i = 0; i < 120; i++) {
        struct with_semaphore with = {.way = (int)(i / 2 % 3)};
        OK(sem_init(&with.semaphore, 0, 0));
        test_thread doomed = test_start(wait_for_a_post, &with);
        await_blocked(&doomed);
        test_thread other = test_start(wait_for_a_post, &with);
        await_blocked(&other);
        if (i % 2) OK(pthread_cancel(doomed.thread));
        OK(sem_post(&with.semaphore));
        if (i % 2 == 0) OK(pthread_cancel(doomed.thread));
        (void)test_join(&doomed);
        if (!with.cleaned) OK(sem_post(&with.semaphore)); /* it ran in between, and has it */
        CHECK(test_join(&other) == NULL);
        FAILS(sem_trywait(&with.semaphore), EAGAIN);
        OK(sem_destroy(&with.semaphore));
    }
}

/* ---- the ways out of a thread that holds what others wait for ---- */

static void unlock_mutex(void *mutex) {
    OK(pthread_mutex_unlock(mutex));
}

static _Atomic int holding;

static void *hold_until_cancelled(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    pthread_cleanup_push(unlock_mutex, mutex);
    holding = 1;
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void *lock_and_unlock(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    OK(pthread_mutex_unlock(mutex));
    return NULL;
}

TEST(a_cancelled_holders_cleanup_lets_the_waiters_in) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    test_thread holder = test_start(hold_until_cancelled, &mutex);
    await(&holding, 1);
    test_thread waiters[4];
    for (int i = 0; i < 4; i++) waiters[i] = test_start(lock_and_unlock, &mutex);
    await_blocked(&waiters[0]);
    OK(pthread_cancel(holder.thread));
    CHECK(test_join(&holder) == PTHREAD_CANCELED);
    for (int i = 0; i < 4; i++) (void)test_join(&waiters[i]);
}

static void *wait_asynchronously_cancelled(void *p) {
    int old;
    OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    OK(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_ASYNCHRONOUS);
    const struct timespec past = in_ms(CLOCK_REALTIME, -1);
    struct shared *const shared = p;
    OK(pthread_mutex_lock(&shared->mutex));
    CHECK_EQ(pthread_cond_timedwait(&shared->changed, &shared->mutex, &past), ETIMEDOUT);
    OK(pthread_mutex_unlock(&shared->mutex));
    OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    CHECK_EQ(old, PTHREAD_CANCEL_DEFERRED); /* a wait leaves the kind of cancellation as it was */
    return NULL;
}

TEST(a_wait_leaves_the_kind_of_cancellation_as_it_was) {
    struct shared shared = new_shared;
    test_thread thread = test_start(wait_asynchronously_cancelled, &shared);
    CHECK(test_join(&thread) == NULL);
}
