/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. What the inlined forms of thrum/pthread.h need of the library: copies of its decisions,
 * in words that programs may read, and the rest of an unlock whose step is made.
 *
 * In a circle with pthread.c: the decisions are there, and each is told here as it is made.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <thrum/pthread.h>
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#undef pthread_cond_signal
#undef pthread_cond_broadcast
#undef pthread_once

#include "pthread_inside.h"
#include "pthread_waiters.h"

#include <errno.h>
#include <stddef.h>

THRUM_STATIC_ASSERT(offsetof(thrum_pcond, newest) == THRUM_PTHREAD_NEWEST_AT_, "as the header has it");

thrum_u32 libthrum_pthread_gates_[THRUM_PTHREAD_KINDS_] = {
    {THRUM_UNDECIDED}, {THRUM_UNDECIDED}, {THRUM_UNDECIDED}};
uint32_t libthrum_pthread_cond_mark_[2];

void thrum_tell_inlined_(void) {
    static const thrum_taken_kind kinds[] = {THRUM_TAKEN_MUTEX, THRUM_TAKEN_COND, THRUM_TAKEN_ONCE};
    libthrum_pthread_cond_mark_[0] = thrum_cond_mark_.at;
    libthrum_pthread_cond_mark_[1] = thrum_cond_mark_.mask;
    for (unsigned i = 0; i < THRUM_PTHREAD_KINDS_; i++) /* pthread.L2: release, pairs with pthread.L1 */
        thrum_u32_store_release(&libthrum_pthread_gates_[i], thrum_u32_load_relaxed(&thrum_gates_[kinds[i]]));
}

THRUM_NAME int libthrum_pthread_released_(pthread_mutex_t *mutex, int was) {
    const thrum_result result = thrum_lock_release_slow_(thrum_pthread_lock_of_(mutex), (thrum_dropped_)was);
    return result == THRUM_OK ? 0 : EPERM;
}
