/* SPDX-License-Identifier: MIT */
/*
 * The semaphore: permits are neither lost nor made, nobody sleeps beside one, and the last one may free it.
 */
#include "../../src/futex/waitable.h"
#include "explore.h"

#include <thrum/semaphore.h>

typedef enum kind { BLOCKING, TIMED, TRYING, KINDS } kind;

static struct {
    thrum_semaphore permits;
    thrum_bounded_semaphore bounded;
    thrum_u32 through;          /* how many have got a permit */
    int pages[EXPLORE_THREADS]; /* plain: each releaser's, written before his release */
    int refused[EXPLORE_THREADS];
    unsigned kinds[EXPLORE_THREADS];
    unsigned takers;
} s;

static void name_words(void) {
    explore_name(&s.permits, sizeof s.permits, "permits");
    explore_name(&s.bounded.permits, sizeof s.bounded.permits, "bounded");
    explore_name(&s.bounded.bound, sizeof s.bounded.bound, "bound");
    explore_name(&s.through, sizeof s.through, "through");
    explore_name(s.pages, sizeof s.pages, "pages");
}

/* The whole word: no permit too many or too few, and no waiter in it. */
static void only_permits(uint32_t permits) {
    REQUIRE(thrum_u64_load_relaxed(&s.permits.state) == permits);
}
static void no_permit_is_left(void) {
    only_permits(0);
}
static void one_permit_is_left(void) {
    only_permits(1);
}

static bool acquire(kind how) {
    switch (how) {
    case TIMED:
        if (thrum_semaphore_acquire_until(&s.permits, EXPLORE_SOON) == THRUM_OK) return true;
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
        return false;
    case TRYING:
        return thrum_semaphore_try_acquire(&s.permits);
    default:
        thrum_semaphore_acquire(&s.permits);
        return true;
    }
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

/* Who has all the permits sees what all the releasers wrote. */
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
