/* SPDX-License-Identifier: MIT */
/* The event: a set lets everybody through that waits, publishes, and is its last touch. */
#include "explore.h"

#include <limits.h>
#include <thrum/event.h>
#include <thrum/futex.h>

typedef enum kind { BLOCKING, TIMED, ASKING, KINDS } kind;

static struct {
    thrum_event event;
    int page;    /* plain: written before the set */
    int another; /* plain: written before a second set */
    thrum_u32 cleared;
    thrum_u32 work;
    thrum_u32 returned; /* how many calls have returned; in the upper half those that were let through */
    thrum_u32 aside;    /* sleepers are moved here to count them */
    unsigned kinds[EXPLORE_THREADS];
    unsigned waiters;
    uint32_t generation; /* after the last set of the thread that sets twice */
} s;

static void name_words(void) {
    explore_name(&s.event, sizeof s.event, "event");
    explore_name(&s.page, sizeof s.page, "page");
    explore_name(&s.another, sizeof s.another, "another");
    explore_name(&s.cleared, sizeof s.cleared, "cleared");
    explore_name(&s.returned, sizeof s.returned, "returned");
    explore_name(&s.aside, sizeof s.aside, "aside");
}

static uint32_t word(void) {
    return thrum_u32_load_relaxed(&s.event.state);
}

static bool wait_as(kind how) {
    switch (how) {
    case TIMED:
        if (thrum_event_wait_until(&s.event, EXPLORE_SOON) == THRUM_OK) return true;
        REQUIRE(thrum_deadline_passed(EXPLORE_SOON)); /* never early */
        return false;
    case ASKING:
        return thrum_event_try_wait(&s.event);
    default:
        thrum_event_wait(&s.event);
        return true;
    }
}

/* --- a set lets everybody through and publishes ----------------------------------------------------- */

static void wait_and_read(unsigned me) {
    if (!wait_as(s.kinds[me])) return;
    REQUIRE(s.page == 1);
    REQUIRE(thrum_event_wait_until(&s.event, THRUM_NOW) == THRUM_OK); /* nobody clears it */
}

static void write_and_set(void) {
    s.page = 1;
    thrum_event_set(&s.event);
}

/* The last of the threads sets, the others wait. */
static void wait_or_set(unsigned me) {
    if (me < s.waiters)
        wait_and_read(me);
    else
        write_and_set();
}

static void set_and_nobody_waits(void) {
    REQUIRE((word() & (THRUM_EVENT_SET_ | THRUM_EVENT_WAITERS_)) == THRUM_EVENT_SET_);
}

static void one_waits(void) {
    name_words();
    s.waiters = 1;
}
static void two_wait(void) {
    name_words();
    s.waiters = 2;
}
static void three_wait(void) {
    name_words();
    s.waiters = 3;
}
EXPLORE(a_set_lets_a_waiter_through, .threads = 2, .begin = one_waits, .thread = wait_or_set,
        .end = set_and_nobody_waits, .bounds = {5, 5, 0, 4})
EXPLORE(a_set_lets_two_waiters_through, .threads = 3, .begin = two_wait, .thread = wait_or_set,
        .end = set_and_nobody_waits, .bounds = {3, 1, 0, 2})
EXPLORE(a_set_lets_three_waiters_through, .threads = 4, .begin = three_wait, .thread = wait_or_set,
        .end = set_and_nobody_waits, .bounds = {2, 1, 0, 0})

/* Every mix of waiters, up to their order. */
static void any_mix(unsigned waiters) {
    name_words();
    s.waiters = waiters;
    explore_choose_mix(s.kinds, waiters, KINDS);
}
static void any_mix_of_two(void) {
    any_mix(2);
}
static void any_mix_of_three(void) {
    any_mix(3);
}
EXPLORE(every_mix_of_two_waiters, .threads = 3, .begin = any_mix_of_two, .thread = wait_or_set,
        .end = set_and_nobody_waits, .bounds = {2, 1, 2, 1})
