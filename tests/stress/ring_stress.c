/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sched.h>
#include <stdlib.h>

#include <thrum/ring.h>

/* Each producer's items, numbered; every one must come out once, and each producer's in order. */
enum { PRODUCERS = 4, CONSUMERS = 4, CELLS = 64 };

typedef struct item {
    unsigned producer;
    uint32_t number; /* plain: the ring is what orders it */
    uint32_t seen;
} item;

static thrum_ring_cell cells[CELLS];
static thrum_ring ring;
static item *made[PRODUCERS];
static uint32_t each;

static void *produce(void *p) {
    const unsigned me = (unsigned)(uintptr_t)p;
    for (uint32_t i = 0; i < each; i++) {
        item *const it = &made[me][i];
        *it = (item){me, i, 0};
        while (thrum_ring_put(&ring, it) != THRUM_OK) sched_yield();
        CHECK(thrum_ring_size(&ring) <= CELLS);
    }
    return NULL;
}

static void *consume(void *unused) {
    uint32_t last[PRODUCERS] = {0};
    for (;;) {
        void *got;
        const thrum_result result = thrum_ring_get(&ring, &got);
        if (result == THRUM_CLOSED) return unused;
        if (result == THRUM_EMPTY) {
            sched_yield();
            continue;
        }
        item *const it = got;
        CHECK(it->number >= last[it->producer]);
        last[it->producer] = it->number + 1;
        it->seen++;
    }
}

/* The bound is changed all the time meanwhile. */
static void *meddle(void *over) {
    uint64_t random = test_seed();
    while (!thrum_u32_load_acquire(over)) {
        CHECK_EQ(thrum_ring_set_bound(&ring, 1 + test_random(&random) % CELLS), THRUM_OK);
        sched_yield();
    }
    return NULL;
}

TEST(every_item_comes_out_once_and_each_producers_in_order) {
    each = 200000 / test_slowdown();
    CHECK_EQ(thrum_ring_init(&ring, cells, CELLS), THRUM_OK);
    for (int i = 0; i < PRODUCERS; i++) CHECK((made[i] = calloc(each, sizeof(item))) != NULL);
    test_thread producers[PRODUCERS], consumers[CONSUMERS];
    thrum_u32 over = {0};
    for (int i = 0; i < PRODUCERS; i++) producers[i] = test_start(produce, (void *)(uintptr_t)i);
    for (int i = 0; i < CONSUMERS; i++) consumers[i] = test_start(consume, NULL);
    test_thread meddler = test_start(meddle, &over);
    for (int i = 0; i < PRODUCERS; i++) test_join(&producers[i]);
    CHECK(thrum_ring_close(&ring));
    for (int i = 0; i < CONSUMERS; i++) test_join(&consumers[i]);
    thrum_u32_store_release(&over, 1);
    test_join(&meddler);
    for (int i = 0; i < PRODUCERS; i++) {
        for (uint32_t j = 0; j < each; j++) CHECK_EQ(made[i][j].seen, 1);
        free(made[i]);
    }
}

static thrum_ring_spsc spsc;
static void *slots[CELLS];

static void *produce_alone(void *p) {
    item *const all = p;
    for (uint32_t i = 0; i < each; i++) {
        all[i].number = i;
        while (thrum_ring_spsc_put(&spsc, &all[i]) != THRUM_OK) sched_yield();
    }
    thrum_ring_spsc_close(&spsc);
    return NULL;
}

TEST(one_producers_items_come_out_in_order) {
    each = 1000000 / test_slowdown();
    CHECK_EQ(thrum_ring_spsc_init(&spsc, slots, CELLS), THRUM_OK);
    item *const all = calloc(each, sizeof(item));
    CHECK(all != NULL);
    test_thread producer = test_start(produce_alone, all);
    uint32_t next = 0;
    for (;;) {
        void *got;
        const thrum_result result = thrum_ring_spsc_get(&spsc, &got);
        if (result == THRUM_CLOSED) break;
        if (result == THRUM_EMPTY)
            sched_yield();
        else
            CHECK_EQ(((item *)got)->number, next++);
    }
    CHECK_EQ(next, each);
    test_join(&producer);
    free(all);
}
