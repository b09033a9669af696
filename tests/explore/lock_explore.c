/* SPDX-License-Identifier: MIT */
/* The lock: exclusion, nobody lost, no trace left, and the last holder may free it. */
#include "explore.h"

#include <thrum/lock.h>

typedef enum kind { BLOCKING, TIMED, TRYING, KINDS } kind;

static struct {
    thrum_lock lock;
    int inside;    /* plain: the lock protects it */
    int successes; /* plain, too */
    unsigned kinds[EXPLORE_THREADS];
    unsigned callers;
    thrum_result results[3];
} s;

static void name_words(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    explore_name(&s.inside, sizeof s.inside, "inside");
    explore_name(&s.successes, sizeof s.successes, "successes");
}

static void let_go(void) {
    REQUIRE(++s.inside == 1);
    s.inside--;
    s.successes++;
    REQUIRE(thrum_lock_release(&s.lock) == THRUM_OK);
}

static bool acquire(kind how) {
    switch (how) {
    case TIMED:
        return thrum_lock_acquire_until(&s.lock, EXPLORE_SOON) == THRUM_OK;
    case TRYING:
        return thrum_lock_try_acquire(&s.lock);
    default:
        thrum_lock_acquire(&s.lock);
        return true;
    }
}

static void get_in(unsigned me) {
    if (acquire(s.kinds[me])) let_go();
}

static void get_in_twice(unsigned me) {
    get_in(me);
    get_in(me);
}

static void free_without_a_trace(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.lock.state) == 0);
}

static void all_three_got_in(void) {
    REQUIRE(s.successes == 3);
    free_without_a_trace();
}

EXPLORE(two_callers, .threads = 2, .begin = name_words, .thread = get_in, .end = free_without_a_trace,
        .bounds = {4, 2, 3, 2})
EXPLORE(two_callers_twice, .threads = 2, .begin = name_words, .thread = get_in_twice,
        .end = free_without_a_trace, .bounds = {3, 0, 2, 1})

/* Every mix of callers, up to the order of the threads. */
static void any_mix(unsigned threads) {
    name_words();
    explore_choose_mix(s.kinds, threads, KINDS);
}
static void any_mix_of_two(void) {
    any_mix(2);
}
static void any_mix_of_three(void) {
    any_mix(3);
}
EXPLORE(every_mix_of_two_callers, .threads = 2, .begin = any_mix_of_two, .thread = get_in_twice,
        .end = free_without_a_trace, .bounds = {3, 0, 2, 1})
EXPLORE(every_mix_of_three_callers, .threads = 3, .begin = any_mix_of_three, .thread = get_in,
        .end = free_without_a_trace, .bounds = {2, 0, 2, 1})

/* --- three, and four -------------------------------------------------------------------------------- */

EXPLORE(three_callers, .threads = 3, .begin = name_words, .thread = get_in, .end = all_three_got_in,
        .bounds = {3, 1, 1, 0})
static void one_comes_again(unsigned me) {
    get_in(me);
    if (me == 0) get_in(me);
}
EXPLORE(three_callers_of_whom_one_comes_again, .threads = 3, .begin = name_words, .thread = one_comes_again,
        .end = free_without_a_trace, .bounds = {2, 0, 2, 1})
EXPLORE(four_callers, .threads = 4, .begin = name_words, .thread = get_in, .end = free_without_a_trace,
        .bounds = {2, 0, 1, 0})

/* --- a waiter that has waited for its slice closes the lock ---------------------------------------- */

static void take_it_all_the_time(unsigned me) {
    for (int i = 0; i < (me == 0 ? 4 : 1); i++) get_in(me);
}
EXPLORE(a_starving_waiter_closes_the_lock, .threads = 2, .begin = name_words, .thread = take_it_all_the_time,
        .end = free_without_a_trace, .bounds = {3, 0, 4, 0})
EXPLORE(two_starving_waiters, .threads = 3, .begin = name_words, .thread = take_it_all_the_time,
        .end = free_without_a_trace, .bounds = {2, 0, 3, 0})

/* --- a profile counts: waiters ask the holder to release by the slow way ------------------------------- */

