/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's headers do not compile as C++: its locks, called and not inlined. */
#ifndef THRUM_BENCH_SUPPORT_CK_LOCKS_H
#define THRUM_BENCH_SUPPORT_CK_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_ck_lock {
    uint64_t words[4]; /* all zero: free */
} bench_ck_lock;

void bench_ck_fas_acquire(bench_ck_lock *lock);
bool bench_ck_fas_try_acquire(bench_ck_lock *lock);
void bench_ck_fas_release(bench_ck_lock *lock);
void bench_ck_ticket_acquire(bench_ck_lock *lock);
void bench_ck_ticket_release(bench_ck_lock *lock);

bool bench_ck_rw_try_read(bench_ck_lock *lock);
bool bench_ck_rw_try_write(bench_ck_lock *lock);
void bench_ck_rw_acquire_read(bench_ck_lock *lock);
void bench_ck_rw_release_read(bench_ck_lock *lock);
void bench_ck_rw_acquire_write(bench_ck_lock *lock);
void bench_ck_rw_release_write(bench_ck_lock *lock);

void bench_ck_pf_acquire_read(bench_ck_lock *lock);
void bench_ck_pf_release_read(bench_ck_lock *lock);
void bench_ck_pf_acquire_write(bench_ck_lock *lock);
void bench_ck_pf_release_write(bench_ck_lock *lock);

/* Each reading thread registers a record of its own, and takes it back before it ends. */
typedef struct bench_ck_br_reader {
    uint64_t words[16];
} bench_ck_br_reader;
void bench_ck_br_register(bench_ck_lock *lock, bench_ck_br_reader *reader);
void bench_ck_br_unregister(bench_ck_lock *lock, bench_ck_br_reader *reader);
void bench_ck_br_acquire_read(bench_ck_lock *lock, bench_ck_br_reader *reader);
void bench_ck_br_release_read(bench_ck_br_reader *reader);
void bench_ck_br_acquire_write(bench_ck_lock *lock);
void bench_ck_br_release_write(bench_ck_lock *lock);

#ifdef __cplusplus
}
#endif

#endif
