/* SPDX-License-Identifier: MIT */
/* The spinlock: exclusion, an end of every wait, and a release that is the last touch. */
#include "explore.h"

#include <thrum/spinlock.h>

typedef enum kind { BLOCKING, TIMED, TRYING, KINDS } kind;

static struct {
    thrum_spinlock lock;
    int inside;    /* plain: the lock protects it */
    int successes; /* plain, too */
    unsigned kinds[EXPLORE_THREADS];
    unsigned callers;
} s;

static void name_words(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    explore_name(&s.inside, sizeof s.inside, "inside");
    explore_name(&s.successes, sizeof s.successes, "successes");
}

static bool acquire(kind how) {
    switch (how) {
    case TIMED:
        if (thrum_spinlock_acquire_until(&s.lock, EXPLORE_SOON) == THRUM_OK) return true;
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
        return false;
    case TRYING:
        return thrum_spinlock_try_acquire(&s.lock);
    default:
        thrum_spinlock_acquire(&s.lock);
        return true;
    }
}

static void get_in(unsigned me) {
    if (!acquire(s.kinds[me])) return;
    REQUIRE(++s.inside == 1);
    REQUIRE(thrum_spinlock_locked(&s.lock)); /* by this thread, whatever the others do */
    s.inside--;
    s.successes++;
    REQUIRE(thrum_spinlock_release(&s.lock) == THRUM_OK);
}

static void get_in_twice(unsigned me) {
    get_in(me);
    get_in(me);
}

static void is_free(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.lock.state) == 0);
    REQUIRE(thrum_spinlock_release(&s.lock) == THRUM_NOT_LOCKED);
}

static void all_three_got_in(void) {
    REQUIRE(s.successes == 3);
    is_free();
}
EXPLORE(two_callers_twice, .threads = 2, .begin = name_words, .thread = get_in_twice, .end = is_free,
        .bounds = {6, 6, 0, 0})
EXPLORE(three_callers, .threads = 3, .begin = name_words, .thread = get_in, .end = all_three_got_in,
        .bounds = {5, 4, 0, 0})
EXPLORE(four_callers, .threads = 4, .begin = name_words, .thread = get_in, .end = is_free,
        .bounds = {4, 1, 0, 0})

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
        .end = is_free, .bounds = {6, 4, 4, 0})
EXPLORE(every_mix_of_three_callers, .threads = 3, .begin = any_mix_of_three, .thread = get_in, .end = is_free,
        .bounds = {5, 2, 2, 0})

/* --- the last one frees it ---------------------------------------------------------------------------- */

static void last_one_frees_it(unsigned me) {
    (void)me;
    thrum_spinlock_acquire(&s.lock);
    const bool last = ++s.successes == (int)s.callers;
    REQUIRE(thrum_spinlock_release(&s.lock) == THRUM_OK);
    if (last) explore_free(&s.lock, sizeof s.lock);
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
        .bounds = {5, 4, 0, 0})
EXPLORE(the_last_of_three_frees_it, .threads = 3, .begin = three_come, .thread = last_one_frees_it,
        .bounds = {6, 4, 0, 0})
