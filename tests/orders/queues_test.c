/* SPDX-License-Identifier: MIT */
/* Rings, queues and the seqlock: what was written before a put is seen behind the get of its item. */
#include "orders.h"

/* ---- rings: the item is a pointer to the plain data ---- */

static thrum_ring ring;
static thrum_ring_cell cells[2];
static thrum_ring_spsc spsc;
static void *spsc_items[2];

static void ring_put(void) {
    CHECK_EQ(thrum_ring_put(&ring, &hand_data), THRUM_OK);
}
static void ring_get(void) {
    void *item;
    YIELD_UNTIL(thrum_ring_get(&ring, &item) == THRUM_OK);
    CHECK(item == &hand_data);
}
static void spsc_put(void) {
    CHECK_EQ(thrum_ring_spsc_put(&spsc, &hand_data), THRUM_OK);
}
static void spsc_get(void) {
    void *item;
    YIELD_UNTIL(thrum_ring_spsc_get(&spsc, &item) == THRUM_OK);
    CHECK(item == &hand_data);
}
static void ring_shut(void) {
    CHECK_EQ(thrum_ring_init(&ring, cells, 2), THRUM_OK);
    CHECK_EQ(thrum_ring_spsc_init(&spsc, spsc_items, 2), THRUM_OK);
}
static void ring_close(void) {
    (void)thrum_ring_close(&ring);
}
static void ring_get_closed(void) {
    void *item;
    YIELD_UNTIL(thrum_ring_get(&ring, &item) == THRUM_CLOSED);
}
static void ring_put_closed(void) { /* a put that comes before the close succeeds, or finds no room */
    YIELD_UNTIL(thrum_ring_put(&ring, &hand_data) == THRUM_CLOSED);
}
static void spsc_close(void) {
    thrum_ring_spsc_close(&spsc);
}
static void spsc_get_closed(void) {
    void *item;
    YIELD_UNTIL(thrum_ring_spsc_get(&spsc, &item) == THRUM_CLOSED);
}
TEST(ring) {
    ring_shut();
    hand_over((hand){NULL, ring_put, ring_get, HAND_SPINS, NULL});
    hand_over((hand){NULL, spsc_put, spsc_get, HAND_SPINS, NULL});
}
TEST(ring_close) {
    hand_over((hand){ring_shut, ring_close, ring_get_closed, HAND_SPINS, NULL});
    hand_over((hand){ring_shut, ring_close, ring_put_closed, HAND_SPINS, NULL});
    hand_over((hand){ring_shut, spsc_close, spsc_get_closed, HAND_SPINS, NULL});
}

/* ---- seqlock ---- */

static thrum_seqlock seqlock;
static thrum_u64 words[THRUM_SEQLOCK_WORDS(int)];
static int last_read;

static void seqlock_write(void) {
    thrum_seqlock_write(&seqlock, words, &hand_data, sizeof hand_data);
}
static void seqlock_tries_to_write(void) {
    YIELD_UNTIL(thrum_seqlock_try_write(&seqlock, words, &hand_data, sizeof hand_data));
}
static void seqlock_read(void) {
    int now = last_read;
    while (now == last_read) {
        thrum_seqlock_read(&seqlock, words, &now, sizeof now);
        sched_yield();
    }
    last_read = now;
}
static void seqlock_tries_to_read(void) {
    int now = last_read;
    while (!thrum_seqlock_try_read(&seqlock, words, &now, sizeof now) || now == last_read) sched_yield();
    last_read = now;
}
TEST(seqlock) {
    hand_over((hand){NULL, seqlock_write, seqlock_read, HAND_SPINS, NULL});
    hand_over((hand){NULL, seqlock_tries_to_write, seqlock_tries_to_read, HAND_SPINS, NULL});
}

/* ---- queues of every kind ---- */

static thrum_queue queue;
static int dropped;

