/* SPDX-License-Identifier: MIT */
/*
 * wait_any: the first that is ready, nothing from the others, and nobody sleeps beside what the call left
 * there.
 *
 * explore: also event latch semaphore
 */
#include "explore.h"

#include <thrum/wait_any.h>

enum { NONE = 99 };

static struct {
    thrum_event event, other;
    thrum_latch latch;
    thrum_semaphore p, q;
    int page;                         /* plain: written before the set or the release */
    unsigned chosen[EXPLORE_THREADS]; /* by each thread's wait; NONE: by none */
    bool announced;                   /* the waiter was announced before the set */
} s;

static void begin(void) {
    explore_name(&s.event, sizeof s.event, "event");
    explore_name(&s.other, sizeof s.other, "other");
    explore_name(&s.latch, sizeof s.latch, "latch");
    explore_name(&s.p, sizeof s.p, "p");
    explore_name(&s.q, sizeof s.q, "q");
    explore_name(&s.page, sizeof s.page, "page");
    for (unsigned i = 0; i < EXPLORE_THREADS; i++) s.chosen[i] = NONE;
}

static thrum_waitable pq[] = {THRUM_WAITABLE(&s.p), THRUM_WAITABLE(&s.q)};
static thrum_waitable qp[] = {THRUM_WAITABLE(&s.q), THRUM_WAITABLE(&s.p)};
static thrum_waitable pp[] = {THRUM_WAITABLE(&s.p), THRUM_WAITABLE(&s.p)};
static thrum_waitable event_p[] = {THRUM_WAITABLE(&s.event), THRUM_WAITABLE(&s.p)};
static thrum_waitable p_event[] = {THRUM_WAITABLE(&s.p), THRUM_WAITABLE(&s.event)};
static thrum_waitable event_other[] = {THRUM_WAITABLE(&s.event), THRUM_WAITABLE(&s.other)};
static thrum_waitable latch_other[] = {THRUM_WAITABLE(&s.latch), THRUM_WAITABLE(&s.other)};

static unsigned wait_for(unsigned me, const thrum_waitable *set) {
    REQUIRE(thrum_wait_any(set, 2, &s.chosen[me]) == THRUM_OK);
    return s.chosen[me];
}

static void release(thrum_semaphore *semaphore) {
    REQUIRE(thrum_semaphore_release(semaphore) == THRUM_OK);
}

/* The whole words: no permit too many or too few, and no waiter left. */
static void permits_left(uint32_t p, uint32_t q) {
    REQUIRE(thrum_u64_load_relaxed(&s.p.state) == p);
    REQUIRE(thrum_u64_load_relaxed(&s.q.state) == q);
}
static void none_left(void) {
    permits_left(0, 0);
}

/* --- one waits, each object may be the first ------------------------------------------------------------ */

static void event_or_permit(unsigned me) {
    if (me == 0) {
        wait_for(me, event_p);
        REQUIRE(s.page == 1);
    } else if (me == 1) {
        s.page = 1;
        thrum_event_set(&s.event);
        release(&s.p);
    }
}
static void nothing_from_the_others(void) {
    permits_left(s.chosen[0] == 1 ? 0 : 1, 0);
}
EXPLORE(an_event_or_a_permit, .threads = 2, .begin = begin, .thread = event_or_permit,
        .end = nothing_from_the_others, .bounds = {4, 2, 0, 2})

static void permit_or_event(unsigned me) {
    if (me == 0) wait_for(me, p_event);
    if (me == 1) release(&s.p);
    if (me == 2) thrum_event_set(&s.event);
}
static void the_permit_stays_unless_chosen(void) {
    permits_left(s.chosen[0] == 0 ? 0 : 1, 0);
}
EXPLORE(a_permit_or_an_event_of_two_threads, .threads = 3, .begin = begin, .thread = permit_or_event,
        .end = the_permit_stays_unless_chosen, .bounds = {3, 1, 0, 1})

static void only_the_second(unsigned me) {
    if (me == 0) REQUIRE(wait_for(me, p_event) == 1);
    if (me == 1) thrum_event_set(&s.event);
}
EXPLORE(the_second_alone_becomes_ready, .threads = 2, .begin = begin, .thread = only_the_second,
        .end = none_left, .bounds = {4, 2, 0, 2})

/* A waiter that was announced before the set gets through, though the clear comes at once. */
static void set_and_clear(unsigned me) {
    if (me == 0) {
        wait_for(me, event_other);
        return;
    }
    s.announced = thrum_u32_load_relaxed(&s.event.state) & THRUM_EVENT_WAITERS_;
    thrum_event_set(&s.event);
    thrum_event_clear(&s.event);
    if (!s.announced) thrum_event_set(&s.other);
}
EXPLORE(a_set_that_is_cleared_at_once, .threads = 2, .begin = begin, .thread = set_and_clear,
        .bounds = {4, 2, 0, 2})

