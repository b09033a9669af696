/* SPDX-License-Identifier: MIT */
/* A semaphore at its bound, its own or the largest value. */
#include "semaphore_explore.h"

/* --- limits ------------------------------------------------------------------------------------------- */

static void bounded_take_and_release(unsigned me) {
    if (me < 2) {
        thrum_bounded_semaphore_acquire(&s.bounded);
        REQUIRE(++s.pages[0] == 1);
        s.pages[0]--;
    }
    s.refused[me] = thrum_bounded_semaphore_release(&s.bounded) == THRUM_LIMIT;
}
static void bound_one(void) {
    name_words();
    REQUIRE(thrum_bounded_semaphore_init(&s.bounded, 1) == THRUM_OK);
}
static void bound_full(uint32_t bound) {
    REQUIRE(thrum_u64_load_relaxed(&s.bounded.permits.state) == bound);
}
static void full_and_none_refused(void) {
    REQUIRE(s.refused[0] + s.refused[1] == 0);
    bound_full(1);
}
static void taker_frees_the_bounded_one(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_bounded_semaphore_release(&s.bounded) == THRUM_OK);
        return;
    }
    thrum_bounded_semaphore_acquire(&s.bounded);
    explore_free(&s.bounded, sizeof s.bounded);
}
static void bound_one_taken(void) {
    bound_one();
    thrum_bounded_semaphore_acquire(&s.bounded);
}
EXPLORE(the_only_taker_frees_a_bounded_one, .threads = 2, .begin = bound_one_taken,
        .thread = taker_frees_the_bounded_one, .bounds = {5, 4, 0, 3})

EXPLORE(a_bounded_one_refuses_no_release_that_is_due, .threads = 2, .begin = bound_one,
        .thread = bounded_take_and_release, .end = full_and_none_refused, .bounds = {5, 3, 0, 3})

/* Of three releases for two acquires one is refused: the one that comes when the permit is there. */
static void take_release_or_release_too_much(unsigned me) {
    if (me < 2) thrum_bounded_semaphore_acquire(&s.bounded);
    const thrum_result result = me == 2 ? thrum_bounded_semaphore_release_n(&s.bounded, 1)
                                        : thrum_bounded_semaphore_release(&s.bounded);
    REQUIRE(result == THRUM_OK || result == THRUM_LIMIT);
    s.refused[me] = result == THRUM_LIMIT;
}
static void full_and_one_refused(void) {
    REQUIRE(s.refused[0] + s.refused[1] + s.refused[2] == 1);
    bound_full(1);
}
EXPLORE(a_release_beyond_the_bound_changes_nothing, .threads = 3, .begin = bound_one,
        .thread = take_release_or_release_too_much, .end = full_and_one_refused, .bounds = {4, 2, 0, 1})

/* The same with the inlined release alone, which adds before it knows. */
static void take_and_release_or_release(unsigned me) {
    if (me < 2) thrum_bounded_semaphore_acquire(&s.bounded);
    REQUIRE(thrum_bounded_semaphore_value(&s.bounded) <= 1);
    const thrum_result result = thrum_bounded_semaphore_release(&s.bounded);
    REQUIRE(result == THRUM_OK || result == THRUM_LIMIT);
    s.refused[me] = result == THRUM_LIMIT;
}
EXPLORE(a_quick_release_beyond_the_bound_changes_nothing, .threads = 3, .begin = bound_one,
        .thread = take_and_release_or_release, .end = full_and_one_refused, .bounds = {3, 1, 0, 1})

/*
 * Two wait; the last thread releases the permit that is out, and one too many. When a waiter has taken the
 * first permit in between, the second stays, for the other waiter.
 */
