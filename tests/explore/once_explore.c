/* SPDX-License-Identifier: MIT */
/* The once: it runs once, a failure is nobody's loss, and a caller that was answered may free it. */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/once.h>

static struct {
    thrum_once once;
    int runs, failures; /* plain: a run is ordered after the run before it */
    int made;           /* plain: what the function makes */
    int fail_first;
} s;

static void name_words(void) {
    explore_name(&s.once, sizeof s.once, "once");
    explore_name(&s.runs, sizeof s.runs, "runs");
    explore_name(&s.made, sizeof s.made, "made");
}

static thrum_result make(void *argument) {
    REQUIRE(argument == &s);
    s.runs++;
    REQUIRE(thrum_once_run(&s.once, make, argument) == THRUM_DEADLOCK);
    if (s.failures < s.fail_first) {
        s.failures++;
        return THRUM_NO_MEMORY;
    }
    REQUIRE(s.made == 0);
    s.made = 42;
    return THRUM_OK;
}

static thrum_result run_somehow(void) {
    if (explore_choose(2)) return thrum_once_run_until(&s.once, make, &s, EXPLORE_SOON);
    return thrum_once_run(&s.once, make, &s);
}

static void ask(unsigned me) {
    (void)me;
    const thrum_result result = run_somehow();
    REQUIRE(result == THRUM_OK || result == THRUM_TIMEOUT || (result == THRUM_NO_MEMORY && s.fail_first));
    if (result == THRUM_OK) REQUIRE(s.made == 42);
}

static void made_once(void) {
    REQUIRE(s.made == 42 && s.runs == s.failures + 1 && thrum_once_done(&s.once));
    REQUIRE(thrum_u32_load_relaxed(&s.once.state) == THRUM_ONCE_DONE_);
}

EXPLORE(it_runs_once_for_three, .threads = 3, .begin = name_words, .thread = ask, .end = made_once,
        .bounds = {2, 0, 1, 1})
EXPLORE(it_runs_once_for_four, .threads = 4, .begin = name_words, .thread = ask, .end = made_once,
        .bounds = {1, 0, 1, 0})

/* --- failures ---------------------------------------------------------------------------------------- */

static void fails_at_first(void) {
    name_words();
    s.fail_first = 1;
}

/*
 * A caller that asked after the failure, or waited during it, tries itself: only the caller that was handed
 * the failure leaves without.
 */
static void ask_or_look(unsigned me) {
    if (me == 2 && explore_choose(2)) {
        if (thrum_once_done(&s.once)) REQUIRE(s.made == 42);
        return;
    }
    if (thrum_once_run(&s.once, make, &s) == THRUM_OK) REQUIRE(s.made == 42);
}
static void made_by_the_second(void) {
    REQUIRE(s.failures == 1 && s.runs == 2 && s.made == 42);
    REQUIRE(thrum_u32_load_relaxed(&s.once.state) == THRUM_ONCE_DONE_);
}
EXPLORE(a_failure_leaves_it_open, .threads = 3, .begin = fails_at_first, .thread = ask_or_look,
        .end = made_by_the_second, .bounds = {2, 1, 0, 1})

static void fails_twice(void) {
    name_words();
    s.fail_first = 2;
}
static void stays_usable(void) {
    while (thrum_once_run(&s.once, make, &s) != THRUM_OK) {
    }
    made_once();
}
EXPLORE(two_failures_of_four_callers, .threads = 4, .begin = fails_twice, .thread = ask, .end = stays_usable,
        .bounds = {1, 0, 1, 0})

/* A thread that ends within the function, as a runtime ends it: its guards are released. */
static void one_ends_within(unsigned me) {
    if (me != 0) {
        ask(me);
        return;
    }
    if (thrum_once_begin_(&s.once, THRUM_NOW) != THRUM_ONCE_YOURS_) return;
    thrum_guard_ running = {thrum_once_abandon_, &s.once, NULL};
    thrum_self_push_(&running);
    s.runs++, s.failures++;
    thrum_self_release_guards();
}
static void at_most_one_success(void) {
    if (!thrum_once_done(&s.once)) REQUIRE(thrum_once_run(&s.once, make, &s) == THRUM_OK);
    REQUIRE(s.made == 42 && thrum_u32_load_relaxed(&s.once.state) == THRUM_ONCE_DONE_);
}
EXPLORE(a_thread_that_ends_within_it_leaves_it_open, .threads = 3, .begin = name_words,
        .thread = one_ends_within, .end = at_most_one_success, .bounds = {2, 0, 1, 1})

/* --- the caller that was answered last frees it ------------------------------------------------------- */

/* The one that was answered frees it at once; the call of the one that ran it may not have returned. */
static void the_other_frees(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_once_run(&s.once, make, &s) == THRUM_OK);
        return;
    }
    while (thrum_u32_load_relaxed(&s.once.state) == 0) thrum_futex_yield();
    if (run_somehow() == THRUM_OK) explore_free(&s.once, sizeof s.once);
}
EXPLORE(a_waiter_frees_it, .threads = 2, .begin = name_words, .thread = the_other_frees,
        .bounds = {4, 1, 1, 2})
