/* SPDX-License-Identifier: MIT */
/*
 * The latch: nobody is lost, a reset holds nobody back that waited before it, the last one frees it.
 *
 * explore: flags -DTHRUM_LATCH_ONE_=((uint64_t)1<<30)
 */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/latch.h>

static struct {
    thrum_latch latch;
    int written[EXPLORE_THREADS]; /* plain: each count-down publishes its own */
    int again;                    /* plain: the reset publishes it */
    thrum_u32 through, counted;
} s;

static void name_words(void) {
    explore_name(&s.latch, sizeof s.latch, "latch");
    explore_name(s.written, sizeof s.written, "written");
    explore_name(&s.again, sizeof s.again, "again");
}

static void begin_with(int32_t count) {
    name_words();
    REQUIRE(thrum_latch_init(&s.latch, count) == THRUM_OK);
}
static void one_to_count(void) {
    begin_with(1);
}
static void two_to_count(void) {
    begin_with(2);
}

static void three_to_count(void) {
    begin_with(3);
}

static void count_down(unsigned me) {
    s.written[me] = 1;
    thrum_latch_count_down(&s.latch);
}

static void see_all(unsigned counters) {
    for (unsigned i = 0; i < counters; i++) REQUIRE(s.written[i] == 1);
}

/* By choice: for ever, or until soon. */
static bool wait_somehow(void) {
    if (explore_choose(2)) return thrum_latch_wait_until(&s.latch, EXPLORE_SOON) == THRUM_OK;
    thrum_latch_wait(&s.latch);
    return true;
}

static void no_sleeper_left(void) {
    REQUIRE(thrum_latch_count(&s.latch) == 0);
    REQUIRE(thrum_latch_try_wait(&s.latch));
}

/* --- one opening ------------------------------------------------------------------------------------ */

static void two_count_two_wait(unsigned me) {
    if (me < 2)
        count_down(me);
    else if (wait_somehow())
        see_all(2);
}
EXPLORE(two_count_and_two_wait, .threads = 4, .begin = two_to_count, .thread = two_count_two_wait,
        .end = no_sleeper_left, .bounds = {2, 0, 1, 0})

static void several_at_once(unsigned me) {
    if (me == 2) {
        if (wait_somehow()) see_all(2);
    } else {
        s.written[me] = 1;
        REQUIRE(thrum_latch_count_down_n(&s.latch, 2) == THRUM_OK);
    }
}
EXPLORE(a_count_stops_at_0, .threads = 3, .begin = three_to_count, .thread = several_at_once,
        .end = no_sleeper_left, .bounds = {3, 1, 1, 1})

/* One count too many: whenever it comes, the latch opens once, and the word keeps no trace of it. */
static void one_too_many(unsigned me) {
    if (me == 2)
        REQUIRE(wait_somehow() || thrum_latch_count(&s.latch) <= 1);
    else
        count_down(me);
}
static void open_without_a_trace(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.latch.state) >> 1 == THRUM_LATCH_ONE_ << 31); /* but for WAITERS */
}
EXPLORE(a_count_too_many_leaves_no_trace, .threads = 3, .begin = one_to_count, .thread = one_too_many,
        .end = open_without_a_trace, .bounds = {3, 1, 1, 1})

static void as_at_first(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.latch.state) == 0);
}
EXPLORE(two_counts_too_many_at_once_leave_no_trace, .threads = 2, .begin = name_words, .thread = count_down,
        .end = as_at_first, .bounds = {4, 2, 0, 0})

/* Counts too many beside a reset: they come before it, or count for it, and take nothing from it back. */
static void too_many_and_reset(unsigned me) {
    if (me < 2)
        count_down(me);
    else
        s.again = thrum_latch_reset(&s.latch, 3) == THRUM_OK;
}
static void closed_or_open_without_a_trace(void) {
    const int32_t left = thrum_latch_count(&s.latch);
    REQUIRE(s.again ? left >= 1 && left <= 3 : left == 0);
    if (left == 0) open_without_a_trace();
    REQUIRE(thrum_latch_count_down_n(&s.latch, 3) == THRUM_OK && thrum_latch_try_wait(&s.latch));
}
EXPLORE(counts_too_many_take_nothing_from_a_reset, .threads = 3, .begin = one_to_count,
        .thread = too_many_and_reset, .end = closed_or_open_without_a_trace, .bounds = {4, 2, 0, 0})

static void count_and_try(unsigned me) {
    if (me < 2)
        count_down(me);
    else if (thrum_latch_try_wait(&s.latch))
        see_all(2);
}
EXPLORE(a_try_that_succeeds_sees_all, .threads = 3, .begin = two_to_count, .thread = count_and_try,
        .end = no_sleeper_left, .bounds = {4, 2, 0, 0})

/* --- opened, and reset at once ---------------------------------------------------------------------- */

static void await_announcement(void) {
    while (!(thrum_u64_load_relaxed(&s.latch.state) & 1)) thrum_futex_yield(); /* WAITERS */
}

