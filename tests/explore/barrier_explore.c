/* SPDX-License-Identifier: MIT */
/*
 * The barrier: nobody leaves before all have come, each cycle ends in one way for all of its parties, a break
 * holds nobody, and it may be freed when all but the last party have returned.
 *
 * explore: flags -DTHRUM_BARRIER_GENERATION_=((uint64_t)1<<62)
 */
#include "explore.h"

#include <thrum/barrier.h>
#include <thrum/futex.h>

enum { CYCLES = 5 };

static struct {
    thrum_barrier barrier;
    int written[EXPLORE_THREADS][CYCLES]; /* plain: the barrier publishes it */
    int acted[CYCLES], reason;            /* plain, too */
    unsigned action_runs;
    bool action_fails, action_aborts, shared;
    thrum_u32 indices[CYCLES]; /* a bit an index */
    thrum_u32 timeouts, broken, passed, failed, left;
} s;

static void name_words(void) {
    explore_name(&s.barrier.state, sizeof s.barrier.state, "barrier");
    explore_name(&s.barrier.parties, sizeof s.barrier - sizeof s.barrier.state, "constants");
    explore_name(s.written, sizeof s.written, "written");
    explore_name(s.acted, sizeof s.acted, "acted");
}

static void parties(int32_t count) {
    name_words();
    const thrum_result made = s.shared
                                  ? thrum_barrier_init_shared(&s.barrier, count, THRUM_BARRIER_NO_TIMEOUT)
                                  : thrum_barrier_init(&s.barrier, count);
    REQUIRE(made == THRUM_OK);
}
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

static uint64_t flags(void) {
    return thrum_u64_load_relaxed(&s.barrier.state) << 26; /* all but the generation */
}
static void whole_and_empty(void) {
    REQUIRE(flags() == (s.shared ? (uint64_t)1 << 59 : 0));
}
static void empty(void) {
    REQUIRE(thrum_barrier_waiting(&s.barrier) == 0);
    REQUIRE((uint32_t)thrum_u64_load_relaxed(&s.barrier.state) == 0); /* all that had come have left */
}

/* --- cycles ------------------------------------------------------------------------------------------- */

