/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: permits are neither lost nor made, nobody sleeps beside one, and the last one may free it.
 */
#include "semaphore_explore.h"

static void no_permit_is_left(void) {
    only_permits(0);
}
static void one_permit_is_left(void) {
    only_permits(1);
}

static void release(void) {
    REQUIRE(thrum_semaphore_release(&s.permits) == THRUM_OK);
}

/* --- as many permits as takers ---------------------------------------------------------------------- */

/* The first threads take, each of the others releases one. */
static void take_or_release(unsigned me) {
    if (me < s.takers)
        thrum_semaphore_acquire(&s.permits);
    else
        release();
}
static void one_takes(void) {
    name_words();
    s.takers = 1;
}
static void two_take(void) {
    name_words();
    s.takers = 2;
}
EXPLORE(one_takes_one_releases, .threads = 2, .begin = one_takes, .thread = take_or_release,
        .end = no_permit_is_left, .bounds = {6, 6, 0, 5})
EXPLORE(two_take_two_release, .threads = 4, .begin = two_take, .thread = take_or_release,
        .end = no_permit_is_left, .bounds = {3, 0, 0, 0})
EXPLORE(two_take_two_release_with_stale_reads, .threads = 4, .begin = two_take, .thread = take_or_release,
        .end = no_permit_is_left, .bounds = {2, 1, 0, 0})

static void take_or_release_two(unsigned me) {
    if (me < s.takers)
        thrum_semaphore_acquire(&s.permits);
    else
        REQUIRE(thrum_semaphore_release_n(&s.permits, 2) == THRUM_OK);
}
EXPLORE(two_take_what_one_releases_at_once, .threads = 3, .begin = two_take, .thread = take_or_release_two,
        .end = no_permit_is_left, .bounds = {3, 1, 0, 1})

/* The second permit may come while the first still lies there, and the wake for it is under way. */
static void take_or_release_twice(unsigned me) {
    if (me >= s.takers) release();
    take_or_release(me);
}
EXPLORE(two_take_what_one_releases_bit_by_bit, .threads = 3, .begin = two_take,
        .thread = take_or_release_twice, .end = no_permit_is_left, .bounds = {3, 0, 0, 1})

static void three_and_three(unsigned me) {
    if (me < 3)
        thrum_semaphore_acquire(&s.permits);
    else
        REQUIRE(thrum_semaphore_release_n(&s.permits, 3) == THRUM_OK);
}
EXPLORE(three_take_what_one_releases_at_once, .threads = 4, .begin = name_words, .thread = three_and_three,
        .end = no_permit_is_left, .bounds = {2, 1, 0, 0})

/* --- takers of every kind ----------------------------------------------------------------------------- */

/* Every mix of takers, up to their order. */
static void any_mix(unsigned takers) {
    name_words();
    s.takers = takers;
    explore_choose_mix(s.kinds, takers, KINDS);
}

/* One permit for all of them: a lock. It protects a page. */
static void pass_it_on(unsigned me) {
    if (!acquire(s.kinds[me])) return;
    REQUIRE(++s.pages[0] == 1);
    s.pages[0]--;
    release();
}
static void two_and_a_permit(void) {
    any_mix(2);
    REQUIRE(thrum_semaphore_init(&s.permits, 1) == THRUM_OK);
}
static void three_and_a_permit(void) {
    any_mix(3);
    REQUIRE(thrum_semaphore_init(&s.permits, 1) == THRUM_OK);
}
static void pass_it_on_twice(unsigned me) {
    pass_it_on(me);
    pass_it_on(me);
}
EXPLORE(every_mix_of_two_passes_a_permit_on_twice, .threads = 2, .begin = two_and_a_permit,
        .thread = pass_it_on_twice, .end = one_permit_is_left, .bounds = {4, 0, 2, 1})
EXPLORE(every_mix_of_three_passes_a_permit_on, .threads = 3, .begin = three_and_a_permit,
        .thread = pass_it_on, .end = one_permit_is_left, .bounds = {2, 0, 1, 1})

static void four_and_a_permit(void) {
    name_words();
    REQUIRE(thrum_semaphore_init(&s.permits, 1) == THRUM_OK);
}
EXPLORE(four_pass_a_permit_on, .threads = 4, .begin = four_and_a_permit, .thread = pass_it_on,
        .end = one_permit_is_left, .bounds = {2, 0, 0, 1})

/* The first must get it; another that does gives it back. One that gave up took neither permit nor wake. */
static void only_the_first_keeps_it(unsigned me) {
    if (me == s.takers)
        release();
    else if (acquire(s.kinds[me]) && me > 0)
        release();
}
static void one_sleeps_one_does_not(void) {
    name_words();
    s.takers = 2;
    s.kinds[1] = explore_choose(2) ? TRYING : TIMED;
}
static void one_sleeps_two_do_not(void) {
    name_words();
    s.takers = 3;
    s.kinds[1] = TIMED;
    s.kinds[2] = explore_choose(2) ? TRYING : TIMED;
}
EXPLORE(a_timed_taker_swallows_nothing, .threads = 3, .begin = one_sleeps_one_does_not,
        .thread = only_the_first_keeps_it, .end = no_permit_is_left, .bounds = {3, 0, 1, 1})
EXPLORE(two_timed_takers_swallow_nothing, .threads = 4, .begin = one_sleeps_two_do_not,
        .thread = only_the_first_keeps_it, .end = no_permit_is_left, .bounds = {2, 0, 1, 0})

