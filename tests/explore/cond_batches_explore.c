/* SPDX-License-Identifier: MIT */
/*
 * The condition, with batches of one, two at a time: a teller finds others of its group told already.
 *
 * explore: also lock
 * explore: flags -DTHRUM_COND_BATCH=1 -DTHRUM_COND_BATCHES=2
 */
#include "explore.h"

#include <thrum/cond.h>
#include <thrum/futex.h>

enum { WAITERS = 3, NOTIFIER = WAITERS };

static struct {
    thrum_lock lock;
    thrum_cond changed;
    int waiting, returned; /* the lock protects both */
} s;

static void begin(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    REQUIRE(thrum_cond_init(&s.changed, &s.lock) == THRUM_OK);
}
static void all_have_returned(void) {
    REQUIRE(s.returned == WAITERS && s.changed.last == NULL);
}

static void notify_all_when_all_wait(void) {
    thrum_lock_acquire(&s.lock);
    while (s.waiting < WAITERS) {
        thrum_lock_release(&s.lock);
        thrum_futex_yield();
        thrum_lock_acquire(&s.lock);
    }
    REQUIRE(thrum_cond_notify_all(&s.changed) == THRUM_OK);
    thrum_lock_release(&s.lock);
}
static void wait_once(thrum_deadline deadline) {
    thrum_lock_acquire(&s.lock);
    s.waiting++;
    const thrum_result result = thrum_cond_wait_until(&s.changed, deadline);
    REQUIRE(result == THRUM_OK || deadline.ns != THRUM_FOREVER.ns);
    if (result != THRUM_OK) REQUIRE(result == THRUM_TIMEOUT);
    s.returned++;
    thrum_lock_release(&s.lock);
}

static void all_patient(unsigned me) {
    if (me == NOTIFIER)
        notify_all_when_all_wait();
    else
        wait_once(THRUM_FOREVER);
}
EXPLORE(tellers_of_two_batches_reach_all, .threads = 4, .begin = begin, .thread = all_patient,
        .end = all_have_returned, .bounds = {1, 0, 0, 1})

/* Which may leave the group before it is told, or as a teller. */
static void one_impatient(unsigned me) {
    if (me == NOTIFIER)
        notify_all_when_all_wait();
    else
        wait_once(me == 1 ? EXPLORE_SOON : THRUM_FOREVER);
}
EXPLORE(a_waiter_that_times_out_amid_batches_stops_nobody, .threads = 4, .begin = begin,
        .thread = one_impatient, .end = all_have_returned, .bounds = {1, 0, 1, 0})
