/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. Two places for the items behind one set of rules: a ring, for a FIFO with a bound, or a list under
 * the lock. What an attempt at either answers is what the gates (queue_gate.c) wait by.
 *
 * queue.I1: items put and not done are puts - done. The ring's puts are its tail: every place that was taken
 *       is a put that succeeds. done <= puts, by the compare-and-swap in task_done.
 * queue.I2: a get that can never succeed says THRUM_CLOSED. A ring may come to that after the shutdown has
 *       woken all: when a put that was under way then has been got. So "closed and empty" counts as possible
 *       there, and a getter that hears it wakes the next. A list is closed under its lock: every later
 *       attempt gets an item or says THRUM_CLOSED.
 */
#include "../atomic/law.h"
#include "queue_gate.h"
#include "queue_list.h"

#include "../atomic/tell.h"
#include "../futex/waits.h"
#include "../rcu/rank.h"
#include "../thread/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

THRUM_RANK(9, queue->lock_);

static bool in_ring(const thrum_queue *queue) {
    return queue->ring_.cells != NULL;
}

static uint64_t puts_of(const thrum_queue *queue) {
    return in_ring(queue) ? thrum_ring_puts(&queue->ring_) : thrum_u64_load_relaxed(&queue->puts_);
}

/* ---- attempts ---- */

/* The items and their memory come from the calls before: the heap compares what other threads have put. */
static void lock_list(thrum_queue *queue) {
    thrum_lock_acquire(&queue->lock_);
    THRUM_TELL_OWN_ACQUIRE(queue);
}

static thrum_result put_to_list(thrum_queue *queue, void *item) {
    lock_list(queue);
    const uint64_t bound = thrum_u64_load_relaxed(&queue->bound_);
    thrum_result result;
    if (thrum_u32_load_relaxed(&queue->closed_))
        result = THRUM_CLOSED;
    else if (bound && thrum_u64_load_relaxed(&queue->count_) >= bound)
        result = THRUM_FULL;
    else
        result = thrum_queue_list_put_(queue, item);
    if (result == THRUM_OK) thrum_u64_store_relaxed(&queue->puts_, thrum_u64_load_relaxed(&queue->puts_) + 1);
    thrum_lock_release(&queue->lock_);
    return result;
}

static thrum_result get_from_list(thrum_queue *queue, void **item) {
    lock_list(queue);
    thrum_result result = thrum_u32_load_relaxed(&queue->closed_) ? THRUM_CLOSED : THRUM_EMPTY;
    if (thrum_u64_load_relaxed(&queue->count_)) {
        *item = thrum_queue_list_get_(queue);
        result = THRUM_OK;
    }
    thrum_lock_release(&queue->lock_);
    return result;
}

static thrum_result attempt_put(void *q, void **item) {
    thrum_queue *const queue = q;
    return in_ring(queue) ? thrum_ring_put(&queue->ring_, *item) : put_to_list(queue, *item);
}

static thrum_result attempt_get(void *q, void **item) {
    thrum_queue *const queue = q;
    return in_ring(queue) ? thrum_ring_get(&queue->ring_, item) : get_from_list(queue, item);
}

/* queue.I1: done is read first and neither falls, so they were equal when the puts were read. */
static bool all_done(const void *q) {
    const thrum_queue *const queue = q;
    const uint64_t done = thrum_u64_load_acquire(&queue->done_); /* queue.U1: acquire, pairs with queue.U2 */
    return done == puts_of(queue);
}

static thrum_result attempt_join(void *q, void **item) {
    (void)item;
    return all_done(q) ? THRUM_OK : THRUM_EMPTY;
}

/* ---- what is possible, as far as one sees ---- */

static bool can_put(const void *q) {
    const thrum_queue *const queue = q;
    if (in_ring(queue)) return thrum_ring_has_room(&queue->ring_);
    const uint64_t bound = thrum_u64_load_relaxed(&queue->bound_);
    return !bound || thrum_u64_load_relaxed(&queue->count_) < bound;
}

static bool can_get(const void *q) {
    const thrum_queue *const queue = q;
    if (in_ring(queue))
        return thrum_ring_has_item(&queue->ring_) || thrum_ring_drained(&queue->ring_); /* queue.I2 */
    return thrum_u64_load_relaxed(&queue->count_) != 0;
}

static const thrum_queue_aim_ to_put = {attempt_put, can_put};
static const thrum_queue_aim_ to_get = {attempt_get, can_get};
static const thrum_queue_aim_ to_join = {attempt_join, all_done};

/* ---- put and get ---- */

