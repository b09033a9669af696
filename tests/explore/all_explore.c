/* SPDX-License-Identifier: MIT */
/*
 * All of several locks: nobody waits for ever, whatever the orders; a thread that does not get all holds
 * none.
 */
#include "explore.h"

#include <thrum/all.h>
#include <thrum/lock.h>
#include <thrum/rlock.h>

enum { LOCKS = 3 };

static struct {
    thrum_lock locks[LOCKS];
    thrum_rlock rlock;
    int inside[LOCKS + 1]; /* plain: each protected by its lock; the last by the rlock */
} s;

static void name_words(void) {
    static const char *const names[] = {"a", "b", "c"};
    for (unsigned i = 0; i < LOCKS; i++) explore_name(&s.locks[i], sizeof s.locks[i], names[i]);
    explore_name(&s.rlock.lock, sizeof s.rlock.lock, "rlock");
    explore_name(&s.rlock.depth, sizeof s.rlock.depth, "depth");
    explore_name(&s.rlock.owner, sizeof s.rlock.owner, "owner");
    explore_name(s.inside, sizeof s.inside, "inside");
}

static void number(unsigned me) {
    thrum_self_.id = me + 1; /* rlock_explore.c says why */
}

/* Alone with each that the set names. */
static void use(const thrum_all *set) {
    for (unsigned i = 0; i < set->count; i++) {
        const unsigned which = set->members[i].kind == THRUM_ALL_RLOCK_
                                   ? LOCKS
                                   : (unsigned)((thrum_lock *)set->members[i].object - s.locks);
        REQUIRE(++s.inside[which] == 1);
        s.inside[which]--;
    }
}

static void use_and_let_go(const thrum_all *set) {
    use(set);
    REQUIRE(thrum_release_all(set) == THRUM_OK);
}

static void acquire_and_release(const thrum_all *set) {
    REQUIRE(thrum_acquire_all(set) == THRUM_OK);
    use_and_let_go(set);
}

static void acquire_in_time(const thrum_all *set) {
    const thrum_result result = thrum_acquire_all_until(set, EXPLORE_SOON);
    if (result == THRUM_OK) {
        use_and_let_go(set);
    } else {
        REQUIRE(result == THRUM_TIMEOUT);
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
    }
}

static void everything_is_free(void) {
    for (unsigned i = 0; i < LOCKS; i++) REQUIRE(thrum_u32_load_relaxed(&s.locks[i].state) == 0);
    REQUIRE(thrum_u32_load_relaxed(&s.rlock.lock.state) == 0);
    REQUIRE(thrum_u64_load_relaxed(&s.rlock.owner) == 0);
    REQUIRE(s.rlock.depth == 0);
}

static const thrum_all ab = THRUM_ALL(&s.locks[0], &s.locks[1]);
static const thrum_all ba = THRUM_ALL(&s.locks[1], &s.locks[0]);
static const thrum_all bc = THRUM_ALL(&s.locks[1], &s.locks[2]);
static const thrum_all ca = THRUM_ALL(&s.locks[2], &s.locks[0]);
static const thrum_all abc = THRUM_ALL(&s.locks[0], &s.locks[1], &s.locks[2]);
static const thrum_all cba = THRUM_ALL(&s.locks[2], &s.locks[1], &s.locks[0]);
static const thrum_all bca = THRUM_ALL(&s.locks[1], &s.locks[2], &s.locks[0]);
static const thrum_all ar = THRUM_ALL(&s.locks[0], &s.rlock);
static const thrum_all ra = THRUM_ALL(&s.rlock, &s.locks[0]);
static const thrum_all rar = THRUM_ALL(&s.rlock, &s.locks[0], &s.rlock);

/* --- two locks, three locks ---------------------------------------------------------------------------- */

static void two_in_two_orders(unsigned me) {
    acquire_and_release(me % 2 ? &ba : &ab);
}
EXPLORE(two_name_two_locks, .threads = 2, .begin = name_words, .thread = two_in_two_orders,
        .end = everything_is_free, .bounds = {4, 1, 1, 1})
EXPLORE(three_name_two_locks, .threads = 3, .begin = name_words, .thread = two_in_two_orders,
        .end = everything_is_free, .bounds = {2, 1, 1, 0})

static void three_in_two_orders(unsigned me) {
    acquire_and_release(me ? &cba : &abc);
}
EXPLORE(two_name_three_locks, .threads = 2, .begin = name_words, .thread = three_in_two_orders,
        .end = everything_is_free, .bounds = {5, 1, 1, 0})

static void in_a_circle(unsigned me) {
    static const thrum_all *const sets[] = {&ab, &bc, &ca};
    acquire_and_release(sets[me]);
}
EXPLORE(three_in_a_circle, .threads = 3, .begin = name_words, .thread = in_a_circle,
        .end = everything_is_free, .bounds = {4, 0, 1, 0})

static void three_in_three_orders(unsigned me) {
    static const thrum_all *const sets[] = {&abc, &cba, &bca};
    acquire_and_release(sets[me]);
}
EXPLORE(three_name_three_locks, .threads = 3, .begin = name_words, .thread = three_in_three_orders,
        .end = everything_is_free, .bounds = {2, 1, 1, 0})

/* --- one of them has a deadline ------------------------------------------------------------------------ */

