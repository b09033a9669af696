/* SPDX-License-Identifier: MIT */
/* The primitives of the walk, each as something that is held until it is given. */
#ifndef THRUM_TESTS_CONDITIONS_WALK_PARTS_H
#define THRUM_TESTS_CONDITIONS_WALK_PARTS_H

#include "test.h"

#include <stdatomic.h>

#include <thrum/all.h>
#include <thrum/barrier.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/once.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/spinlock.h>
#include <thrum/wait_any.h>

/*
 * A primitive, taken when the child begins. `until` waits for what `give` gives; after a success it is taken
 * again. `try` asks for it.
 */
typedef struct primitive {
    const char *name;
    thrum_result (*until)(thrum_deadline deadline);
    bool (*attempt)(void);
    void (*give)(void);
} primitive;

static thrum_lock lock;
static thrum_result lock_until(thrum_deadline deadline) {
    return thrum_lock_acquire_until(&lock, deadline);
}
static bool lock_try(void) {
    return thrum_lock_try_acquire(&lock);
}
static void lock_give(void) {
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}

static thrum_spinlock spinlock;
static thrum_result spinlock_until(thrum_deadline deadline) {
    return thrum_spinlock_acquire_until(&spinlock, deadline);
}
static bool spinlock_try(void) {
    return thrum_spinlock_try_acquire(&spinlock);
}
static void spinlock_give(void) {
    CHECK_EQ(thrum_spinlock_release(&spinlock), THRUM_OK);
}

static thrum_lock first, second;
static thrum_all both(void) {
    thrum_all all = THRUM_ALL_INIT;
    CHECK_EQ(thrum_all_add_lock(&all, &first), THRUM_OK);
    CHECK_EQ(thrum_all_add_lock(&all, &second), THRUM_OK);
    return all;
}
static thrum_result all_until(thrum_deadline deadline) {
    const thrum_all all = both();
    return thrum_acquire_all_until(&all, deadline);
}
static bool all_try(void) {
    const thrum_all all = both();
    return thrum_try_acquire_all(&all);
}
static void all_give(void) {
    const thrum_all all = both();
    CHECK_EQ(thrum_release_all(&all), THRUM_OK);
}

static thrum_semaphore semaphore;
static thrum_result semaphore_until(thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore, deadline);
}
static bool semaphore_try(void) {
    return thrum_semaphore_try_acquire(&semaphore);
}
static void semaphore_give(void) {
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
}

static thrum_event event;
static thrum_result event_until(thrum_deadline deadline) {
    const thrum_result result = thrum_event_wait_until(&event, deadline);
    if (result == THRUM_OK) thrum_event_clear(&event);
    return result;
}
static bool event_try(void) {
    return thrum_event_try_wait(&event);
}
static void event_give(void) {
    thrum_event_set(&event);
}

static thrum_latch latch = THRUM_LATCH_INIT(1);
static thrum_result latch_until(thrum_deadline deadline) {
    const thrum_result result = thrum_latch_wait_until(&latch, deadline);
    if (result == THRUM_OK) CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
    return result;
}
static bool latch_try(void) {
    return thrum_latch_try_wait(&latch);
}
static void latch_give(void) {
    thrum_latch_count_down(&latch);
}

static thrum_barrier barrier = THRUM_BARRIER_INIT(2);
static thrum_result barrier_until(thrum_deadline deadline) {
    const thrum_result result = thrum_barrier_wait_until(&barrier, NULL, deadline);
    if (result == THRUM_TIMEOUT) thrum_barrier_reset(&barrier);
    return result;
}
static bool barrier_try(void) {
    return barrier_until(THRUM_NOW) == THRUM_OK;
}
static void barrier_give(void) {
    while (thrum_barrier_wait(&barrier, NULL) == THRUM_BROKEN) {
    } /* the waiter's deadline passed first */
}

/* What a condition is waited for. */
static thrum_lock store_lock;
static thrum_cond store = THRUM_COND_INIT(&store_lock);
static bool stored; /* plain: the lock protects it */
static thrum_result cond_until(thrum_deadline deadline) {
    thrum_lock_acquire(&store_lock);
    thrum_result result = THRUM_OK;
    while (!stored && result == THRUM_OK) result = thrum_cond_wait_until(&store, deadline);
    if (stored) result = THRUM_OK;
    stored = false;
    CHECK_EQ(thrum_lock_release(&store_lock), THRUM_OK);
    return result;
}
static bool cond_try(void) {
    return cond_until(THRUM_NOW) == THRUM_OK;
}
static void cond_give(void) {
    thrum_lock_acquire(&store_lock);
    stored = true;
    CHECK_EQ(thrum_cond_notify(&store, 1), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&store_lock), THRUM_OK);
}

