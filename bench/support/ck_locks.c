/* SPDX-License-Identifier: MIT */
#include "ck_locks.h"

#ifdef THRUM_BENCH_HAS_CK

#include <ck_spinlock.h>

_Static_assert(sizeof(ck_spinlock_fas_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_spinlock_ticket_t) <= sizeof(bench_ck_lock), "it fits");

void bench_ck_fas_acquire(bench_ck_lock *lock) {
    ck_spinlock_fas_lock_eb((ck_spinlock_fas_t *)(void *)lock);
}

bool bench_ck_fas_try_acquire(bench_ck_lock *lock) {
    return ck_spinlock_fas_trylock((ck_spinlock_fas_t *)(void *)lock);
}

void bench_ck_fas_release(bench_ck_lock *lock) {
    ck_spinlock_fas_unlock((ck_spinlock_fas_t *)(void *)lock);
}

void bench_ck_ticket_acquire(bench_ck_lock *lock) {
    ck_spinlock_ticket_lock((ck_spinlock_ticket_t *)(void *)lock);
}

void bench_ck_ticket_release(bench_ck_lock *lock) {
    ck_spinlock_ticket_unlock((ck_spinlock_ticket_t *)(void *)lock);
}

#endif
