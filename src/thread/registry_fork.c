/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What a fork holds of this floor, and first uses (prepare.h).
 *
 * registry.K1: a fork takes the locks in the order in which others take one within the other: first uses,
 *     `lives`, the locals' guard. The handlers are there before main, so that none is registered beside a
 *     fork.
 *
 * In a circle with local.c, registry.c, thread_process.c: each makes its first use by this file, and
 * begins anew in a child when this file says so.
 */
#include "record.h"

#include "prepare.h"

uint32_t thrum_process_number_;
thrum_rlock thrum_first_uses_;

thrum_result thrum_first_use_make_(thrum_first_use_ *use, thrum_result (*prepare)(void)) {
    thrum_rlock_acquire(&thrum_first_uses_);
    /* relaxed: the lock is held */
    const thrum_result result = thrum_u32_load_relaxed(&use->made) ? THRUM_OK : prepare();
    if (result == THRUM_OK) thrum_u32_store_release(&use->made, 1); /* prepare.F1: release */
    THRUM_IGNORE_(thrum_rlock_release(&thrum_first_uses_));
    return result;
}

static void before_fork(void) {
    thrum_rlock_acquire(&thrum_first_uses_); /* prepare.U2 */
    thrum_lock_acquire(&thrum_lives_);
    thrum_lock_acquire(&thrum_locals_);
}

static void after_fork_in_parent(void) {
    thrum_lock_release(&thrum_locals_);
    thrum_lock_release(&thrum_lives_);
    THRUM_IGNORE_(thrum_rlock_release(&thrum_first_uses_));
}

static void after_fork_in_child(void) {
    thrum_process_number_++;
    thrum_registry_begin_in_child_();
    thrum_process_begin_in_child_();
    thrum_local_begin_in_child_();
    thrum_lock_reset_after_fork(&thrum_locals_);
    thrum_lock_reset_after_fork(&thrum_lives_);
    THRUM_IGNORE_(thrum_rlock_release(&thrum_first_uses_));
    thrum_rlock_reset_after_fork(&thrum_first_uses_); /* its waiters are no more */
}

static thrum_result watch(void) {
    return pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) ? THRUM_NO_MEMORY
                                                                                  : THRUM_OK;
}

thrum_result thrum_fork_prepare_(void) {
    static thrum_first_use_ prepared;
    return thrum_first_use_run_(&prepared, watch);
}

/* Before main: a program that only looks at the registry is to survive a fork, too. */
__attribute__((constructor(1003))) static void watch_early(void) {
    (void)thrum_fork_prepare_(); /* else the first use tries again */
}
