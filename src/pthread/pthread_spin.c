/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_spin_…. The word has four bytes and no room for a mark beside its state, so the
 * state is the mark: FREE and HELD are values that no C library's spin lock has. It waits as a thrum_spinlock
 * does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_inside.h"

#include <thrum/backoff.h>
#include <thrum/park.h>

#include <errno.h>

enum { FREE = 0x74680000, HELD = 0x74680001 };

THRUM_STATIC_ASSERT(sizeof(thrum_u32) == sizeof(pthread_spinlock_t), "a spin lock is a word");

static thrum_u32 *object_of(pthread_spinlock_t *lock) {
    return (thrum_u32 *)(void *)(uintptr_t)lock;
}

static uint32_t look(pthread_spinlock_t *lock) {
    return thrum_u32_load_relaxed(object_of(lock));
}

static bool is_ours(pthread_spinlock_t *lock) {
    return THRUM_LIKELY((look(lock) | 1u) == HELD);
}

static bool take(pthread_spinlock_t *lock) {
    uint32_t expected = FREE;
    /* spinlock.K1: acquire, pairs with spinlock.K2 */
    return thrum_u32_cas_acquire(object_of(lock), &expected, HELD);
}

static THRUM_COLD void wait(pthread_spinlock_t *lock) {
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    while (look(lock) != FREE || !take(lock)) { /* spinlock.I1 */
        if (backoff.bound == THRUM_BACKOFF_MAX) thrum_park_give_way();
        thrum_backoff_pause(&backoff);
    }
}

THRUM_NAME int pthread_spin_init(pthread_spinlock_t *lock, int shared) {
    if (!thrum_is_taken_(THRUM_TAKEN_SPIN) || shared != PTHREAD_PROCESS_PRIVATE)
        return THRUM_C_LIBRARYS(pthread_spin_init)(lock, shared);
    thrum_u32_store_relaxed(object_of(lock), FREE);
    return 0;
}

THRUM_NAME int pthread_spin_lock(pthread_spinlock_t *lock) {
    if (THRUM_LIKELY(take(lock))) return 0;
    if (!is_ours(lock)) return THRUM_C_LIBRARYS(pthread_spin_lock)(lock);
    wait(lock);
    return 0;
}

THRUM_NAME int pthread_spin_trylock(pthread_spinlock_t *lock) {
    if (!is_ours(lock)) return THRUM_C_LIBRARYS(pthread_spin_trylock)(lock);
    return look(lock) == FREE && take(lock) ? 0 : EBUSY;
}

THRUM_NAME int pthread_spin_unlock(pthread_spinlock_t *lock) {
    if (!is_ours(lock)) return THRUM_C_LIBRARYS(pthread_spin_unlock)(lock);
    thrum_u32_store_release(object_of(lock), FREE); /* spinlock.K2: release, pairs with spinlock.K1 */
    return 0;
}

THRUM_NAME int pthread_spin_destroy(pthread_spinlock_t *lock) {
    if (!is_ours(lock)) return THRUM_C_LIBRARYS(pthread_spin_destroy)(lock);
    thrum_u32_store_relaxed(object_of(lock), 0);
    return 0;
}
