/* SPDX-License-Identifier: MIT */
/*
 * The ring: every item that was put comes out once, in order, whole; never more than the bound; closed for
 * good.
 */
#include "explore.h"

#include <thrum/ring.h>

enum { CELLS = 2, ITEMS = 8 };

static struct {
    thrum_ring_cell cells[CELLS];
    thrum_ring ring;
    void *slots[CELLS];
    thrum_ring_spsc spsc;
    int page[ITEMS];    /* plain: written before the put, read after the get */
    int put[ITEMS];     /* how often its put succeeded, by the putter */
    int got[ITEMS];     /* how often it came out; plain, so two at a time would race */
    unsigned last_of_0; /* of the first putter's items, the highest that came out */
    bool was_closed[EXPLORE_THREADS];
} s;

static void begin(void) {
    explore_name(&s.ring.tail, sizeof s.ring.tail, "tail");
    explore_name(&s.ring.head, sizeof s.ring.head, "head");
    explore_name(&s.spsc.tail, sizeof s.spsc.tail, "tail");
    explore_name(&s.spsc.head, sizeof s.spsc.head, "head");
    for (int i = 0; i < CELLS; i++) explore_name(&s.cells[i].turn, sizeof s.cells[i].turn, "turn");
    REQUIRE(thrum_ring_init(&s.ring, s.cells, CELLS) == THRUM_OK);
    REQUIRE(thrum_ring_spsc_init(&s.spsc, s.slots, CELLS) == THRUM_OK);
}

static void begin_with_bound_one(void) {
    begin();
    REQUIRE(thrum_ring_set_bound(&s.ring, 1) == THRUM_OK);
}

static thrum_result put(unsigned number) {
    s.page[number] = 1;
    const thrum_result result = thrum_ring_put(&s.ring, &s.page[number]);
    REQUIRE(result == THRUM_OK || result == THRUM_FULL || result == THRUM_CLOSED);
    if (result == THRUM_OK) s.put[number]++;
    return result;
}

static int take(void *item) {
    const int number = (int)((int *)item - s.page);
    REQUIRE(s.page[number] == 1);
    s.got[number]++;
    return number;
}

/* The number of the item that came out; -1: none. */
static int get(unsigned me) {
    void *item;
    const thrum_result result = thrum_ring_get(&s.ring, &item);
    REQUIRE(result == THRUM_OK || result == THRUM_EMPTY || result == THRUM_CLOSED);
    if (result == THRUM_CLOSED) s.was_closed[me] = true;
    return result == THRUM_OK ? take(item) : -1;
}

/* What is left comes out in the end. */
static void all_came_out_once(void) {
    while (get(0) >= 0) continue;
    for (int i = 0; i < ITEMS; i++) REQUIRE(s.got[i] == s.put[i]);
}

/* --- puts and gets -------------------------------------------------------------------------------- */

static void put_or_get(unsigned me) {
    if (me < 2)
        (void)put(me);
    else
        (void)get(me);
}
static void both_were_put(void) {
    REQUIRE(s.put[0] && s.put[1]);
    all_came_out_once();
}
EXPLORE(two_put_two_get, .threads = 4, .begin = begin, .thread = put_or_get, .end = both_were_put,
        .bounds = {3, 2, 0, 0})

/* A put of the next lap, while the get of this one is under way. */
static void put_three_or_get(unsigned me) {
    if (me == 0) {
        for (unsigned i = 0; i < 3; i++) (void)put(i);
    } else {
        (void)get(me);
        (void)get(me);
    }
}
static void two_at_least_were_put(void) {
    REQUIRE(s.put[0] && s.put[1]);
    all_came_out_once();
}
EXPLORE(three_are_put_through_two_cells, .threads = 3, .begin = begin, .thread = put_three_or_get,
        .end = two_at_least_were_put, .bounds = {3, 2, 0, 0})

static void put_twice_or_get_in_order(unsigned me) {
    if (me == 0) {
        (void)put(0);
        (void)put(1);
        (void)put(2);
    } else if (me == 1) {
        for (int i = 0, last = -1; i < 3; i++) {
            const int number = get(me);
            REQUIRE(number < 0 || number > last);
            if (number >= 0) last = number;
        }
    } else {
        (void)get(me);
    }
}
EXPLORE(one_putters_items_come_out_in_order, .threads = 3, .begin = begin,
        .thread = put_twice_or_get_in_order, .end = all_came_out_once, .bounds = {3, 1, 0, 0})

/* The third may have collided twice before it hears that there is no place, or no item. */
static void put_one(unsigned me) {
    (void)put(me);
}
static void two_were_put(void) {
    REQUIRE(s.put[0] + s.put[1] + s.put[2] == 2);
    all_came_out_once();
}
EXPLORE(of_three_that_put_two_find_a_cell, .threads = 3, .begin = begin, .thread = put_one,
        .end = two_were_put, .bounds = {3, 2, 0, 0})

static void begin_with_two_items(void) {
    begin();
    REQUIRE(put(0) == THRUM_OK);
    REQUIRE(put(1) == THRUM_OK);
}
static void get_one(unsigned me) {
    (void)get(me);
}
static void both_were_got(void) {
    REQUIRE(s.got[0] == 1 && s.got[1] == 1);
}
EXPLORE(of_three_that_get_two_find_an_item, .threads = 3, .begin = begin_with_two_items, .thread = get_one,
        .end = both_were_got, .bounds = {3, 2, 0, 0})

