/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. The ring of a POSIX condition's waiters, and the word of each:
 *
 *   WAITING    it waits, awake
 *   ASLEEP     it sleeps on its word, or is about to
 *   LEAVING    it has stopped waiting by itself and takes itself out of the ring
 *   CHOSEN     a signal or a broadcast has chosen it
 *   DISTURBED  a bit beside WAITING: another thread wants it to look up
 *
 *   WAITING → ASLEEP, WAITING or ASLEEP → LEAVING       by the waiter
 *   WAITING or ASLEEP → CHOSEN                          by a thread that holds `inner`
 *   WAITING or ASLEEP → WAITING | DISTURBED             by a thread that knows that the waiter lives
 *   WAITING | DISTURBED → WAITING                       by the waiter
 *
 * pthread_waiters.I1: the ring and its links are read and written with `inner` held; but `newest` is also
 *     looked at without.
 * pthread_waiters.I2: a waiter is in the ring from its coming until a chooser takes it out and makes it
 *     CHOSEN, or until it has made itself LEAVING and taken itself out. Of the two, the first step out of
 *     WAITING and ASLEEP decides.
 * pthread_waiters.I3: CHOSEN is the last that anybody but the waiter does with its memory: a chooser reads
 *     the links before, and afterwards knows only the address of the word, for a wake.
 * pthread_waiters.I4: a waiter that is CHOSEN touches the condition no more. A waiter that is not is in the
 *     ring, or LEAVING: it is blocked, and the condition must not be destroyed but for its being woken.
 * pthread_waiters.I5: a waiter may be LEAVING when a broadcast that it does not count for is over, and the
 *     condition be destroyed. The destroyer therefore waits until the ring is empty: those that leave need
 *     `inner` alone, and no mutex.
 * pthread_waiters.I6: the thread that makes an ASLEEP waiter CHOSEN or DISTURBED wakes it.
 *
 * No signal is lost: a waiter is in the ring before it releases its mutex. A thread that has acquired the
 * mutex since sees `newest` by that order, and one that has not cannot know that anybody waits. A waiter
 * whose time is over, or that is cancelled, is either CHOSEN by then, and says so, or LEAVING, and is passed
 * over: it takes nobody's signal.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../atomic/law.h"
#include "pthread_waiters.h"

#include <thrum/park.h>

/*
 * How many a broadcast makes CHOSEN at a time before it wakes them: a wake is never made with `inner` held.
 * They stand on the stack, 512 bytes. Half as many acquire `inner` once more for each 64 wakes; twice as many
 * double the time for which a newcomer waits for `inner`.
 */
#ifndef THRUM_PCOND_BATCH
#define THRUM_PCOND_BATCH 64
#endif

enum { WAITING = 0, ASLEEP = 1, LEAVING = 2, CHOSEN = 3, DISTURBED = 4 };

/* ---- the ring ---- */

static thrum_pwaiter *newest_of(const thrum_pcond *cond) {
    /* relaxed: what is at the address is read with `inner` held, or not at all */
    return (thrum_pwaiter *)(uintptr_t)thrum_u64_load_relaxed(&cond->newest);
}

static void set_newest(thrum_pcond *cond, const thrum_pwaiter *waiter) {
    thrum_u64_store_relaxed(&cond->newest, (uint64_t)(uintptr_t)waiter);
}

/*
 * Takes out a waiter that had these neighbours, itself if it was alone. Does not touch it:
 * pthread_waiters.I3.
 */
static void close_gap(thrum_pcond *cond, const thrum_pwaiter *gone, thrum_pwaiter *previous,
                      thrum_pwaiter *next) {
    THRUM_LAW(pthread_waiters.I1, thrum_lock_locked(&cond->inner));
    if (next == gone) {
        set_newest(cond, NULL);
        return;
    }
    if (newest_of(cond) == gone) set_newest(cond, previous);
    previous->next = next;
    next->previous = previous;
}

