/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The gate through which every change of every map goes (map.I6). A fork closes it, so that the
 * child finds no change begun; so does whatever must find none under way.
 */
#include "map_inside.h"

#include <pthread.h>
#include <thrum/rwlock.h>
#include <thrum/self.h>

static thrum_rwlock_slot places[THRUM_SELF_SLOTS];
static thrum_sharded_rwlock gate = THRUM_SHARDED_RWLOCK_INIT(places, THRUM_SELF_SLOTS);

void thrum_map_enter_(void) {
    thrum_sharded_rwlock_acquire_read(&gate);
}

void thrum_map_leave_(void) {
    (void)thrum_sharded_rwlock_release_read(&gate);
}

void thrum_map_close_(void) {
    thrum_sharded_rwlock_acquire_write(&gate);
}

void thrum_map_open_(void) {
    (void)thrum_sharded_rwlock_release_write(&gate);
}

static void reset(void) {
    thrum_sharded_rwlock_reset_after_fork(&gate);
}

bool thrum_map_watch_forks_(void) {
    static thrum_u32 watched;
    if (thrum_u32_load_relaxed(&watched)) return true; /* relaxed: the C library orders its handlers itself */
    thrum_map_close_();                                /* one thread at a time */
    if (!thrum_u32_load_relaxed(&watched) && !pthread_atfork(thrum_map_close_, thrum_map_open_, reset))
        thrum_u32_store_relaxed(&watched, 1);
    thrum_map_open_();
    return thrum_u32_load_relaxed(&watched);
}

/*
 * After rcu's handlers and before the registry's: docs/locks.md. Where it is refused, a new map tries again.
 */
__attribute__((constructor(1002))) static void watch_early(void) {
    (void)thrum_map_watch_forks_();
}