EXPLORE(every_mix_of_three_waiters, .threads = 4, .begin = any_mix_of_three, .thread = wait_or_set,
        .end = set_and_nobody_waits, .bounds = {2, 0, 1, 0})

/* --- a set publishes, also on an event that is set -------------------------------------------------- */

/* A thread that sees the mark has seen the second set or what came later, and so does its next look. */
enum { MARK = THRUM_EVENT_SHARED_ };

static void set_again_or_look(unsigned me) {
    if (me == 0) {
        s.another = 1;
        thrum_event_set(&s.event);
        thrum_u32_fetch_or_relaxed(&s.event.state, MARK);
        return;
    }
    if (!(word() & MARK)) return;
    REQUIRE(wait_as(s.kinds[me]));
    REQUIRE(s.another == 1);
}
static void set_already(void) {
    name_words();
    s.kinds[1] = (kind)explore_choose(KINDS);
    thrum_event_set(&s.event);
}
EXPLORE(a_second_set_publishes_to_every_form_of_waiting, .threads = 2, .begin = set_already,
        .thread = set_again_or_look, .bounds = {4, 4, 2, 2})

/* --- set, then clear -------------------------------------------------------------------------------- */

static void await_announcement(void) {
    while (!(word() & THRUM_EVENT_WAITERS_)) thrum_futex_yield();
}

static void set_and_clear(void) {
    write_and_set();
    thrum_event_clear(&s.event);
}

/* An announced waiter may not sleep yet. A thread that gets through helps those that came after the clear. */
static void set_and_clear_once_announced(unsigned me) {
    if (me < s.waiters) {
        thrum_event_wait(&s.event);
        REQUIRE(s.page == 1);
        while (!thrum_u32_load_relaxed(&s.cleared)) thrum_futex_yield();
        thrum_event_set(&s.event);
    } else {
        await_announcement();
        set_and_clear();
        thrum_u32_store_relaxed(&s.cleared, 1);
    }
}
EXPLORE(a_set_and_a_clear_let_the_announced_waiter_through, .threads = 2, .begin = one_waits,
        .thread = set_and_clear_once_announced, .bounds = {5, 2, 0, 3})
EXPLORE(a_set_and_a_clear_let_one_of_two_waiters_through, .threads = 3, .begin = two_wait,
        .thread = set_and_clear_once_announced, .bounds = {2, 1, 0, 1})

/* By moving them away and back. */
static unsigned sleepers(void) {
    const int n = thrum_futex_requeue(&s.event.state, word(), 0, INT_MAX, &s.aside, false);
    if (n > 0) (void)thrum_futex_requeue(&s.aside, 0, 0, INT_MAX, &s.event.state, false);
    return n > 0 ? (unsigned)n : 0;
}

static void set_and_clear_once_all_sleep(unsigned me) {
    if (me < s.waiters) {
        thrum_event_wait(&s.event);
        REQUIRE(s.page == 1);
    } else {
        while (sleepers() < s.waiters) thrum_futex_yield();
        set_and_clear();
    }
}
static void clear_again(void) {
    REQUIRE(!thrum_event_is_set(&s.event));
}
EXPLORE(a_set_and_a_clear_let_two_sleepers_through, .threads = 3, .begin = two_wait,
        .thread = set_and_clear_once_all_sleep, .end = clear_again, .bounds = {3, 0, 0, 1})
EXPLORE(a_set_and_a_clear_let_three_sleepers_through, .threads = 4, .begin = three_wait,
        .thread = set_and_clear_once_all_sleep, .end = clear_again, .bounds = {3, 0, 0, 0})

