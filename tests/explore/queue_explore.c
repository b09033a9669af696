/* SPDX-License-Identifier: MIT */
/*
 * The queue on its ring, and the simple one: nobody sleeps beside an item or room, and nothing is lost or
 * made.
 */
#include "explore.h"

#include <thrum/fence.h>
#include <thrum/queue.h>

enum { CELLS = 2, ITEMS = 7 };

static struct {
    thrum_ring_cell cells[CELLS];
    thrum_queue queue;
    thrum_simple_queue simple;
    thrum_simple_queue_node nodes[ITEMS];
    int page[ITEMS]; /* plain: written before the put, read after the get */
    int put[ITEMS];
    int got[ITEMS];
    int done;
} s;

static void begin_with_a_list(void) { /* all zero, it is one without a bound */
    explore_name(&s.queue.ring_.tail, sizeof s.queue.ring_.tail, "tail");
    explore_name(&s.queue.ring_.head, sizeof s.queue.ring_.head, "head");
    for (int i = 0; i < CELLS; i++) explore_name(&s.cells[i].turn, sizeof s.cells[i].turn, "turn");
    explore_name(&s.queue.getters_.sleepers, 4, "getters");
    explore_name(&s.queue.getters_.epoch, 4, "getters' epoch");
    explore_name(&s.queue.putters_.sleepers, 4, "putters");
    explore_name(&s.queue.putters_.epoch, 4, "putters' epoch");
    explore_name(&s.queue.joiners_.sleepers, 4, "joiners");
    explore_name(&s.queue.joiners_.epoch, 4, "joiners' epoch");
    explore_name(&s.queue.done_, sizeof s.queue.done_, "done");
    explore_name(&s.simple.in_, sizeof s.simple.in_, "in");
    explore_name(&s.simple.out_, sizeof s.simple.out_, "out");
    explore_name(&s.simple.getters_.sleepers, 4, "getters");
    explore_name(&s.simple.getters_.epoch, 4, "getters' epoch");
    /* As after the first sleep of the process: fence_explore has what comes before. */
    REQUIRE(thrum_fence_heavy());
}
static void begin_with_bound(size_t bound) {
    begin_with_a_list();
    REQUIRE(thrum_ring_init(&s.queue.ring_, s.cells, CELLS) == THRUM_OK);
    REQUIRE(thrum_ring_set_bound(&s.queue.ring_, bound) == THRUM_OK);
}
static void begin(void) {
    begin_with_bound(CELLS);
}
static void begin_with_one_slot(void) {
    begin_with_bound(1);
}

static thrum_result put(unsigned number) {
    s.page[number] = 1;
    const thrum_result result = thrum_queue_put(&s.queue, &s.page[number]);
    s.put[number] += result == THRUM_OK;
    return result;
}

static void take(const void *item) {
    const int number = (int)((const int *)item - s.page);
    REQUIRE(s.page[number] == 1);
    s.got[number]++;
}

static thrum_result get_until(thrum_deadline deadline) {
    void *item;
    const thrum_result result = thrum_queue_get_until(&s.queue, &item, deadline);
    if (result == THRUM_OK) take(item);
    return result;
}

static void get(void) {
    REQUIRE(get_until(THRUM_FOREVER) == THRUM_OK);
}

static void nobody_is_registered(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.queue.getters_.sleepers) < 2);
    REQUIRE(thrum_u32_load_relaxed(&s.queue.putters_.sleepers) < 2);
    REQUIRE(thrum_u32_load_relaxed(&s.queue.joiners_.sleepers) < 2);
    REQUIRE(thrum_u32_load_relaxed(&s.simple.getters_.sleepers) < 2);
}

static void all_came_out_once(void) {
    nobody_is_registered();
    while (get_until(THRUM_NOW) == THRUM_OK) continue;
    for (int i = 0; i < ITEMS; i++) REQUIRE(s.got[i] == s.put[i]);
}

/* --- items ------------------------------------------------------------------------------------------ */