static void profiled(void) {
    name_words();
    explore_profile();
}
static void any_mix_of_two_profiled(void) {
    any_mix(2);
    explore_profile();
}
EXPLORE(a_mix_of_two_callers_that_a_profile_counts, .threads = 2, .begin = any_mix_of_two_profiled,
        .thread = get_in_twice, .end = free_without_a_trace, .bounds = {3, 0, 2, 1})
static void any_mix_of_three_profiled(void) {
    any_mix(3);
    explore_profile();
}
/* A sleeper that has asked, and times out while the heir leaves, leaves the bit by which it asked. */
static void free_but_for_a_question(void) {
    REQUIRE(!(thrum_u32_load_relaxed(&s.lock.state) & ~(uint32_t)THRUM_LOCK_WAKE_));
}
EXPLORE(a_mix_of_three_callers_that_a_profile_counts, .threads = 3, .begin = any_mix_of_three_profiled,
        .thread = get_in, .end = free_but_for_a_question, .bounds = {2, 0, 1, 0})
EXPLORE(three_callers_that_a_profile_counts, .threads = 3, .begin = profiled, .thread = get_in,
        .end = all_three_got_in, .bounds = {2, 1, 1, 0})

/* --- a try that fails has found the lock held --------------------------------------------------------- */

static void hold_it_for_the_first(void) {
    name_words();
    s.kinds[0] = explore_choose(2) ? TIMED : BLOCKING;
    thrum_lock_acquire(&s.lock);
}
/* Thread 0 keeps what it gets; until then its waiting changes the word. */
static void keep_it_or_try(unsigned me) {
    if (me == 0) {
        (void)acquire(s.kinds[0]);
        return;
    }
    REQUIRE(thrum_lock_release(&s.lock) == THRUM_OK);
    if (thrum_lock_try_acquire(&s.lock))
        REQUIRE(thrum_lock_release(&s.lock) == THRUM_OK);
    else
        REQUIRE(thrum_lock_locked(&s.lock));
}
EXPLORE(a_try_fails_at_a_held_lock_alone, .threads = 2, .begin = hold_it_for_the_first,
        .thread = keep_it_or_try, .bounds = {3, 1, 2, 1})

/* --- two threads release one hold ------------------------------------------------------------------ */

static void hold_it(void) {
    name_words();
    thrum_lock_acquire(&s.lock);
}
static void let_go_once_too_often(unsigned me) {
    s.results[me] = thrum_lock_release(&s.lock);
}
static void one_is_told(void) {
    REQUIRE((s.results[0] == THRUM_OK) != (s.results[1] == THRUM_OK));
    REQUIRE((s.results[0] == THRUM_NOT_LOCKED) != (s.results[1] == THRUM_NOT_LOCKED));
    free_without_a_trace();
}
EXPLORE(of_two_releases_of_one_hold_one_is_told, .threads = 2, .begin = hold_it,
        .thread = let_go_once_too_often, .end = one_is_told, .bounds = {4, 2, 0, 0})

/* One of three takes the hold that another made by mistake; the one that undoes it leaves the lock free. */
static void at_most_two_are_told(void) {
    unsigned told = 0;
    for (unsigned i = 0; i < 3; i++) told += s.results[i] == THRUM_NOT_LOCKED;
    REQUIRE(told == 1 || told == 2);
    free_without_a_trace();
}
EXPLORE(three_releases_of_one_hold_leave_it_free, .threads = 3, .begin = hold_it,
        .thread = let_go_once_too_often, .end = at_most_two_are_told, .bounds = {3, 1, 0, 0})

/* --- the last one frees it -------------------------------------------------------------------------- */

static void last_one_frees_it(unsigned me) {
    thrum_lock_acquire(&s.lock);
    const bool last = ++s.successes == (int)s.callers;
    REQUIRE(thrum_lock_release(&s.lock) == THRUM_OK);
    if (last) explore_free(&s.lock, sizeof s.lock);
    (void)me;
}
static void two_come(void) {
    name_words();
    s.callers = 2;
}
static void three_come(void) {
    name_words();
    s.callers = 3;
}
EXPLORE(the_last_of_two_frees_it, .threads = 2, .begin = two_come, .thread = last_one_frees_it,
        .bounds = {4, 1, 2, 1})
EXPLORE(the_last_of_three_frees_it, .threads = 3, .begin = three_come, .thread = last_one_frees_it,
        .bounds = {2, 0, 1, 1})
