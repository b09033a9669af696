/* SPDX-License-Identifier: MIT */
/* Contains a copy of the static core: plugins are made of it, and the program that loads them. */
#include "copies.h"

#include <thrum/fence.h>

static uint64_t id(void) {
    return thrum_self_id();
}

static uint32_t slot(void) {
    return thrum_self_slot();
}

static void count(thrum_rlock *lock, long *counter, int times) {
    for (int i = 0; i < times && thrum_rlock_acquire(lock) == THRUM_OK; i++) {
        ++*counter;
        (void)thrum_rlock_release(lock);
    }
}

const copy copy_of_the_core = {id, slot, thrum_fence_heavy, count};
