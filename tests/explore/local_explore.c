/* SPDX-License-Identifier: MIT */
/* Thread-local objects: each thread has its own value, each value is destroyed once, by whichever thread. */
#include "explore.h"

#include "../../src/thread/context.h"

#include <thrum/event.h>
#include <thrum/local.h>

enum { VALUES = 8 };

static thrum_result make(void *value, void *argument);
static void destroy(void *value, void *argument);
static thrum_result copy(void *value, const void *from, void *argument);

static struct {
    thrum_local local, other, inherited;
    thrum_context_ handed;
    thrum_u32 made;
    unsigned destroyed[VALUES]; /* plain: each is destroyed by one */
    unsigned kind[VALUES];
    thrum_event touched, ended;
    uint32_t numbers[2];
} s = {.local = THRUM_LOCAL_INIT(sizeof(uint32_t), make, destroy, (void *)1),
       .other = THRUM_LOCAL_INIT(sizeof(uint32_t), make, destroy, (void *)2),
       .inherited = THRUM_LOCAL_INHERITED(sizeof(uint32_t), make, destroy, copy, (void *)3)};

/* A value is its number. */
static thrum_result make(void *value, void *argument) {
    const uint32_t number = thrum_u32_fetch_add_relaxed(&s.made, 1);
    REQUIRE(number < VALUES);
    s.kind[number] = (unsigned)(uintptr_t)argument;
    *(uint32_t *)value = number;
    return THRUM_OK;
}

static void destroy(void *value, void *argument) {
    const uint32_t number = *(const uint32_t *)value;
    REQUIRE(s.kind[number] == (unsigned)(uintptr_t)argument); /* by the destructor of its own local */
    s.destroyed[number]++;
}

static thrum_result copy(void *value, const void *from, void *argument) {
    REQUIRE(s.kind[*(const uint32_t *)from] == 3);
    return make(value, argument);
}

static uint32_t touch(thrum_local *local) {
    const uint32_t *const value = thrum_local_get(local);
    REQUIRE(value);
    REQUIRE(thrum_local_get(local) == value);
    return *value;
}

static void all_were_destroyed(void) {
    const uint32_t made = thrum_u32_load_relaxed(&s.made);
    for (uint32_t i = 0; i < made; i++) REQUIRE(s.destroyed[i] == 1);
    REQUIRE(explore_blocks() == 1); /* the process's table */
}

static void touch_one(unsigned me) {
    s.numbers[me] = touch(&s.local);
}
static void each_had_its_own(void) {
    REQUIRE(s.numbers[0] != s.numbers[1]);
    all_were_destroyed();
}
EXPLORE(each_thread_has_its_own_value_until_its_end, .threads = 2, .thread = touch_one,
        .end = each_had_its_own)

static void touch_two(unsigned me) {
    (void)touch(me == 0 ? &s.local : &s.other);
    (void)touch(me == 0 ? &s.other : &s.local);
}
EXPLORE(two_locals_are_two, .threads = 2, .thread = touch_two, .end = all_were_destroyed,
        .bounds = {1, 1, 1, 0})

/* --- values that destructors make -------------------------------------------------------------------- */

/* Each makes the other's, and in the end nothing: as many as there are passes of a round. */
static void destroy_and_touch(void *value, void *argument) {
    destroy(value, argument);
    thrum_local *const other = argument == (void *)1 ? &s.other : &s.local;
    void *touched;
    const thrum_result result = thrum_local_value(other, &touched);
    REQUIRE(result == THRUM_OK || result == THRUM_FINALIZING);
}
static void begin_with_destructors_that_touch(void) {
    s.local.destroy = s.other.destroy = destroy_and_touch;
}
static void touch_the_second(unsigned me) {
    (void)me;
    (void)touch(&s.other);
}
EXPLORE(what_destructors_make_is_destroyed_or_refused, .threads = 1,
        .begin = begin_with_destructors_that_touch, .thread = touch_the_second, .end = all_were_destroyed)