static thrum_monitor monitor;
static bool monitored; /* plain: the monitor protects it */
static int is_monitored(void *unused) {
    (void)unused;
    return monitored;
}
static thrum_result monitor_until(thrum_deadline deadline) {
    CHECK_EQ(thrum_monitor_acquire(&monitor), THRUM_OK);
    const int result = thrum_monitor_wait_for(&monitor, is_monitored, NULL, deadline);
    monitored = false;
    CHECK_EQ(thrum_monitor_release(&monitor), THRUM_OK);
    return (thrum_result)result;
}
static bool monitor_try(void) {
    return monitor_until(THRUM_NOW) == THRUM_OK;
}
static void monitor_give(void) {
    CHECK_EQ(thrum_monitor_acquire(&monitor), THRUM_OK);
    monitored = true;
    CHECK_EQ(thrum_monitor_notify_all(&monitor), THRUM_OK);
    CHECK_EQ(thrum_monitor_release(&monitor), THRUM_OK);
}

/* Another thread is inside the function until it is given. */
static thrum_once once;
static atomic_bool running, given;
static thrum_result run_until_given(void *unused) {
    (void)unused;
    atomic_store(&running, true);
    while (!atomic_load(&given)) thrum_futex_nap(thrum_after_us(100));
    return THRUM_OK;
}
static void *run_once(void *unused) {
    CHECK_EQ(thrum_once_run(&once, run_until_given, NULL), THRUM_OK);
    return unused;
}
static thrum_result once_until(thrum_deadline deadline) {
    return thrum_once_run_until(&once, run_until_given, NULL, deadline);
}
static bool once_try(void) {
    return once_until(THRUM_NOW) == THRUM_OK;
}
static void once_give(void) {
    atomic_store(&given, true);
}

/* Held by a writer; the reader that gets in makes itself the writer. */
static thrum_rwlock rwlock;
static thrum_result rwlock_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rwlock_acquire_read_until(&rwlock, deadline);
    if (result != THRUM_OK) return result;
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    return thrum_rwlock_acquire_write_until(&rwlock, deadline);
}
static bool rwlock_try(void) {
    return thrum_rwlock_try_acquire_read(&rwlock) || thrum_rwlock_try_acquire_write(&rwlock);
}
static void rwlock_give(void) {
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
}

static thrum_rwlock_slot slots[4];
static thrum_sharded_rwlock sharded = THRUM_SHARDED_RWLOCK_INIT(slots, 4);
static thrum_result sharded_until(thrum_deadline deadline) {
    const thrum_result result = thrum_sharded_rwlock_acquire_read_until(&sharded, deadline);
    if (result != THRUM_OK) return result;
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    return thrum_sharded_rwlock_acquire_write_until(&sharded, deadline);
}
static bool sharded_try(void) {
    return thrum_sharded_rwlock_try_acquire_read(&sharded) ||
           thrum_sharded_rwlock_try_acquire_write(&sharded);
}
static void sharded_give(void) {
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_OK);
}

static thrum_event never;
static thrum_semaphore any;
static thrum_result any_until(thrum_deadline deadline) {
    const thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&any)};
    unsigned which = 0;
    return thrum_wait_any_until(set, 2, &which, deadline);
}
static bool any_try(void) {
    return any_until(THRUM_NOW) == THRUM_OK;
}
static void any_give(void) {
    CHECK_EQ(thrum_semaphore_release(&any), THRUM_OK);
}

static const primitive primitives[] = {
    {"lock", lock_until, lock_try, lock_give},
    {"spinlock", spinlock_until, spinlock_try, spinlock_give},
    {"all", all_until, all_try, all_give},
    {"semaphore", semaphore_until, semaphore_try, semaphore_give},
    {"event", event_until, event_try, event_give},
    {"latch", latch_until, latch_try, latch_give},
    {"barrier", barrier_until, barrier_try, barrier_give},
    {"cond", cond_until, cond_try, cond_give},
    {"monitor", monitor_until, monitor_try, monitor_give},
    {"once", once_until, once_try, once_give},
    {"rwlock", rwlock_until, rwlock_try, rwlock_give},
    {"sharded rwlock", sharded_until, sharded_try, sharded_give},
    {"wait_any", any_until, any_try, any_give},
};

#endif
