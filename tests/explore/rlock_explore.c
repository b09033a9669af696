/* SPDX-License-Identifier: MIT */
/*
 * The rlock: one owner at a time however deep, free only after its outermost release, and then to be freed.
 */
#include "explore.h"

#include <thrum/rlock.h>

typedef enum kind { BLOCKING, TIMED, TRYING, KINDS } kind;

static struct {
    thrum_rlock rlock;
    int inside;    /* plain: the rlock protects it */
    int successes; /* plain, too */
    unsigned kinds[EXPLORE_THREADS];
    unsigned callers;
    bool drawn_early;
} s;

static void name_words(void) {
    explore_name(&s.rlock.lock, sizeof s.rlock.lock, "lock");
    explore_name(&s.rlock.depth, sizeof s.rlock.depth, "depth");
    explore_name(&s.rlock.owner, sizeof s.rlock.owner, "owner");
    explore_name(&s.inside, sizeof s.inside, "inside");
    explore_name(&s.successes, sizeof s.successes, "successes");
}

/*
 * Each thread has its number before it begins: drawing it is an operation that others can see, and
 * would only multiply the interleavings. One scenario below draws.
 */
static void number(unsigned me) {
    thrum_self_.id = me + 1;
}

static bool acquire(kind how) {
    switch (how) {
    case TIMED:
        if (thrum_rlock_acquire_until(&s.rlock, EXPLORE_SOON) == THRUM_OK) return true;
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
        return false;
    case TRYING:
        return thrum_rlock_try_acquire(&s.rlock);
    default:
        REQUIRE(thrum_rlock_acquire(&s.rlock) == THRUM_OK);
        return true;
    }
}

static void depth_is(uint32_t depth) {
    REQUIRE(thrum_rlock_depth(&s.rlock) == depth);
    REQUIRE(thrum_rlock_is_owned(&s.rlock) == (depth > 0));
    if (depth) REQUIRE(thrum_rlock_locked(&s.rlock));
}

/* Owned to the depth of 1. */
static void alone_inside(void) {
    depth_is(1);
    REQUIRE(++s.inside == 1);
}

static void go_out(void) {
    s.inside--;
    s.successes++;
    REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
}

static void nobody_is_an_owner_by_mistake(void) {
    depth_is(0);
    REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_NOT_OWNER);
}

static void free_without_a_trace(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rlock.lock.state) == 0);
    REQUIRE(s.rlock.depth == 0);
    REQUIRE(thrum_u64_load_relaxed(&s.rlock.owner) == 0);
    REQUIRE(s.inside == 0);
}

/* --- in and again, and out twice ---------------------------------------------------------------------- */

static void go_in(unsigned me) {
    number(me);
    if (!acquire(s.kinds[me])) {
        nobody_is_an_owner_by_mistake();
        return;
    }
    alone_inside();
    go_out();
    depth_is(0);
}

static void go_in_again(unsigned me) {
    number(me);
    nobody_is_an_owner_by_mistake();
    if (!acquire(s.kinds[me])) return;
    alone_inside();
    REQUIRE(acquire(s.kinds[me])); /* at once, in every form */
    depth_is(2);
    REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
    depth_is(1);
    go_out();
    nobody_is_an_owner_by_mistake();
}

static void all_three_got_in(void) {
    REQUIRE(s.successes == 3);
    free_without_a_trace();
}

EXPLORE(two_go_in_and_again, .threads = 2, .begin = name_words, .thread = go_in_again,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 0})
EXPLORE(three_go_in, .threads = 3, .begin = name_words, .thread = go_in, .end = all_three_got_in,
        .bounds = {2, 1, 1, 0})
EXPLORE(three_go_in_and_again, .threads = 3, .begin = name_words, .thread = go_in_again,
        .end = all_three_got_in, .bounds = {2, 0, 1, 0})

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
EXPLORE(every_mix_of_two, .threads = 2, .begin = any_mix_of_two, .thread = go_in_again,
        .end = free_without_a_trace, .bounds = {2, 1, 2, 1})
EXPLORE(every_mix_of_three, .threads = 3, .begin = any_mix_of_three, .thread = go_in,
        .end = free_without_a_trace, .bounds = {2, 0, 1, 0})

