/* SPDX-License-Identifier: MIT */
/* Threads that each hold one thing and wait for another, for the tests of circles of waiting threads. */
#ifndef THRUM_TESTS_CHECKED_ACTORS_H
#define THRUM_TESTS_CHECKED_ACTORS_H

#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rwlock.h>

#include <sched.h>

enum { MANY = 40 };
static thrum_lock locks[MANY];
static thrum_rwlock table;

typedef enum way { BY_NOTHING, BY_LOCK, BY_READ, BY_READ_BEHIND, BY_WRITE } way;
typedef struct step {
    way way;
    unsigned object;
} step;
#define NOTHING ((step){BY_NOTHING, 0})
#define LOCK(number) ((step){BY_LOCK, number})
#define READ ((step){BY_READ, 0})
#define WRITE ((step){BY_WRITE, 0})
/* Once a writer that waits has closed it. */
#define READ_BEHIND ((step){BY_READ_BEHIND, 0})

static inline void take(step taken) {
    switch (taken.way) {
    case BY_NOTHING:
        break;
    case BY_LOCK:
        thrum_lock_acquire(&locks[taken.object]);
        break;
    case BY_READ_BEHIND:
        while (thrum_rwlock_try_acquire_read(&table)) (void)thrum_rwlock_release_read(&table);
        thrum_rwlock_acquire_read(&table);
        break;
    case BY_READ:
        thrum_rwlock_acquire_read(&table);
        break;
    case BY_WRITE:
        thrum_rwlock_acquire_write(&table);
        break;
    }
}

/* Holds one thing, and when it is told to, waits for the other. Up to then it is asleep nowhere. */
typedef struct actor {
    step holds, wants;
    thrum_event holding, go;
    test_thread thread;
} actor;
static actor actors[MANY + 1];
static unsigned cast;

static inline void await(const thrum_event *event) {
    while (!thrum_event_is_set(event)) sched_yield();
}

static inline void *act(void *argument) {
    actor *const me = argument;
    take(me->holds);
    thrum_event_set(&me->holding);
    await(&me->go);
    take(me->wants);
    return NULL;
}

static inline actor *holder(step holds, step wants) {
    actor *const added = &actors[cast++];
    added->holds = holds;
    added->wants = wants;
    added->thread = test_start(act, added);
    await(&added->holding);
    return added;
}

/* Returns when the actor waits for what it wants. */
static inline void waits(actor *told_to) {
    thrum_event_set(&told_to->go);
    test_await_asleep(&told_to->thread);
}

static inline void only_circles(void) {
    thrum_checked_leave_out(THRUM_CHECKED_INVERSION);
    thrum_checked_leave_out(THRUM_CHECKED_AGAIN);
}

static inline void tells_nothing(void (*ends)(void)) {
    hear_from_child(ends);
    if (says("thrum: ")) test_fail(__FILE__, __LINE__, told.text);
}

#endif