static void get_or_put(unsigned me) {
    if (me == 0)
        get();
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(one_gets_what_one_puts, .threads = 2, .begin = begin, .thread = get_or_put, .end = all_came_out_once,
        .bounds = {5, 3, 0, 2})

/* The one that is woken must see the item of a put that found the mark of the other's wake. */
EXPLORE(one_gets_of_what_two_put, .threads = 3, .begin = begin, .thread = get_or_put,
        .end = all_came_out_once, .bounds = {2, 1, 0, 0})

static void two_get_others_put(unsigned me) {
    if (me < 2)
        get();
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(two_get_what_two_put, .threads = 4, .begin = begin, .thread = two_get_others_put,
        .end = all_came_out_once, .bounds = {2, 0, 0, 0})

static void two_get_one_puts_two(unsigned me) {
    if (me < 2) {
        get();
    } else {
        REQUIRE(put(2) == THRUM_OK);
        REQUIRE(put(3) == THRUM_OK);
    }
}
EXPLORE(two_get_what_one_puts, .threads = 3, .begin = begin, .thread = two_get_one_puts_two,
        .end = all_came_out_once, .bounds = {2, 1, 0, 0})

/* One that never sleeps takes what a wake was for. */
static void one_gets_one_tries(unsigned me) {
    if (me == 0)
        get();
    else if (me == 1)
        (void)get_until(THRUM_NOW);
    else {
        REQUIRE(put(2) == THRUM_OK);
        REQUIRE(put(3) == THRUM_OK);
    }
}
EXPLORE(one_tries_beside_one_that_sleeps, .threads = 3, .begin = begin, .thread = one_gets_one_tries,
        .end = all_came_out_once, .bounds = {3, 1, 0, 0})

/* A wake may choose the one whose deadline passes. */
static void one_gives_up(unsigned me) {
    if (me == 0)
        get();
    else if (me == 1)
        (void)get_until(EXPLORE_SOON);
    else {
        REQUIRE(put(2) == THRUM_OK);
        REQUIRE(put(3) == THRUM_OK);
    }
}
EXPLORE(one_gives_up_beside_one_that_waits, .threads = 3, .begin = begin, .thread = one_gives_up,
        .end = all_came_out_once, .bounds = {2, 1, 2, 0})

/* --- room ------------------------------------------------------------------------------------------- */

static void one_gets_three_others_put(unsigned me) {
    if (me == 0)
        for (int i = 0; i < 2; i++) get();
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(two_put_through_one_slot, .threads = 3, .begin = begin_with_one_slot,
        .thread = one_gets_three_others_put, .end = all_came_out_once, .bounds = {2, 0, 0, 1})

static void raise_or_put(unsigned me) {
    if (me == 0)
        REQUIRE(thrum_queue_set_bound(&s.queue, CELLS) == THRUM_OK);
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(a_raised_bound_lets_in_the_second, .threads = 3, .begin = begin_with_one_slot, .thread = raise_or_put,
        .end = all_came_out_once, .bounds = {3, 2, 0, 1})

/* --- shutdown --------------------------------------------------------------------------------------- */

static void get_put_or_shut_down(unsigned me) {
    if (me < 2)
        (void)get_until(THRUM_FOREVER);
    else if (me == 2)
        (void)put(me);
    else
        thrum_queue_shutdown(&s.queue);
}
EXPLORE(a_shutdown_amid_a_put_lets_all_go, .threads = 4, .begin = begin, .thread = get_put_or_shut_down,
        .end = all_came_out_once, .bounds = {2, 0, 0, 0})

static void put_or_shut_down(unsigned me) {
    if (me < 2)
        (void)put(me);
    else
        thrum_queue_shutdown(&s.queue);
}
EXPLORE(a_shutdown_lets_waiters_for_room_go, .threads = 3, .begin = begin_with_one_slot,
        .thread = put_or_shut_down, .end = all_came_out_once, .bounds = {3, 1, 0, 1})

/* --- join ------------------------------------------------------------------------------------------- */

static void begin_with_two_items(void) {
    begin();
    REQUIRE(put(0) == THRUM_OK && put(1) == THRUM_OK);
}
static void join_or_do(unsigned me) {
    if (me == 0) {
        thrum_queue_join(&s.queue);
        REQUIRE(s.done == 2); /* plain: what was done before is seen */
    } else {
        get();
        __atomic_fetch_add(&s.done, 1, __ATOMIC_RELAXED);
        REQUIRE(thrum_queue_task_done(&s.queue) == THRUM_OK);
    }
}
EXPLORE(a_join_waits_for_two, .threads = 3, .begin = begin_with_two_items, .thread = join_or_do,
        .end = all_came_out_once, .bounds = {3, 1, 0, 0})

static void put_do_or_count(unsigned me) {
    if (me == 0) {
        REQUIRE(put(0) == THRUM_OK);
    } else if (me == 1) {
        get();
        REQUIRE(thrum_queue_task_done(&s.queue) == THRUM_OK);
    } else {
        REQUIRE(thrum_queue_unfinished(&s.queue) <= 1);
    }
}
EXPLORE(never_more_is_done_than_was_put, .threads = 3, .begin = begin, .thread = put_do_or_count,
        .end = all_came_out_once, .bounds = {2, 2, 0, 0})

/* --- a list ----------------------------------------------------------------------------------------- */

EXPLORE(two_get_from_a_list_what_one_puts, .threads = 3, .begin = begin_with_a_list,
        .thread = two_get_one_puts_two, .end = all_came_out_once, .bounds = {2, 0, 0, 0})

EXPLORE(a_shutdown_of_a_list_amid_a_put_lets_all_go, .threads = 4, .begin = begin_with_a_list,
        .thread = get_put_or_shut_down, .end = all_came_out_once, .bounds = {1, 1, 0, 0})

static void begin_with_a_full_list(void) {
    begin_with_a_list();
    REQUIRE(thrum_queue_set_bound(&s.queue, 1) == THRUM_OK && put(0) == THRUM_OK);
}
static void lift_or_put(unsigned me) {
    if (me == 0)
        REQUIRE(thrum_queue_set_bound(&s.queue, 0) == THRUM_OK);
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(a_lifted_bound_lets_in_all, .threads = 3, .begin = begin_with_a_full_list, .thread = lift_or_put,
        .end = all_came_out_once, .bounds = {2, 1, 0, 0})

static void get_three_or_put(unsigned me) {
    if (me == 0)
        for (int i = 0; i < 3; i++) get();
    else
        REQUIRE(put(me) == THRUM_OK);
}
EXPLORE(two_put_through_a_list_of_one, .threads = 3, .begin = begin_with_a_full_list,
        .thread = get_three_or_put, .end = all_came_out_once, .bounds = {1, 0, 0, 0}, .by_priority = 20000,
        .at_random = 20000)

/* --- simple ----------------------------------------------------------------------------------------- */

static void simple_get(void) {
    const thrum_simple_queue_node *const node = thrum_simple_queue_get_node(&s.simple);
    const int number = (int)(node - s.nodes);
    REQUIRE(s.page[number] == 1);
    s.got[number]++;
}
static void simple_put(unsigned number) {
    s.page[number] = 1;
    thrum_simple_queue_put_node(&s.simple, &s.nodes[number]);
    s.put[number]++;
}

static void simple_get_or_put(unsigned me) {
    if (me < 2)
        simple_get();
    else
        simple_put(me);
}
static void all_nodes_came_out(void) {
    nobody_is_registered();
    REQUIRE(thrum_simple_queue_empty(&s.simple));
    REQUIRE(thrum_simple_queue_size(&s.simple) == 0);
    for (int i = 0; i < ITEMS; i++) REQUIRE(s.got[i] == s.put[i]);
}
EXPLORE(two_get_the_nodes_that_two_put, .threads = 4, .begin = begin, .thread = simple_get_or_put,
        .end = all_nodes_came_out, .bounds = {2, 0, 0, 0})

/* One counts while another puts two and a third gets one: what it counts stays there meanwhile (queue.M2). */
static void count_beside_a_get_and_puts(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_simple_queue_size(&s.simple) <= 2);
    } else if (me == 1) {
        simple_get();
        explore_free(&s.nodes[0], sizeof s.nodes[0]);
    } else {
        simple_put(0);
        simple_put(1);
    }
}
static void one_is_left(void) {
    REQUIRE(thrum_simple_queue_size(&s.simple) == 1);
}
EXPLORE(one_counts_the_nodes_that_are_put_and_got, .threads = 3, .begin = begin,
        .thread = count_beside_a_get_and_puts, .end = one_is_left, .bounds = {2, 1, 0, 0})

/*
 * The taker of one clears the mark of the wake that was for another: it must see what was put by the threads
 * that found the mark.
 */
static void three_get_one_puts_three(unsigned me) {
    if (me < 3) {
        simple_get();
        return;
    }
    for (int i = 0; i < 3; i++) simple_put((unsigned)i);
}
EXPLORE(three_get_the_nodes_that_one_puts, .threads = 4, .begin = begin, .thread = three_get_one_puts_three,
        .end = all_nodes_came_out, .bounds = {1, 2, 0, 0}, .by_priority = 400000)