static int compare(const void *a, const void *b, void *unused) {
    (void)unused;
    return *(const int *)a - *(const int *)b;
}
static void drop(void *item, void *unused) {
    (void)unused;
    dropped = *(int *)item;
}
static const thrum_queue_config configs[] = {
    {.kind = THRUM_QUEUE_FIFO, .bound = 4, .drop = drop},
    {.kind = THRUM_QUEUE_FIFO, .drop = drop},
    {.kind = THRUM_QUEUE_LIFO, .drop = drop},
    {.kind = THRUM_QUEUE_PRIORITY, .compare = compare, .drop = drop},
};
enum { KINDS = sizeof configs / sizeof configs[0] };
static const thrum_queue_config *config = configs;

static void queue_put(void) {
    CHECK_EQ(thrum_queue_put(&queue, &hand_data), THRUM_OK);
}
static void queue_tries_to_put(void) {
    CHECK_EQ(thrum_queue_try_put(&queue, &hand_data), THRUM_OK);
}
static void queue_puts_in_time(void) {
    CHECK_EQ(thrum_queue_put_until(&queue, &hand_data, LONG), THRUM_OK);
}
static void queue_get(void) {
    void *item;
    CHECK_EQ(thrum_queue_get(&queue, &item), THRUM_OK);
    CHECK(item == &hand_data);
}
static void queue_tries_to_get(void) {
    void *item;
    YIELD_UNTIL(thrum_queue_try_get(&queue, &item) == THRUM_OK);
}
static void queue_gets_in_time(void) {
    void *item;
    CHECK_EQ(thrum_queue_get_until(&queue, &item, LONG), THRUM_OK);
}
TEST(queue) {
    for (int kind = 0; kind < KINDS; kind++) {
        CHECK_EQ(thrum_queue_init(&queue, &configs[kind]), THRUM_OK);
        hand_over((hand){NULL, queue_put, queue_get, HAND_SLEEPS, NULL});
        hand_over((hand){NULL, queue_puts_in_time, queue_gets_in_time, HAND_SLEEPS, NULL});
        hand_over((hand){NULL, queue_tries_to_put, queue_tries_to_get, HAND_SPINS, NULL});
        thrum_queue_destroy(&queue);
    }
}

/* The put that waits for room ends in the archive, the get that takes its item in the program. */
static void *queue_puts_when_there_is_room(void *unused) {
    hand_data++;
    CHECK_EQ(thrum_queue_put(&queue, &hand_data), THRUM_OK);
    return unused;
}
TEST(queue_put_that_waited) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        void *item;
        const int before = hand_data;
        CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.bound = 1}), THRUM_OK);
        CHECK_EQ(thrum_queue_put(&queue, &dropped), THRUM_OK);
        test_thread other = test_start(queue_puts_when_there_is_room, NULL);
        test_await_asleep(&other);
        do {
            YIELD_UNTIL(thrum_queue_try_get(&queue, &item) == THRUM_OK);
        } while (item != &hand_data);
        CHECK_EQ(hand_data, before + 1);
        test_join(&other);
        thrum_queue_destroy(&queue);
    }
}

static void queue_shut(void) {
    CHECK_EQ(thrum_queue_init(&queue, config), THRUM_OK);
    if (config->bound) CHECK_EQ(thrum_queue_set_bound(&queue, 1), THRUM_OK);
}
static void queue_shutdown(void) {
    thrum_queue_shutdown(&queue);
}
static void queue_get_refused(void) {
    void *item;
    CHECK_EQ(thrum_queue_get(&queue, &item), THRUM_CLOSED);
}
static void queue_put_refused(void) {
    thrum_result result;
    do {
        result = thrum_queue_put(&queue, &dropped); /* full with the first, where it is bounded */
    } while (result == THRUM_OK);
    CHECK_EQ(result, THRUM_CLOSED);
}
static void queue_rest(void) {
    thrum_queue_destroy(&queue);
}
TEST(queue_shutdown) {
    for (int kind = 0; kind < KINDS; kind++) {
        config = &configs[kind];
        hand_over((hand){queue_shut, queue_shutdown, queue_get_refused, HAND_SLEEPS, queue_rest});
        hand_over((hand){queue_shut, queue_shutdown, queue_put_refused,
                         config->bound ? HAND_SLEEPS : HAND_COMES_LATER, queue_rest});
    }
}