thrum_result thrum_queue_put_slow_(thrum_queue *queue, void *item, thrum_deadline deadline,
                                   thrum_result result) {
    THRUM_TELL_OWN_RELEASE(queue);
    if (!in_ring(queue)) result = put_to_list(queue, item);
    if (result == THRUM_RING_COLLIDED_) result = thrum_ring_put_again_(&queue->ring_, item);
    if (result == THRUM_FULL && deadline.ns != THRUM_NOW.ns) {
        THRUM_WAITS_(QUEUE, queue, THRUM_SITE_);
        result = thrum_queue_gate_wait_(&queue->putters_, &to_put, queue, &item, deadline);
    }
    if (result == THRUM_OK) thrum_queue_gate_look_(&queue->getters_);
    if (result == THRUM_CLOSED) THRUM_TELL_OWN_ACQUIRE(queue);
    return result;
}

thrum_result thrum_queue_get_slow_(thrum_queue *queue, void **item, thrum_deadline deadline,
                                   thrum_result result) {
    if (!in_ring(queue)) result = get_from_list(queue, item);
    if (result == THRUM_RING_COLLIDED_) result = thrum_ring_get_again_(&queue->ring_, item);
    if (result == THRUM_EMPTY && deadline.ns != THRUM_NOW.ns) {
        THRUM_WAITS_(QUEUE, queue, THRUM_SITE_);
        result = thrum_queue_gate_wait_(&queue->getters_, &to_get, queue, item, deadline);
    }
    if (result == THRUM_OK) thrum_queue_gate_look_(&queue->putters_);
    if (result != THRUM_EMPTY) THRUM_TELL_OWN_ACQUIRE(queue);
    return result;
}

/* ---- what is done ---- */

thrum_result thrum_queue_task_done(thrum_queue *queue) {
    THRUM_TELL_OWN_RELEASE(&queue->done_);
    uint64_t done = thrum_u64_load_relaxed(&queue->done_);
    do {
        if (done >= puts_of(queue)) return THRUM_LIMIT;
        /* queue.U2: release, pairs with queue.U1 */
    } while (!thrum_u64_cas_release(&queue->done_, &done, done + 1));
    THRUM_LAW(queue.I1, done + 1 <= puts_of(queue));
    if (done + 1 == puts_of(queue)) thrum_queue_gate_wake_all_(&queue->joiners_);
    return THRUM_OK;
}

thrum_result thrum_queue_join_until(thrum_queue *queue, thrum_deadline deadline) {
    void *nothing;
    THRUM_WAITS_(QUEUE, queue, THRUM_SITE_);
    const thrum_result result = thrum_queue_gate_wait_(&queue->joiners_, &to_join, queue, &nothing, deadline);
    if (result != THRUM_OK) return THRUM_TIMEOUT;
    THRUM_TELL_OWN_ACQUIRE(&queue->done_);
    return THRUM_OK;
}

void thrum_queue_join(thrum_queue *queue) {
    (void)thrum_queue_join_until(queue, THRUM_FOREVER);
}

/* ---- sizes ---- */

size_t thrum_queue_size(const thrum_queue *queue) {
    return in_ring(queue) ? thrum_ring_size(&queue->ring_) : (size_t)thrum_u64_load_relaxed(&queue->count_);
}

bool thrum_queue_empty(const thrum_queue *queue) {
    return thrum_queue_size(queue) == 0;
}

size_t thrum_queue_bound(const thrum_queue *queue) {
    return (size_t)thrum_u64_load_relaxed(in_ring(queue) ? &queue->ring_.bound : &queue->bound_);
}

bool thrum_queue_full(const thrum_queue *queue) {
    const size_t bound = thrum_queue_bound(queue);
    return bound && thrum_queue_size(queue) >= bound;
}

thrum_result thrum_queue_set_bound(thrum_queue *queue, ptrdiff_t bound) {
    const size_t wanted = bound > 0 ? (size_t)bound : 0;
    if (!in_ring(queue))
        thrum_u64_store_relaxed(&queue->bound_, wanted);
    else if (thrum_ring_set_bound(&queue->ring_, wanted) != THRUM_OK)
        return THRUM_LIMIT;
    thrum_queue_gate_look_(&queue->putters_); /* a putter that is let in wakes the next (queue.W4) */
    return THRUM_OK;
}

bool thrum_queue_is_shutdown(const thrum_queue *queue) {
    if (in_ring(queue)) return (thrum_u64_load_relaxed(&queue->ring_.tail) & THRUM_RING_CLOSED_) != 0;
    return thrum_u32_load_relaxed(&queue->closed_) != 0;
}