/* One waits before the set; another comes after the clear, and the setter himself does. */
static void early_late_and_setter(unsigned me) {
    if (me == 0) {
        thrum_event_wait(&s.event);
        return;
    }
    if (me == 1) {
        if (!thrum_u32_load_acquire(&s.cleared)) return;
    } else {
        await_announcement();
        set_and_clear();
        thrum_u32_store_release(&s.cleared, 1);
    }
    REQUIRE(!thrum_event_try_wait(&s.event));
    REQUIRE(thrum_event_wait_until(&s.event, EXPLORE_SOON) == THRUM_TIMEOUT);
}
EXPLORE(a_waiter_that_comes_after_the_clear_is_not_let_through, .threads = 3, .begin = name_words,
        .thread = early_late_and_setter, .end = clear_again, .bounds = {3, 0, 2, 1})

static void wait_in_vain_or_clear(unsigned me) {
    if (me < 2)
        REQUIRE(thrum_event_wait_until(&s.event, EXPLORE_SOON) == THRUM_TIMEOUT);
    else
        thrum_event_clear(&s.event);
}
EXPLORE(a_clear_lets_nobody_through, .threads = 3, .begin = name_words, .thread = wait_in_vain_or_clear,
        .end = clear_again, .bounds = {3, 1, 2, 1})

static void wait_or_clear_and_set(unsigned me) {
    if (me == s.waiters) thrum_event_clear(&s.event);
    wait_or_set(me);
}
EXPLORE(a_clear_forgets_nobody, .threads = 3, .begin = two_wait, .thread = wait_or_clear_and_set,
        .end = set_and_nobody_waits, .bounds = {3, 1, 0, 1})

/* A waiter that gives up has announced itself; one that stays is let through all the same. */
static void one_gives_up(unsigned me) {
    if (me == 0) {
        (void)wait_as(TIMED);
    } else if (me == 1) {
        thrum_event_wait(&s.event);
        REQUIRE(s.page == 1);
    } else {
        while (!sleepers()) thrum_futex_yield();
        write_and_set();
    }
}
EXPLORE(a_timeout_leaves_the_others_waiting, .threads = 3, .begin = name_words, .thread = one_gives_up,
        .end = set_and_nobody_waits, .bounds = {3, 0, 1, 1})

/* --- two setters ------------------------------------------------------------------------------------ */

static void wait_or_be_a_setter(unsigned me) {
    if (me < s.waiters)
        thrum_event_wait(&s.event);
    else
        thrum_event_set(&s.event);
}
EXPLORE(two_setters_and_a_waiter, .threads = 3, .begin = one_waits, .thread = wait_or_be_a_setter,
        .end = set_and_nobody_waits, .bounds = {4, 2, 0, 2})
EXPLORE(two_setters_and_two_waiters, .threads = 4, .begin = two_wait, .thread = wait_or_be_a_setter,
        .end = set_and_nobody_waits, .bounds = {3, 0, 0, 1})

static void one_setter_clears_between(unsigned me) {
    if (me == 1) set_and_clear();
    wait_or_be_a_setter(me);
}
EXPLORE(two_setters_of_whom_one_clears_between, .threads = 3, .begin = one_waits,
        .thread = one_setter_clears_between, .end = set_and_nobody_waits, .bounds = {3, 1, 0, 2})

/* A set that goes on for an announced waiter is none that a clear can take back. */
static void wait_set_or_clear(unsigned me) {
    if (me == 0) {
        thrum_event_wait(&s.event);
        REQUIRE(s.page == 1);
    } else if (me == 1) {
        await_announcement();
        write_and_set();
    } else {
        thrum_event_clear(&s.event);
    }
}
EXPLORE(a_clear_beside_a_set_takes_back_no_passage, .threads = 3, .begin = one_waits,
        .thread = wait_set_or_clear, .bounds = {4, 2, 0, 2})

/* --- the last waiter frees it ----------------------------------------------------------------------- */

enum { OK_RETURN = 1 << 16 };

