/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. The process's end shuts the executors down: else it would wait for ever for their idle workers,
 * which are no daemons.
 *
 * executor.O1: every executor is listed from its making until it is freed, or until a fork: a child's list
 *     leads to none of its parent's, also where the child frees one. Once the list has been gone through none
 *     is made any more.
 * executor.O2: a fork holds the lock, and first the lock of first uses, for `prepare` takes the two in this
 *     order; the room thread's handler comes after and takes the other again (docs/locks.md). The child's
 *     list is empty: the executors are its parent's, and their locks may be held by threads that it does not
 *     have.
 * executor.O3: `wished` is true while the process's end will call shut_all_down. A child of a process that
 *     has called it is at its beginning (thrum/thread.h): it makes executors, and wishes again.
 */
#include "../atomic/law.h"
#include "../rcu/rank.h"
#include "../thread/prepare.h"
#include "executor_inside.h"

#include <pthread.h>

static thrum_lock lock; /* of these */
THRUM_RANK(4, lock);
static thrum_executor *first;
static bool ending, wished;
static thrum_first_use_ prepared;

static void shut_all_down(void *unused) {
    (void)unused;
    thrum_lock_acquire(&lock);
    ending = true;  /* executor.O1 */
    wished = false; /* executor.O3 */
    for (thrum_executor *executor = first; executor; executor = executor->next)
        thrum_executor_crew_close_(&executor->crew, THRUM_CLOSED);
    thrum_lock_release(&lock);
}

static void before_fork(void) {
    thrum_rlock_acquire(&thrum_first_uses_); /* executor.O2 */
    thrum_lock_acquire(&lock);
}

static void after_fork(void) {
    thrum_lock_release(&lock);
    THRUM_IGNORE_(thrum_rlock_release(&thrum_first_uses_));
}

static void in_the_child(void) {
    for (thrum_executor *executor = first; executor; executor = executor->next) executor->place = NULL;
    first = NULL; /* executor.O2 */
    ending = false;
    if (!wished) thrum_first_use_reopen_(&prepared); /* executor.O3 */
    thrum_lock_reset_after_fork(&lock);
    THRUM_IGNORE_(thrum_rlock_release(&thrum_first_uses_)); /* executor.O2: taken twice, released twice */
}

static thrum_result watch_forks(void) {
    static bool watched;
    watched = watched || pthread_atfork(before_fork, after_fork, in_the_child) == 0;
    return watched ? THRUM_OK : THRUM_NO_MEMORY;
}

/* Before main: a handler is not registered beside a fork. Else the first use tries again. */
__attribute__((constructor)) static void watch_forks_early(void) {
    static thrum_first_use_ early;
    (void)thrum_first_use_run_(&early, watch_forks);
}

static thrum_result prepare(void) {
    thrum_result result = watch_forks();
    if (result != THRUM_OK) return result;
    thrum_lock_acquire(&lock);
    wished = true;
    thrum_lock_release(&lock);
    result = thrum_at_shutdown(shut_all_down, NULL);
    if (result == THRUM_OK) return result;
    thrum_lock_acquire(&lock);
    wished = false;
    thrum_lock_release(&lock);
    return result;
}

thrum_result thrum_executor_list_(thrum_executor *executor) {
    thrum_result result = thrum_first_use_run_(&prepared, prepare);
    if (result != THRUM_OK) return result;
    thrum_lock_acquire(&lock);
    if (ending) {
        result = THRUM_FINALIZING;
    } else {
        executor->next = first;
        if (first) first->place = &executor->next;
        executor->place = &first;
        first = executor;
    }
    thrum_lock_release(&lock);
    return result;
}

void thrum_executor_unlist_(thrum_executor *executor) {
    thrum_lock_acquire(&lock);
    if (executor->place) { /* executor.O1 */
        THRUM_LAW(executor.O1, *executor->place == executor);
        *executor->place = executor->next;
        if (executor->next) executor->next->place = executor->place;
    }
    thrum_lock_release(&lock);
}
