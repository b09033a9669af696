/* SPDX-License-Identifier: MIT */
/*
 * A condition of a lock, a condition of an rlock, and a monitor, behind one table: what is promised of all of
 * them is tested with each.
 */
#ifndef THRUM_TESTS_SUPPORT_CONDITIONS_H
#define THRUM_TESTS_SUPPORT_CONDITIONS_H

#include "test.h"

#include <stdio.h>

#include <thrum/cond.h>
#include <thrum/monitor.h>

typedef struct condition {
    const char *name;
    thrum_result without_lock; /* what a wait or a notify without the lock is told */
    void (*acquire)(void);
    void (*release)(void);
    bool (*try_acquire)(void);
    bool (*locked)(void);
    thrum_result (*wait)(void);
    thrum_result (*wait_until)(thrum_deadline deadline);
    int (*wait_for)(thrum_predicate *predicate, void *argument, thrum_deadline deadline);
    thrum_result (*notify)(int n);
    thrum_result (*notify_all)(void);
    unsigned (*waiters)(void);
} condition;

/* The table's functions for an object and the prefix of its type's. */
#define CONDITION_FUNCTIONS_(name, type, object)                                                      \
    static void name##_acquire(void) {                                                                \
        (void)type##_acquire(object);                                                                 \
    }                                                                                                 \
    static void name##_release(void) {                                                                \
        CHECK_EQ(type##_release(object), THRUM_OK);                                                   \
    }                                                                                                 \
    static bool name##_try_acquire(void) {                                                            \
        return type##_try_acquire(object);                                                            \
    }                                                                                                 \
    static bool name##_locked(void) {                                                                 \
        return type##_locked(object);                                                                 \
    }                                                                                                 \
    static thrum_result name##_wait(void) {                                                           \
        return type##_wait(object);                                                                   \
    }                                                                                                 \
    static thrum_result name##_wait_until(thrum_deadline deadline) {                                  \
        return type##_wait_until(object, deadline);                                                   \
    }                                                                                                 \
    static int name##_wait_for(thrum_predicate *predicate, void *argument, thrum_deadline deadline) { \
        return type##_wait_for(object, predicate, argument, deadline);                                \
    }                                                                                                 \
    static thrum_result name##_notify(int n) {                                                        \
        return type##_notify(object, n);                                                              \
    }                                                                                                 \
    static thrum_result name##_notify_all(void) {                                                     \
        return type##_notify_all(object);                                                             \
    }                                                                                                 \
    static unsigned name##_waiters(void) {                                                            \
        return type##_waiters(object);                                                                \
    }
#define CONDITION_ROW_(text, told, name)                                                            \
    {                                                                                               \
        text, told, name##_acquire, name##_release, name##_try_acquire, name##_locked, name##_wait, \
            name##_wait_until, name##_wait_for, name##_notify, name##_notify_all, name##_waiters    \
    }

static thrum_lock of_lock_lock;
static thrum_cond of_lock_cond = THRUM_COND_INIT(&of_lock_lock);
static thrum_rlock of_rlock_lock;
static thrum_cond of_rlock_cond = THRUM_COND_INIT(&of_rlock_lock);
static thrum_monitor of_its_own;

CONDITION_FUNCTIONS_(of_lock, thrum_cond, &of_lock_cond)
CONDITION_FUNCTIONS_(of_rlock, thrum_cond, &of_rlock_cond)
CONDITION_FUNCTIONS_(of_monitor, thrum_monitor, &of_its_own)

static const condition conditions[] = {
    CONDITION_ROW_("condition of a lock", THRUM_NOT_LOCKED, of_lock),
    CONDITION_ROW_("condition of an rlock", THRUM_NOT_OWNER, of_rlock),
    CONDITION_ROW_("monitor", THRUM_NOT_OWNER, of_monitor),
};

static inline const condition *condition_after(const condition *c) {
    c = c ? c + 1 : conditions;
    if (c == conditions + sizeof conditions / sizeof conditions[0]) return NULL;
    printf("    %s\n", c->name);
    fflush(stdout);
    return c;
}
#define EACH_CONDITION(c) (const condition *c = condition_after(NULL); c; c = condition_after(c))

#endif
