/* SPDX-License-Identifier: MIT */
/* Concurrency Kit's headers do not compile as C++: its spin locks, called and not inlined. */
#ifndef THRUM_BENCH_SUPPORT_CK_LOCKS_H
#define THRUM_BENCH_SUPPORT_CK_LOCKS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_ck_lock {
    unsigned words[4]; /* all zero: free */
} bench_ck_lock;

void bench_ck_fas_acquire(bench_ck_lock *lock);
bool bench_ck_fas_try_acquire(bench_ck_lock *lock);
void bench_ck_fas_release(bench_ck_lock *lock);
void bench_ck_ticket_acquire(bench_ck_lock *lock);
void bench_ck_ticket_release(bench_ck_lock *lock);

#ifdef __cplusplus
}
#endif

#endif