static void begin_counting(void) {
    begin();
    REQUIRE(thrum_latch_init(&s.latch, 1) == THRUM_OK);
}
static void open_and_reset(unsigned me) {
    if (me == 0) {
        wait_for(me, latch_other);
        return;
    }
    s.announced = thrum_u64_load_relaxed(&s.latch.state) & 1;
    thrum_latch_count_down(&s.latch);
    REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
    if (!s.announced) thrum_event_set(&s.other);
}
EXPLORE(a_latch_that_is_reset_at_once, .threads = 2, .begin = begin_counting, .thread = open_and_reset,
        .bounds = {4, 2, 0, 2})

/* --- wakes that are absorbed are passed on -------------------------------------------------------------- */

/* Three permits for a waiter of any and one of q: one is left, and nobody sleeps beside it. */
static void one_of_any_and_one_of_q(unsigned me) {
    if (me == 0) wait_for(me, pq);
    if (me == 1) thrum_semaphore_acquire(&s.q);
    if (me == 2) release(&s.p), release(&s.q), release(&s.q);
}
static void one_left(void) {
    permits_left(s.chosen[0] == 0 ? 0 : 1, s.chosen[0] == 0 ? 1 : 0);
}
EXPLORE(a_sleeper_of_the_other_semaphore_gets_its_permit, .threads = 3, .begin = begin,
        .thread = one_of_any_and_one_of_q, .end = one_left, .bounds = {3, 0, 0, 1})

static void one_of_any_and_one_of_q_by_two(unsigned me) {
    if (me == 0) wait_for(me, pq);
    if (me == 1) thrum_semaphore_acquire(&s.q);
    if (me == 2) release(&s.p);
    if (me == 3) release(&s.q), release(&s.q);
}
EXPLORE(two_wakes_absorbed_at_once, .threads = 4, .begin = begin, .thread = one_of_any_and_one_of_q_by_two,
        .end = one_left, .bounds = {2, 0, 0, 0})

static void in_opposite_orders(unsigned me) {
    if (me < 2) wait_for(me, me ? qp : pq);
    if (me == 2) release(&s.p), release(&s.q);
}
EXPLORE(two_waiters_in_opposite_orders, .threads = 3, .begin = begin, .thread = in_opposite_orders,
        .end = none_left, .bounds = {2, 0, 0, 1})

/* The event comes first in the set: the permit's wake is passed on to the one that has no other way. */
static void event_first(unsigned me) {
    if (me == 0 && wait_for(me, event_p) == 1) release(&s.p);
    if (me == 1) thrum_semaphore_acquire(&s.p);
    if (me == 2) release(&s.p);
    if (me == 3) thrum_event_set(&s.event);
}
EXPLORE(a_waiter_that_chooses_the_event_passes_the_permit_on, .threads = 4, .begin = begin,
        .thread = event_first, .end = none_left, .bounds = {2, 0, 0, 1})

static void named_twice(unsigned me) {
    if (me == 0) wait_for(me, pp);
    if (me == 1) thrum_semaphore_acquire(&s.p);
    if (me == 2) REQUIRE(thrum_semaphore_release_n(&s.p, 2) == THRUM_OK);
}
EXPLORE(a_semaphore_named_twice_is_taken_once, .threads = 3, .begin = begin, .thread = named_twice,
        .end = none_left, .bounds = {3, 0, 0, 1})

/* --- deadlines ------------------------------------------------------------------------------------------ */

static thrum_result wait_in_time(unsigned me, const thrum_waitable *set) {
    const thrum_result result = thrum_wait_any_until(set, 2, &s.chosen[me], EXPLORE_SOON);
    REQUIRE(result == THRUM_OK || result == THRUM_TIMEOUT);
    REQUIRE((result == THRUM_TIMEOUT) == (s.chosen[me] == NONE));
    if (result == THRUM_TIMEOUT) REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
    return result;
}

static void one_in_time(unsigned me) {
    if (me == 0) wait_in_time(me, pq);
    if (me == 1) release(&s.q);
}
static void taken_or_left(void) {
    permits_left(0, s.chosen[0] == NONE ? 1 : 0);
}
EXPLORE(a_timed_wait_takes_or_leaves, .threads = 2, .begin = begin, .thread = one_in_time,
        .end = taken_or_left, .bounds = {4, 1, 3, 2})