static void one_in_time(unsigned me) {
    if (me == 0)
        acquire_in_time(&ba);
    else
        acquire_and_release(me % 2 ? &ab : &ba);
}
EXPLORE(one_of_two_has_a_deadline, .threads = 2, .begin = name_words, .thread = one_in_time,
        .end = everything_is_free, .bounds = {5, 1, 3, 0})
EXPLORE(one_of_three_has_a_deadline, .threads = 3, .begin = name_words, .thread = one_in_time,
        .end = everything_is_free, .bounds = {2, 1, 2, 0})

static void circle_in_time(unsigned me) {
    if (me == 0)
        acquire_in_time(&ab);
    else
        in_a_circle(me);
}
EXPLORE(one_in_the_circle_has_a_deadline, .threads = 3, .begin = name_words, .thread = circle_in_time,
        .end = everything_is_free, .bounds = {3, 0, 2, 0})

/* The last one named never comes free: the others are had and released again. */
static void take_a_for_good(void) {
    name_words();
    thrum_lock_acquire(&s.locks[0]);
}
static void in_time_or_b_alone(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_acquire_all_until(&ba, EXPLORE_SOON) == THRUM_TIMEOUT);
    } else {
        thrum_lock_acquire(&s.locks[1]);
        REQUIRE(++s.inside[1] == 1);
        s.inside[1]--;
        REQUIRE(thrum_lock_release(&s.locks[1]) == THRUM_OK);
    }
}
static void only_a_is_taken(void) {
    REQUIRE(thrum_lock_release(&s.locks[0]) == THRUM_OK);
    everything_is_free();
}
EXPLORE(a_caller_that_times_out_holds_none, .threads = 2, .begin = take_a_for_good,
        .thread = in_time_or_b_alone, .end = only_a_is_taken, .bounds = {5, 2, 3, 1})

static void try_or_acquire(unsigned me) {
    if (me == 0) {
        if (thrum_try_acquire_all(&ba)) use_and_let_go(&ba);
    } else {
        acquire_and_release(&ab);
    }
}
EXPLORE(one_of_two_only_tries, .threads = 2, .begin = name_words, .thread = try_or_acquire,
        .end = everything_is_free, .bounds = {4, 2, 1, 1})

/* --- beside threads that take them one by one ---------------------------------------------------------- */

static void by_hand_or_at_once(unsigned me) {
    if (me == 0) {
        acquire_and_release(&ab);
        return;
    }
    thrum_lock_acquire(&s.locks[1]);
    thrum_lock_acquire(&s.locks[0]);
    use_and_let_go(&ba);
}
EXPLORE(one_at_once_and_one_by_hand, .threads = 2, .begin = name_words, .thread = by_hand_or_at_once,
        .end = everything_is_free, .bounds = {3, 1, 2, 1})
EXPLORE(one_at_once_and_two_by_hand, .threads = 3, .begin = name_words, .thread = by_hand_or_at_once,
        .end = everything_is_free, .bounds = {2, 1, 1, 0})

/* --- rlocks -------------------------------------------------------------------------------------------- */

static void twice_named_or_in_another_order(unsigned me) {
    number(me);
    if (me == 0) {
        REQUIRE(thrum_acquire_all(&rar) == THRUM_OK);
        REQUIRE(thrum_rlock_depth(&s.rlock) == 2);
        use(&ar);
        REQUIRE(thrum_release_all(&rar) == THRUM_OK);
    } else {
        acquire_and_release(me % 2 ? &ar : &ra);
    }
    REQUIRE(thrum_rlock_depth(&s.rlock) == 0);
}
EXPLORE(an_rlock_named_twice_beside_another_order, .threads = 2, .begin = name_words,
        .thread = twice_named_or_in_another_order, .end = everything_is_free, .bounds = {4, 1, 1, 0})
EXPLORE(three_with_an_rlock, .threads = 3, .begin = name_words, .thread = twice_named_or_in_another_order,
        .end = everything_is_free, .bounds = {2, 0, 1, 0})

/* Too deep in the second round or the first: told, and nothing stays taken. */
static void too_deep(unsigned me) {
    uint32_t depth = 0;
    number(me);
    if (me == 0) {
        REQUIRE(thrum_rlock_acquire_depth(&s.rlock, THRUM_RLOCK_DEPTH_MAX - 1) == THRUM_OK);
        REQUIRE(thrum_acquire_all(&rar) == THRUM_OVERFLOW);
        REQUIRE(thrum_rlock_release_all(&s.rlock, &depth) == THRUM_OK);
        REQUIRE(depth == THRUM_RLOCK_DEPTH_MAX - 1);
    } else {
        acquire_and_release(&ar);
    }
}
EXPLORE(an_rlock_too_deep_is_told, .threads = 2, .begin = name_words, .thread = too_deep,
        .end = everything_is_free, .bounds = {4, 1, 1, 0})

/* --- sets that cannot be had --------------------------------------------------------------------------- */

static void one_names_a_lock_twice(unsigned me) {
    static const thrum_all aba = THRUM_ALL(&s.locks[0], &s.locks[1], &s.locks[0]);
    if (me == 0) {
        REQUIRE(thrum_acquire_all(&aba) == THRUM_INVALID);
        REQUIRE(thrum_release_all(&aba) == THRUM_INVALID);
    } else {
        acquire_and_release(&ba);
    }
}
EXPLORE(a_lock_named_twice_is_refused, .threads = 2, .begin = name_words, .thread = one_names_a_lock_twice,
        .end = everything_is_free, .bounds = {3, 1, 0, 0})
