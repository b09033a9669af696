/* SPDX-License-Identifier: MIT */
/* The explorer itself, its kernel: what a futex may do is found, what it never does is not. */
#include "explore.h"

#include <limits.h>

#include <thrum/futex.h>

static struct {
    thrum_u32 x, y;
    thrum_u64 wide;
} s;

static void name_words(void) {
    explore_name(&s.x, sizeof s.x, "x");
    explore_name(&s.y, sizeof s.y, "y");
    explore_name(&s.wide, sizeof s.wide, "wide");
}

static thrum_futex_outcome wait_on(const thrum_u32 *word, uint32_t expected, thrum_deadline deadline) {
    return thrum_futex_wait(word, expected, THRUM_FUTEX_ANY, false, deadline);
}

static void wake_all_of(const thrum_u32 *word) {
    thrum_futex_wake(word, INT_MAX, THRUM_FUTEX_ANY, false);
}

/* --- what may befall a sleeper -------------------------------------------------------------------- */

static void wait_for_x(unsigned me) {
    if (me == 1) {
        thrum_u32_store_release(&s.x, 1);
        wake_all_of(&s.x);
        return;
    }
    while (thrum_u32_load_acquire(&s.x) == 0) wait_on(&s.x, 0, THRUM_FOREVER);
}
EXPLORE(a_wait_in_a_loop_ends, .threads = 2, .thread = wait_for_x, .bounds = {3, 2, 0, 2})

static void wait_without_a_look(unsigned me) {
    if (me == 1) {
        thrum_u32_store_release(&s.x, 1);
        return;
    }
    while (thrum_u32_load_acquire(&s.x) == 0) wait_on(&s.x, 0, THRUM_FOREVER);
}
EXPLORE(a_missing_wake_is_a_deadlock, .threads = 2, .begin = name_words, .thread = wait_without_a_look,
        .finds = "deadlock")

static void wait_once(thrum_futex_outcome never, thrum_deadline deadline) {
    REQUIRE(wait_on(&s.x, 0, deadline) != never);
}
static void never_interrupted(unsigned me) {
    if (me == 0)
        wait_once(THRUM_FUTEX_INTERRUPTED, THRUM_FOREVER);
    else
        wait_for_x(me);
}
EXPLORE(a_sleeper_may_be_interrupted, .threads = 2, .begin = name_words, .thread = never_interrupted,
        .finds = "is not so")

static void never_timed_out(unsigned me) {
    if (me == 0)
        wait_once(THRUM_FUTEX_TIMED_OUT, EXPLORE_SOON);
    else
        wait_for_x(me);
}
EXPLORE(a_deadline_may_pass_before_the_wake, .threads = 2, .begin = name_words, .thread = never_timed_out,
        .finds = "is not so")

static void never_a_stray_wake(unsigned me) {
    if (me == 0 && wait_on(&s.y, 0, THRUM_FOREVER) == THRUM_FUTEX_WOKEN)
        REQUIRE(thrum_u32_load_relaxed(&s.y));
    if (me == 1) wake_all_of(&s.x);
}
EXPLORE(a_wake_may_be_a_stray_one, .threads = 2, .begin = name_words, .thread = never_a_stray_wake,
        .finds = "is not so")

static void believe_a_flag(unsigned me) {
    if (me == 0) { /* announces itself, then looks */
        thrum_u32_store_relaxed(&s.y, 1);
        wait_on(&s.x, 0, THRUM_FOREVER);
    } else { /* publishes, then looks for the announcement: the look may pass the store */
        thrum_u32_store_release(&s.x, 1);
        if (thrum_u32_load_acquire(&s.y)) wake_all_of(&s.x);
    }
}
EXPLORE(a_skipped_wake_is_found, .threads = 2, .begin = name_words, .thread = believe_a_flag,
        .bounds = {2, 1, 0, 0}, .finds = "deadlock")

/* --- queues --------------------------------------------------------------------------------------- */

