/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The first of several objects. Each is waited for as its own source has it (waitable.h): an event
 * and a latch are announced to, a semaphore counts a registered waiter; only the sleep is common to all.
 *
 * wait_any.W1: the kernel queues the caller on every word of the set at once, or on none, when each is as its
 *     announcement left it. So what made one ready before that is seen by the next look, and what makes one
 *     ready after that wakes the caller, as it wakes a sleeper of its own.
 * wait_any.W2: of the objects at most one semaphore is taken from, and only the one that the call names.
 * wait_any.W3: when the call returns it is registered with no semaphore. A wake of one that it is not going
 *     to name may have chosen it, even several at once: the kernel lets one caller absorb a wake on each
 *     word. Leaving a semaphore that has a permit passes one on (semaphore.c argues it). An event and a latch
 *     wake all their sleepers, so there is nothing to pass on; the WAITERS that stays behind costs one wake
 *     in vain.
 *
 * Where futex_waitv is refused the call leaves the semaphores first: a registered waiter that does not sleep
 * would cost every release a system call. With events and latches it stays announced, so that their
 * generations tell it what happened between two looks.
 */
#include "waitable.h"
#include "waits.h"

#include <thrum/deadline.h>
#include <thrum/futex.h>
#include <thrum/park.h>
#include <thrum/wait_any.h>

THRUM_STATIC_ASSERT(THRUM_WAIT_ANY_MAX == THRUM_FUTEX_WAIT_ANY_MAX, "the kernel's limit");

/*
 * The first pause between two looks, and the longest. The first is the kernel's slack for a timer, below
 * which none is shorter; the longest is what a wait is late, at a thousand looks a second.
 */
#define NAP_NS 50000
#define LONGEST_NAP_NS 1000000

/* What a call remembers of one object. */
typedef struct place {
    uint64_t first;  /* its word when the call began */
    bool registered; /* with a semaphore */
} place;

/* The set, while a call waits for it. */
typedef struct round {
    const thrum_waitable *set;
    unsigned count;
    place places[THRUM_WAIT_ANY_MAX];
} round;

static bool is_valid(const thrum_waitable *set, unsigned count) {
    if (set == NULL || count == 0 || count > THRUM_WAIT_ANY_MAX) return false;
    for (unsigned i = 0; i < count; i++)
        if (set[i].object == NULL || set[i].kind_ > THRUM_WAITABLE_SEMAPHORE_) return false;
    return true;
}

static uint64_t word_of(const thrum_waitable *waitable) {
    switch (waitable->kind_) {
    case THRUM_WAITABLE_EVENT_: /* relaxed: only what is seen later decides, and that is an acquire */
        return thrum_u32_load_relaxed(&((const thrum_event *)waitable->object)->state);
    case THRUM_WAITABLE_LATCH_:
        return thrum_u64_load_relaxed(&((const thrum_latch *)waitable->object)->state);
    default:
        return 0;
    }
}

/* Whether it is ready; of a semaphore a permit has been taken then. */
static bool look_at(const thrum_waitable *waitable, place *own) {
    switch (waitable->kind_) {
    case THRUM_WAITABLE_EVENT_:
        return thrum_event_passed_((const thrum_event *)waitable->object, own->first);
    case THRUM_WAITABLE_LATCH_:
        return thrum_latch_passed_((const thrum_latch *)waitable->object, own->first);
    default:
        if (!thrum_semaphore_look_((thrum_semaphore *)waitable->object, own->registered)) return false;
        own->registered = false; /* wait_any.W2, wait_any.W3 */
        return true;
    }
}

/* False: it is ready, or was a moment ago. */
static bool announce_to(const thrum_waitable *waitable, place *own, thrum_futex_choice *sleep) {
    switch (waitable->kind_) {
    case THRUM_WAITABLE_EVENT_:
        return thrum_event_announce_((thrum_event *)waitable->object, own->first, sleep);
    case THRUM_WAITABLE_LATCH_:
        return thrum_latch_announce_((thrum_latch *)waitable->object, own->first, sleep);
    default:
        if (!own->registered)
            own->registered = thrum_semaphore_register_((thrum_semaphore *)waitable->object, sleep);
        return own->registered;
    }
}

/* The first that is ready; `count` when none is. */
static unsigned look(round *r) {
    unsigned i = 0;
    while (i < r->count && !look_at(&r->set[i], &r->places[i])) i++;
    return i;
}

static bool announce(round *r, thrum_futex_choice *sleeps) {
    unsigned i = 0;
    while (i < r->count && announce_to(&r->set[i], &r->places[i], &sleeps[i])) i++;
    return i == r->count;
}

static void leave(round *r) {
    for (unsigned i = 0; i < r->count; i++) {
        if (!r->places[i].registered) continue;
        r->places[i].registered = false;
        thrum_semaphore_leave_((thrum_semaphore *)r->set[i].object); /* wait_any.W3 */
    }
}

static unsigned look_from_time_to_time(round *r, thrum_deadline deadline) {
    int64_t nap_ns = NAP_NS;
    for (;;) {
        const unsigned found = look(r);
        if (found < r->count || thrum_deadline_passed(deadline)) return found;
        thrum_futex_nap(thrum_deadline_earlier(deadline, thrum_after_ns(nap_ns)));
        nap_ns = nap_ns < LONGEST_NAP_NS / 2 ? 2 * nap_ns : LONGEST_NAP_NS;
    }
}

static unsigned wait(round *r, thrum_deadline deadline) {
    thrum_futex_choice sleeps[THRUM_WAIT_ANY_MAX];
    thrum_futex_outcome outcome = THRUM_FUTEX_CHANGED;
    bool refused = false;
    unsigned found;
    do {
        if (announce(r, sleeps))
            outcome = thrum_futex_wait_any(sleeps, r->count, &refused, deadline); /* wait_any.W1 */
        found = look(r);
    } while (found == r->count && outcome != THRUM_FUTEX_TIMED_OUT && !refused);
    leave(r);
    return found == r->count && refused ? look_from_time_to_time(r, deadline) : found;
}

thrum_result thrum_wait_any_until_(const thrum_waitable *set, unsigned count, unsigned *which,
                                   thrum_deadline deadline) {
    if (!is_valid(set, count)) return THRUM_INVALID;
    round r;
    r.set = set;
    r.count = count;
    for (unsigned i = 0; i < count; i++) r.places[i] = (place){word_of(&set[i]), false};

    unsigned found = look(&r);
    if (found == count && !thrum_deadline_passed(deadline)) {
        thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
        while (found == count && thrum_park_again(&spin)) found = look(&r);
        THRUM_WAITS_(ANY, set[0].object, THRUM_SITE_);
        if (found == count) found = wait(&r, deadline);
    }
    if (found == count) return THRUM_TIMEOUT;
    *which = found;
    return THRUM_OK;
}