/* All wrote before anyone is through, and each has an index of its own. */
static void meet(unsigned me, unsigned cycle) {
    const unsigned count = (unsigned)s.barrier.parties;
    int32_t index = -1;
    s.written[me][cycle] = 1;
    REQUIRE(thrum_barrier_wait(&s.barrier, &index) == THRUM_OK);
    for (unsigned t = 0; t < count; t++) REQUIRE(s.written[t][cycle] == 1);
    REQUIRE(index >= 0 && index < (int32_t)count);
    REQUIRE(!(thrum_u32_fetch_or_relaxed(&s.indices[cycle], 1u << index) & 1u << index));
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

/* What is left of a break is nothing: the next reset makes it whole. */
static void can_be_mended(void) {
    empty();
    thrum_barrier_reset(&s.barrier);
    whole_and_empty();
}

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

/* So do the party that runs the action and finds it broken afterwards, and one that came meanwhile. */
static thrum_result do_nothing(void *argument) {
    (void)argument;
    return THRUM_OK;
}
static void two_and_an_action_that_does_nothing(void) {
    name_words();
    REQUIRE(thrum_barrier_init_with(&s.barrier, 2, do_nothing, NULL, THRUM_BARRIER_NO_TIMEOUT) == THRUM_OK);
}
static void abort_it_while_it_acts(unsigned me) {
    if (me == 3) {
        s.reason = 1;
        thrum_barrier_abort(&s.barrier);
    } else if (thrum_barrier_wait(&s.barrier, NULL) == THRUM_BROKEN) {
        REQUIRE(s.reason == 1);
    }
}
EXPLORE(the_acting_party_sees_why_it_was_broken, .threads = 4, .begin = two_and_an_action_that_does_nothing,
        .thread = abort_it_while_it_acts, .end = empty, .bounds = {2, 1, 0, 0})

/* And who comes after somebody gave up while the action ran. */
static void give_up_while_it_acts(unsigned me) {
    if (me == 2) {
        const uint64_t acting = (uint64_t)1 << 34;
        while (thrum_u64_load_relaxed(&s.barrier.state) < acting)
            thrum_futex_yield(); /* or the cycle is over */
        s.reason = 1;
        REQUIRE(thrum_barrier_wait_until(&s.barrier, NULL, EXPLORE_SOON) == THRUM_TIMEOUT);
        return;
    }
    REQUIRE(thrum_barrier_wait(&s.barrier, NULL) == THRUM_OK);
    if (me == 1) return;
    while (!thrum_barrier_broken(&s.barrier)) thrum_futex_yield();
    REQUIRE(thrum_barrier_wait(&s.barrier, NULL) == THRUM_BROKEN);
    REQUIRE(s.reason == 1);
}
EXPLORE(a_new_party_sees_why_another_gave_up, .threads = 3, .begin = two_and_an_action_that_does_nothing,
        .thread = give_up_while_it_acts, .end = can_be_mended, .bounds = {2, 1, 1, 0})

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

/* --- the action ----------------------------------------------------------------------------------------- */

static thrum_result act(void *argument) {
    REQUIRE(argument == &s);
    const unsigned cycle = s.action_runs++;
    for (int32_t t = 0; t < s.barrier.parties; t++)
        if (!s.action_aborts) REQUIRE(s.written[t][cycle] == 1);
    REQUIRE(thrum_barrier_wait(&s.barrier, NULL) == THRUM_DEADLOCK || s.action_aborts);
    if (s.action_aborts) thrum_barrier_abort(&s.barrier);
    s.acted[cycle] = 1;
    return s.action_fails ? THRUM_NO_MEMORY : THRUM_OK;
}
static void parties_and_an_action(int32_t count) {
    name_words();
    REQUIRE(thrum_barrier_init_with(&s.barrier, count, act, &s, THRUM_BARRIER_NO_TIMEOUT) == THRUM_OK);
}
static void two_and_an_action(void) {
    parties_and_an_action(2);
}
static void three_and_an_action(void) {
    parties_and_an_action(3);
}
static void meet_and_see(unsigned me) {
    for (unsigned cycle = 0; cycle < 2; cycle++) {
        meet(me, cycle);
        REQUIRE(s.acted[cycle] == 1);
    }
}
static void acted_twice(void) {
    REQUIRE(s.action_runs == 2);
    whole_and_empty();
}
EXPLORE(the_action_runs_once_a_cycle, .threads = 3, .begin = three_and_an_action, .thread = meet_and_see,
        .end = acted_twice, .bounds = {2, 1, 0, 0})

static void a_failing_action(void) {
    s.action_fails = true;
    three_and_an_action();
}
static void see_it_fail(unsigned me) {
    s.written[me][0] = 1;
    const thrum_result result = thrum_barrier_wait(&s.barrier, NULL);
    REQUIRE(result == THRUM_NO_MEMORY || result == THRUM_BROKEN);
    REQUIRE(s.acted[0] == 1);
    thrum_u32_fetch_add_relaxed(result == THRUM_BROKEN ? &s.broken : &s.failed, 1);
}
static void one_failed(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.failed) == 1 && thrum_u32_load_relaxed(&s.broken) == 2);
    REQUIRE(thrum_barrier_broken(&s.barrier) && s.action_runs == 1);
    empty();
}
EXPLORE(a_failing_action_breaks_it, .threads = 3, .begin = a_failing_action, .thread = see_it_fail,
        .end = one_failed, .bounds = {2, 1, 0, 1})

static void an_aborting_action(void) {
    s.action_aborts = true;
    two_and_an_action();
}
static void see_it_broken(unsigned me) {
    (void)me;
    REQUIRE(thrum_barrier_wait(&s.barrier, NULL) == THRUM_BROKEN);
}
EXPLORE(an_action_that_aborts_breaks_its_own_cycle, .threads = 2, .begin = an_aborting_action,
        .thread = see_it_broken, .end = empty, .bounds = {4, 1, 0, 1})

