/* SPDX-License-Identifier: MIT */
/* Cancelled waits for semaphores, and cancelled holders. */
#include "cancel_parts.h"
#include "posix.h"

static const struct shared new_shared = {.mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                                         .changed = PTHREAD_COND_INITIALIZER};

static _Atomic int cancelled;

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
