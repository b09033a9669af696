/* SPDX-License-Identifier: MIT */
/* What the tests of queues share. */
#ifndef THRUM_TESTS_QUEUE_PARTS_H
#define THRUM_TESTS_QUEUE_PARTS_H

#include "refuse.h"

#include <thrum.h>

static char items[256];
#define ITEM(n) ((void *)&items[n])
static thrum_queue queue;
static unsigned dropped;
static char last_dropped[8];

static inline void drop(void *item, void *argument) {
    CHECK(argument == &dropped);
    if (dropped < sizeof last_dropped) last_dropped[dropped] = (char)((char *)item - items);
    dropped++;
}

/* Later places of `items` first. */
static inline int compare(const void *a, const void *b, void *argument) {
    CHECK(argument == &dropped);
    return a == b ? 0 : a > b ? -1 : 1;
}

static inline void begin(thrum_queue_kind kind, ptrdiff_t bound) {
    const thrum_queue_config config = {
        .kind = kind, .bound = bound, .compare = compare, .drop = drop, .argument = &dropped};
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
}

static inline void put(unsigned number) {
    CHECK_EQ(thrum_queue_put(&queue, ITEM(number)), THRUM_OK);
}

static inline int number_of(void *item) {
    return (int)((char *)item - items);
}

static inline int get(void) {
    void *item;
    CHECK_EQ(thrum_queue_get(&queue, &item), THRUM_OK);
    return number_of(item);
}

static inline thrum_result try_get(void) {
    void *item = &queue;
    const thrum_result result = thrum_queue_try_get(&queue, &item);
    CHECK((item == &queue) == (result != THRUM_OK));
    return result;
}

typedef struct waiter {
    test_thread thread;
    thrum_result result;
    void *item;
    thrum_deadline deadline;
} waiter;

static inline void *wait_to_get(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_get_until(&queue, &w->item, w->deadline);
    return NULL;
}

static inline void *wait_to_put(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_put_until(&queue, w->item, w->deadline);
    return NULL;
}

static inline void put_asleep(waiter *w, void *(*run)(void *), void *item) {
    *w = (waiter){.item = item, .deadline = THRUM_FOREVER};
    w->thread = test_start(run, w);
    test_await_asleep(&w->thread);
}

static inline thrum_result result_of(waiter *w) {
    test_join(&w->thread);
    return w->result;
}

static inline void *wait_to_join(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_join_until(&queue, w->deadline);
    return NULL;
}

#endif
