/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Several locks at once: wait for one, try the others, and begin again with the one that failed.
 *
 * all.A1: while a call waits it holds no member of its set. So no circle of waiters goes through it: a
 *     thread that waits for one of the set waits for a holder that is not waiting here. This is why it does
 *     not take them in the order of their addresses, which would need no second round: that order would have
 *     to be the whole program's.
 * all.A2: a call that does not return THRUM_OK holds no more than before it. It tries for every member from
 *     the first to the last and releases what it got in this round.
 *
 * No livelock in fact, though the rounds have no bound. A round fails when a lock is taken that was not
 * waited for. Its holder keeps it (then that thread gets on), or is in such a round itself, and releases it
 * within some instructions. For two calls to fail each other for ever both must be between their first lock
 * and their last at every try of the other. After each failure a call waits for just the lock that it lacked,
 * so those that want the same ones line up there; from the second failure on it gives up the processor first,
 * and pauses for a random time, so they do not keep step.
 */
#include "waits.h"

#include <thrum/all.h>
#include <thrum/backoff.h>
#include <thrum/lock.h>
#include <thrum/park.h>
#include <thrum/rlock.h>

#include <stdio.h>

static thrum_result wait_for(const thrum_all_member_ *member, thrum_deadline deadline) {
    if (member->kind == THRUM_ALL_RLOCK_)
        return thrum_rlock_acquire_until((thrum_rlock *)member->object, deadline);
    return thrum_lock_acquire_until((thrum_lock *)member->object, deadline);
}

/* Takes it now, or says why not: an rlock may be too deep, which no later round will change. */
static thrum_result try_for(const thrum_all_member_ *member) {
    if (member->kind == THRUM_ALL_RLOCK_) {
        thrum_rlock *rlock = (thrum_rlock *)member->object;
        if (thrum_rlock_is_owned(rlock)) return thrum_rlock_acquire(rlock);
        return thrum_rlock_try_acquire(rlock) ? THRUM_OK : THRUM_TIMEOUT;
    }
    return thrum_lock_try_acquire((thrum_lock *)member->object) ? THRUM_OK : THRUM_TIMEOUT;
}

static void release_member(const thrum_all_member_ *member) {
    if (member->kind == THRUM_ALL_RLOCK_)
        (void)thrum_rlock_release((thrum_rlock *)member->object);
    else
        (void)thrum_lock_release((thrum_lock *)member->object);
}

/* How often the members before `end` name the same object as that one. */
static uint32_t named_before(const thrum_all *all, uint32_t end) {
    uint32_t times = 0;
    for (uint32_t i = 0; i < end; i++) times += all->members[i].object == all->members[end].object;
    return times;
}

/* Only an rlock may be named twice, and only as one. */
static bool is_valid(const thrum_all *all) {
    if (all->count > THRUM_ALL_MAX) return false;
    for (uint32_t i = 0; i < all->count; i++) {
        const thrum_all_member_ *member = &all->members[i];
        if (member->object == NULL || member->kind > THRUM_ALL_RLOCK_) return false;
        for (uint32_t k = 0; k < i; k++) {
            const bool rlocks = member->kind == THRUM_ALL_RLOCK_ && all->members[k].kind == THRUM_ALL_RLOCK_;
            if (all->members[k].object == member->object && !rlocks) return false;
        }
    }
    return true;
}

/* The member that is so many after the first of this round. */
static const thrum_all_member_ *from(const thrum_all *all, uint32_t first, uint32_t steps) {
    const uint32_t at = first + steps;
    return &all->members[at < all->count ? at : at - all->count];
}

/*
 * Tries for the members from `first` on, round the set, of which the caller has the first `held`. One that
 * cannot be had is told by its place in the set, and none is held then (all.A1, all.A2).
 */
static thrum_result try_round(const thrum_all *all, uint32_t first, uint32_t held, uint32_t *missing) {
    for (; held < all->count; held++) {
        const thrum_all_member_ *member = from(all, first, held);
        const thrum_result result = try_for(member);
        if (THRUM_LIKELY(result == THRUM_OK)) continue;
        *missing = (uint32_t)(member - all->members);
        while (held > 0) release_member(from(all, first, --held));
        return result;
    }
    return THRUM_OK;
}

static THRUM_COLD thrum_result wait_for_all(const thrum_all *all, uint32_t first, thrum_deadline deadline,
                                            const void *site) {
    THRUM_WAITS_(ALL, all, site);
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    for (;;) {
        thrum_result result = wait_for(&all->members[first], deadline); /* all.A1 */
        if (result != THRUM_OK) return result;
        result = try_round(all, first, 1, &first);
        if (result != THRUM_TIMEOUT || thrum_deadline_passed(deadline)) return result;
        thrum_park_give_way();
        thrum_backoff_pause(&backoff);
    }
}

thrum_result thrum_acquire_all_until_(const thrum_all *all, thrum_deadline deadline) {
    if (!is_valid(all)) return THRUM_INVALID;
    uint32_t missing;
    const thrum_result result = try_round(all, 0, 0, &missing);
    if (THRUM_LIKELY(result != THRUM_TIMEOUT) || thrum_deadline_passed(deadline)) return result;
    return wait_for_all(all, missing, deadline, THRUM_SITE_);
}

thrum_result thrum_release_all_(const thrum_all *all) {
    if (!is_valid(all)) return THRUM_INVALID;
    const uint32_t count = all->count;
    for (uint32_t i = 0; i < count; i++) {
        const thrum_all_member_ *member = &all->members[i];
        if (member->kind == THRUM_ALL_RLOCK_) {
            if (thrum_rlock_depth((thrum_rlock *)member->object) <= named_before(all, i))
                return THRUM_NOT_OWNER;
        } else if (!thrum_lock_locked((thrum_lock *)member->object)) {
            return THRUM_NOT_LOCKED;
        }
    }
    for (uint32_t i = count; i-- > 0;) release_member(&all->members[i]);
    return THRUM_OK;
}

size_t thrum_all_describe(const thrum_all *all, char *text, size_t size) {
    if (!is_valid(all)) return (size_t)snprintf(text, size, "all: invalid");
    unsigned held = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        const thrum_all_member_ *member = &all->members[i];
        if (member->kind == THRUM_ALL_RLOCK_)
            held += thrum_rlock_locked((const thrum_rlock *)member->object);
        else
            held += thrum_lock_locked((const thrum_lock *)member->object);
    }
    return (size_t)snprintf(text, size, "all: %u members, %u held by somebody", (unsigned)all->count, held);
}
