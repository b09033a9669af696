/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What a room of floors 4 and 5 prepares at its first use: keys, exit handlers, last wishes.
 *
 * prepare.U1: `prepare` runs while `thrum_first_uses_` is held, one first use of the process at a time.
 * prepare.U2: a fork holds that lock. So no child finds a first use half made, and what the C library keeps
 *     for it (the list of exit handlers) no child finds locked.
 *
 * No other static state is settled lazily on these floors: tools/check-laws sees to it.
 */
#ifndef THRUM_SRC_THREAD_PREPARE_H
#define THRUM_SRC_THREAD_PREPARE_H

#include "../rcu/rank.h"

#include <thrum/rlock.h>

typedef struct thrum_first_use_ {
    thrum_u32 made;
} thrum_first_use_;

/* An rlock, since the preparation of one room may prepare another. */
extern thrum_rlock thrum_first_uses_ __attribute__((visibility("hidden")));
THRUM_RANK(3, thrum_first_uses_);

/* Runs `prepare` unless it has succeeded before. Not THRUM_OK: what it returned; the next use tries again. */
thrum_result thrum_first_use_make_(thrum_first_use_ *use, thrum_result (*prepare)(void));

static inline thrum_result thrum_first_use_run_(thrum_first_use_ *use, thrum_result (*prepare)(void)) {
    /* prepare.F1: acquire, pairs with prepare.F1 in make: what was prepared */
    if (THRUM_LIKELY(thrum_u32_load_acquire(&use->made))) return THRUM_OK;
    return thrum_first_use_make_(use, prepare);
}

/* In the only thread of a forked child: the next use prepares again. */
static inline void thrum_first_use_reopen_(thrum_first_use_ *use) {
    thrum_u32_store_relaxed(&use->made, 0); /* relaxed: there is one thread */
}

#endif
