/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. A lock, its owner and the owner's depth; how threads wait is the lock's affair (lock.c). The laws
 * R1 and R2 are in the header, beside the functions that keep them.
 */
#include <thrum/rlock.h>

#include <inttypes.h>
#include <stdio.h>

thrum_result thrum_rlock_acquire_depth(thrum_rlock *rlock, uint32_t depth) {
    if (depth == 0) return THRUM_INVALID;
    if (thrum_rlock_is_owned(rlock)) {
        if (depth > THRUM_RLOCK_DEPTH_MAX - rlock->depth) return THRUM_OVERFLOW;
        rlock->depth += depth;
        return THRUM_OK;
    }
    thrum_lock_acquire(&rlock->lock);
    thrum_rlock_own_(rlock, depth);
    return THRUM_OK;
}

/* The forking thread's number is the same in the child. */
void thrum_rlock_reset_after_fork(thrum_rlock *rlock) {
    const uint32_t depth = thrum_rlock_depth(rlock);
    thrum_lock_reset_after_fork(&rlock->lock);
    thrum_u64_store_relaxed(&rlock->owner, 0);
    rlock->depth = 0;
    if (depth) (void)thrum_rlock_acquire_depth(rlock, depth);
}

size_t thrum_rlock_describe(const thrum_rlock *rlock, char *text, size_t size) {
    const uint64_t owner = thrum_u64_load_relaxed(&rlock->owner);
    if (owner == 0)
        return (size_t)snprintf(text, size, "rlock: %s", thrum_rlock_locked(rlock) ? "changing hands" : "free");
    if (owner != thrum_self_id()) return (size_t)snprintf(text, size, "rlock: owned by thread %" PRIu64, owner);
    return (size_t)snprintf(text, size, "rlock: owned by thread %" PRIu64 ", depth %" PRIu32, owner, rlock->depth);
}
