/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. What the calling thread waits for, in its thread-local variable: for thrum_dump, a debugger, and
 * its own sum of waiting.
 *
 * waited.I1: only the thread itself writes it, and only on its way to a sleep: what the fast paths do not
 *     call costs them nothing.
 * waited.I2: `turn` is odd while a wait is being written down. A reader that sees one even number before and
 *     after has read one wait: a store of a later one carries that one's odd number with it.
 * waited.I3: a wait that is written down has a kind. From its first sleep on `since_ns` is the time of that.
 *     So no wait that a spin ends reads the clock.
 * waited.I4: `turn` changes between any two waits. So a reader that finds it unchanged, and a kind, knows
 *     that the thread has been in this one wait from its first look to its second: the object was there, and
 *     what the thread holds did not change.
 *
 * In a circle with self.c, futex.c, profile.c: the variable is there, whose slot asks for the thread; a
 * sleep there begins the time of a wait, and the clock is read there; the end of a wait is counted, and
 * the profile names the kind.
 */
#include "../atomic/law.h"
#include "probes.h"
#include "profile_inside.h"
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/waited.h>

/* waited.I2 */
static void write_down(thrum_waits_ *own, uint32_t kind, uint64_t object, uint64_t site) {
    const uint32_t turn = thrum_u32_load_relaxed(&own->turn);
    THRUM_LAW(waited.I2, !(turn & 1));
    thrum_u32_store_relaxed(&own->turn, turn + 1);
    /* waited.L1: release, pairs with waited.L2: each brings the odd number with it */
    thrum_u32_store_release(&own->kind, kind);
    thrum_u64_store_release(&own->object, object);
    thrum_u64_store_release(&own->site, site);
    thrum_u32_store_release(&own->turn, turn + 2); /* waited.L3: release, pairs with waited.L4 */
}

/* The wait of a call that waits for locks of the program's: which of them it is at that moment matters. */
static bool gives_way(uint32_t outer) {
    return outer == THRUM_WAIT_CONDITION_ || outer == THRUM_WAIT_ALL_;
}

thrum_wait_ thrum_wait_begin_(thrum_wait_kind_ kind, const void *object, const void *site) {
    thrum_waits_ *const own = &thrum_self_.waits;
    const uint64_t address = (uint64_t)(uintptr_t)object;
    thrum_wait_ outer = {thrum_u32_load_relaxed(&own->kind), thrum_u64_load_relaxed(&own->object), 0, 0};
    const bool outermost = outer.kind == THRUM_WAIT_NOTHING_;
    if (!outermost && (!gives_way(outer.kind) || (kind != THRUM_WAIT_LOCK_ && kind != THRUM_WAIT_RLOCK_)))
        return (thrum_wait_){THRUM_WAIT_KIND_COUNT_, 0, 0, 0};
    THRUM_PROBE_3_(contended, kind, object, site);
    if (thrum_profile_counts()) {
        outer.releases = thrum_profile_releases_(address);
        if (!outermost) outer.begun_ns = thrum_futex_now_ns();
    }
    write_down(own, kind, address,
               outermost ? (uint64_t)(uintptr_t)site : thrum_u64_load_relaxed(&own->site));
    return outer;
}

/* Of the calling thread's wait, which has slept. */
static void tell(const thrum_wait_ *wait, uint64_t ns) {
    const thrum_waits_ *const own = &thrum_self_.waits;
    const uint32_t kind = thrum_u32_load_relaxed(&own->kind);
    const uint64_t object = thrum_u64_load_relaxed(&own->object), site = thrum_u64_load_relaxed(&own->site);
    THRUM_PROBE_4_(waited, kind, object, site, ns);
    if (thrum_profile_counts()) thrum_profile_count_(kind, object, site, wait->releases, ns);
}

void thrum_wait_end_(thrum_wait_ *wait) {
    thrum_waits_ *const own = &thrum_self_.waits;
    if (wait->kind == THRUM_WAIT_KIND_COUNT_) return;
    THRUM_LAW(waited.I3, thrum_u32_load_relaxed(&own->kind) != THRUM_WAIT_NOTHING_);
    const uint64_t since_ns = thrum_u64_load_relaxed(&own->since_ns);
    if (wait->kind == THRUM_WAIT_NOTHING_ && since_ns) {
        const uint64_t ns = thrum_futex_now_ns() - since_ns;
        /* relaxed: a number and no more */
        thrum_u64_store_relaxed(&own->waited_ns, thrum_u64_load_relaxed(&own->waited_ns) + ns);
        thrum_u64_store_relaxed(&own->since_ns, 0); /* relaxed: write_down, below, publishes it */
        tell(wait, ns);
    } else if (wait->begun_ns) {
        tell(wait, thrum_futex_now_ns() - wait->begun_ns);
    }
    write_down(own, wait->kind, wait->object, wait->kind ? thrum_u64_load_relaxed(&own->site) : 0);
}

void thrum_wait_sleeps_(void) {
    thrum_waits_ *const own = &thrum_self_.waits;
    if (thrum_u32_load_relaxed(&own->kind) == THRUM_WAIT_NOTHING_) return;
    if (thrum_u64_load_relaxed(&own->since_ns)) return;
    /* waited.I3; relaxed: 0 tells of no sleep yet */
    thrum_u64_store_relaxed(&own->since_ns, thrum_futex_now_ns());
}

const thrum_waits_ *thrum_wait_own_(void) {
    return &thrum_self_.waits;
}

/* ---- asking ---- */

const char *thrum_wait_kind_name_(uint32_t kind) {
#define NAME(name, text) text,
    static const char *const names[] = {THRUM_WAIT_KINDS_(NAME)};
#undef NAME
    return kind < THRUM_WAIT_KIND_COUNT_ ? names[kind] : "?";
}

/* The reader may be a signal handler that has interrupted the very writer: it does not look for ever. */
bool thrum_wait_read_(const thrum_waits_ *waits, thrum_waits_ *copy) {
    enum { LOOKS = 100 }; /* one look meets a write seldom, a hundred one that is interrupted */
    for (int i = 0; i < LOOKS; i++) {
        /* waited.L4: acquire, pairs with waited.L3 */
        const uint32_t turn = thrum_u32_load_acquire(&waits->turn);
        /* waited.L2: acquire, pairs with waited.L1 */
        thrum_u32_store_relaxed(&copy->kind, thrum_u32_load_acquire(&waits->kind));
        thrum_u64_store_relaxed(&copy->object, thrum_u64_load_acquire(&waits->object));
        thrum_u64_store_relaxed(&copy->site, thrum_u64_load_acquire(&waits->site));
        thrum_u64_store_relaxed(&copy->since_ns, thrum_u64_load_relaxed(&waits->since_ns));
        thrum_u64_store_relaxed(&copy->waited_ns, thrum_u64_load_relaxed(&waits->waited_ns));
        thrum_u32_store_relaxed(&copy->turn, turn);
        if (!(turn & 1) && thrum_u32_load_relaxed(&waits->turn) == turn) return true; /* waited.I2 */
    }
    return false;
}

uint64_t thrum_waited(void) {
    return thrum_u64_load_relaxed(&thrum_self_.waits.waited_ns); /* relaxed: the thread's own */
}
