/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_once: a thrum_once, and the list of those that may be being run.
 *
 * pthread_once.I1: a run is in the list from before its thread begins the once until that thread has ended
 *     it. A forked child opens the onces that other threads of the parent were running, which nobody would
 *     end; what is done stays done, and what the forking thread itself runs goes on.
 * pthread_once.I2: a fork does not wait for `lock`. A handler of the fork may wait for a thread that holds
 *     a mutex, and that thread for `lock`. Instead, the list can be read from `first` onwards at every
 *     moment: each change is one store, by release, after the stores that it needs. A child has the memory of
 *     the parent's other threads as of some moment of each.
 *
 * In a circle with pthread.c: the decisions are there, and a child of a fork there empties the list.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../rcu/rank.h"
#include "pthread_inside.h"

#include <thrum/once.h>

typedef struct run {
    thrum_u64 next; /* the address of the one that came before; 0: none */
    thrum_once *once;
    pthread_t thread;
    bool runs; /* else it waits for another thread's run, or is about to begin */
} run;

static thrum_lock lock; /* of changes of the list */
THRUM_RANK(16, lock);
static thrum_u64 first;

THRUM_STATIC_ASSERT(sizeof(thrum_once) <= sizeof(pthread_once_t) && PTHREAD_ONCE_INIT == 0, "a once fits");

/* pthread_once.L1: acquire, pairs with pthread_once.L2 */
static run *at(const thrum_u64 *link) {
    return (run *)(uintptr_t)thrum_u64_load_acquire(link);
}

static void enlist(run *self) {
    thrum_lock_acquire(&lock);
    /* relaxed: nobody knows of the run yet */
    thrum_u64_store_relaxed(&self->next, thrum_u64_load_relaxed(&first));
    /* pthread_once.L2: release, pairs with pthread_once.L1; pthread_once.I2 */
    thrum_u64_store_release(&first, (uint64_t)(uintptr_t)self);
    (void)thrum_lock_release(&lock);
}

/* To the link that led to the run. */
static void skip(thrum_u64 *link, const run *gone) {
    /* pthread_once.L2: release, pairs with pthread_once.L1; pthread_once.I2 */
    thrum_u64_store_release(link, thrum_u64_load_relaxed(&gone->next));
}

static void strike_out(run *self) {
    thrum_lock_acquire(&lock);
    thrum_u64 *link = &first;
    while (at(link) != self) link = &at(link)->next;
    skip(link, self);
    (void)thrum_lock_release(&lock);
}

/* The function did not return: the next caller runs it. */
static void abandon(void *p) {
    run *const self = p;
    thrum_once_end_(self->once, THRUM_CANCELLED);
    strike_out(self);
}

static THRUM_COLD void begin(thrum_once *once, void (*function)(void)) {
    run self = {{0}, once, pthread_self(), false};
    enlist(&self);
    if (thrum_once_begin_(once, THRUM_FOREVER) == THRUM_ONCE_YOURS_) {
        self.runs = true;
        pthread_cleanup_push(abandon, &self);
        function();
        pthread_cleanup_pop(0);
        thrum_once_end_(once, THRUM_OK);
    }
    strike_out(&self);
}

static THRUM_COLD int run_slow(pthread_once_t *control, void (*function)(void)) {
    if (!thrum_is_taken_(THRUM_TAKEN_ONCE)) return THRUM_C_LIBRARYS(pthread_once)(control, function);
    begin((thrum_once *)(void *)control, function);
    return 0;
}

THRUM_NAME int pthread_once(pthread_once_t *control, void (*function)(void)) {
    const thrum_once *const once = (const thrum_once *)(const void *)control;
    if (THRUM_LIKELY(thrum_is_taken_(THRUM_TAKEN_ONCE) && thrum_once_done(once))) return 0;
    return run_slow(control, function);
}

THRUM_SECOND_NAME(pthread_once);

/* ---- forks ---- */

static bool is_of_caller(const run *each) {
    return pthread_equal(each->thread, pthread_self());
}

static bool is_run_by_caller(const thrum_once *once) {
    const run *each = at(&first);
    while (each && !(each->once == once && each->runs && is_of_caller(each))) each = at(&each->next);
    return each != NULL;
}

void thrum_onces_in_child_(void) {
    thrum_lock_reset_after_fork(&lock);
    thrum_u64 *link = &first;
    for (run *each; (each = at(link));) {
        if (is_of_caller(each)) {
            link = &each->next;
            continue;
        }
        if (!thrum_once_done(each->once) && !is_run_by_caller(each->once)) thrum_once_init(each->once);
        skip(link, each); /* pthread_once.I1 */
    }
}
