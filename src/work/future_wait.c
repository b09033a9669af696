/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. Waiting for several futures: a watch has a node for each, listed with its future until that is
 * done.
 *
 * future.V1: a watch has a reference for each node that is listed or about to be told, and `own` references
 *     of the waiter's, at least 1 until the watch ends. So the thread that tells a node needs no lock while
 *     it wakes the waiter, and the waiter waits for nobody when it leaves.
 * future.V2: each node is told at most once: by the thread that took it off its future's list, or by the
 *     beginning of the watch, where its future was done already.
 * future.V3: `to_come` counts down once for each node told; the step to 0 sets `reached`. A wait for the
 *     first, or for the first failure, also sets it for each such node.
 *
 * In a circle with future.c: a watch is listed with each future, and what makes that done tells the
 * watch.
 */
#include "future_inside.h"

#include "../atomic/tell.h"
#include "../futex/waits.h"
#include "../rcu/size.h"

#include <stdlib.h>

typedef struct thrum_future_watch_ {
    thrum_u32 references;
    uint32_t own; /* of them: the waiter's, which only the waiter counts */
    bool gives;   /* as_completed: nodes go to `completed`; else `reached` is what is waited for */
    thrum_future_when when;
    thrum_event reached;
    thrum_u64 to_come;
    thrum_simple_queue completed;
    size_t count;
    thrum_future_node_ nodes[];
} thrum_future_watch_;

static void drop(thrum_future_watch_ *watch, uint32_t references) {
    THRUM_TELL_OWN_RELEASE(&watch->references);
    if (thrum_u32_fetch_sub_acq_rel(&watch->references, references) != references)
        return; /* future.D1, as a future's */
    THRUM_TELL_OWN_ACQUIRE(&watch->references);
    free(watch);
}

/* ---- being told ---- */

static bool has_failed(thrum_future *future) {
    return future->result != THRUM_OK; /* it is done: future.F1 */
}

static void note(thrum_future_node_ *node) {
    thrum_future_watch_ *const watch = node->watch;
    if (watch->gives) {
        thrum_simple_queue_put_node(&watch->completed, &node->completed);
        return;
    }
    const bool enough = watch->when == THRUM_FIRST_COMPLETED ||
                        (watch->when == THRUM_FIRST_FAILED && has_failed(node->future));
    /* relaxed: a waiter that leaves acquires each future's lock, and so sees what it was told of */
    const bool last = thrum_u64_fetch_sub_relaxed(&watch->to_come, 1) == 1;
    if (enough || last) thrum_event_set(&watch->reached); /* future.V3 */
}

void thrum_future_tell_(thrum_future_node_ *node) {
    thrum_future_watch_ *const watch = node->watch;
    note(node);
    drop(watch, 1); /* future.V1 */
}

/* ---- a watch ---- */

/* By future, and of the same future by place. */
static int compare(const void *p, const void *q) {
    const thrum_future_node_ *const a = *(thrum_future_node_ *const *)p, *const b =
                                                                             *(thrum_future_node_ *const *)q;
    const uintptr_t x = (uintptr_t)a->future, y = (uintptr_t)b->future;
    return x != y ? (x > y) - (x < y) : (a > b) - (a < b);
}

/* A future that is named again loses its later nodes. False: no memory. */
static bool forget_repetitions(thrum_future_watch_ *watch) {
    if (watch->count < 2) return true;
    size_t size;
    thrum_future_node_ **const sorted =
        thrum_size_(0, watch->count, sizeof *sorted, &size) ? malloc(size) : NULL;
    if (!sorted) return false;
    for (size_t i = 0; i < watch->count; i++) sorted[i] = &watch->nodes[i];
    qsort(sorted, watch->count, sizeof *sorted, compare);
    const thrum_future *before = NULL;
    for (size_t i = 0; i < watch->count; i++) {
        if (sorted[i]->future == before)
            sorted[i]->future = NULL;
        else
            before = sorted[i]->future;
    }
    free(sorted);
    return true;
}

