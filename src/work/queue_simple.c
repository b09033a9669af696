/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. Putters push onto a stack, `in_`; a getter takes the whole stack with one exchange and turns it
 * over onto `out_`, which the lock guards (the stack is Treiber's, "Systems Programming: Coping with
 * Parallelism", 1986; taken whole it has no ABA).
 *
 * queue.M1: between the exchange and the store to out_ the nodes are in neither place, and the queue looks
 *     empty. The store is the change that makes them possible to get, so a look follows it.
 * queue.M2: `ready_` is how many nodes are at out_. Only a holder of the lock takes nodes out: while it is
 *     held, the nodes of a stack that was seen stay where they are, and can be counted.
 */
#include "queue_gate.h"

#include "../atomic/tell.h"
#include "../futex/waits.h"
#include "../rcu/rank.h"

#include <stdio.h>
#include <stdlib.h>

THRUM_RANK(9, queue->lock_);

typedef thrum_simple_queue_node node;

static node *node_at(uint64_t address) {
    return (node *)(uintptr_t)address;
}

static uint64_t address_of(const node *n) {
    return (uint64_t)(uintptr_t)n;
}

void thrum_simple_queue_put_node(thrum_simple_queue *queue, thrum_simple_queue_node *n) {
    THRUM_TELL_OWN_RELEASE(queue);
    uint64_t latest = thrum_u64_load_relaxed(&queue->in_);
    do {
        n->next_ = node_at(latest);
        /* queue.U3: release, pairs with queue.U4 */
    } while (!thrum_u64_cas_release(&queue->in_, &latest, address_of(n)));
    thrum_queue_gate_look_(&queue->getters_);
}

/* Everything that was put since, the first put first. */
static node *take_in(thrum_simple_queue *queue) {
    node *latest = node_at(thrum_u64_exchange_acquire(&queue->in_, 0)); /* queue.U4 */
    node *first = NULL;
    while (latest) {
        node *const next = latest->next_;
        latest->next_ = first;
        first = latest;
        latest = next;
        queue->ready_++; /* queue.M2 */
    }
    return first;
}

static thrum_result attempt_get(void *q, void **got) {
    thrum_simple_queue *const queue = q;
    if (thrum_simple_queue_empty(queue)) return THRUM_EMPTY;
    thrum_lock_acquire(&queue->lock_);
    node *first = node_at(thrum_u64_load_relaxed(&queue->out_));
    const bool turned = !first;
    if (turned) first = take_in(queue);
    node *const next = first ? first->next_ : NULL;
    if (first) {
        thrum_u64_store_relaxed(&queue->out_, address_of(next));
        queue->ready_--; /* queue.M2 */
    }
    thrum_lock_release(&queue->lock_);
    if (!first) return THRUM_EMPTY;
    if (turned && next) thrum_queue_gate_look_(&queue->getters_); /* queue.M1 */
    *got = first;
    return THRUM_OK;
}

static bool can_get(const void *queue) {
    return !thrum_simple_queue_empty(queue);
}

static const thrum_queue_aim_ to_get = {attempt_get, can_get};

bool thrum_simple_queue_empty(const thrum_simple_queue *queue) {
    return !thrum_u64_load_relaxed(&queue->in_) && !thrum_u64_load_relaxed(&queue->out_);
}

size_t thrum_simple_queue_size(thrum_simple_queue *queue) {
    thrum_lock_acquire(&queue->lock_);
    size_t count = queue->ready_;
    /* queue.U4: acquire, pairs with queue.U3 */
    /* queue.M2 */
    for (const node *n = node_at(thrum_u64_load_acquire(&queue->in_)); n; n = n->next_) count++;
    thrum_lock_release(&queue->lock_);
    return count;
}

size_t thrum_simple_queue_describe(thrum_simple_queue *queue, char *text, size_t size) {
    const int length = snprintf(text, size, "simple queue: %zu items", thrum_simple_queue_size(queue));
    return length < 0 ? 0 : (size_t)length;
}

thrum_simple_queue_node *thrum_simple_queue_get_node_until(thrum_simple_queue *queue,
                                                           thrum_deadline deadline) {
    void *got;
    thrum_result result = attempt_get(queue, &got);
    if (result == THRUM_EMPTY && deadline.ns != THRUM_NOW.ns) {
        THRUM_WAITS_(QUEUE, queue, THRUM_SITE_);
        result = thrum_queue_gate_wait_(&queue->getters_, &to_get, queue, &got, deadline);
    }
    if (result != THRUM_OK) return NULL;
    THRUM_TELL_OWN_ACQUIRE(queue);
    return got;
}

thrum_simple_queue_node *thrum_simple_queue_get_node(thrum_simple_queue *queue) {
    return thrum_simple_queue_get_node_until(queue, THRUM_FOREVER);
}

thrum_simple_queue_node *thrum_simple_queue_try_get_node(thrum_simple_queue *queue) {
    return thrum_simple_queue_get_node_until(queue, THRUM_NOW);
}

/* ---- with nodes of its own ---- */

typedef struct holder {
    node node;
    void *item;
} holder;

static void *item_of(node *n) {
    holder *const h = (holder *)n;
    void *const item = h->item;
    free(h);
    return item;
}

thrum_result thrum_simple_queue_put(thrum_simple_queue *queue, void *item) {
    holder *const h = malloc(sizeof *h);
    if (!h) return THRUM_NO_MEMORY;
    h->item = item;
    thrum_simple_queue_put_node(queue, &h->node);
    return THRUM_OK;
}

void *thrum_simple_queue_get(thrum_simple_queue *queue) {
    return item_of(thrum_simple_queue_get_node(queue));
}

thrum_result thrum_simple_queue_get_until(thrum_simple_queue *queue, void **item, thrum_deadline deadline) {
    node *const n = thrum_simple_queue_get_node_until(queue, deadline);
    if (!n) return THRUM_EMPTY;
    *item = item_of(n);
    return THRUM_OK;
}

thrum_result thrum_simple_queue_try_get(thrum_simple_queue *queue, void **item) {
    return thrum_simple_queue_get_until(queue, item, THRUM_NOW);
}
