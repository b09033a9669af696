/* SPDX-License-Identifier: MIT */
/*
 * The event's generation wraps: compiled with two bits of it, of which the promise says that a waiter may
 * miss the fourth set.
 *
 * explore: flags -DTHRUM_EVENT_GENERATION_=0x20000000u
 */
#include "explore.h"

#include <thrum/event.h>
#include <thrum/futex.h>

static struct {
    thrum_event event;
    int page; /* plain: written before the first set */
} s;

static void name_words(void) {
    explore_name(&s.event, sizeof s.event, "event");
    explore_name(&s.page, sizeof s.page, "page");
}

static void await_announcement(void) {
    while (!(thrum_u32_load_relaxed(&s.event.state) & THRUM_EVENT_WAITERS_)) thrum_futex_yield();
}

/* A set raises the generation when it sees that somebody waits: one that gives up is enough. */
static void set_and_clear(unsigned rounds) {
    s.page = 1;
    for (unsigned i = 0; i < rounds; i++) {
        const thrum_deadline later = {EXPLORE_START_NS + 1000 * i};
        if (i) REQUIRE(thrum_event_wait_until(&s.event, later) == THRUM_TIMEOUT);
        thrum_event_set(&s.event);
        thrum_event_clear(&s.event);
    }
}

static void wait_for_rounds(unsigned me, unsigned rounds) {
    if (me == 0) {
        thrum_event_wait(&s.event);
        REQUIRE(s.page == 1);
    } else {
        await_announcement();
        set_and_clear(rounds);
    }
}

static void three_sets(unsigned me) {
    wait_for_rounds(me, 3);
}
static void four_sets(unsigned me) {
    wait_for_rounds(me, 4);
}
EXPLORE(one_set_less_than_the_wrap_is_seen, .threads = 2, .begin = name_words, .thread = three_sets,
        .bounds = {4, 1, 4, 1})
EXPLORE(as_many_sets_as_the_wrap_are_missed, .threads = 2, .begin = name_words, .thread = four_sets,
        .finds = "deadlock", .bounds = {3, 0, 4, 0})

/* A waiter that has seen one of the sets has passed: only all of them at once are missed. */
static void five_sets_of_which_one_is_late(unsigned me) {
    wait_for_rounds(me, 4);
    if (me == 1) thrum_event_set(&s.event);
}
EXPLORE(the_next_set_lets_him_through, .threads = 2, .begin = name_words,
        .thread = five_sets_of_which_one_is_late, .bounds = {4, 1, 4, 1})