/* --- the bound ------------------------------------------------------------------------------------ */

static void put_two_within_bound(unsigned me) {
    if (me == 2) {
        (void)get(me);
        return;
    }
    (void)put(2 * me);
    (void)put(2 * me + 1);
}
/* More puts than one need gets between them. */
static void never_two(void) {
    int inside = 0;
    for (int i = 0; i < ITEMS; i++) inside += s.put[i] - s.got[i];
    REQUIRE(inside <= 1);
    all_came_out_once();
}
EXPLORE(a_bound_of_one_holds, .threads = 3, .begin = begin_with_bound_one, .thread = put_two_within_bound,
        .end = never_two, .bounds = {3, 2, 0, 0})

/* The only putter finds the room that it was told of. Of two gets the second may end first. */
static void begin_with_two_in_a_bound_of_one(void) {
    begin();
    (void)put(0);
    (void)put(1);
    REQUIRE(thrum_ring_set_bound(&s.ring, 1) == THRUM_OK);
}
static void put_into_room_or_get(unsigned me) {
    if (me < 2)
        (void)get(me);
    else if (thrum_ring_has_room(&s.ring))
        REQUIRE(put(2) == THRUM_OK);
}
EXPLORE(the_only_putter_finds_the_room_it_was_told_of, .threads = 3,
        .begin = begin_with_two_in_a_bound_of_one, .thread = put_into_room_or_get, .end = all_came_out_once,
        .bounds = {2, 1, 0, 0})

/* --- close ---------------------------------------------------------------------------------------- */

static void put_close_or_get(unsigned me) {
    if (me == 0) {
        (void)put(0);
        (void)put(1);
    } else if (me == 1) {
        REQUIRE(thrum_ring_close(&s.ring));
        REQUIRE(put(2) == THRUM_CLOSED);
    } else {
        for (int i = 0; i < 3; i++) (void)get(me);
    }
}
/* A get that says "closed" has seen every item that was put. */
static void closed_means_all(void) {
    if (s.was_closed[2])
        for (int i = 0; i < ITEMS; i++) REQUIRE(s.got[i] == s.put[i]);
    all_came_out_once();
    REQUIRE(s.was_closed[0]);
}
EXPLORE(a_close_amid_puts_is_the_last_word, .threads = 3, .begin = begin, .thread = put_close_or_get,
        .end = closed_means_all, .bounds = {3, 2, 0, 0})

/* What was written before a close is seen by each thread that is told of it. */
static void close_or_hear_of_it(unsigned me) {
    if (me == 0) {
        s.page[7] = 1;
        REQUIRE(thrum_ring_close(&s.ring));
    } else if (thrum_ring_get(&s.ring, &(void *){NULL}) == THRUM_CLOSED) {
        REQUIRE(s.page[7] == 1);
    }
}
EXPLORE(a_thread_that_hears_of_a_close_sees_what_came_before, .threads = 2, .begin = begin,
        .thread = close_or_hear_of_it, .bounds = {4, 4, 0, 0})

static void close_or_be_refused(unsigned me) {
    if (me == 0) {
        s.page[0] = 1;
        REQUIRE(thrum_ring_close(&s.ring));
        return;
    }
    if (put(1) == THRUM_CLOSED || put(2) == THRUM_CLOSED) REQUIRE(s.page[0] == 1);
}
EXPLORE(a_put_that_is_refused_sees_what_came_before, .threads = 2, .begin = begin,
        .thread = close_or_be_refused, .bounds = {4, 4, 0, 0})

/* --- one producer, one consumer --------------------------------------------------------------------- */

static void produce_or_consume(unsigned me) {
    if (me == 0) {
        for (unsigned i = 0; i < 4; i++) {
            s.page[i] = 1;
            if (thrum_ring_spsc_put(&s.spsc, &s.page[i]) == THRUM_OK) s.put[i]++;
        }
        thrum_ring_spsc_close(&s.spsc);
        return;
    }
    for (int i = 0, last = -1; i < 5; i++) {
        void *item;
        const thrum_result result = thrum_ring_spsc_get(&s.spsc, &item);
        if (result == THRUM_CLOSED) s.was_closed[me] = true;
        if (result != THRUM_OK) continue;
        const int number = take(item);
        REQUIRE(number > last);
        last = number;
    }
}
static void what_was_closed_is_empty(void) {
    int inside = 0;
    for (int i = 0; i < ITEMS; i++) inside += s.put[i] - s.got[i];
    REQUIRE(inside == (int)thrum_ring_spsc_size(&s.spsc) && inside <= CELLS);
    REQUIRE(!s.was_closed[1] || inside == 0);
}
EXPLORE(one_produces_one_consumes, .threads = 2, .begin = begin, .thread = produce_or_consume,
        .end = what_was_closed_is_empty, .bounds = {5, 3, 0, 0})

static void produce_nothing_or_hear_of_it(unsigned me) {
    if (me == 0) {
        s.page[7] = 1;
        thrum_ring_spsc_close(&s.spsc);
    } else if (thrum_ring_spsc_get(&s.spsc, &(void *){NULL}) == THRUM_CLOSED) {
        REQUIRE(s.page[7] == 1);
    }
}
EXPLORE(a_consumer_that_hears_of_the_close_sees_what_came_before, .threads = 2, .begin = begin,
        .thread = produce_nothing_or_hear_of_it, .bounds = {4, 4, 0, 0})
