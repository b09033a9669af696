/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. The process's end shuts the executors down: without it their idle workers, who are no daemons,
 * would be waited for for ever.
 *
 * O1: every executor is listed from its making until it is freed. Once the list has been gone through none is
 *     made any more.
 * O2: a fork holds the lock. The child's list is empty: the executors are its parent's, and their locks may
 *     be held by threads that it does not have.
 */
#include "executor_inside.h"

#include <pthread.h>
#include <thrum/once.h>

static thrum_lock lock; /* of the two */
static thrum_executor *first;
static bool ending;

static void shut_all_down(void *unused) {
    (void)unused;
    thrum_lock_acquire(&lock);
    ending = true; /* O1 */
    for (thrum_executor *executor = first; executor; executor = executor->next)
        thrum_executor_crew_close_(&executor->crew, THRUM_CLOSED);
    thrum_lock_release(&lock);
}

static void before_fork(void) {
    thrum_lock_acquire(&lock);
}

static void after_fork(void) {
    thrum_lock_release(&lock);
}

static void in_the_child(void) {
    first = NULL; /* O2 */
    thrum_lock_reset_after_fork(&lock);
}

static thrum_result prepare(void *unused) {
    (void)unused;
    static bool handled; /* the once lets one in at a time */
    if (!handled && pthread_atfork(before_fork, after_fork, in_the_child)) return THRUM_NO_MEMORY;
    handled = true;
    return thrum_at_shutdown(shut_all_down, NULL);
}

thrum_result thrum_executor_list_(thrum_executor *executor) {
    static thrum_once prepared;
    thrum_result result = thrum_once_run(&prepared, prepare, NULL);
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
    *executor->place = executor->next;
    if (executor->next) executor->next->place = executor->place;
    thrum_lock_release(&lock);
}