/* The second sleeper goes to sleep behind the first; one wake takes the first. */
static void sleep_in_turn(unsigned me) {
    if (me == 1)
        while (thrum_u32_load_acquire(&s.y) == 0) thrum_futex_yield();
    if (me < 2) {
        if (me == 0) thrum_u32_store_release(&s.y, 1);
        REQUIRE(wait_on(&s.x, 0, me == 0 ? THRUM_FOREVER : EXPLORE_SOON) ==
                (me == 0 ? THRUM_FUTEX_WOKEN : THRUM_FUTEX_TIMED_OUT));
        return;
    }
    while (thrum_futex_wake(&s.x, 1, THRUM_FUTEX_ANY, false) == 0) thrum_futex_yield();
}
EXPLORE(a_later_sleeper_may_be_woken_first_if_it_slept_first, .threads = 3, .begin = name_words,
        .thread = sleep_in_turn, .bounds = {2, 0, 0, 0}, .finds = "is not so")

static const thrum_u32 *half(unsigned n) {
    return (const thrum_u32 *)(const void *)((const char *)&s.wide + 4 * n);
}
static void wait_on_a_half(unsigned me) {
    if (me == 0) {
        while (thrum_u64_load_acquire(&s.wide) >> 32 == 0) wait_on(half(1), 0, THRUM_FOREVER);
    } else {
        thrum_u64_fetch_add_release(&s.wide, 1);
        thrum_u64_fetch_add_release(&s.wide, (uint64_t)1 << 32);
        wake_all_of(half(1));
    }
}
EXPLORE(a_futex_may_be_half_of_a_word, .threads = 2, .thread = wait_on_a_half, .bounds = {3, 1, 0, 1})

static void wait_for_any(unsigned me) {
    if (me == 0) {
        const thrum_futex_choice both[] = {{&s.x, 0, false}, {&s.y, 0, false}};
        bool refused = false;
        while (!thrum_u32_load_acquire(&s.x) && !thrum_u32_load_acquire(&s.y))
            thrum_futex_wait_any(both, 2, &refused, THRUM_FOREVER);
    } else {
        thrum_u32_store_release(me == 1 ? &s.x : &s.y, 1);
        thrum_futex_wake(me == 1 ? &s.x : &s.y, 1, THRUM_FUTEX_ANY, false);
    }
}
EXPLORE(a_wait_for_any_ends_with_either, .threads = 3, .thread = wait_for_any, .bounds = {2, 1, 0, 1})

/* Each word's first sleeper is woken; it may be the same thread for both, and the other sleeps on. */
static void swallow(unsigned me) {
    const thrum_futex_choice both[] = {{&s.x, 0, false}, {&s.y, 0, false}};
    bool refused = false;
    if (me == 0) {
        thrum_futex_wait_any(both, 2, &refused, THRUM_FOREVER);
    } else if (me == 1) {
        wait_on(&s.y, 0, THRUM_FOREVER);
    } else {
        while (thrum_futex_wake(&s.x, 1, THRUM_FUTEX_ANY, false) == 0) thrum_futex_yield();
        while (thrum_futex_wake(&s.y, 1, THRUM_FUTEX_ANY, false) == 0) thrum_futex_yield();
    }
}
EXPLORE(a_waiter_for_any_may_swallow_a_wake, .threads = 3, .begin = name_words, .thread = swallow,
        .bounds = {2, 0, 0, 0}, .finds = "deadlock")

/* One is woken, the other moved. */
static void requeue(bool wake_the_moved) {
    (void)thrum_futex_requeue(&s.x, 0, 1, 1, &s.y, false);
    thrum_u32_store_release(&s.x, 1);
    wake_all_of(&s.x);
    if (wake_the_moved) wake_all_of(&s.y);
}
static void wait_where_it_is(unsigned me) {
    while (me < 2 && thrum_u32_load_acquire(&s.x) == 0) wait_on(&s.x, 0, THRUM_FOREVER);
}
static void move_and_wake(unsigned me) {
    wait_where_it_is(me);
    if (me == 2) requeue(true);
}
static void move_and_forget(unsigned me) {
    wait_where_it_is(me);
    if (me == 2) requeue(false);
}
EXPLORE(a_moved_sleeper_is_woken_there, .threads = 3, .thread = move_and_wake, .bounds = {2, 1, 0, 1})
EXPLORE(a_moved_sleeper_sleeps_on_the_other_word, .threads = 3, .begin = name_words,
        .thread = move_and_forget, .bounds = {2, 0, 0, 0}, .finds = "deadlock")
