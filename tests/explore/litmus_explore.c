/* SPDX-License-Identifier: MIT */
/* The explorer itself: what C11 allows is found, what it forbids is not. */
#include "explore.h"

#include <thrum/futex.h>

static struct {
    thrum_u32 x, y, z;
    int plain;
    uint32_t seen[4];
} s;

static void name_words(void) {
    explore_name(&s.x, sizeof s.x, "x");
    explore_name(&s.y, sizeof s.y, "y");
    explore_name(&s.z, sizeof s.z, "z");
    explore_name(&s.plain, sizeof s.plain, "plain");
}

/* --- message passing ------------------------------------------------------------------------------ */

static void pass_relaxed(unsigned me) {
    if (me == 0) {
        s.plain = 1;
        thrum_u32_store_relaxed(&s.x, 1);
    } else if (thrum_u32_load_acquire(&s.x)) {
        REQUIRE(s.plain == 1);
    }
}
EXPLORE(a_relaxed_store_publishes_nothing, .threads = 2, .begin = name_words, .thread = pass_relaxed,
        .finds = "race: plain read")

static void pass_release(unsigned me) {
    if (me == 0) {
        s.plain = 1;
        thrum_u32_store_release(&s.x, 1);
    } else if (thrum_u32_load_acquire(&s.x)) {
        REQUIRE(s.plain == 1);
    }
}
EXPLORE(a_release_publishes_to_an_acquire, .threads = 2, .thread = pass_release)

/* --- store buffering ------------------------------------------------------------------------------ */

static void buffer_release(unsigned me) {
    thrum_u32_store_release(me ? &s.y : &s.x, 1);
    s.seen[me] = thrum_u32_load_acquire(me ? &s.x : &s.y);
}
static void one_saw_the_other(void) {
    REQUIRE(s.seen[0] || s.seen[1]);
}
EXPLORE(a_store_may_be_passed_by_a_later_load, .threads = 2, .begin = name_words, .thread = buffer_release,
        .end = one_saw_the_other, .finds = "is not so")
static void buffer_sc(unsigned me) {
    thrum_u32_store_seq_cst(me ? &s.y : &s.x, 1);
    s.seen[me] = thrum_u32_load_seq_cst(me ? &s.x : &s.y);
}
EXPLORE(sequential_consistency_keeps_stores_before_loads, .threads = 2, .thread = buffer_sc,
        .end = one_saw_the_other)
