/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <sched.h>
#include <stdlib.h>

#include <thrum.h>

/*
 * Putters' items must each come out once, through every kind of queue and bound, while bounds change and
 * waits time out.
 */
enum { PUTTERS = 4, GETTERS = 4 };

typedef struct item {
    uint32_t number; /* plain: the queue is what orders it */
    uint32_t seen;
} item;

static thrum_queue queue;
static item *made[PUTTERS];
static uint32_t each;

static int compare(const void *a, const void *b, void *unused) {
    (void)unused;
    return ((const item *)a)->number < ((const item *)b)->number ? -1 : 1;
}

static void *put_each(void *p) {
    const unsigned me = (unsigned)(uintptr_t)p;
    for (uint32_t i = 0; i < each; i++) {
        item *const it = &made[me][i];
        it->number = i;
        if (i % 7 == 0)
            while (thrum_queue_put_until(&queue, it, thrum_after_us(30)) != THRUM_OK) continue;
        else
            CHECK_EQ(thrum_queue_put(&queue, it), THRUM_OK);
    }
    return NULL;
}

static void *get_all(void *unused) {
    for (unsigned i = 0;; i++) {
        void *got;
        const thrum_result result = i % 5 == 0   ? thrum_queue_get_until(&queue, &got, thrum_after_us(30))
                                    : i % 5 == 1 ? thrum_queue_try_get(&queue, &got)
                                                 : thrum_queue_get(&queue, &got);
        if (result == THRUM_CLOSED) return unused;
        if (result == THRUM_EMPTY) continue;
        ((item *)got)->seen++;
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
    }
}

static void pass_all(const thrum_queue_config *config, bool meddle) {
    CHECK_EQ(thrum_queue_init(&queue, config), THRUM_OK);
    test_thread putters[PUTTERS], getters[GETTERS];
    for (int i = 0; i < PUTTERS; i++) CHECK((made[i] = calloc(each, sizeof(item))) != NULL);
    for (int i = 0; i < GETTERS; i++) getters[i] = test_start(get_all, NULL);
    for (int i = 0; i < PUTTERS; i++) putters[i] = test_start(put_each, (void *)(uintptr_t)i);
    uint64_t random = test_seed();
    for (int i = 0; meddle && i < 200; i++) {
        CHECK_EQ(thrum_queue_set_bound(&queue, 1 + (ptrdiff_t)(test_random(&random) % 16)), THRUM_OK);
        sched_yield();
    }
    for (int i = 0; i < PUTTERS; i++) test_join(&putters[i]);
    thrum_queue_join(&queue);
    for (int i = 0; i < PUTTERS; i++)
        for (uint32_t j = 0; j < each; j++) CHECK_EQ(made[i][j].seen, 1);
    thrum_queue_shutdown(&queue);
    for (int i = 0; i < GETTERS; i++) test_join(&getters[i]);
    CHECK_EQ(thrum_queue_task_done(&queue), THRUM_LIMIT);
    thrum_queue_destroy(&queue);
    for (int i = 0; i < PUTTERS; i++) free(made[i]);
}

TEST(a_fifo_with_a_bound_passes_every_item_once) {
    each = 50000 / test_slowdown();
    pass_all(&(thrum_queue_config){.bound = 1024}, false);
    pass_all(&(thrum_queue_config){.bound = 1}, false);
    pass_all(&(thrum_queue_config){.bound = 16}, true);
    pass_all(&(thrum_queue_config){.bound = 3}, false);
}

TEST(the_other_kinds_pass_every_item_once) {
    each = 20000 / test_slowdown();
    pass_all(&(thrum_queue_config){.kind = THRUM_QUEUE_FIFO}, true);
    pass_all(&(thrum_queue_config){.kind = THRUM_QUEUE_LIFO, .bound = 4}, true);
    pass_all(&(thrum_queue_config){.kind = THRUM_QUEUE_PRIORITY, .bound = 64, .compare = compare}, false);
}

/* ---- shutdown at any moment ---- */

static thrum_u32 accepted, received, thrown;

static void throw_away(void *unused, void *argument) {
    (void)unused, (void)argument;
    thrum_u32_fetch_add_relaxed(&thrown, 1);
}

static void *put_until_closed(void *unused) {
    while (thrum_queue_put(&queue, &queue) == THRUM_OK) thrum_u32_fetch_add_relaxed(&accepted, 1);
    return unused;
}

static void *get_until_closed(void *unused) {
    void *got;
    while (thrum_queue_get(&queue, &got) == THRUM_OK) thrum_u32_fetch_add_relaxed(&received, 1);
    return unused;
}

TEST(a_shutdown_at_any_moment_loses_nothing_and_leaves_nobody) {
    uint64_t random = test_seed();
    for (unsigned round = 0; round < 1000 / test_slowdown(); round++) {
        const thrum_queue_config config = {.bound = 1 + (ptrdiff_t)(round % 3), .drop = throw_away};
        CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
        thrum_u32_store_relaxed(&accepted, 0);
        thrum_u32_store_relaxed(&received, 0);
        thrum_u32_store_relaxed(&thrown, 0);
        test_thread threads[6];
        for (int i = 0; i < 6; i++)
            threads[i] = test_start(i % 2 ? put_until_closed : get_until_closed, NULL);
        thrum_futex_nap(thrum_after_us((uint64_t)(test_random(&random) % 500)));
        if (round % 2)
            thrum_queue_shutdown_now(&queue);
        else
            thrum_queue_shutdown(&queue);
        for (int i = 0; i < 6; i++) test_join(&threads[i]);
        CHECK_EQ(thrum_u32_load_relaxed(&accepted),
                 thrum_u32_load_relaxed(&received) + thrum_u32_load_relaxed(&thrown));
        thrum_queue_destroy(&queue);
    }
}

/* ---- simple ---- */

static thrum_simple_queue simple;

static void *put_simple(void *unused) {
    for (uint32_t i = 0; i < each; i++) CHECK_EQ(thrum_simple_queue_put(&simple, &simple), THRUM_OK);
    return unused;
}

static void *get_simple(void *unused) {
    for (uint32_t i = 0; i < each; i++) CHECK(thrum_simple_queue_get(&simple) == &simple);
    return unused;
}

TEST(a_simple_queue_passes_every_item_once) {
    each = 50000 / test_slowdown();
    test_thread threads[8];
    for (int i = 0; i < 8; i++) threads[i] = test_start(i % 2 ? put_simple : get_simple, NULL);
    for (int i = 0; i < 8; i++) test_join(&threads[i]);
    CHECK(thrum_simple_queue_empty(&simple));
    CHECK_EQ(thrum_u32_load_relaxed(&simple.getters_.sleepers), 0);
}
