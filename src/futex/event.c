/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The word of an event:
 *
 *   bit      set by                                   cleared by
 *   SET      set                                      clear
 *   WAITERS  a waiter, before it sleeps               a set that sees it, which wakes all sleepers
 *   SHARED   thrum_event_init_shared                  nobody
 *   the other 29 bits, below WAITERS: the generation, raised by a set that sees WAITERS
 *
 * The event is set when SET is set and WAITERS is clear. A set sets SET without a look at the word. If
 * WAITERS is clear, that was all. If it is set, the event is as clear as before, and the set goes on: its
 * second step sets SET, clears WAITERS and raises the generation. Between the two steps a clear may take SET
 * away and another set may come first; the second step sets SET whatever it finds.
 *
 * event.I1: a thread sleeps only on a word with WAITERS.
 * event.I2: a set that clears WAITERS raises the generation in the same step and wakes every sleeper.
 * event.I3: a waiter may leave when it sees the event set, or another generation than at its first look: in
 *       between there was a set, which happened while it waited.
 * event.I4: the step that makes the event set is the set's last touch. A first step that finds WAITERS lets
 *       nobody through, so every waiter is still there, and nobody has seen the event set, when the second
 *       comes.
 *
 * WAITERS may stay behind when a waiter times out. Harmless: the next set raises the generation
 * and makes one wake that finds nobody.
 *
 * No wake is lost: a waiter sets WAITERS by compare-and-swap on a word without SET, or finds it, and the
 * kernel compares the whole word again before it queues the thread. A set in between has changed the
 * word; a set after it finds WAITERS, and its wake finds the thread.
 */
#include "../atomic/law.h"
#include "waitable.h"
#include "waits.h"

#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/park.h>

#include <limits.h>
#include <stdio.h>

#define SET THRUM_EVENT_SET_
#define WAITERS THRUM_EVENT_WAITERS_
#define SHARED THRUM_EVENT_SHARED_
#define FLAGS (SET | WAITERS | SHARED)
/* The generation's lowest bit; exploration narrows the counter by raising it. */
#ifndef THRUM_EVENT_GENERATION_
#define THRUM_EVENT_GENERATION_ (2 * SHARED)
#endif

static bool is_set(uint32_t word) {
    return (word & (SET | WAITERS)) == SET;
}

static bool passed(uint32_t now, uint64_t first) {
    return is_set(now) || ((now ^ (uint32_t)first) & ~FLAGS); /* event.I3 */
}

void thrum_event_set_slow_(thrum_event *event) {
    uint32_t seen = thrum_u32_load_relaxed(&event->state);
    uint32_t next;
    do {
        next = seen | SET;
        if (seen & WAITERS) next += THRUM_EVENT_GENERATION_; /* event.I2; the carry leaves into WAITERS */
        next &= ~WAITERS;
        THRUM_LAW(event.I2, is_set(next) && (!(seen & WAITERS) || ((next ^ seen) & ~FLAGS)));
        /*
         * event.E2: release, pairs with event.E1 and event.E3: also for the end of the event, which follows
         *     this step. event.I4.
         */
    } while (!thrum_u32_cas_release(&event->state, &seen, next));
    if (seen & WAITERS) thrum_futex_wake(&event->state, INT_MAX, THRUM_FUTEX_ANY, seen & SHARED);
}

bool thrum_event_passed_(const thrum_event *event, uint64_t first) {
    return passed(thrum_u32_load_acquire(&event->state), first); /* event.E3: acquire, pairs with event.E2 */
}

bool thrum_event_announce_(thrum_event *event, uint64_t first, thrum_futex_choice *sleep) {
    uint32_t seen;
    do {
        seen = thrum_u32_load_acquire(&event->state); /* event.E3 */
        if (passed(seen, first)) return false;
        /* relaxed: it announces a sleeper and publishes nothing */
    } while (!(seen & WAITERS) && !thrum_u32_cas_relaxed(&event->state, &seen, seen | WAITERS));
    *sleep = (thrum_futex_choice){&event->state, seen | WAITERS, seen & SHARED}; /* event.I1 */
    THRUM_LAW(event.I1, !(seen & SET) || (seen & WAITERS));
    return true;
}

thrum_result thrum_event_wait_slow_(thrum_event *event, thrum_deadline deadline) {
    const uint32_t first = thrum_u32_load_acquire(&event->state); /* event.E3 */
    if (is_set(first)) return THRUM_OK;
    if (thrum_deadline_passed(deadline)) return THRUM_TIMEOUT;

    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (thrum_event_passed_(event, first)) return THRUM_OK;
    } while (thrum_park_again(&spin));

    THRUM_WAITS_(EVENT, event, THRUM_SITE_);
    thrum_futex_choice sleep;
    while (thrum_event_announce_(event, first, &sleep)) {
        const thrum_futex_outcome outcome = thrum_waitable_sleep_(&sleep, deadline);
        if (outcome == THRUM_FUTEX_TIMED_OUT)
            return thrum_event_passed_(event, first) ? THRUM_OK : THRUM_TIMEOUT;
    }
    return THRUM_OK;
}

void thrum_event_reset_after_fork(thrum_event *event) {
    if (!(thrum_u32_load_relaxed(&event->state) & SHARED))
        thrum_u32_fetch_and_relaxed(&event->state, ~WAITERS);
}

size_t thrum_event_describe(const thrum_event *event, char *text, size_t size) {
    const uint32_t w = thrum_u32_load_relaxed(&event->state);
    return (size_t)snprintf(text, size, "event: %s%s%s, generation %u", is_set(w) ? "set" : "clear",
                            w & WAITERS ? ", waiters" : "", w & SHARED ? ", shared" : "",
                            (unsigned)((w & ~FLAGS) / THRUM_EVENT_GENERATION_));
}