/* --- numbers are drawn where they are first needed ---------------------------------------------------- */

static void draw_and_go_in(unsigned me) {
    (void)me;
    if (s.drawn_early) REQUIRE(thrum_self_id() != 0);
    nobody_is_an_owner_by_mistake();
    REQUIRE(acquire(BLOCKING));
    alone_inside();
    go_out();
}
static void drawn_before_or_inside(void) {
    name_words();
    s.drawn_early = explore_choose(2);
}
EXPLORE(two_without_a_number_go_in, .threads = 2, .begin = drawn_before_or_inside, .thread = draw_and_go_in,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 1})

/* --- release_all and acquire_depth ---------------------------------------------------------------------- */

/* As a condition's waiter does: out from any depth, and back in. */
static void out_and_back(unsigned me) {
    uint32_t depth = 0;
    number(me);
    REQUIRE(thrum_rlock_acquire_depth(&s.rlock, me + 1) == THRUM_OK);
    depth_is(me + 1);
    REQUIRE(++s.inside == 1);
    s.inside--;
    REQUIRE(thrum_rlock_release_all(&s.rlock, &depth) == THRUM_OK);
    REQUIRE(depth == me + 1);
    REQUIRE(thrum_rlock_release_all(&s.rlock, &depth) == THRUM_NOT_OWNER);
    REQUIRE(thrum_rlock_acquire_depth(&s.rlock, depth) == THRUM_OK);
    depth_is(depth);
    REQUIRE(++s.inside == 1);
    s.inside--;
    for (; depth > 0; depth--) REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
    depth_is(0);
}
EXPLORE(two_go_out_and_back, .threads = 2, .begin = name_words, .thread = out_and_back,
        .end = free_without_a_trace, .bounds = {3, 0, 1, 1})

static void back_in_time(unsigned me) {
    number(me);
    if (me == 0) {
        out_and_back(me);
    } else if (thrum_rlock_acquire_depth_until(&s.rlock, 2, EXPLORE_SOON) == THRUM_OK) {
        depth_is(2);
        REQUIRE(++s.inside == 1);
        s.inside--;
        REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
        depth_is(1);
        REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
    } else {
        nobody_is_an_owner_by_mistake();
    }
}
EXPLORE(two_out_and_back_or_in_time, .threads = 2, .begin = name_words, .thread = back_in_time,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 1})
EXPLORE(three_out_and_back_or_in_time, .threads = 3, .begin = name_words, .thread = back_in_time,
        .end = free_without_a_trace, .bounds = {2, 0, 1, 0})

/* The deepest that it goes: refused, with nothing changed, while others wait. */
static void deepest(unsigned me) {
    uint32_t depth = 0;
    number(me);
    if (me == 0) {
        REQUIRE(thrum_rlock_acquire_depth(&s.rlock, THRUM_RLOCK_DEPTH_MAX) == THRUM_OK);
        REQUIRE(thrum_rlock_acquire(&s.rlock) == THRUM_OVERFLOW);
        REQUIRE(!thrum_rlock_try_acquire(&s.rlock));
        depth_is(THRUM_RLOCK_DEPTH_MAX);
        REQUIRE(thrum_rlock_release_all(&s.rlock, &depth) == THRUM_OK);
        REQUIRE(depth == THRUM_RLOCK_DEPTH_MAX);
    } else {
        go_in(me);
    }
}
EXPLORE(the_deepest_refuses_one_more, .threads = 2, .begin = name_words, .thread = deepest,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 1})

/* --- the last one frees it ---------------------------------------------------------------------------- */

static void last_one_frees_it(unsigned me) {
    uint32_t depth;
    number(me);
    REQUIRE(acquire(BLOCKING));
    REQUIRE(acquire(BLOCKING));
    const bool last = ++s.successes == (int)s.callers;
    if (me % 2) {
        REQUIRE(thrum_rlock_release_all(&s.rlock, &depth) == THRUM_OK);
    } else {
        REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
        REQUIRE(thrum_rlock_release(&s.rlock) == THRUM_OK);
    }
    if (last) explore_free(&s.rlock, sizeof s.rlock);
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
        .bounds = {2, 0, 1, 0})