/* What the timed one takes it gives back: the other one always gets it. */
static void one_in_time_beside_a_sleeper(unsigned me) {
    if (me == 0 && wait_in_time(me, p_event) == THRUM_OK) release(&s.p);
    if (me == 1) thrum_semaphore_acquire(&s.p);
    if (me == 2) release(&s.p);
}
EXPLORE(a_waiter_that_times_out_leaves_no_sleeper_beside_a_permit, .threads = 3, .begin = begin,
        .thread = one_in_time_beside_a_sleeper, .end = none_left, .bounds = {3, 0, 2, 0})

/* What was set and cleared, or counted down and reset, before the call has not become ready since. */
static void begin_after_a_set_and_a_count(void) {
    begin();
    thrum_event_set(&s.event);
    thrum_event_clear(&s.event);
    REQUIRE(thrum_latch_init(&s.latch, 1) == THRUM_OK);
    thrum_latch_count_down(&s.latch);
    REQUIRE(thrum_latch_reset(&s.latch, 1) == THRUM_OK);
}
static void wait_in_vain(unsigned me) {
    static const thrum_waitable event_latch[] = {THRUM_WAITABLE(&s.event), THRUM_WAITABLE(&s.latch)};
    REQUIRE(wait_in_time(me, event_latch) == THRUM_TIMEOUT);
}
EXPLORE(what_was_ready_before_the_call_does_not_count, .threads = 2, .begin = begin_after_a_set_and_a_count,
        .thread = wait_in_vain, .bounds = {3, 1, 2, 1})

/* What is open at the call is ready, whatever happened to it before. */
static void begin_with_an_open_latch(void) {
    begin();
    REQUIRE(thrum_latch_init(&s.latch, 1) == THRUM_OK);
    thrum_latch_count_down(&s.latch);
}
static void choose_the_open_one(unsigned me) {
    static const thrum_waitable event_latch[] = {THRUM_WAITABLE(&s.event), THRUM_WAITABLE(&s.latch)};
    REQUIRE(wait_for(me, event_latch) == 1);
}
EXPLORE(what_is_open_at_the_call_is_chosen, .threads = 2, .begin = begin_with_an_open_latch,
        .thread = choose_the_open_one, .bounds = {3, 1, 0, 0})

static void one_tries(unsigned me) {
    if (me == 0 && thrum_try_wait_any(pq, 2, &s.chosen[me])) release(&s.p);
    if (me == 1) thrum_semaphore_acquire(&s.p);
    if (me == 2) {
        REQUIRE(thrum_u64_load_relaxed(&s.q.state) == 0);
        release(&s.p);
    }
}
EXPLORE(a_try_registers_nobody, .threads = 3, .begin = begin, .thread = one_tries, .end = none_left,
        .bounds = {4, 1, 0, 1})

/* --- where the kernel refuses --------------------------------------------------------------------------- */

EXPLORE(refused_an_event_or_a_permit, .threads = 2, .begin = begin, .thread = event_or_permit,
        .end = nothing_from_the_others, .bounds = {4, 2, 2, 2}, .without_wait_any = true)
EXPLORE(refused_a_set_that_is_cleared_at_once, .threads = 2, .begin = begin, .thread = set_and_clear,
        .bounds = {4, 2, 2, 2}, .without_wait_any = true)
EXPLORE(refused_a_timed_wait_takes_or_leaves, .threads = 2, .begin = begin, .thread = one_in_time,
        .end = taken_or_left, .bounds = {4, 1, 3, 2}, .without_wait_any = true)

/* Two permits, one for each. */
static void one_looks_and_one_sleeps(unsigned me) {
    if (me == 0) wait_for(me, p_event);
    if (me == 1) thrum_semaphore_acquire(&s.p);
    if (me == 2) release(&s.p), thrum_event_set(&s.event);
    if (me == 2) release(&s.p);
}
static void one_of_p_left_if_the_event_was_chosen(void) {
    permits_left(s.chosen[0] == 1 ? 1 : 0, 0);
}
EXPLORE(refused_beside_a_sleeper, .threads = 3, .begin = begin, .thread = one_looks_and_one_sleeps,
        .end = one_of_p_left_if_the_event_was_chosen, .bounds = {2, 0, 2, 1}, .without_wait_any = true)

/* --- lifetime ------------------------------------------------------------------------------------------- */

static void free_what_was_waited_for(unsigned me) {
    if (me == 1) {
        thrum_event_set(&s.event);
        return;
    }
    REQUIRE(wait_for(me, event_p) == 0);
    explore_free(&s.event, sizeof s.event);
    explore_free(&s.p, sizeof s.p);
}
EXPLORE(the_waiter_frees_them, .threads = 2, .begin = begin, .thread = free_what_was_waited_for,
        .bounds = {4, 2, 0, 2})
