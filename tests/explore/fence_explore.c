/* SPDX-License-Identifier: MIT */
/*
 * The fence: a light side and a heavy one, or two heavy ones, never both miss; from the first heavy one on.
 */
#include "explore.h"

#include <thrum/fence.h>

static struct {
    thrum_u32 stored[EXPLORE_THREADS];
    bool saw[EXPLORE_THREADS][EXPLORE_THREADS];
} s;

enum { SIDES = 3 };

static void store_fence_look(unsigned me, bool heavy) {
    thrum_u32_store_relaxed(&s.stored[me], 1);
    if (heavy)
        REQUIRE(thrum_fence_heavy());
    else
        thrum_fence_light();
    for (unsigned i = 0; i < SIDES; i++) s.saw[me][i] = thrum_u32_load_relaxed(&s.stored[i]);
}

static void one_of_them_saw_the_other(unsigned a, unsigned b) {
    REQUIRE(s.saw[a][b] || s.saw[b][a]);
}

static void one_light_one_heavy(unsigned me) {
    store_fence_look(me, me == 1);
}
static void one_of_two_saw(void) {
    one_of_them_saw_the_other(0, 1);
}
EXPLORE(a_light_and_a_heavy_side_never_both_miss, .threads = 2, .thread = one_light_one_heavy,
        .end = one_of_two_saw, .bounds = {5, 3, 0, 0})

EXPLORE(where_the_kernel_refuses_they_never_both_miss_either, .threads = 2, .thread = one_light_one_heavy,
        .end = one_of_two_saw, .bounds = {5, 3, 0, 0}, .without_fence_all = true)

/* The light side alone is refused: it decides for all, or leaves the fences to the heavy side. */
EXPLORE(a_light_side_that_is_refused_and_a_heavy_one, .threads = 2, .thread = one_light_one_heavy,
        .end = one_of_two_saw, .bounds = {5, 3, 0, 0}, .refused_fences = 1 << 0)

/* One decides, and another that is refused comes to decide at the same time: the first decision holds. */
static void decide_again(unsigned me) {
    if (me == 2)
        thrum_fence_light();
    else
        (void)!thrum_fence_heavy();
    if (me < 2) store_fence_look(me, me == 1);
}
EXPLORE(the_thread_that_decides_decides_for_all, .threads = 3, .thread = decide_again, .end = one_of_two_saw,
        .bounds = {4, 2, 0, 0}, .refused_fences = 1 << 2)

static void one_light_two_heavy(unsigned me) {
    store_fence_look(me, me > 0);
}
static void one_of_each_two_saw(void) {
    one_of_them_saw_the_other(0, 1);
    one_of_them_saw_the_other(0, 2);
    one_of_them_saw_the_other(1, 2);
}
EXPLORE(two_heavy_sides_decide_together, .threads = 3, .thread = one_light_two_heavy,
        .end = one_of_each_two_saw, .bounds = {3, 2, 0, 0})