/* Two wait, one of them perhaps for a while only: the second opening is for who comes late. */
static void open_twice(unsigned me) {
    if (me < 2) {
        if (me == 1 || !wait_somehow()) thrum_latch_wait(&s.latch);
        return;
    }
    await_announcement();
    thrum_latch_count_down(&s.latch);
    REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
    thrum_latch_count_down(&s.latch);
}
EXPLORE(a_latch_is_opened_twice, .threads = 3, .begin = one_to_count, .thread = open_twice,
        .end = no_sleeper_left, .bounds = {2, 1, 1, 0})

/* One waiter, asleep: the first opening alone lets it through. */
static void held_back(unsigned me) {
    if (me == 1) {
        thrum_latch_wait(&s.latch);
        return;
    }
    await_announcement();
    thrum_latch_count_down(&s.latch);
    REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
}
EXPLORE(a_sleeper_gets_through_a_latch_reset_at_once, .threads = 2, .begin = one_to_count,
        .thread = held_back, .bounds = {4, 1, 2, 2})

/* What the counters of the first use wrote the resetter sees; what it wrote the waiters of the next. */
static void used_twice(unsigned me) {
    switch (me) {
    case 0:
        count_down(0);
        break;
    case 1:
        if (thrum_latch_reset(&s.latch, 1) != THRUM_OK) return;
        REQUIRE(s.written[0] == 1);
        s.again = 1;
        thrum_latch_count_down(&s.latch);
        break;
    default:
        thrum_latch_wait(&s.latch);
        REQUIRE(s.written[0] == 1);
    }
}
EXPLORE(a_reset_sees_what_was_counted, .threads = 3, .begin = one_to_count, .thread = used_twice,
        .bounds = {3, 1, 1, 1})

static void publish_by_reset(unsigned me) {
    switch (me) {
    case 0: /* the latch is open at first */
        s.again = 1;
        REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
        break;
    case 1:
        if (thrum_latch_count(&s.latch) == 1) thrum_latch_count_down(&s.latch);
        break;
    default:
        if (thrum_latch_count(&s.latch) == 1 && thrum_latch_wait_until(&s.latch, EXPLORE_SOON) == THRUM_OK)
            REQUIRE(s.again == 1);
    }
}
EXPLORE(a_reset_publishes_to_the_next_waiters, .threads = 3, .begin = name_words, .thread = publish_by_reset,
        .bounds = {3, 2, 1, 1})

/* An open latch is one resetter's: the other finds it shut, and neither undoes what the first has begun. */
static void reset_and_note(unsigned me) {
    s.written[me] = thrum_latch_reset(&s.latch, 1) == THRUM_OK;
}
static void one_has_reset_it(void) {
    REQUIRE(s.written[0] + s.written[1] == 1);
    REQUIRE(thrum_latch_count(&s.latch) == 1);
}
EXPLORE(of_two_resets_one_is_refused, .threads = 2, .begin = name_words, .thread = reset_and_note,
        .end = one_has_reset_it, .bounds = {4, 3, 0, 2})

/* A generation of two bits goes round: three uses, each waited for before the next. */
static void goes_round(unsigned me) {
    for (int32_t i = 0; i < 5; i++) {
        if (me == 0) {
            thrum_latch_wait(&s.latch);
            if (i < 4) REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
            thrum_u32_store_release(&s.counted, (uint32_t)i + 1);
        } else {
            thrum_latch_count_down(&s.latch);
            while (thrum_u32_load_acquire(&s.counted) <= (uint32_t)i) thrum_futex_yield();
        }
    }
}
EXPLORE(a_generation_goes_round, .threads = 2, .begin = one_to_count, .thread = goes_round,
        .end = no_sleeper_left, .bounds = {2, 0, 0, 1})

/* --- the last one frees it --------------------------------------------------------------------------- */

/* Two count, one waits and frees at once: the count-downs may not have returned. */
static void the_waiter_frees(unsigned me) {
    if (me < 2) {
        thrum_latch_count_down(&s.latch);
        return;
    }
    if (!wait_somehow()) thrum_latch_wait(&s.latch);
    explore_free(&s.latch, sizeof s.latch);
}
EXPLORE(the_only_waiter_frees_it, .threads = 3, .begin = two_to_count, .thread = the_waiter_frees,
        .bounds = {4, 1, 2, 1})

static void the_last_waiter_frees(unsigned me) {
    if (me == 0) {
        thrum_latch_count_down(&s.latch);
        return;
    }
    thrum_latch_wait(&s.latch);
    if (thrum_u32_fetch_add_acq_rel(&s.through, 1) == 1) explore_free(&s.latch, sizeof s.latch);
}
EXPLORE(the_last_of_two_waiters_frees_it, .threads = 3, .begin = one_to_count,
        .thread = the_last_waiter_frees, .bounds = {4, 1, 1, 1})