/* The items that a shutdown drops are seen by the function that drops them. */
static void queue_drops(void) {
    thrum_queue_shutdown_now(&queue);
    CHECK_EQ(dropped, hand_data);
}
TEST(queue_drop) {
    for (int kind = 0; kind < KINDS; kind++) {
        config = &configs[kind];
        hand_over((hand){queue_shut, queue_put, queue_drops, HAND_COMES_LATER, queue_rest});
    }
}

/* A put compares its item with those that others have put; and it moves them, where the list grows. */
enum { MANY = 200 };
static int numbers[2 * MANY];
static thrum_u32 half_put; /* a hint */

static void *puts_half(void *unused) {
    for (int i = 0; i < MANY; i++) {
        numbers[i] = 2 * i;
        CHECK_EQ(thrum_queue_put(&queue, &numbers[i]), THRUM_OK);
    }
    hint(&half_put);
    return unused;
}
TEST(queue_put_after_put) {
    for (int kind = 1; kind < KINDS; kind++) {
        CHECK_EQ(thrum_queue_init(&queue, &configs[kind]), THRUM_OK);
        test_thread other = test_start(puts_half, NULL);
        await_hint(&half_put);
        for (int i = MANY; i < 2 * MANY; i++) {
            numbers[i] = 2 * (i - MANY) + 1;
            CHECK_EQ(thrum_queue_put(&queue, &numbers[i]), THRUM_OK);
        }
        test_join(&other);
        thrum_queue_destroy(&queue);
    }
}

static void tasks_shut(void) {
    config = configs;
    queue_shut();
    CHECK_EQ(thrum_queue_put(&queue, &queue), THRUM_OK);
}
static void tasks_give(void) {
    CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
}
static void tasks_take(void) {
    thrum_queue_join(&queue);
}
static void tasks_take_in_time(void) {
    CHECK_EQ(thrum_queue_join_until(&queue, LONG), THRUM_OK);
}
TEST(queue_tasks) {
    hand_over((hand){tasks_shut, tasks_give, tasks_take, HAND_SLEEPS, queue_rest});
    hand_over((hand){tasks_shut, tasks_give, tasks_take_in_time, HAND_SLEEPS, queue_rest});
}

/* ---- the simple queue, with the caller's nodes and with its own ---- */

static thrum_simple_queue simple;
static thrum_simple_queue_node node;

static void simple_put_node(void) {
    thrum_simple_queue_put_node(&simple, &node);
}
static void simple_get_node(void) {
    CHECK(thrum_simple_queue_get_node(&simple) == &node);
}
static void simple_tries_to_get_node(void) {
    YIELD_UNTIL(thrum_simple_queue_try_get_node(&simple));
}
static void simple_gets_node_in_time(void) {
    CHECK(thrum_simple_queue_get_node_until(&simple, LONG) == &node);
}
static void simple_put(void) {
    CHECK_EQ(thrum_simple_queue_put(&simple, &hand_data), THRUM_OK);
}
static void simple_get(void) {
    CHECK(thrum_simple_queue_get(&simple) == &hand_data);
}
static void simple_tries_to_get(void) {
    void *item;
    YIELD_UNTIL(thrum_simple_queue_try_get(&simple, &item) == THRUM_OK);
}
static void simple_gets_in_time(void) {
    void *item;
    CHECK_EQ(thrum_simple_queue_get_until(&simple, &item, LONG), THRUM_OK);
}
TEST(queue_simple) {
    hand_over((hand){NULL, simple_put_node, simple_get_node, HAND_SLEEPS, NULL});
    hand_over((hand){NULL, simple_put_node, simple_gets_node_in_time, HAND_SLEEPS, NULL});
    hand_over((hand){NULL, simple_put_node, simple_tries_to_get_node, HAND_SPINS, NULL});
    hand_over((hand){NULL, simple_put, simple_get, HAND_SLEEPS, NULL});
    hand_over((hand){NULL, simple_put, simple_gets_in_time, HAND_SLEEPS, NULL});
    hand_over((hand){NULL, simple_put, simple_tries_to_get, HAND_SPINS, NULL});
}