/* A third and a fourth come while the action may run, with a deadline: they count for the next cycle. */
static void come_while_it_acts(unsigned me) {
    s.written[me][0] = s.written[me][1] = 1;
    const bool timed = me >= 2;
    const thrum_result result =
        thrum_barrier_wait_until(&s.barrier, NULL, timed ? EXPLORE_SOON : THRUM_FOREVER);
    REQUIRE(result == THRUM_OK || result == THRUM_BROKEN || (result == THRUM_TIMEOUT && timed));
    if (result == THRUM_TIMEOUT) thrum_u32_fetch_add_relaxed(&s.timeouts, 1);
}
static thrum_result count_it(void *argument) {
    (void)argument;
    s.action_runs++;
    return THRUM_OK;
}
static void two_and_a_counting_action(void) {
    name_words();
    REQUIRE(thrum_barrier_init_with(&s.barrier, 2, count_it, NULL, THRUM_BARRIER_NO_TIMEOUT) == THRUM_OK);
}
static void broken_if_somebody_timed_out(void) {
    REQUIRE(thrum_barrier_broken(&s.barrier) == (thrum_u32_load_relaxed(&s.timeouts) > 0));
    can_be_mended();
}
/* Three threads on two parties: the one left alone must be sent home by the end. */
static void come_and_abort(unsigned me) {
    if (me < 3) {
        come_while_it_acts(me);
        return;
    }
    thrum_barrier_abort(&s.barrier);
}
EXPLORE(newcomers_wait_for_the_action, .threads = 4, .begin = two_and_a_counting_action,
        .thread = come_while_it_acts, .end = broken_if_somebody_timed_out, .bounds = {2, 0, 1, 0})
EXPLORE(an_abort_while_the_action_runs, .threads = 4, .begin = two_and_a_counting_action,
        .thread = come_and_abort, .end = can_be_mended, .bounds = {2, 0, 1, 0})

/* --- the last one frees it ------------------------------------------------------------------------------ */

/* All but the party with the last index count; its call may not have returned. */
static void leave_and_free(unsigned me) {
    (void)me;
    const int32_t last = s.barrier.parties - 1;
    int32_t index;
    REQUIRE(thrum_barrier_wait(&s.barrier, &index) == THRUM_OK);
    if (index == last) return;
    if (thrum_u32_fetch_add_acq_rel(&s.left, 1) == (uint32_t)last - 1)
        explore_free(&s.barrier, sizeof s.barrier);
}
EXPLORE(the_last_of_three_frees_it, .threads = 3, .begin = three_parties, .thread = leave_and_free,
        .bounds = {3, 1, 0, 1})
EXPLORE(the_last_of_four_frees_it, .threads = 4, .begin = four_parties, .thread = leave_and_free,
        .bounds = {2, 0, 0, 0})

static void three_and_a_counting_action(void) {
    name_words();
    REQUIRE(thrum_barrier_init_with(&s.barrier, 3, count_it, NULL, THRUM_BARRIER_NO_TIMEOUT) == THRUM_OK);
}
EXPLORE(the_last_of_three_frees_it_after_an_action, .threads = 3, .begin = three_and_a_counting_action,
        .thread = leave_and_free, .bounds = {3, 1, 0, 1})

/* After a break every call must have returned. */
static void break_and_free(unsigned me) {
    const thrum_result result = thrum_barrier_wait_until(&s.barrier, NULL, me ? THRUM_FOREVER : EXPLORE_SOON);
    (void)result;
    if (thrum_u32_fetch_add_acq_rel(&s.left, 1) == 2) explore_free(&s.barrier, sizeof s.barrier);
}
EXPLORE(the_last_frees_it_after_a_timeout, .threads = 3, .begin = three_parties, .thread = break_and_free,
        .bounds = {2, 1, 1, 1})
