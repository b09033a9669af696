/* SPDX-License-Identifier: MIT */
/*
 * The proof of the tool: two small condition variables, written for this test. In one of them a waiter that
 * came after a signal can take it from the waiter that it was made for; that is how glibc's condition
 * variable lost wake-ups from 2.25 to 2.40 (bug 25847). The other hands out tickets, and serves them in
 * order.
 */
#include "explore.h"

#include <limits.h>

#include <thrum/futex.h>
#include <thrum/lock.h>

typedef struct counting { /* a signal is one more in the count, and any waiter may take it */
    thrum_u32 signals;
    uint32_t waiting; /* the lock protects it */
} counting;

static void counting_wait(counting *c, thrum_lock *lock) {
    c->waiting++;
    thrum_lock_release(lock);
    for (;;) {
        uint32_t seen = thrum_u32_load_relaxed(&c->signals);
        if (seen && thrum_u32_cas_acquire(&c->signals, &seen, seen - 1)) break;
        if (seen == 0) thrum_futex_wait(&c->signals, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    }
    thrum_lock_acquire(lock);
}

static void counting_signal(counting *c) {
    if (c->waiting == 0) return;
    c->waiting--;
    thrum_u32_fetch_add_release(&c->signals, 1);
    thrum_futex_wake(&c->signals, 1, THRUM_FUTEX_ANY, false);
}

typedef struct ticketed { /* a signal serves the next ticket */
    thrum_u32 served;
    uint32_t tickets; /* the lock protects it */
} ticketed;

static void ticketed_wait(ticketed *c, thrum_lock *lock) {
    const uint32_t mine = ++c->tickets;
    thrum_lock_release(lock);
    uint32_t seen;
    while ((int32_t)((seen = thrum_u32_load_acquire(&c->served)) - mine) < 0)
        thrum_futex_wait(&c->served, seen, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    thrum_lock_acquire(lock);
}

static void ticketed_signal(ticketed *c) {
    if (thrum_u32_load_relaxed(&c->served) == c->tickets) return;
    thrum_u32_fetch_add_release(&c->served, 1);
    thrum_futex_wake(&c->served, INT_MAX, THRUM_FUTEX_ANY, false);
}

/*
 * Two waiters and a signaller that signals each while it waits. The second waits only if the first one's
 * signal has been made. All of them end, if a signal lets in somebody who waited when it was made.
 */
static struct {
    thrum_lock lock;
    counting counting;
    ticketed ticketed;
    bool waits[2], over[2];
} s;

static void name_words(void) {
    explore_name(&s.lock, sizeof s.lock, "lock");
    explore_name(&s.counting.signals, sizeof s.counting.signals, "signals");
    explore_name(&s.ticketed.served, sizeof s.ticketed.served, "served");
}

static void wait_unless_over(unsigned me, bool counts) {
    thrum_lock_acquire(&s.lock);
    if (!s.over[me] && (me == 0 || s.over[0])) {
        s.waits[me] = true;
        if (counts)
            counting_wait(&s.counting, &s.lock);
        else
            ticketed_wait(&s.ticketed, &s.lock);
        s.waits[me] = false;
    }
    thrum_lock_release(&s.lock);
}

static void signal_if_it_waits(unsigned waiter, bool counts) {
    thrum_lock_acquire(&s.lock);
    if (s.waits[waiter]) {
        if (counts)
            counting_signal(&s.counting);
        else
            ticketed_signal(&s.ticketed);
    }
    s.over[waiter] = true;
    thrum_lock_release(&s.lock);
}

static void play(unsigned me, bool counts) {
    if (me < 2) {
        wait_unless_over(me, counts);
        return;
    }
    signal_if_it_waits(0, counts);
    signal_if_it_waits(1, counts);
}
static void play_with_counting(unsigned me) {
    play(me, true);
}
static void play_with_tickets(unsigned me) {
    play(me, false);
}

EXPLORE(a_stolen_signal_is_found, .threads = 3, .begin = name_words, .thread = play_with_counting,
        .bounds = {2, 0, 0, 0}, .finds = "deadlock")
EXPLORE(tickets_are_not_stolen, .threads = 3, .begin = name_words, .thread = play_with_tickets,
        .bounds = {2, 1, 0, 1})
