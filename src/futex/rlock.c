/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. A lock with an owner. How threads wait for it is lock.c's affair; all that is on a path which a
 * program runs often is inlined in the header, where the laws stand that are named here.
 *
 *   lock      owner              depth
 *   free      0                  0        nobody's
 *   LOCKED    0                  0        between owners: acquired and not yet signed, or signed off and
 *                                         not yet released
 *   LOCKED    a thread's sign    n        that thread's, n deep
 */
#include "../atomic/law.h"
#include "waits.h"

#include <thrum/lock.h>
#include <thrum/rlock.h>

#include <inttypes.h>
#include <stdio.h>

thrum_result thrum_rlock_lock_slow_(thrum_rlock *rlock, thrum_deadline deadline) {
    THRUM_WAITS_(RLOCK, rlock, THRUM_SITE_);
    thrum_result result = THRUM_OK;
    if (deadline.ns != THRUM_FOREVER.ns)
        result = thrum_lock_acquire_until_slow_(&rlock->lock, deadline);
    else
        thrum_lock_acquire_slow_(&rlock->lock);
    THRUM_LAW(rlock.R1,
              result != THRUM_OK || (rlock->depth == 0 && thrum_u64_load_relaxed(&rlock->owner) == 0));
    return result;
}

void thrum_rlock_reset_after_fork(thrum_rlock *rlock) {
    const bool mine = thrum_rlock_is_owned(rlock); /* rlock.R2: its number is the same in the child */
    thrum_lock_reset_after_fork(&rlock->lock);
    if (mine) {
        thrum_lock_acquire(&rlock->lock); /* at once: nobody else is there */
    } else {
        rlock->depth = 0;
        thrum_u64_store_relaxed(&rlock->owner, 0);
    }
}

size_t thrum_rlock_describe(const thrum_rlock *rlock, char *text, size_t size) {
    char whose[64] = "";
    const uint64_t owner = thrum_u64_load_relaxed(&rlock->owner);
    if (thrum_rlock_is_owned(rlock))
        (void)snprintf(whose, sizeof whose, "owned by the caller, depth %" PRIu32, thrum_rlock_depth(rlock));
    else if (owner)
        (void)snprintf(whose, sizeof whose, "owned by thread %" PRIu64, ~owner);
    else
        (void)snprintf(whose, sizeof whose, "%s", thrum_rlock_locked(rlock) ? "between owners" : "free");
    const uint32_t waiting = THRUM_LOCK_HEIR_ | THRUM_LOCK_WAITERS_;
    return (size_t)snprintf(text, size, "rlock: %s%s", whose,
                            thrum_u32_load_relaxed(&rlock->lock.state) & waiting ? ", waited for" : "");
}