/* relaxed: nobody knows of the waiter yet */
void thrum_pcond_begin_(thrum_pwaiter *waiter) {
    thrum_u32_store_relaxed(&waiter->state, WAITING);
}

/*
 * A spin is for a partner that answers at once; the third to wait is not the next to be answered. As in
 * cond.c, for the same reason.
 */
uint32_t thrum_pcond_join_(thrum_pcond *cond, thrum_pwaiter *waiter) {
    thrum_lock_acquire(&cond->inner);
    thrum_pwaiter *const newest = newest_of(cond);
    waiter->ticket = ++cond->tickets;
    waiter->previous = newest ? newest : waiter;
    waiter->next = newest ? newest->next : waiter;
    waiter->next->previous = waiter->previous->next = waiter;
    set_newest(cond, waiter); /* pthread_waiters.I2 */
    const bool is_one_of_two = waiter->next->next == waiter;
    (void)thrum_lock_release(&cond->inner);
    return is_one_of_two ? THRUM_PARK_SPIN_NS : 0;
}

/* ---- waiting ---- */

/* pthread_waiters.L1: acquire, pairs with pthread_waiters.L2: what the signaller wrote */
static uint32_t look(const thrum_pwaiter *waiter) {
    return thrum_u32_load_acquire(&waiter->state);
}

static thrum_pwait_end end_of(uint32_t seen) {
    return seen == CHOSEN ? THRUM_PWAIT_CHOSEN : THRUM_PWAIT_DISTURBED;
}

thrum_pwait_end thrum_pcond_await_(thrum_pwaiter *waiter, uint32_t spin_ns, thrum_moment moment) {
    thrum_park spin = thrum_park_spin(spin_ns);
    uint32_t seen;
    do {
        seen = look(waiter);
        if (seen != WAITING) return end_of(seen);
    } while (thrum_park_again(&spin));
    /* relaxed: it announces a sleeper; what it finds instead is looked at again */
    if (!thrum_u32_cas_relaxed(&waiter->state, &seen, ASLEEP)) return end_of(look(waiter));
    for (;;) {
        const thrum_futex_outcome outcome = thrum_moment_sleep_(&waiter->state, ASLEEP, moment);
        seen = look(waiter);
        if (seen != ASLEEP) return end_of(seen);
        if (outcome == THRUM_FUTEX_TIMED_OUT) return THRUM_PWAIT_OVER;
    }
}

bool thrum_pcond_leave_(thrum_pcond *cond, thrum_pwaiter *waiter) {
    uint32_t seen;
    do {
        /* Looked at again where the step fails: that acquires nothing of what makes the waiter CHOSEN. */
        seen = look(waiter);
        if (seen == CHOSEN) return false; /* pthread_waiters.I4 */
        /* relaxed: what it says is for those that hold `inner`, and they look at it there */
    } while (!thrum_u32_cas_relaxed(&waiter->state, &seen, LEAVING));
    thrum_lock_acquire(&cond->inner);
    THRUM_LAW(pthread_waiters.I2, thrum_u32_load_relaxed(&waiter->state) == LEAVING);
    close_gap(cond, waiter, waiter->previous, waiter->next); /* pthread_waiters.I2 */
    (void)thrum_lock_release(&cond->inner);
    return true;
}

/* A waiter awakes for a reason of which no signal is to know. */
void thrum_pcond_calm_(thrum_pwaiter *waiter) {
    uint32_t seen = WAITING | DISTURBED;
    /* relaxed: another state stays, and the next look acquires what it tells */
    (void)thrum_u32_cas_relaxed(&waiter->state, &seen, WAITING);
}

void thrum_pcond_disturb_(thrum_pwaiter *waiter) {
    uint32_t seen = thrum_u32_load_relaxed(&waiter->state);
    /* relaxed: the disturber's flag is published by the table in which it found the waiter */
    while (seen == WAITING || seen == ASLEEP) {
        if (!thrum_u32_cas_relaxed(&waiter->state, &seen, WAITING | DISTURBED)) continue;
        /* pthread_waiters.I6 */
        if (seen == ASLEEP) thrum_futex_wake(&waiter->state, 1, THRUM_FUTEX_ANY, false);
        return;
    }
}

