/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Simple queues. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue_parts.h"
#include "refuse.h"

#include <signal.h>
#include <sys/time.h>

#include <thrum.h>

static thrum_simple_queue simple;
static thrum_simple_queue_node nodes[100];

TEST(a_simple_queue_gives_its_nodes_in_order) {
    CHECK(thrum_simple_queue_try_get_node(&simple) == NULL);
    CHECK(thrum_simple_queue_empty(&simple));
    int in = 0, out = 0;
    while (out < 100) {
        for (int i = 0; i < 3 && in < 100; i++) thrum_simple_queue_put_node(&simple, &nodes[in++]);
        CHECK(!thrum_simple_queue_empty(&simple));
        for (int i = 0; i < 2 && out < in; i++) CHECK(thrum_simple_queue_get_node(&simple) == &nodes[out++]);
    }
    CHECK(thrum_simple_queue_empty(&simple));
    CHECK(thrum_simple_queue_get_node_until(&simple, thrum_after_ms(5)) == NULL);
}

TEST(a_simple_queue_with_nodes_of_its_own_gives_its_items_in_order) {
    void *item = &simple;
    CHECK_EQ(thrum_simple_queue_try_get(&simple, &item), THRUM_EMPTY);
    CHECK_EQ(thrum_simple_queue_get_until(&simple, &item, thrum_after_ms(5)), THRUM_EMPTY);
    CHECK(item == &simple);
    for (int i = 0; i < 50; i++) CHECK_EQ(thrum_simple_queue_put(&simple, ITEM(i)), THRUM_OK);
    CHECK_EQ(thrum_simple_queue_try_get(&simple, &item), THRUM_OK);
    CHECK_EQ(number_of(item), 0);
    CHECK_EQ(thrum_simple_queue_get_until(&simple, &item, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(number_of(item), 1);
    for (int i = 2; i < 50; i++) CHECK_EQ(number_of(thrum_simple_queue_get(&simple)), i);
}

static thrum_u32 handled;

static void put_in_handler(int number) {
    (void)number;
    const uint32_t n = thrum_u32_fetch_add_relaxed(&handled, 1);
    if (n < 100) thrum_simple_queue_put_node(&simple, &nodes[n]);
}

/* The handler interrupts the getter itself, wherever it is: under its lock, on its way to sleep, asleep. */
TEST(a_signal_handler_may_put_to_a_simple_queue) {
    if (THRUM_UNDER_TSAN) test_skip("it keeps signals from a thread that sleeps in the futex");
    const struct sigaction action = {.sa_handler = put_in_handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval often = {{0, 500}, {0, 500}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    errno = 7;
    for (int i = 0; i < 100; i++) CHECK(thrum_simple_queue_get_node(&simple) == &nodes[i]);
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
    CHECK_EQ(errno, 7);
}

/* The same, amid a put of the thread that it interrupts. */
static thrum_simple_queue_node own_nodes[2000];

TEST(a_signal_handler_may_put_to_a_simple_queue_amid_a_put) {
    const struct sigaction action = {.sa_handler = put_in_handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval often = {{0, 50}, {0, 50}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    unsigned from_handlers = 0, next = 0;
    while (from_handlers < 100) {
        for (unsigned i = 0; i < 2000; i++) thrum_simple_queue_put_node(&simple, &own_nodes[i]);
        for (next = 0; next < 2000;) {
            const thrum_simple_queue_node *const node = thrum_simple_queue_get_node(&simple);
            if (node == &own_nodes[next])
                next++;
            else
                CHECK(node == &nodes[from_handlers++]);
        }
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
    CHECK(thrum_simple_queue_try_get_node(&simple) == NULL);
}

static void *wait_for_node(void *unused) {
    (void)unused;
    return thrum_simple_queue_get_node(&simple);
}

TEST(puts_wake_a_waiter_at_a_simple_queue) {
    test_thread threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = test_start(wait_for_node, NULL);
        test_await_asleep(&threads[i]);
    }
    for (int i = 0; i < 3; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    for (int i = 0; i < 3; i++) test_join(&threads[i]);
    CHECK(thrum_simple_queue_empty(&simple));
    CHECK_EQ(thrum_u32_load_relaxed(&simple.getters_.sleepers), 0);
}

TEST(a_simple_queue_tells_its_size) {
    char text[64];
    CHECK_EQ(thrum_simple_queue_size(&simple), 0);
    for (unsigned i = 0; i < 3; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    CHECK_EQ(thrum_simple_queue_size(&simple), 3);
    CHECK_EQ(thrum_simple_queue_describe(&simple, text, sizeof text), strlen("simple queue: 3 items"));
    CHECK(strcmp(text, "simple queue: 3 items") == 0);
    CHECK(thrum_simple_queue_get_node(&simple) == &nodes[0]); /* two are turned over by now */
    CHECK_EQ(thrum_simple_queue_size(&simple), 2);
    for (unsigned i = 3; i < 6; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    CHECK_EQ(thrum_simple_queue_size(&simple), 5);
    while (thrum_simple_queue_try_get_node(&simple)) continue;
    CHECK_EQ(thrum_simple_queue_size(&simple), 0);
    CHECK_EQ(thrum_simple_queue_describe(&simple, text, 7), strlen("simple queue: 0 items"));
    CHECK(strcmp(text, "simple") == 0);
}
