/* SPDX-License-Identifier: MIT */
/*
 * Slots: no two living threads have one, and a thread that gets one sees what its former owners wrote.
 *
 * explore: also counter
 */
#include "explore.h"

#include <thrum/counter.h>
#include <thrum/futex.h>
#include <thrum/self.h>

static struct {
    thrum_u32 holders[4]; /* how many hold slot i at this moment */
    int pages[4];         /* plain: the slot's owner writes its own */
    thrum_counter_slot places[2];
    thrum_sharded_counter counter;
} s;

static void name_words(void) {
    explore_name(s.holders, sizeof s.holders, "holders");
    explore_name(s.pages, sizeof s.pages, "pages");
    explore_name(s.places, sizeof s.places, "places");
    REQUIRE(thrum_sharded_counter_init(&s.counter, s.places, 2) == THRUM_OK);
}

static void hold(void) {
    const uint32_t slot = thrum_self_slot();
    REQUIRE(slot < 4 && thrum_self_slot() == slot);
    REQUIRE(thrum_u32_fetch_add_relaxed(&s.holders[slot], 1) == 0);
    s.pages[slot]++;
    thrum_u32_fetch_sub_relaxed(&s.holders[slot], 1);
}

/* All draw at once, and one leaves: a thread object that ends. */
static void draw_and_perhaps_leave(unsigned me) {
    hold();
    if (me == 0) thrum_self_leave_slot_();
}
EXPLORE(two_draw, .threads = 2, .begin = name_words, .thread = draw_and_perhaps_leave, .bounds = {4, 2, 0, 0})
EXPLORE(three_draw_and_one_leaves, .threads = 3, .begin = name_words, .thread = draw_and_perhaps_leave,
        .bounds = {2, 1, 0, 0})

/* The first ends and tells nobody: a thread that draws after that may get its slot. */
static void draw(unsigned me) {
    (void)me;
    hold();
}
EXPLORE(three_draw_and_end, .threads = 3, .begin = name_words, .thread = draw, .bounds = {2, 1, 0, 0})

/* Adds to one's own place are a load and a store: no add is lost though the place changes hands. */
static void add(unsigned me) {
    thrum_sharded_counter_add(&s.counter, 1);
    if (me == 0) thrum_self_leave_slot_();
    if (me == 0) thrum_sharded_counter_add(&s.counter, 1);
}
static void all_were_added(void) {
    REQUIRE(thrum_sharded_counter_sum(&s.counter) == 4);
}
EXPLORE(no_add_is_lost_as_places_change_hands, .threads = 3, .begin = name_words, .thread = add,
        .end = all_were_added, .bounds = {2, 1, 0, 0})
