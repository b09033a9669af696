/* SPDX-License-Identifier: MIT */
/*
 * The barrier: nobody leaves before all have come, each cycle ends in one way for all of its parties, a break
 * holds nobody, and it may be freed when all but the last party have returned.
 *
 * explore: flags -DTHRUM_BARRIER_GENERATION_=((uint64_t)1<<62)
 */
#include "barrier_explore.h"

static void two_parties(void) {
    parties(2);
}
static void three_parties(void) {
    parties(3);
}
static void four_parties(void) {
    parties(4);
}
/* Between processes: every transition keeps it so. */
static void two_shared_parties(void) {
    s.shared = true;
    parties(2);
}
static void three_shared_parties(void) {
    s.shared = true;
    parties(3);
}
static void once(unsigned me) {
    meet(me, 0);
}
static void twice(unsigned me) {
    meet(me, 0);
    meet(me, 1);
}
static void five_times(unsigned me) {
    for (unsigned cycle = 0; cycle < CYCLES; cycle++) meet(me, cycle);
}

/* The generation has two bits: it comes round after four cycles. */
EXPLORE(four_meet, .threads = 4, .begin = four_parties, .thread = once, .end = whole_and_empty,
        .bounds = {2, 0, 0, 0})
EXPLORE(three_meet_twice, .threads = 3, .begin = three_parties, .thread = twice, .end = whole_and_empty,
        .bounds = {2, 1, 0, 0})
EXPLORE(two_meet_five_times, .threads = 2, .begin = two_shared_parties, .thread = five_times,
        .end = whole_and_empty, .bounds = {2, 1, 0, 1})

/* More threads than parties: every other arrival completes a cycle. */
static void any_two(unsigned me) {
    (void)me;
    int32_t index = -1;
    REQUIRE(thrum_barrier_wait(&s.barrier, &index) == THRUM_OK);
    REQUIRE(index == 0 || index == 1);
    thrum_u32_fetch_add_relaxed(&s.passed, 1);
}
static void four_passed(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.passed) == 4);
    whole_and_empty();
}
EXPLORE(four_threads_meet_two_by_two, .threads = 4, .begin = two_parties, .thread = any_two,
        .end = four_passed, .bounds = {2, 0, 0, 0}, .by_priority = 1,
        .at_random = 1) /* the generation is too narrow for more */

/* --- timeouts, aborts, resets --------------------------------------------------------------------------- */

static void come_in_time(unsigned me) {
    const bool timed = explore_choose(2);
    const thrum_result result =
        thrum_barrier_wait_until(&s.barrier, NULL, timed ? EXPLORE_SOON : THRUM_FOREVER);
    REQUIRE(result == THRUM_OK || result == THRUM_BROKEN || (result == THRUM_TIMEOUT && timed));
    thrum_u32 *const counter = result == THRUM_OK       ? &s.passed
                               : result == THRUM_BROKEN ? &s.broken
                                                        : &s.timeouts;
    thrum_u32_fetch_add_relaxed(counter, 1);
    (void)me;
}
/* A cycle ends in one way for all; a timeout breaks the barrier, and nothing else does. */
static void one_end_for_all(void) {
    const uint32_t passed = thrum_u32_load_relaxed(&s.passed), count = (uint32_t)s.barrier.parties;
    const uint32_t timeouts = thrum_u32_load_relaxed(&s.timeouts), broken = thrum_u32_load_relaxed(&s.broken);
    REQUIRE(passed == count ? timeouts + broken == 0 : passed == 0 && timeouts >= 1);
    REQUIRE(thrum_barrier_broken(&s.barrier) == (passed == 0));
    empty();
}
static void one_end_for_all_that_can_be_mended(void) {
    one_end_for_all();
    can_be_mended();
}
EXPLORE(any_of_three_may_time_out, .threads = 3, .begin = three_shared_parties, .thread = come_in_time,
        .end = one_end_for_all_that_can_be_mended, .bounds = {2, 0, 1, 0})
EXPLORE(any_of_four_may_time_out, .threads = 4, .begin = four_parties, .thread = come_in_time,
        .end = one_end_for_all, .bounds = {1, 0, 1, 0})

/* What the one that broke it wrote is seen by each party that leaves for that reason. */
static void abort_it(unsigned me) {
    if (me == 3) {
        s.reason = 1;
        thrum_barrier_abort(&s.barrier);
        if (explore_choose(2)) thrum_barrier_abort(&s.barrier);
        return;
    }
    const thrum_result result = thrum_barrier_wait(&s.barrier, NULL);
    REQUIRE(result == THRUM_OK || result == THRUM_BROKEN);
    if (result == THRUM_BROKEN) REQUIRE(s.reason == 1);
    thrum_u32_fetch_add_relaxed(result == THRUM_OK ? &s.passed : &s.broken, 1);
}
static void all_or_none(void) {
    const uint32_t passed = thrum_u32_load_relaxed(&s.passed);
    REQUIRE(passed == 0 || passed == 3);
    REQUIRE(thrum_barrier_broken(&s.barrier));
    empty();
}
EXPLORE(an_abort_reaches_all, .threads = 4, .begin = three_parties, .thread = abort_it, .end = all_or_none,
        .bounds = {1, 1, 0, 1})

