/* SPDX-License-Identifier: MIT */
/*
 * A barrier that has an action, and what comes while it runs or after it has.
 *
 * explore: flags -DTHRUM_BARRIER_GENERATION_=((uint64_t)1<<62)
 */
#include "barrier_explore.h"

/*
 * What the one that broke it wrote is seen by the party that runs the action and finds it broken afterwards,
 * and by one that came meanwhile.
 */
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

/* And by a party that comes after another gave up while the action ran. */
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

static void three_and_a_counting_action(void) {
    name_words();
    REQUIRE(thrum_barrier_init_with(&s.barrier, 3, count_it, NULL, THRUM_BARRIER_NO_TIMEOUT) == THRUM_OK);
}
EXPLORE(the_last_of_three_frees_it_after_an_action, .threads = 3, .begin = three_and_a_counting_action,
        .thread = leave_and_free, .bounds = {3, 1, 0, 1})