/* ---- choosing ---- */

/* With `inner` held. False: it is leaving. */
static bool choose(thrum_pcond *cond, thrum_pwaiter *waiter, bool *asleep) {
    thrum_pwaiter *const previous = waiter->previous, *const next = waiter->next; /* pthread_waiters.I3 */
    uint32_t seen = thrum_u32_load_relaxed(&waiter->state);
    do {
        if (seen == LEAVING) return false;
        /* pthread_waiters.L2: release, pairs with pthread_waiters.L1 */
    } while (!thrum_u32_cas_release(&waiter->state, &seen, CHOSEN));
    *asleep = seen == ASLEEP;
    close_gap(cond, waiter, previous, next);
    return true;
}

typedef struct sleepers {
    const thrum_u32 *words[THRUM_PCOND_BATCH];
    unsigned count;
} sleepers;

/*
 * With `inner` held: chooses at most `most` of those that had come by the ticket, oldest first, as long as
 * there is room for the sleepers among them. True: that was all.
 */
static bool choose_some(thrum_pcond *cond, unsigned most, uint32_t ticket, sleepers *asleep) {
    THRUM_LAW(pthread_waiters.I1, thrum_lock_locked(&cond->inner));
    thrum_pwaiter *waiter = newest_of(cond) ? newest_of(cond)->next : NULL;
    while (waiter && most > 0 && (int32_t)(waiter->ticket - ticket) <= 0) {
        if (asleep->count == THRUM_PCOND_BATCH) return false;
        thrum_pwaiter *const next = waiter == newest_of(cond) ? NULL : waiter->next;
        const thrum_u32 *const word = &waiter->state;
        bool sleeps = false;
        if (choose(cond, waiter, &sleeps)) most--;
        if (sleeps) asleep->words[asleep->count++] = word;
        waiter = next;
    }
    return true;
}

static void wake(sleepers *asleep) {
    for (unsigned i = 0; i < asleep->count; i++) /* pthread_waiters.I3, pthread_waiters.I6 */
        thrum_futex_wake(asleep->words[i], 1, THRUM_FUTEX_ANY, false);
    asleep->count = 0;
}

static void choose_and_wake(thrum_pcond *cond, unsigned most) {
    sleepers asleep;
    asleep.count = 0;
    if (thrum_pcond_is_idle_(cond)) return; /* pthread_waiters.I1 */
    thrum_lock_acquire(&cond->inner);
    const uint32_t ticket = cond->tickets;
    bool all = choose_some(cond, most, ticket, &asleep);
    (void)thrum_lock_release(&cond->inner);
    wake(&asleep);
    while (!all) {
        thrum_lock_acquire(&cond->inner);
        all = choose_some(cond, most, ticket, &asleep);
        (void)thrum_lock_release(&cond->inner);
        wake(&asleep);
    }
}

void thrum_pcond_signal_(thrum_pcond *cond) {
    choose_and_wake(cond, 1);
}

void thrum_pcond_broadcast_(thrum_pcond *cond) {
    choose_and_wake(cond, UINT32_MAX);
}

/* ---- the end ---- */

/* With `inner` held. */
static bool all_leave(const thrum_pcond *cond) {
    thrum_pwaiter *const newest = newest_of(cond);
    thrum_pwaiter *waiter = newest;
    do {
        if (!waiter) return true;
        if (thrum_u32_load_relaxed(&waiter->state) != LEAVING) return false;
        waiter = waiter->next;
    } while (waiter != newest);
    return true;
}

bool thrum_pcond_close_(thrum_pcond *cond) {
    for (;;) {
        thrum_lock_acquire(&cond->inner);
        const bool empty = !newest_of(cond), leave = all_leave(cond);
        (void)thrum_lock_release(&cond->inner);
        if (empty) return true;
        if (!leave) return false;
        thrum_park_give_way(); /* pthread_waiters.I5 */
    }
}
