/* SPDX-License-Identifier: MIT */
#include "ck_locks.h"

#ifdef THRUM_BENCH_HAS_CK

#include <ck_brlock.h>
#include <ck_pflock.h>
#include <ck_rwlock.h>
#include <ck_spinlock.h>

_Static_assert(sizeof(ck_spinlock_fas_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_spinlock_ticket_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_rwlock_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_pflock_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_brlock_t) <= sizeof(bench_ck_lock), "it fits");
_Static_assert(sizeof(ck_brlock_reader_t) <= sizeof(bench_ck_br_reader), "it fits");

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

bool bench_ck_rw_try_read(bench_ck_lock *lock) {
    return ck_rwlock_read_trylock((ck_rwlock_t *)(void *)lock);
}

bool bench_ck_rw_try_write(bench_ck_lock *lock) {
    return ck_rwlock_write_trylock((ck_rwlock_t *)(void *)lock);
}

void bench_ck_rw_acquire_read(bench_ck_lock *lock) {
    ck_rwlock_read_lock((ck_rwlock_t *)(void *)lock);
}

void bench_ck_rw_release_read(bench_ck_lock *lock) {
    ck_rwlock_read_unlock((ck_rwlock_t *)(void *)lock);
}

void bench_ck_rw_acquire_write(bench_ck_lock *lock) {
    ck_rwlock_write_lock((ck_rwlock_t *)(void *)lock);
}

void bench_ck_rw_release_write(bench_ck_lock *lock) {
    ck_rwlock_write_unlock((ck_rwlock_t *)(void *)lock);
}

void bench_ck_pf_acquire_read(bench_ck_lock *lock) {
    ck_pflock_read_lock((ck_pflock_t *)(void *)lock);
}

void bench_ck_pf_release_read(bench_ck_lock *lock) {
    ck_pflock_read_unlock((ck_pflock_t *)(void *)lock);
}

void bench_ck_pf_acquire_write(bench_ck_lock *lock) {
    ck_pflock_write_lock((ck_pflock_t *)(void *)lock);
}

void bench_ck_pf_release_write(bench_ck_lock *lock) {
    ck_pflock_write_unlock((ck_pflock_t *)(void *)lock);
}

void bench_ck_br_register(bench_ck_lock *lock, bench_ck_br_reader *reader) {
    ck_brlock_read_register((ck_brlock_t *)(void *)lock, (ck_brlock_reader_t *)(void *)reader);
}

void bench_ck_br_unregister(bench_ck_lock *lock, bench_ck_br_reader *reader) {
    ck_brlock_read_unregister((ck_brlock_t *)(void *)lock, (ck_brlock_reader_t *)(void *)reader);
}

void bench_ck_br_acquire_read(bench_ck_lock *lock, bench_ck_br_reader *reader) {
    ck_brlock_read_lock((ck_brlock_t *)(void *)lock, (ck_brlock_reader_t *)(void *)reader);
}

void bench_ck_br_release_read(bench_ck_br_reader *reader) {
    ck_brlock_read_unlock((ck_brlock_reader_t *)(void *)reader);
}

void bench_ck_br_acquire_write(bench_ck_lock *lock) {
    ck_brlock_write_lock((ck_brlock_t *)(void *)lock);
}

void bench_ck_br_release_write(bench_ck_lock *lock) {
    ck_brlock_write_unlock((ck_brlock_t *)(void *)lock);
}

#endif