size_t thrum_queue_unfinished(const thrum_queue *queue) {
    /* queue.U1: the puts read next cover it (queue.I1) */
    const uint64_t done = thrum_u64_load_acquire(&queue->done_);
    return (size_t)(puts_of(queue) - done);
}

size_t thrum_queue_describe(const thrum_queue *queue, char *text, size_t size) {
    static const char *const kinds[] = {"fifo", "lifo", "priority"};
    const size_t bound = thrum_queue_bound(queue);
    char of[32] = "";
    if (bound) (void)snprintf(of, sizeof of, " of %zu", bound);
    const int length =
        snprintf(text, size, "%s queue: %zu%s items, %zu unfinished%s", kinds[queue->config_.kind],
                 thrum_queue_size(queue), of, thrum_queue_unfinished(queue),
                 thrum_queue_is_shutdown(queue) ? ", shut down" : "");
    return length < 0 ? 0 : (size_t)length;
}

/* ---- the end ---- */

void thrum_queue_shutdown(thrum_queue *queue) {
    THRUM_TELL_OWN_RELEASE(queue);
    if (in_ring(queue)) {
        thrum_ring_close(&queue->ring_);
    } else {
        thrum_lock_acquire(&queue->lock_);
        thrum_u32_store_relaxed(&queue->closed_, 1);
        thrum_lock_release(&queue->lock_);
    }
    thrum_queue_gate_wake_all_(&queue->putters_);
    thrum_queue_gate_wake_all_(&queue->getters_);
}

struct dropping {
    thrum_queue *queue;
    bool undone; /* an item was dropped, and is not counted as done yet */
};

/*
 * It gets like others, so it waits for the puts under way; sleepers hear "closed" one from the other
 * (queue.I2).
 */
static bool drop_one_as_done(void *p) {
    struct dropping *const dropping = p;
    void *item;
    if (dropping->undone) (void)thrum_queue_task_done(dropping->queue);
    dropping->undone = thrum_queue_get(dropping->queue, &item) == THRUM_OK;
    THRUM_TELL_OWN_ACQUIRE(dropping->queue);
    if (dropping->undone && dropping->queue->config_.drop)
        dropping->queue->config_.drop(item, dropping->queue->config_.argument);
    return dropping->undone;
}

void thrum_queue_shutdown_now(thrum_queue *queue) {
    struct dropping dropping = {queue, false};
    thrum_queue_shutdown(queue);
    if (queue->config_.drop)
        thrum_hooks_each_(drop_one_as_done, &dropping);
    else
        while (drop_one_as_done(&dropping)) continue;
}

static bool make_ring(thrum_queue *queue, size_t bound, size_t largest) {
    size_t count = 2;
    while (count < largest) count *= 2; /* largest is a positive ptrdiff_t: a power of two reaches it */
    thrum_ring_cell *const cells = calloc(count, sizeof *cells);
    if (!cells) return false;
    THRUM_IGNORE_(thrum_ring_init(&queue->ring_, cells, count));
    THRUM_IGNORE_(thrum_ring_set_bound(&queue->ring_, bound));
    return true;
}

thrum_result thrum_queue_init(thrum_queue *queue, const thrum_queue_config *config) {
    const bool bounded = config->bound > 0;
    const ptrdiff_t largest = config->largest_bound > 0 ? config->largest_bound : config->bound;
    if ((unsigned)config->kind > THRUM_QUEUE_PRIORITY) return THRUM_INVALID;
    if (config->kind == THRUM_QUEUE_PRIORITY && !config->compare) return THRUM_INVALID;
    if (largest < config->bound) return THRUM_INVALID;
    thrum_fence_light(); /* the first of a process is dear: here, and not in the first put */
    memset(queue, 0, sizeof *queue);
    queue->config_ = *config;
    if (bounded && config->kind == THRUM_QUEUE_FIFO)
        return make_ring(queue, (size_t)config->bound, (size_t)largest) ? THRUM_OK : THRUM_NO_MEMORY;
    thrum_u64_store_relaxed(&queue->bound_, bounded ? (uint64_t)config->bound : 0);
    return THRUM_OK;
}

static bool drop_one(void *p) {
    thrum_queue *const queue = p;
    void *item;
    if (attempt_get(queue, &item) != THRUM_OK) return false;
    queue->config_.drop(item, queue->config_.argument);
    return true;
}

static void free_memory(void *p) {
    thrum_queue *const queue = p;
    free(queue->ring_.cells);
    free(queue->items_);
}

void thrum_queue_destroy(thrum_queue *queue) {
    pthread_cleanup_push(free_memory, queue);
    if (queue->config_.drop) thrum_hooks_each_(drop_one, queue);
    pthread_cleanup_pop(1);
}
