/* SPDX-License-Identifier: MIT */
/*
 * Slots, when all of them are taken: two of them, and a draw asks about one. A thread that finds none lives
 * without, and leaves nothing behind; one that comes when an owner is gone finds its slot, whichever it is.
 *
 * explore: flags -DTHRUM_SELF_SLOTS_=2 -DTHRUM_SELF_ASKS=1
 */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/self.h>

static struct {
    thrum_u32 holders[THRUM_SELF_SLOTS]; /* how many have drawn slot i */
    thrum_u32 without, gone, through;
} s;

static void name_words(void) {
    explore_name(s.holders, sizeof s.holders, "holders");
    explore_name(&s.without, sizeof s.without, "without");
}

/* Whether there was one. */
static bool hold(void) {
    const uint32_t slot = thrum_self_slot();
    REQUIRE(slot <= THRUM_SELF_SLOTS && thrum_self_slot() == slot);
    if (slot == THRUM_SELF_SLOTS) return false;
    thrum_u32_fetch_add_relaxed(&s.holders[slot], 1);
    return true;
}

/* Three for two slots, and each leaves when all have drawn: one has none to leave. */
static void draw_and_leave(unsigned me) {
    (void)me;
    if (!hold()) thrum_u32_fetch_add_relaxed(&s.without, 1);
    thrum_u32_fetch_add_relaxed(&s.through, 1);
    while (thrum_u32_load_relaxed(&s.through) < 3) thrum_futex_yield();
    thrum_self_leave_slot_();
    thrum_self_leave_slot_();
}
static void one_found_none(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.without) == 1);
    for (unsigned i = 0; i < THRUM_SELF_SLOTS; i++) REQUIRE(thrum_u32_load_relaxed(&s.holders[i]) == 1);
}
EXPLORE(of_three_one_finds_none, .threads = 3, .begin = name_words, .thread = draw_and_leave,
        .end = one_found_none, .bounds = {2, 1, 0, 0})

/* One lives on, one ends and tells nobody; the third comes after that. */
static const uint64_t number_of_one = 3; /* the kernel's, of thread 1 */
static void come_after_an_end(unsigned me) {
    while (me == 2 && thrum_u32_load_relaxed(&s.through) < 2) thrum_futex_yield();
    while (me == 2 && !thrum_futex_thread_is_gone(number_of_one)) thrum_futex_yield();
    REQUIRE(hold());
    thrum_u32_fetch_add_relaxed(&s.through, 1);
    while (me == 0 && thrum_u32_load_relaxed(&s.through) < 3) thrum_futex_yield();
}
EXPLORE(the_slot_of_one_that_is_gone_is_found, .threads = 3, .begin = name_words, .thread = come_after_an_end,
        .bounds = {2, 1, 0, 0})