/* Somebody was let through: the one set has been made, even where its call has not returned. */
static void the_last_waiter_frees_it(unsigned me) {
    if (me == s.waiters) {
        thrum_event_set(&s.event);
        return;
    }
    const uint32_t mine = 1 + (wait_as(s.kinds[me]) ? OK_RETURN : 0);
    const uint32_t all = thrum_u32_fetch_add_acq_rel(&s.returned, mine) + mine;
    if (all % OK_RETURN == s.waiters && all / OK_RETURN) explore_free(&s.event, sizeof s.event);
}
static void any_one(void) {
    any_mix(1);
}
EXPLORE(the_only_waiter_frees_it, .threads = 2, .begin = any_one, .thread = the_last_waiter_frees_it,
        .bounds = {5, 4, 2, 4})
EXPLORE(the_last_of_two_waiters_frees_it, .threads = 3, .begin = any_mix_of_two,
        .thread = the_last_waiter_frees_it, .bounds = {3, 0, 2, 1})

/* Nobody waits: one that gave up has left its mark, for which the set takes two steps. */
static void set_or_look_and_free(unsigned me) {
    if (me == 0) {
        thrum_event_set(&s.event);
        return;
    }
    if (thrum_event_is_set(&s.event)) explore_free(&s.event, sizeof s.event);
}
static void one_has_given_up(void) {
    name_words();
    thrum_u32_store_relaxed(&s.event.state, THRUM_EVENT_WAITERS_);
}
EXPLORE(a_thread_that_sees_it_set_frees_it, .threads = 2, .begin = one_has_given_up,
        .thread = set_or_look_and_free, .bounds = {4, 2, 0, 0})

/* --- the generation never goes back ------------------------------------------------------------------- */

static uint32_t generation(void) {
    return word() & ~(THRUM_EVENT_SET_ | THRUM_EVENT_WAITERS_ | THRUM_EVENT_SHARED_);
}
static void set_once_or_twice(unsigned me) {
    thrum_event_set(&s.event);
    if (me == 0) return;
    thrum_event_clear(&s.event);
    (void)thrum_event_wait_until(&s.event, EXPLORE_SOON); /* leaves its announcement */
    thrum_event_set(&s.event);
    s.generation = generation();
}
static void not_behind(void) {
    REQUIRE(generation() >= s.generation);
}
EXPLORE(a_slow_set_takes_no_generation_back, .threads = 2, .begin = one_has_given_up,
        .thread = set_once_or_twice, .end = not_behind, .bounds = {4, 2, 1, 1})

/* --- who clears and then looks for work misses none ------------------------------------------------- */

static void clear_and_look(unsigned me) {
    if (me == 0) {
        for (unsigned item = 1; item <= 2; item++) {
            thrum_u32_store_release(&s.work, item);
            thrum_event_set(&s.event);
        }
        return;
    }
    do {
        thrum_event_wait(&s.event);
        thrum_event_clear(&s.event);
    } while (thrum_u32_load_acquire(&s.work) != 2);
}
EXPLORE(a_thread_that_clears_and_then_looks_misses_no_set, .threads = 2, .begin = name_words,
        .thread = clear_and_look, .bounds = {3, 1, 0, 1})

/* --- a set that was overtaken by another set and a clear -------------------------------------------- */

/* WAITERS goes only together with the generation: nobody who announced itself is overwritten. */
static void look_twice(void) {
    const uint32_t flags = THRUM_EVENT_SET_ | THRUM_EVENT_WAITERS_ | THRUM_EVENT_SHARED_;
    const uint32_t before = word(), after = word();
    REQUIRE(!(before & THRUM_EVENT_WAITERS_) || (after & THRUM_EVENT_WAITERS_) || (before ^ after) & ~flags);
}

static void overtake_a_set(unsigned me) {
    if (me == 0) {
        thrum_event_set(&s.event);
    } else if (me == 1) {
        thrum_event_set(&s.event);
        thrum_event_clear(&s.event);
        look_twice();
    } else {
        (void)thrum_event_wait_until(&s.event, EXPLORE_SOON);
        (void)thrum_event_wait_until(&s.event, EXPLORE_SOON);
    }
}
EXPLORE(an_overtaken_set_overwrites_no_waiter, .threads = 3, .begin = name_words, .thread = overtake_a_set,
        .bounds = {4, 0, 0, 0})