/* Two parties, a third thread that resets; a party that is sent away comes again: all meet in the end. */
static void come_until_it_holds(unsigned me) {
    if (me == 2) {
        s.reason = 1;
        thrum_barrier_reset(&s.barrier);
        return;
    }
    thrum_result result;
    do {
        result = thrum_barrier_wait(&s.barrier, NULL);
        REQUIRE(result == THRUM_OK || result == THRUM_BROKEN);
        if (result == THRUM_BROKEN) REQUIRE(s.reason == 1);
    } while (result == THRUM_BROKEN);
}
EXPLORE(a_reset_sends_all_waiters_away, .threads = 3, .begin = two_shared_parties,
        .thread = come_until_it_holds, .end = whole_and_empty, .bounds = {3, 1, 0, 1})

/* A timeout, a reset that mends it, another that waits for the mending, in every order. */
static void break_and_mend(unsigned me) {
    if (me == 2) {
        thrum_barrier_reset(&s.barrier);
        thrum_barrier_reset(&s.barrier);
    } else if (me == 3) {
        thrum_barrier_abort(&s.barrier);
    } else {
        const thrum_result result = thrum_barrier_wait_until(&s.barrier, NULL, EXPLORE_SOON);
        REQUIRE(result == THRUM_OK || result == THRUM_BROKEN || result == THRUM_TIMEOUT);
    }
}
EXPLORE(breaks_and_resets_in_every_order, .threads = 4, .begin = three_parties, .thread = break_and_mend,
        .end = can_be_mended, .bounds = {2, 0, 1, 0})

/*
 * A break of a barrier that is being mended stays: thread 0 waits and is sent away by thread 1; before it has
 * left, or after, thread 2 aborts, or comes and times out.
 */
static void break_what_is_being_mended(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_barrier_wait(&s.barrier, NULL) == THRUM_BROKEN);
        return;
    }
    while (me == 1 && thrum_barrier_waiting(&s.barrier) == 0) thrum_futex_yield();
    if (me == 1) thrum_barrier_reset(&s.barrier);
    if (me == 1) thrum_u32_store_relaxed(&s.left, 1);
    if (me == 1) return;
    while (thrum_u32_load_relaxed(&s.left) == 0) thrum_futex_yield();
    if (explore_choose(2))
        thrum_barrier_abort(&s.barrier);
    else
        REQUIRE(thrum_barrier_wait_until(&s.barrier, NULL, EXPLORE_SOON) == THRUM_TIMEOUT);
}
static void stays_broken_and_can_be_mended(void) {
    REQUIRE(thrum_barrier_broken(&s.barrier));
    can_be_mended();
}
EXPLORE(a_break_while_it_is_mended_stays, .threads = 3, .begin = two_shared_parties,
        .thread = break_what_is_being_mended, .end = stays_broken_and_can_be_mended, .bounds = {2, 1, 1, 0})

/*
 * Thread 0 times out and mends it, and thread 1 comes in its stead: the word is again what it was when thread
 * 2 looked. The one of the two that completes the cycle must have seen the other's arrival, not that of
 * thread 0.
 */
static void come_in_its_stead(unsigned me) {
    s.written[me][0] = 1;
    const thrum_result result = thrum_barrier_wait_until(&s.barrier, NULL, EXPLORE_SOON);
    if (me == 0 && result == THRUM_TIMEOUT) {
        thrum_u32_store_relaxed(&s.left, 1);
        thrum_barrier_reset(&s.barrier);
    }
    if (me != 0 && result == THRUM_OK && thrum_u32_load_relaxed(&s.left)) REQUIRE(s.written[3 - me][0] == 1);
}
EXPLORE(a_look_may_be_older_than_a_reset, .threads = 3, .begin = two_parties, .thread = come_in_its_stead,
        .bounds = {3, 0, 2, 0})
EXPLORE(the_last_of_three_frees_it, .threads = 3, .begin = three_parties, .thread = leave_and_free,
        .bounds = {3, 1, 0, 1})
EXPLORE(the_last_of_four_frees_it, .threads = 4, .begin = four_parties, .thread = leave_and_free,
        .bounds = {2, 0, 0, 0})

/* After a break every call must have returned. */
static void break_and_free(unsigned me) {
    const thrum_result result = thrum_barrier_wait_until(&s.barrier, NULL, me ? THRUM_FOREVER : EXPLORE_SOON);
    (void)result;
    if (thrum_u32_fetch_add_acq_rel(&s.left, 1) == 2) explore_free(&s.barrier, sizeof s.barrier);
}
EXPLORE(the_last_frees_it_after_a_timeout, .threads = 3, .begin = three_parties, .thread = break_and_free,
        .bounds = {2, 1, 1, 1})
