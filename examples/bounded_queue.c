/* SPDX-License-Identifier: MIT */
/*
 * A queue with room for a few, by one lock and two conditions: a putter waits for room, a getter waits for an
 * item, and each tells the other side only. Closing it lets the waiters see that nothing comes any more.
 * bench/cond_bench has the same queue (rows cond/queue_*) beside pthread's.
 */
#include "crew.h"

#include <thrum.h>

enum { PLACES = 16, PRODUCERS = 4, CONSUMERS = 4, ITEMS = 10000 };

typedef struct queue {
    thrum_lock lock;
    thrum_cond room, items;
    long places[PLACES]; /* the lock protects all below */
    unsigned first, many;
    bool closed;
} queue;

/* False: the queue is closed. */
static bool put(queue *q, long item) {
    THRUM_WITH(&q->lock) {
        while (q->many == PLACES && !q->closed) thrum_cond_wait(&q->room);
        if (q->closed) return false; /* releases the lock */
        q->places[(q->first + q->many++) % PLACES] = item;
        thrum_cond_notify(&q->items, 1);
    }
    return true;
}

/* False: the queue is closed and empty. */
static bool get(queue *q, long *item) {
    THRUM_WITH(&q->lock) {
        while (q->many == 0 && !q->closed) thrum_cond_wait(&q->items);
        if (q->many == 0) break; /* leaves the block */
        *item = q->places[q->first];
        q->first = (q->first + 1) % PLACES;
        q->many--;
        thrum_cond_notify(&q->room, 1);
        return true;
    }
    return false;
}

static void close_queue(queue *q) {
    THRUM_WITH(&q->lock) {
        q->closed = true;
        thrum_cond_notify_all(&q->room);
        thrum_cond_notify_all(&q->items);
    }
}

static queue shared = {.room = THRUM_COND_INIT(&shared.lock), .items = THRUM_COND_INIT(&shared.lock)};
static thrum_latch producing = THRUM_LATCH_INIT(PRODUCERS);
static long sums[CREW_MOST];
static unsigned got[CREW_MOST];

static void produce(unsigned number) {
    (void)number;
    for (long item = 1; item <= ITEMS; item++) put(&shared, item);
    thrum_latch_count_down(&producing);
}

static void consume(unsigned number) {
    for (long item; get(&shared, &item); got[number]++) sums[number] += item;
}

int main(void) {
    crew c = {.size = 0};
    while (c.size < CONSUMERS) crew_start(&c, consume);
    while (c.size < CONSUMERS + PRODUCERS) crew_start(&c, produce);
    thrum_latch_wait(&producing);
    close_queue(&shared);
    crew_join(&c);
    long sum = 0, items = 0;
    for (unsigned i = 0; i < CONSUMERS; i++) sum += sums[i], items += got[i];
    printf("%d producers, %d consumers: %ld items, sum %ld\n", PRODUCERS, CONSUMERS, items, sum);
    printf("put into the closed queue: %s\n", put(&shared, 1) ? "yes" : "no");
    return 0;
}
