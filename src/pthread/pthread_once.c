/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_once: a thrum_once, and the list of those that are being run.
 *
 * pthread_once.I1: a once is in the list while its function runs, in whichever way that ends. A forked child
 *     opens those that other threads of the parent were running, which nobody would end; what the forking
 *     thread itself runs goes on.
 * pthread_once.I2: a fork holds the list's lock, so that the child finds it whole. It is an rlock: a handler
 *     of the fork that asks for a once comes by while the lock is the caller's.
 *
 * In a circle with pthread.c: the decisions are there, and a fork there holds the list.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_inside.h"

#include <thrum/once.h>

typedef struct run {
    struct run *next, **link;
    thrum_once *once;
    pthread_t thread;
} run;

static thrum_rlock lock; /* of the list */
static run *first;

THRUM_STATIC_ASSERT(sizeof(thrum_once) <= sizeof(pthread_once_t) && PTHREAD_ONCE_INIT == 0, "a once fits");

static void enlist(run *self) {
    (void)thrum_rlock_acquire(&lock);
    self->next = first;
    self->link = &first;
    if (first) first->link = &self->next;
    first = self;
    (void)thrum_rlock_release(&lock);
}

static void strike_out(run *self) {
    (void)thrum_rlock_acquire(&lock);
    *self->link = self->next;
    if (self->next) self->next->link = self->link;
    (void)thrum_rlock_release(&lock);
}

/* The function did not return: the next caller runs it. */
static void abandon(void *p) {
    run *const self = p;
    strike_out(self);
    thrum_once_end_(self->once, THRUM_CANCELLED);
}

static THRUM_COLD void begin(thrum_once *once, void (*function)(void)) {
    if (thrum_once_begin_(once, THRUM_FOREVER) != THRUM_ONCE_YOURS_) return;
    run self = {NULL, NULL, once, pthread_self()};
    enlist(&self);
    pthread_cleanup_push(abandon, &self);
    function();
    pthread_cleanup_pop(0);
    strike_out(&self);
    thrum_once_end_(once, THRUM_OK);
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

void thrum_onces_before_fork_(void) {
    (void)thrum_rlock_acquire(&lock); /* pthread_once.I2 */
}
void thrum_onces_in_parent_(void) {
    (void)thrum_rlock_release(&lock);
}
void thrum_onces_in_child_(void) {
    thrum_rlock_reset_after_fork(&lock);
    run *next;
    for (run *each = first; each; each = next) {
        next = each->next;
        if (pthread_equal(each->thread, pthread_self())) continue;
        thrum_once_init(each->once); /* pthread_once.I1 */
        *each->link = next;
        if (next) next->link = each->link;
    }
    (void)thrum_rlock_release(&lock);
}