/* --- the object's end, amid threads' ends ----------------------------------------------------------- */

static void touch_and_end_or_destroy(unsigned me) {
    if (me == 0) {
        (void)touch(&s.local);
        thrum_event_set(&s.touched);
        return;
    }
    thrum_event_wait(&s.touched);
    thrum_local_destroy(&s.local);
}
EXPLORE(a_value_is_destroyed_by_its_thread_or_with_its_local, .threads = 2,
        .thread = touch_and_end_or_destroy, .end = all_were_destroyed)

/* Another local takes the place of the one that was destroyed. */
static void touch_and_end_or_reuse(unsigned me) {
    touch_and_end_or_destroy(me);
    if (me == 1) (void)touch(&s.other);
}
EXPLORE(a_value_of_a_local_that_is_gone_is_not_the_next_ones, .threads = 2, .thread = touch_and_end_or_reuse,
        .end = all_were_destroyed)

static void see_nothing_of_it(unsigned me) {
    if (me == 0) {
        (void)touch(&s.local);
        thrum_event_set(&s.touched);
        thrum_event_wait(&s.ended);
        REQUIRE(thrum_local_peek(&s.local) == NULL);
        const uint32_t other = touch(&s.other);
        REQUIRE(s.kind[other] == 2);
        return;
    }
    touch_and_end_or_destroy(me);
    (void)touch(&s.other);
    thrum_event_set(&s.ended);
}
EXPLORE(a_slot_of_a_local_that_is_gone_is_empty, .threads = 2, .thread = see_nothing_of_it,
        .end = all_were_destroyed, .bounds = {2, 1, 0, 0})

static void clear_and_touch_again(unsigned me) {
    const uint32_t first = touch(&s.local);
    if (me == 0) {
        thrum_local_clear(&s.local);
        REQUIRE(s.destroyed[first] == 1 && thrum_local_peek(&s.local) == NULL);
        REQUIRE(touch(&s.local) != first);
    }
}
EXPLORE(a_cleared_value_is_made_anew, .threads = 2, .thread = clear_and_touch_again,
        .end = all_were_destroyed, .bounds = {2, 1, 0, 0})

/*
 * --- inheriting: local.X1 to local.X4 in local_context.c
 * ----------------------------------------------------------
 */

static void hand_over(void) {
    (void)touch(&s.inherited);
    REQUIRE(thrum_context_copy_(&s.handed, THRUM_CONTEXT_INHERIT) == THRUM_OK);
    REQUIRE(s.handed.count == 1);
    thrum_event_set(&s.touched);
}

static void hand_over_or_take(unsigned me) {
    thrum_context_ own = {0, NULL};
    if (me == 0) {
        hand_over();
        return;
    }
    const uint32_t before = touch(&s.inherited);
    thrum_event_wait(&s.touched);
    thrum_context_enter_(&own, s.handed);
    const uint32_t copied = touch(&s.inherited);
    REQUIRE(copied != before && s.destroyed[copied] == 0);
    thrum_context_leave_(&own);
    REQUIRE(s.destroyed[copied] == 1);
    REQUIRE(touch(&s.inherited) == before);
}
EXPLORE(a_context_is_in_force_where_it_was_handed_to_and_then_the_own_one, .threads = 2,
        .thread = hand_over_or_take, .end = all_were_destroyed, .bounds = {2, 1, 0, 0})

static void hand_over_and_destroy_or_drop(unsigned me) {
    if (me == 0) {
        hand_over();
        thrum_local_destroy(&s.inherited);
        return;
    }
    thrum_event_wait(&s.touched);
    thrum_context_drop_(&s.handed);
    REQUIRE(thrum_local_peek(&s.inherited) == NULL);
}
EXPLORE(a_copy_is_destroyed_by_its_context_or_with_its_local, .threads = 2,
        .thread = hand_over_and_destroy_or_drop, .end = all_were_destroyed, .bounds = {3, 1, 0, 0})
