/* SPDX-License-Identifier: MIT */
/*
 * The condition: the chosen waiters are let in, nobody else, and none is forgotten. Compiled with batches of
 * one, one at a time: each waiter tells the next. In the monitor's scenarios all are told at once.
 *
 * explore: also lock
 * explore: flags -DTHRUM_COND_BATCH=1 -DTHRUM_COND_BATCHES=1
 */
#include "explore.h"

#include <thrum/cond.h>
#include <thrum/futex.h>

static struct {
    thrum_lock lock;
    thrum_cond changed, room;
    int items;    /* the lock protects all below */
    int waiting;  /* have begun to wait and have not returned */
    int returned; /* from a wait, with THRUM_OK */
    int timed_out;
    int slots;
    bool notifies_to_come;
    int notified; /* how many the notifies have chosen: what they promised */
} s;

static void begin(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    REQUIRE(thrum_cond_init(&s.changed, &s.lock) == THRUM_OK);
}

static void nobody_left(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.lock.state) == 0);
    REQUIRE(s.changed.last == NULL);
    REQUIRE(s.returned == s.notified);
}

static void wait_once(thrum_deadline deadline) {
    s.waiting++;
    const thrum_result result = thrum_cond_wait_until(&s.changed, deadline);
    s.waiting--;
    s.returned += result == THRUM_OK;
    s.timed_out += result == THRUM_TIMEOUT;
    REQUIRE(result == THRUM_OK || (result == THRUM_TIMEOUT && deadline.ns != THRUM_FOREVER.ns));
}

static void notify(int n) {
    const int waiting = (int)thrum_cond_waiters(&s.changed);
    s.notified += waiting < n ? waiting : n;
    REQUIRE(thrum_cond_notify(&s.changed, n) == THRUM_OK);
}

/* --- every item finds its consumer ----------------------------------------------------------------- */

static void consume(thrum_deadline deadline) {
    thrum_lock_acquire(&s.lock);
    while (s.items == 0 && s.timed_out == 0) wait_once(deadline);
    if (s.items) s.items--;
    thrum_lock_release(&s.lock);
}

static void produce(int items, bool one_by_one) {
    for (int i = 0; i < (one_by_one ? items : 1); i++) {
        thrum_lock_acquire(&s.lock);
        s.items += one_by_one ? 1 : items;
        notify(one_by_one ? 1 : items);
        thrum_lock_release(&s.lock);
    }
}

static void one_consumer(unsigned me) {
    if (me == 0)
        consume(THRUM_FOREVER);
    else
        produce(1, true);
}
EXPLORE(one_consumer_is_let_in, .threads = 2, .begin = begin, .thread = one_consumer, .end = nobody_left,
        .bounds = {3, 1, 1, 1})

static void two_consumers_one_by_one(unsigned me) {
    if (me < 2)
        consume(THRUM_FOREVER);
    else
        produce(2, true);
}
EXPLORE(two_consumers_are_let_in_one_by_one, .threads = 3, .begin = begin, .thread = two_consumers_one_by_one,
        .end = nobody_left, .bounds = {2, 0, 0, 1})

static void two_consumers_at_once(unsigned me) {
    if (me < 2)
        consume(THRUM_FOREVER);
    else
        produce(2, false);
}
EXPLORE(two_consumers_are_let_in_at_once, .threads = 3, .begin = begin, .thread = two_consumers_at_once,
        .end = nobody_left, .bounds = {2, 0, 0, 1})

static void three_consumers_at_once(unsigned me) {
    if (me < 3)
        consume(THRUM_FOREVER);
    else
        produce(3, false);
}
EXPLORE(three_consumers_are_let_in_at_once, .threads = 4, .begin = begin, .thread = three_consumers_at_once,
        .end = nobody_left, .bounds = {1, 0, 0, 1})

/* --- deadlines: a timeout takes nobody's notify, and a chosen waiter is told so -------------------- */

static void wait_patiently_or_not(bool timed) {
    thrum_lock_acquire(&s.lock);
    if (s.notifies_to_come) wait_once(timed ? EXPLORE_SOON : THRUM_FOREVER);
    thrum_lock_release(&s.lock);
}

/* Until nobody waits and nobody will. */
static void notify_while_somebody_waits(int n, int waiters) {
    for (bool over = false; !over;) {
        thrum_lock_acquire(&s.lock);
        over = s.returned + s.timed_out + s.waiting == waiters;
        if (over) s.notifies_to_come = false;
        notify(over ? waiters : n);
        thrum_lock_release(&s.lock);
        if (!over) thrum_futex_yield();
    }
}

