/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. An array that doubles: of a FIFO a circle from first_ on, of a LIFO a stack, of a priority queue a
 * binary heap (Williams, "Algorithm 232: Heapsort", 1964).
 */
#include "queue_list.h"

#include "../rcu/size.h"

#include <stdlib.h>
#include <string.h>

enum { FEWEST = 16 };

static size_t count_of(const thrum_queue *queue) {
    return (size_t)thrum_u64_load_relaxed(&queue->count_);
}

static bool make_room(thrum_queue *queue) {
    const size_t count = count_of(queue), old = queue->room_;
    if (count < old) return true;
    const size_t room = old ? 2 * old : FEWEST; /* it does not wrap: `old` pointers have memory */
    size_t size;
    void **const items = thrum_size_(0, room, sizeof *items, &size) ? realloc(queue->items_, size) : NULL;
    if (!items) return false;
    /* a circle: what lay before first_ follows what lay behind it */
    memcpy(items + old, items, queue->first_ * sizeof *items);
    queue->items_ = items;
    queue->room_ = room;
    return true;
}

static bool before(const thrum_queue *queue, const void *a, const void *b) {
    return queue->config_.compare(a, b, queue->config_.argument) < 0;
}

/* The item rises from the place until its parent is not after it. */
static void rise(thrum_queue *queue, size_t place, void *item) {
    void **const heap = queue->items_;
    while (place > 0 && before(queue, item, heap[(place - 1) / 2])) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = item;
}

/* The item sinks from the top, in a heap of so many, until no child is before it. */
static void sink(thrum_queue *queue, size_t count, void *item) {
    void **const heap = queue->items_;
    size_t place = 0;
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count && before(queue, heap[child + 1], heap[child])) child++;
        if (!before(queue, heap[child], item)) break;
        heap[place] = heap[child];
    }
    heap[place] = item;
}

thrum_result thrum_queue_list_put_(thrum_queue *queue, void *item) {
    if (!make_room(queue)) return THRUM_NO_MEMORY;
    const size_t count = count_of(queue);
    switch (queue->config_.kind) {
    case THRUM_QUEUE_FIFO:
        queue->items_[(queue->first_ + count) & (queue->room_ - 1)] = item;
        break;
    case THRUM_QUEUE_LIFO:
        queue->items_[count] = item;
        break;
    case THRUM_QUEUE_PRIORITY:
        rise(queue, count, item);
        break;
    }
    thrum_u64_store_relaxed(&queue->count_, count + 1);
    return THRUM_OK;
}

void *thrum_queue_list_get_(thrum_queue *queue) {
    const size_t count = count_of(queue) - 1;
    void *item;
    switch (queue->config_.kind) {
    case THRUM_QUEUE_FIFO:
        item = queue->items_[queue->first_];
        queue->first_ = (queue->first_ + 1) & (queue->room_ - 1);
        break;
    case THRUM_QUEUE_LIFO:
        item = queue->items_[count];
        break;
    default:
        item = queue->items_[0];
        if (count) sink(queue, count, queue->items_[count]);
        break;
    }
    thrum_u64_store_relaxed(&queue->count_, count);
    return item;
}