static void take_and_release_or_release_twice(unsigned me) {
    if (me < 2) thrum_bounded_semaphore_acquire(&s.bounded);
    for (unsigned i = 0; i < (me < 2 ? 1u : 2u); i++)
        s.refused[me] += thrum_bounded_semaphore_release(&s.bounded) == THRUM_LIMIT;
}
EXPLORE(a_release_beyond_the_bound_that_stays_lets_a_waiter_in, .threads = 3, .begin = bound_one_taken,
        .thread = take_and_release_or_release_twice, .end = full_and_one_refused, .bounds = {3, 0, 0, 1})

/* Four for two places: never more than two inside. */
static void bound_two(void) {
    name_words();
    REQUIRE(thrum_bounded_semaphore_init(&s.bounded, 2) == THRUM_OK);
}
static void in_and_out(unsigned me) {
    (void)me;
    thrum_bounded_semaphore_acquire(&s.bounded);
    REQUIRE(thrum_u32_fetch_add_acq_rel(&s.through, 1) < 2);
    thrum_u32_fetch_sub_acq_rel(&s.through, 1);
    REQUIRE(thrum_bounded_semaphore_release(&s.bounded) == THRUM_OK);
}
static void both_places_are_free(void) {
    bound_full(2);
}
EXPLORE(four_for_two_places, .threads = 4, .begin = bound_two, .thread = in_and_out,
        .end = both_places_are_free, .bounds = {3, 0, 0, 0})

/* One short of the largest value: one release fits, two at once do not. */
static void nearly_full(void) {
    name_words();
    REQUIRE(thrum_semaphore_init(&s.permits, THRUM_SEMAPHORE_MAX - 1) == THRUM_OK);
}
static void release_to_the_brim(unsigned me) {
    const int32_t n = 1 + (me == 0);
    const thrum_result result =
        me == 1 ? thrum_semaphore_release(&s.permits) : thrum_semaphore_release_n(&s.permits, n);
    REQUIRE(result == THRUM_OK || result == THRUM_OVERFLOW);
    s.refused[me] = result == THRUM_OVERFLOW;
}
static void full_to_the_brim(void) {
    REQUIRE(s.refused[0] && s.refused[1] + s.refused[2] == 1);
    only_permits(THRUM_SEMAPHORE_MAX);
}
EXPLORE(an_overflow_changes_nothing, .threads = 3, .begin = nearly_full, .thread = release_to_the_brim,
        .end = full_to_the_brim, .bounds = {6, 4, 0, 0})

/* Full, and of two releases one has room: that of the taker, or one that came too early for it. */
static void full_at_first(void) {
    name_words();
    REQUIRE(thrum_semaphore_init(&s.permits, THRUM_SEMAPHORE_MAX) == THRUM_OK);
}
static void release_or_make_room(unsigned me) {
    if (me == 1) {
        REQUIRE(acquire(s.kinds[1]));
        REQUIRE(thrum_semaphore_value(&s.permits) >= 0); /* at most the largest */
    }
    const thrum_result result = thrum_semaphore_release(&s.permits);
    REQUIRE(result == THRUM_OK || result == THRUM_OVERFLOW);
    s.refused[me] = result == THRUM_OVERFLOW;
}
static void full_again(void) {
    REQUIRE(s.refused[0] + s.refused[1] == 1);
    only_permits(THRUM_SEMAPHORE_MAX);
}
EXPLORE(a_refused_release_takes_no_other_s_room, .threads = 2, .begin = full_at_first,
        .thread = release_or_make_room, .end = full_again, .bounds = {6, 4, 0, 0})

/* At once, each of them finds the value that the other has raised. */
static void release_too_much(unsigned me) {
    s.refused[me] = thrum_semaphore_release(&s.permits) == THRUM_OVERFLOW;
}
static void both_are_refused(void) {
    REQUIRE(s.refused[0] && s.refused[1]);
    only_permits(THRUM_SEMAPHORE_MAX);
}
EXPLORE(two_releases_too_many_at_once_are_refused, .threads = 2, .begin = full_at_first,
        .thread = release_too_much, .end = both_are_refused, .bounds = {4, 2, 0, 0})
