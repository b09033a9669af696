/* SPDX-License-Identifier: MIT */
/*
 * THRUM_WITH: every way out releases once what was held, and leaves no guard behind.
 *
 * explore: also self
 */
#include "explore.h"

#include <thrum/with.h>

static struct {
    thrum_lock lock;
    thrum_spinlock spinlock;
    thrum_semaphore permits; /* one: a second release would show in the value */
    int inside;              /* plain: the lock protects it */
    int spins;               /* plain: the spinlock */
    int taken;               /* plain: the permit */
    unsigned ways[EXPLORE_THREADS];
} s;

static void name_words(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    explore_name(&s.spinlock, sizeof s.spinlock, "spinlock");
    explore_name(&s.permits, sizeof s.permits, "permits");
    explore_name(&s.inside, sizeof s.inside, "inside");
    explore_name(&s.spins, sizeof s.spins, "spins");
    explore_name(&s.taken, sizeof s.taken, "taken");
    REQUIRE(thrum_semaphore_init(&s.permits, 1) == THRUM_OK);
}

static void all_is_free(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.lock.state) == 0);
    REQUIRE(thrum_u32_load_relaxed(&s.spinlock.state) == 0);
    REQUIRE(thrum_u64_load_relaxed(&s.permits.state) == 1);
    REQUIRE(thrum_self_guards() == 0);
}

static void alone(int *count) {
    REQUIRE(++*count == 1);
    --*count;
}

/* Falls off the end, breaks, goes on or returns. */
static void hold_in_any_way(unsigned way) {
    THRUM_WITH(&s.lock) {
        REQUIRE(thrum_self_guards() == 1);
        alone(&s.inside);
        if (way == 1) break;
        if (way == 2) continue;
        if (way == 3) return;
    }
}

static void leave_in_any_way(unsigned me) {
    hold_in_any_way(s.ways[me]);
    REQUIRE(thrum_self_guards() == 0);
}
static void any_two_ways(void) {
    name_words();
    s.ways[0] = explore_choose(4);
    s.ways[1] = s.ways[0] + explore_choose(4 - s.ways[0]);
}
EXPLORE(every_way_out_lets_go, .threads = 2, .begin = any_two_ways, .thread = leave_in_any_way,
        .end = all_is_free, .bounds = {4, 2, 1, 1})

/* Three kinds of object, one inside the other. */
static void hold_three(void) {
    THRUM_HOLD(&s.permits);
    alone(&s.taken);
    THRUM_WITH(&s.lock) {
        alone(&s.inside);
        THRUM_HOLD(&s.spinlock);
        alone(&s.spins);
        REQUIRE(thrum_self_guards() == 3);
    }
    REQUIRE(thrum_self_guards() == 1);
}

static void hold_one_or_three(unsigned me) {
    if (me == 0) hold_three();
    if (me == 1)
        THRUM_WITH(&s.spinlock) alone(&s.spins);
    if (me == 2)
        THRUM_WITH(&s.lock) alone(&s.inside);
    REQUIRE(thrum_self_guards() == 0);
}
EXPLORE(each_thread_has_guards_of_its_own, .threads = 3, .begin = name_words, .thread = hold_one_or_three,
        .end = all_is_free, .bounds = {5, 1, 0, 0})

/* --- a deadline ------------------------------------------------------------------------------------- */

static void hold_until(unsigned me) {
    thrum_result result;
    bool ran = false;
    if (me == 0) {
        THRUM_WITH(&s.permits) alone(&s.taken);
    } else {
        THRUM_WITH_UNTIL(&s.permits, EXPLORE_SOON, &result) {
            REQUIRE(thrum_self_guards() == 1);
            alone(&s.taken);
            ran = true;
        }
        REQUIRE(result == (ran ? THRUM_OK : THRUM_TIMEOUT));
    }
    REQUIRE(thrum_self_guards() == 0);
}
EXPLORE(what_times_out_holds_nothing, .threads = 2, .begin = name_words, .thread = hold_until,
        .end = all_is_free, .bounds = {6, 3, 4, 3})
EXPLORE(two_that_may_time_out, .threads = 3, .begin = name_words, .thread = hold_until, .end = all_is_free,
        .bounds = {3, 1, 2, 0})

/* --- a thread ends inside ----------------------------------------------------------------------------- */

/* What it held has gone to others when it leaves the blocks, and is not released again. */
static void end_inside_or_come_after(unsigned me) {
    if (me == 0) {
        THRUM_HOLD(&s.lock);
        THRUM_WITH(&s.permits) {
            alone(&s.inside);
            alone(&s.taken);
            thrum_self_release_guards();
            REQUIRE(thrum_self_guards() == 0);
        }
    } else {
        THRUM_WITH(&s.permits) alone(&s.taken);
        THRUM_WITH(&s.lock) alone(&s.inside);
    }
    REQUIRE(thrum_self_guards() == 0);
}
EXPLORE(a_thread_that_ends_inside_lets_go_once, .threads = 2, .begin = name_words,
        .thread = end_inside_or_come_after, .end = all_is_free, .bounds = {4, 1, 1, 1})
EXPLORE(two_come_after_a_thread_that_ended_inside, .threads = 3, .begin = name_words,
        .thread = end_inside_or_come_after, .end = all_is_free, .bounds = {3, 0, 0, 0})
