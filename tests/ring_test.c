/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <pthread.h>
#include <signal.h>

#include <thrum/ring.h>

enum { CELLS = 8 };

static thrum_ring_cell cells[CELLS];
static thrum_ring ring;
static void *slots[CELLS];
static thrum_ring_spsc spsc;
static char items[64];

static thrum_result put(size_t number) {
    return thrum_ring_put(&ring, &items[number]);
}

/* The number of the item that is next, -1 where there is none, -2 where there will never be one. */
static int get(void) {
    void *item = &ring;
    switch (thrum_ring_get(&ring, &item)) {
    case THRUM_OK:
        return (int)((char *)item - items);
    case THRUM_EMPTY:
        CHECK(item == &ring);
        return -1;
    default:
        CHECK(item == &ring);
        return -2;
    }
}

static int get_spsc(void) {
    void *item;
    const thrum_result result = thrum_ring_spsc_get(&spsc, &item);
    return result == THRUM_OK ? (int)((char *)item - items) : result == THRUM_EMPTY ? -1 : -2;
}

static void begin(void) {
    CHECK_EQ(thrum_ring_init(&ring, cells, CELLS), THRUM_OK);
    CHECK_EQ(thrum_ring_spsc_init(&spsc, slots, CELLS), THRUM_OK);
}

TEST(a_count_of_cells_that_is_not_a_power_of_two_or_one_is_refused_and_changes_nothing) {
    begin();
    CHECK_EQ(put(1), THRUM_OK);
    const size_t wrong[] = {0, 1, 3, 6, 7};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_EQ(thrum_ring_init(&ring, cells, wrong[i]), THRUM_INVALID);
    CHECK_EQ(thrum_ring_spsc_init(&spsc, slots, 0), THRUM_INVALID);
    CHECK_EQ(thrum_ring_spsc_init(&spsc, slots, 6), THRUM_INVALID);
    CHECK_EQ(get(), 1);
}

TEST(items_come_out_in_order_lap_after_lap_and_no_more_than_there_are_cells) {
    begin();
    int next = 0;
    for (int lap = 0; lap < 10; lap++) {
        CHECK_EQ(get(), -1);
        for (int i = 0; i < CELLS; i++) CHECK_EQ(put((size_t)(next + i) % 64), THRUM_OK);
        CHECK_EQ(thrum_ring_size(&ring), CELLS);
        CHECK_EQ(put(0), THRUM_FULL);
        CHECK(!thrum_ring_has_room(&ring) && thrum_ring_has_item(&ring));
        for (int i = 0; i < CELLS - 3; i++) CHECK_EQ(get(), (next + i) % 64);
        CHECK_EQ(thrum_ring_size(&ring), 3);
        CHECK(thrum_ring_has_room(&ring) && thrum_ring_has_item(&ring));
        for (int i = CELLS - 3; i < CELLS; i++) CHECK_EQ(get(), (next + i) % 64);
        CHECK(thrum_ring_has_room(&ring) && !thrum_ring_has_item(&ring));
        next += CELLS + 1; /* each lap begins with other items */
    }
}

TEST(the_bound_may_be_any_up_to_the_cells_and_may_be_lowered_below_the_size) {
    begin();
    CHECK_EQ(thrum_ring_set_bound(&ring, 0), THRUM_INVALID);
    CHECK_EQ(thrum_ring_set_bound(&ring, CELLS + 1), THRUM_INVALID);
    CHECK_EQ(thrum_ring_set_bound(&ring, 5), THRUM_OK);
    for (size_t i = 0; i < 5; i++) CHECK_EQ(put(i), THRUM_OK);
    CHECK_EQ(put(5), THRUM_FULL);
    CHECK(!thrum_ring_has_room(&ring));
    CHECK_EQ(thrum_ring_set_bound(&ring, 1), THRUM_OK);
    CHECK_EQ(thrum_ring_size(&ring), 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(put(5), THRUM_FULL);
        CHECK_EQ(get(), i);
    }
    for (size_t i = 0; i < 20; i++) {
        CHECK_EQ(put(i), THRUM_OK);
        CHECK_EQ(put(63), THRUM_FULL);
        CHECK_EQ(get(), (int)i);
    }
    CHECK_EQ(thrum_ring_set_bound(&ring, CELLS), THRUM_OK);
    for (size_t i = 0; i < CELLS; i++) CHECK_EQ(put(i), THRUM_OK);
    CHECK_EQ(put(5), THRUM_FULL);
}

TEST(after_a_close_no_put_succeeds_and_gets_take_what_is_there) {
    begin();
    CHECK_EQ(put(1), THRUM_OK);
    CHECK_EQ(put(2), THRUM_OK);
    CHECK(thrum_ring_close(&ring));
    CHECK(!thrum_ring_close(&ring));
    CHECK_EQ(put(3), THRUM_CLOSED);
    CHECK(!thrum_ring_has_room(&ring));
    CHECK_EQ(thrum_ring_size(&ring), 2);
    CHECK_EQ(get(), 1);
    CHECK(!thrum_ring_drained(&ring));
    CHECK_EQ(get(), 2);
    CHECK(thrum_ring_drained(&ring));
    CHECK_EQ(get(), -2);
    CHECK_EQ(get(), -2);
    CHECK_EQ(thrum_ring_size(&ring), 0);
    CHECK_EQ(thrum_ring_puts(&ring), 2);
}

TEST(a_full_ring_that_is_closed_says_closed) {
    begin();
    for (size_t i = 0; i < CELLS; i++) CHECK_EQ(put(i), THRUM_OK);
    CHECK(thrum_ring_close(&ring));
    CHECK_EQ(put(3), THRUM_CLOSED);
}

