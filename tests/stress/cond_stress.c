/* SPDX-License-Identifier: MIT */
/* Bounded queues of two conditions; waits with and without deadlines; nobody is lost, nothing comes twice. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>

#include <thrum/cond.h>

enum { MOST_THREADS = 16, SLOTS_MOST = 16 };

typedef struct queue {
    thrum_lock lock;
    thrum_cond room, items;
    unsigned long ring[SLOTS_MOST];
    unsigned long head, tail; /* the lock protects them */
    unsigned slots;
    unsigned pairs;
    unsigned long rounds; /* of each producer */
    bool notify_all;
    unsigned timed_in_8; /* how many of eight waits have a deadline */
} queue;

typedef struct player {
    queue *q;
    uint64_t random;
    unsigned long sum;
    bool produces;
} player;

static void wait_for(player *p, thrum_cond *cond) {
    if (test_random(&p->random) % 8 < p->q->timed_in_8) {
        const int64_t patience = (int64_t)(test_random(&p->random) % 200000);
        (void)thrum_cond_wait_until(cond, thrum_after_ns(patience));
    } else {
        CHECK_EQ(thrum_cond_wait(cond), THRUM_OK);
    }
}

static void tell(const queue *q, thrum_cond *cond) {
    CHECK_EQ(q->notify_all ? thrum_cond_notify_all(cond) : thrum_cond_notify(cond, 1), THRUM_OK);
}

static void *play(void *argument) {
    player *p = argument;
    queue *q = p->q;
    for (unsigned long i = 1; i <= q->rounds; i++) {
        thrum_lock_acquire(&q->lock);
        if (p->produces) {
            while (q->head - q->tail == q->slots) wait_for(p, &q->room);
            q->ring[q->head++ % q->slots] = i;
            p->sum += i;
            tell(q, &q->items);
        } else {
            while (q->head == q->tail) wait_for(p, &q->items);
            p->sum += q->ring[q->tail++ % q->slots];
            tell(q, &q->room);
        }
        CHECK_EQ(thrum_lock_release(&q->lock), THRUM_OK);
    }
    return NULL;
}

static void run(queue *q) {
    player players[MOST_THREADS];
    test_thread threads[MOST_THREADS];
    q->rounds /= test_slowdown();
    CHECK_EQ(thrum_cond_init(&q->room, &q->lock), THRUM_OK);
    CHECK_EQ(thrum_cond_init(&q->items, &q->lock), THRUM_OK);
    unsigned long put = 0, got = 0;
    for (unsigned i = 0; i < 2 * q->pairs; i++) {
        players[i] = (player){.q = q, .random = test_seed() + i, .produces = i % 2};
        threads[i] = test_start(play, &players[i]);
    }
    for (unsigned i = 0; i < 2 * q->pairs; i++) {
        test_join(&threads[i]);
        *(players[i].produces ? &put : &got) += players[i].sum;
    }
    CHECK_EQ(put, got);
    CHECK(q->head == q->tail && q->room.last == NULL && q->items.last == NULL);
    printf("%lu passed\n", q->head);
}

TEST(a_pair_passes_everything_through_one_slot) {
    static queue q = {.slots = 1, .pairs = 1, .rounds = 30000};
    run(&q);
}
TEST(four_pairs_pass_everything_through_two_slots) {
    static queue q = {.slots = 2, .pairs = 4, .rounds = 20000};
    run(&q);
}
TEST(impatient_waiters_swallow_no_notify) {
    static queue q = {.slots = 2, .pairs = 4, .rounds = 10000, .timed_in_8 = 4};
    run(&q);
}
TEST(everybody_is_notified_each_time) {
    static queue q = {.slots = 4, .pairs = 8, .rounds = 2000, .notify_all = true, .timed_in_8 = 2};
    run(&q);
}