/* Two wait for two permits, of which a third, which comes along, may take one and bring it back. */
static void stolen_and_brought_back(unsigned me) {
    if (me < 2) {
        thrum_semaphore_acquire(&s.permits);
    } else if (me == 2) {
        if (thrum_semaphore_try_acquire(&s.permits)) release();
    } else {
        release();
        release();
    }
}
EXPLORE(a_stolen_permit_loses_no_wake, .threads = 4, .begin = name_words, .thread = stolen_and_brought_back,
        .end = no_permit_is_left, .bounds = {3, 0, 0, 0})

/* There is a permit for each attempt: a try fails for want of one, not because others are quicker. */
static void a_permit_for_each_try(void) {
    name_words();
    s.kinds[0] = explore_choose(2) ? TRYING : TIMED;
    REQUIRE(thrum_semaphore_init(&s.permits, 3) == THRUM_OK);
}
static void try_once_or_twice(unsigned me) {
    for (unsigned i = 0; i <= me; i++) {
        if (s.kinds[0] == TRYING)
            REQUIRE(thrum_semaphore_try_acquire(&s.permits));
        else
            REQUIRE(thrum_semaphore_acquire_until(&s.permits, THRUM_NOW) == THRUM_OK);
    }
}
EXPLORE(no_try_fails_beside_a_permit, .threads = 2, .begin = a_permit_for_each_try,
        .thread = try_once_or_twice, .end = no_permit_is_left, .bounds = {5, 2, 0, 2})

/* --- cancelled ----------------------------------------------------------------------------------------- */

/*
 * The first is cancelled in its sleep, which an expiry stands for, or as a release wakes it, or before it
 * sleeps: it leaves without a look. So does the wait of pthread_sem.c. Or its time ends, and it looks first.
 * The others get all permits.
 */
typedef enum ending { CANCELLED, TIMED_OUT, ENDINGS } ending;

static void sleep_and_leave(ending how) {
    thrum_futex_choice sleep;
    if (!thrum_semaphore_register_(&s.permits, &sleep)) return;
    (void)thrum_waitable_sleep_(&sleep, EXPLORE_SOON);
    if (how == TIMED_OUT && thrum_semaphore_look_(&s.permits, true))
        release();
    else
        thrum_semaphore_leave_(&s.permits);
}
static void one_leaves_the_others_take(unsigned me) {
    if (me == 0)
        sleep_and_leave((ending)s.kinds[0]);
    else
        take_or_release(me);
}
static void one_leaves_one_takes(void) {
    two_take();
    s.kinds[0] = explore_choose(ENDINGS);
}
static void one_leaves_two_take(void) {
    name_words();
    s.takers = 3;
}
static void one_leaves_two_take_what_one_releases(unsigned me) {
    if (me == 3) release();
    one_leaves_the_others_take(me);
}
EXPLORE(a_cancelled_sleeper_leaves_permit_and_wake, .threads = 3, .begin = one_leaves_one_takes,
        .thread = one_leaves_the_others_take, .end = no_permit_is_left, .bounds = {3, 1, 2, 1})
EXPLORE(a_cancelled_sleeper_leaves_both_permits_and_wakes, .threads = 4, .begin = one_leaves_two_take,
        .thread = one_leaves_two_take_what_one_releases, .end = no_permit_is_left, .bounds = {1, 0, 1, 1})

/* --- publication ------------------------------------------------------------------------------------- */

/* The owner of all the permits sees what all the releasers wrote. */
static void take_all_or_write_and_release(unsigned me) {
    if (me == 0) {
        if (!acquire(s.kinds[0]) || !acquire(s.kinds[0])) return;
        REQUIRE(s.pages[1] == 1 && s.pages[2] == 1);
        return;
    }
    s.pages[me] = 1;
    if (me == 1)
        release();
    else
        REQUIRE(thrum_semaphore_release_n(&s.permits, 1) == THRUM_OK);
}
static void one_of_any_kind(void) {
    any_mix(1);
}
EXPLORE(the_taker_of_all_permits_sees_all_writes, .threads = 3, .begin = one_of_any_kind,
        .thread = take_all_or_write_and_release, .bounds = {3, 1, 1, 0})

/* --- the last one frees it ---------------------------------------------------------------------------- */

/* The releasing call may still be on its way back. */
static void last_taker_frees_it(unsigned me) {
    if (me == s.takers) {
        if (s.takers > 1)
            (void)thrum_semaphore_release_n(&s.permits, (int32_t)s.takers);
        else
            (void)thrum_semaphore_release(&s.permits);
        return;
    }
    if (!acquire(s.kinds[me])) return;
    if (thrum_u32_fetch_add_acq_rel(&s.through, 1) + 1 == s.takers)
        explore_free(&s.permits, sizeof s.permits);
}
EXPLORE(the_only_taker_frees_it, .threads = 2, .begin = one_of_any_kind, .thread = last_taker_frees_it,
        .bounds = {5, 4, 2, 3})
EXPLORE(the_last_of_two_takers_frees_it, .threads = 3, .begin = two_take, .thread = last_taker_frees_it,
        .bounds = {4, 0, 0, 1})

/* The first permit went to another: the wake for it comes late, and perhaps on freed memory. */
static void last_permit_frees_it(unsigned me) {
    if (me >= s.takers) {
        (void)thrum_semaphore_release(&s.permits);
        return;
    }
    thrum_semaphore_acquire(&s.permits);
    if (thrum_u32_fetch_add_acq_rel(&s.through, 1) + 1 == s.takers)
        explore_free(&s.permits, sizeof s.permits);
}
EXPLORE(the_last_of_two_permits_frees_it, .threads = 4, .begin = two_take, .thread = last_permit_frees_it,
        .bounds = {3, 0, 0, 0})