static void begin_with_notifies(void) {
    begin();
    s.notifies_to_come = true;
}
static void one_is_timed(unsigned me) {
    if (me < 2)
        wait_patiently_or_not(me == 1);
    else
        notify_while_somebody_waits(1, 2);
}
EXPLORE(a_timed_waiter_swallows_no_notify, .threads = 3, .begin = begin_with_notifies, .thread = one_is_timed,
        .end = nobody_left, .bounds = {1, 0, 2, 1})

static void two_of_three_are_timed(unsigned me) {
    if (me < 3)
        wait_patiently_or_not(me > 0);
    else
        notify_while_somebody_waits(3, 3);
}
EXPLORE(timed_and_patient_waiters_are_told_at_once, .threads = 4, .begin = begin_with_notifies,
        .thread = two_of_three_are_timed, .end = nobody_left, .bounds = {0, 0, 2, 1})

/* All are chosen before the deadline can pass; then a sleeper of the group may leave it before its turn. */
static void wait_in_a_group(unsigned me) {
    thrum_lock_acquire(&s.lock);
    if (me < 3) {
        wait_once(me == 1 ? EXPLORE_SOON : THRUM_FOREVER);
    } else {
        while (s.waiting + s.timed_out < 3) {
            thrum_lock_release(&s.lock);
            thrum_futex_yield();
            thrum_lock_acquire(&s.lock);
        }
        notify(3);
    }
    thrum_lock_release(&s.lock);
}
EXPLORE(a_waiter_that_leaves_its_group_before_its_turn_stops_nobody, .threads = 4, .begin = begin,
        .thread = wait_in_a_group, .end = nobody_left, .bounds = {1, 0, 1, 0})

/* A second notify finds the first one's group under way. */
static void notified_twice(unsigned me) {
    if (me < 3)
        consume(THRUM_FOREVER);
    else
        produce(2, false), produce(1, true);
}
EXPLORE(two_groups_at_a_time, .threads = 4, .begin = begin, .thread = notified_twice, .end = nobody_left,
        .bounds = {1, 0, 0, 1})

/* --- the lock's own waiters -------------------------------------------------------------------------- */

static void with_a_stranger(unsigned me) {
    if (me == 0) consume(THRUM_FOREVER);
    if (me == 1) produce(1, true);
    if (me < 2) return;
    if (thrum_lock_acquire_until(&s.lock, EXPLORE_SOON) == THRUM_OK) thrum_lock_release(&s.lock);
}
EXPLORE(a_waiter_for_the_lock_alone_is_not_in_the_way, .threads = 3, .begin = begin,
        .thread = with_a_stranger, .end = nobody_left, .bounds = {2, 0, 1, 1})

/* The stranger, an heir by then, gives up while a waiter is moved to the lock. */
static void with_an_impatient_heir(unsigned me) {
    if (me == 0) consume(THRUM_FOREVER);
    if (me == 1) produce(1, true);
    if (me == 2 && thrum_lock_acquire_until(&s.lock, EXPLORE_SOON) == THRUM_OK) thrum_lock_release(&s.lock);
}
EXPLORE(an_heir_that_gives_up_wakes_the_moved_waiter, .threads = 3, .begin = begin,
        .thread = with_an_impatient_heir, .end = nobody_left, .bounds = {3, 0, 1, 0})

/* --- several conditions of one lock ------------------------------------------------------------------ */

static void begin_two(void) {
    begin();
    REQUIRE(thrum_cond_init(&s.room, &s.lock) == THRUM_OK);
    s.slots = 1;
}
static void put_or_get(unsigned me) {
    for (int i = 0; i < 2; i++) {
        thrum_lock_acquire(&s.lock);
        if (me == 0) {
            while (s.items == s.slots) REQUIRE(thrum_cond_wait(&s.room) == THRUM_OK);
            s.items++;
            REQUIRE(thrum_cond_notify(&s.changed, 1) == THRUM_OK);
        } else {
            while (s.items == 0) REQUIRE(thrum_cond_wait(&s.changed) == THRUM_OK);
            s.items--;
            REQUIRE(thrum_cond_notify(&s.room, 1) == THRUM_OK);
        }
        thrum_lock_release(&s.lock);
    }
}
static void empty(void) {
    REQUIRE(s.items == 0 && s.changed.last == NULL && s.room.last == NULL);
}
EXPLORE(a_bounded_queue_of_two_conditions, .threads = 2, .begin = begin_two, .thread = put_or_get,
        .end = empty, .bounds = {2, 0, 0, 1})

/* --- who waits may free it ------------------------------------------------------------------------- */

static void free_when_let_in(unsigned me) {
    if (me == 1) {
        produce(1, true);
        return;
    }
    consume(THRUM_FOREVER);
    explore_free(&s.changed, sizeof s.changed);
}
EXPLORE(the_last_waiter_frees_it, .threads = 2, .begin = begin, .thread = free_when_let_in,
        .bounds = {3, 1, 0, 1})