/* By hand: a put that has taken its place, and no more yet. */
TEST(a_put_that_is_under_way_hides_the_items_behind_it) {
    begin();
    const uint64_t place = thrum_u64_fetch_add_relaxed(&ring.tail, 1);
    CHECK_EQ(put(2), THRUM_OK);
    CHECK_EQ(get(), -1);
    CHECK(!thrum_ring_has_item(&ring));
    CHECK(thrum_ring_close(&ring));
    CHECK_EQ(get(), -1); /* not -2: it is on its way */
    cells[place].item = &items[1];
    thrum_u64_store_release(&cells[place].turn, place + 1);
    CHECK_EQ(get(), 1);
    CHECK_EQ(get(), 2);
    CHECK_EQ(get(), -2);
}

/* By hand: a get that has taken its place, and no more yet. */
TEST(a_get_that_is_under_way_keeps_its_cell) {
    begin();
    for (size_t i = 0; i < CELLS; i++) CHECK_EQ(put(i), THRUM_OK);
    const uint64_t place = thrum_u64_fetch_add_relaxed(&ring.head, 1);
    CHECK_EQ(get(), 1);
    CHECK_EQ(put(8), THRUM_FULL);
    thrum_u64_store_release(&cells[place].turn, place + CELLS);
    CHECK_EQ(put(8), THRUM_OK);
    CHECK_EQ(put(9), THRUM_OK);
}

TEST(one_producer_and_one_consumer_have_the_same_rules) {
    begin();
    for (int lap = 0; lap < 10; lap++) {
        CHECK_EQ(get_spsc(), -1);
        for (size_t i = 0; i < CELLS; i++) CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[i]), THRUM_OK);
        CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[63]), THRUM_FULL);
        CHECK_EQ(thrum_ring_spsc_size(&spsc), CELLS);
        for (int i = 0; i < CELLS - lap % 3; i++) CHECK_EQ(get_spsc(), i);
        for (int i = CELLS - lap % 3; i < CELLS; i++) CHECK_EQ(get_spsc(), i);
    }
    CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[5]), THRUM_OK);
    thrum_ring_spsc_close(&spsc);
    CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[6]), THRUM_CLOSED);
    CHECK_EQ(thrum_ring_spsc_size(&spsc), 1);
    CHECK_EQ(get_spsc(), 5);
    CHECK_EQ(get_spsc(), -2);
    CHECK_EQ(thrum_ring_spsc_size(&spsc), 0);
}

TEST(a_full_ring_of_one_producer_says_closed_once_it_is) {
    begin();
    for (size_t i = 0; i < CELLS; i++) CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[i]), THRUM_OK);
    thrum_ring_spsc_close(&spsc);
    CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[63]), THRUM_CLOSED);
    for (int i = 0; i < CELLS; i++) CHECK_EQ(get_spsc(), i);
    CHECK_EQ(get_spsc(), -2);
    CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[63]), THRUM_CLOSED);
}

TEST(a_ring_of_one_for_one_producer_and_one_consumer_works) {
    CHECK_EQ(thrum_ring_spsc_init(&spsc, slots, 1), THRUM_OK);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[i]), THRUM_OK);
        CHECK_EQ(thrum_ring_spsc_put(&spsc, &items[63]), THRUM_FULL);
        CHECK_EQ(get_spsc(), i);
        CHECK_EQ(get_spsc(), -1);
    }
}

/* The producer is the handler, and interrupts the consumer wherever it is. */
static unsigned produced;
static void produce(int number) {
    (void)number;
    if (produced < 64 && thrum_ring_spsc_put(&spsc, &items[produced]) == THRUM_OK) produced++;
}
static thrum_u32 all_there;
static void *interrupt(void *consumer) {
    while (!thrum_u32_load_acquire(&all_there)) CHECK_EQ(pthread_kill(*(pthread_t *)consumer, SIGUSR1), 0);
    return NULL;
}

TEST(a_handler_may_be_the_producer_of_the_thread_that_it_interrupts) {
    begin();
    pthread_t self = pthread_self();
    const struct sigaction action = {.sa_handler = produce, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    test_thread other = test_start(interrupt, &self);
    for (int i = 0; i < 64;) {
        const int got = get_spsc();
        if (got >= 0) CHECK_EQ(got, i++);
    }
    thrum_u32_store_release(&all_there, 1);
    test_join(&other);
    CHECK_EQ(get_spsc(), -1);
}

/* The ring for any number of threads loses nothing when a handler that puts interrupts a put. */
static unsigned long by_handler;
static void put_too(int number) {
    (void)number;
    if (thrum_ring_put(&ring, &items[1]) == THRUM_OK) by_handler++;
}

TEST(a_handler_may_put_to_a_ring_amid_a_put) {
    enum { PUTS = 20000 };
    unsigned long counts[2] = {0, 0};
    begin();
    pthread_t self = pthread_self();
    const struct sigaction action = {.sa_handler = put_too, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    test_thread other = test_start(interrupt, &self);
    unsigned long puts = 0;
    while (puts < PUTS || counts[1] == 0) {
        if (put(0) == THRUM_OK) puts++;
        const int got = get();
        if (got >= 0) counts[got]++;
    }
    thrum_u32_store_release(&all_there, 1);
    test_join(&other);
    for (int got; (got = get()) >= 0;) counts[got]++;
    CHECK_EQ(counts[0], puts);
    CHECK_EQ(counts[1], by_handler);
}
