/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. snapshot.I1: `now_` changes while `writers_` is held, so that an update's version is made of the
 * one that it replaces.
 * snapshot.I2: a version is retired after the exchange that took it out of the cell: no later section finds
 *     it. And after `writers_` was released, for a retire may wait.
 * snapshot.I3: while `make` runs, a guard is in its thread's chain: whatever way `make` is left, the lock is
 *     released and what it made its version in is freed.
 */
#include "../atomic/tell.h"
#include "../futex/errno_kept.h"
#include "grace.h"
#include "rank.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <thrum/snapshot.h>

THRUM_RANK(1, snapshot->writers_);

static void destroy(thrum_rcu_head *head) {
    thrum_version_ *const version = (thrum_version_ *)(void *)head; /* its first member */
    pthread_cleanup_push(free, version);
    if (version->destroy) version->destroy(version->value);
    pthread_cleanup_pop(1);
}

/* What was there before. */
static thrum_version_ *replace(thrum_snapshot *snapshot, thrum_version_ *next) {
    THRUM_TELL_OWN_RELEASE(&snapshot->now_);
    return thrum_rcu_exchange(&snapshot->now_, next); /* rcu.R5, pairs with rcu.R6 in the reads */
}

static void retire(thrum_version_ *before) {
    if (before) thrum_rcu_retire(&before->head, destroy); /* snapshot.I2 */
}

static void swap(thrum_snapshot *snapshot, thrum_version_ *next) {
    thrum_lock_acquire(&snapshot->writers_); /* snapshot.I1 */
    thrum_version_ *const before = replace(snapshot, next);
    thrum_lock_release(&snapshot->writers_);
    retire(before);
}

thrum_result thrum_snapshot_set(thrum_snapshot *snapshot, void *value, void (*destroy_value)(void *value)) {
    THRUM_KEEPS_ERRNO_;
    thrum_version_ *const next = malloc(sizeof *next);
    if (!next) return THRUM_NO_MEMORY;
    next->value = value;
    next->destroy = destroy_value;
    swap(snapshot, next);
    return THRUM_OK;
}

struct update {
    thrum_snapshot *snapshot;
    thrum_version_ *next;
    thrum_snapshot_make *make;
    void *argument;
    thrum_result result;
};

static void make_next(void *p) {
    struct update *const update = p;
    const thrum_version_ *const now = update->snapshot->now_;
    update->result = update->make(now ? now->value : NULL, update->argument, &update->next->value);
}

static void abandon(void *p) {
    const struct update *const update = p;
    thrum_lock_release(&update->snapshot->writers_);
    free(update->next);
}

thrum_result thrum_snapshot_update(thrum_snapshot *snapshot, thrum_snapshot_make *make, void *argument,
                                   void (*destroy_value)(void *value)) {
    THRUM_KEEPS_ERRNO_;
    thrum_version_ *const next = malloc(sizeof *next);
    if (!next) return THRUM_NO_MEMORY;
    next->value = NULL;
    next->destroy = destroy_value;
    struct update update = {snapshot, next, make, argument, THRUM_CANCELLED};
    thrum_guard_ updating = {abandon, &update, NULL};
    thrum_lock_acquire(&snapshot->writers_); /* snapshot.I1, snapshot.I3 */
    THRUM_TELL_OWN_ACQUIRE(&snapshot->now_);
    if (!thrum_self_call_(&updating, make_next, &update)) return THRUM_CANCELLED; /* abandoned meanwhile */
    if (update.result != THRUM_OK) {
        abandon(&update);
    } else {
        thrum_version_ *const before = replace(snapshot, next);
        thrum_lock_release(&snapshot->writers_);
        retire(before);
    }
    return update.result;
}

void thrum_snapshot_clear(thrum_snapshot *snapshot) {
    swap(snapshot, NULL);
}

size_t thrum_snapshot_describe(const thrum_snapshot *snapshot, char *text, size_t size) {
    const void *const value = thrum_snapshot_read_begin(snapshot);
    thrum_rcu_told_end_(); /* the address is told and not followed */
    const int length = value ? snprintf(text, size, "snapshot: a version at %p", value)
                             : snprintf(text, size, "snapshot: empty");
    return length < 0 ? 0 : (size_t)length;
}