static thrum_future_watch_ *make(thrum_future *const *futures, size_t count) {
    size_t size;
    if (!thrum_size_(sizeof(thrum_future_watch_), count, sizeof(thrum_future_node_), &size)) return NULL;
    thrum_future_watch_ *const watch = calloc(1, size);
    if (!watch) return NULL;
    watch->count = count;
    for (size_t i = 0; i < count; i++) {
        watch->nodes[i].watch = watch;
        watch->nodes[i].future = futures[i];
    }
    if (forget_repetitions(watch)) return watch;
    free(watch);
    return NULL;
}

/* Lists the nodes; those of futures that are done are told. How many there are. */
static size_t begin(thrum_future_watch_ *watch) {
    size_t nodes = 0;
    for (size_t i = 0; i < watch->count; i++) nodes += watch->nodes[i].future != NULL;
    watch->own = 1;
    thrum_u32_store_relaxed(&watch->references, (uint32_t)nodes + 1); /* relaxed: listing publishes it */
    thrum_u64_store_relaxed(&watch->to_come, nodes);
    for (size_t i = 0; i < watch->count; i++) {
        thrum_future_node_ *const node = &watch->nodes[i];
        if (!node->future || thrum_future_list_(node)) continue;
        note(node);   /* future.V2 */
        watch->own++; /* future.V1: the node's reference goes to the waiter */
    }
    return nodes;
}

static void end(thrum_future_watch_ *watch) {
    uint32_t references = watch->own;
    for (size_t i = 0; i < watch->count; i++) {
        thrum_future_node_ *const node = &watch->nodes[i];
        if (node->future && thrum_future_unlist_(node)) references++; /* future.V1, future.V2 */
    }
    drop(watch, references);
}

/* ---- wait ---- */

thrum_result thrum_future_wait_until(thrum_future *const *futures, size_t count, thrum_future_when when,
                                     bool *done, thrum_deadline deadline) {
    thrum_result result = THRUM_OK;
    thrum_future_watch_ *const watch = count ? make(futures, count) : NULL;
    if (watch) {
        watch->when = when;
        (void)begin(watch);
        THRUM_WAITS_(FUTURES, futures[0], THRUM_SITE_);
        result = thrum_event_wait_until(&watch->reached, deadline);
        end(watch);
    } else if (count) {
        result = THRUM_NO_MEMORY;
    }
    for (size_t i = 0; i < count && (watch || done); i++) {
        /* future.D2: a wait sees what they have ended with */
        const bool over = thrum_future_done(futures[i]);
        if (done) done[i] = over;
    }
    return result;
}

thrum_result thrum_future_wait(thrum_future *const *futures, size_t count, thrum_future_when when,
                               bool *done) {
    return thrum_future_wait_until(futures, count, when, done, THRUM_FOREVER);
}

/* ---- as_completed ---- */

thrum_result thrum_as_completed_init(thrum_as_completed *completed, thrum_future *const *futures,
                                     size_t count, thrum_deadline deadline) {
    thrum_future_watch_ *const watch = make(futures, count);
    if (!watch) return THRUM_NO_MEMORY;
    watch->gives = true;
    *completed = (thrum_as_completed){watch, begin(watch), deadline};
    return THRUM_OK;
}

thrum_result thrum_as_completed_next(thrum_as_completed *completed, thrum_future **future) {
    if (completed->left_ == 0) return THRUM_EMPTY;
    thrum_simple_queue_node *const next =
        thrum_simple_queue_get_node_until(&completed->watch_->completed, completed->deadline_);
    if (!next) return THRUM_TIMEOUT;
    completed->left_--;
    *future = ((thrum_future_node_ *)((char *)next - offsetof(thrum_future_node_, completed)))->future;
    return THRUM_OK;
}

void thrum_as_completed_destroy(thrum_as_completed *completed) {
    end(completed->watch_);
}
