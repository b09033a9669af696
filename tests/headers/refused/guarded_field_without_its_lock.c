/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: reading variable 'balance' requires holding lock 'a->lock'|requires holding.*lock */
#include <thrum.h>

typedef struct account {
    thrum_lock lock;
    long balance THRUM_GUARDED_BY(&lock);
} account;

long balance_of(account *a);
long balance_of(account *a) {
#ifdef RIGHT
    THRUM_WITH(&a->lock) return a->balance;
    return 0;
#else
    return a->balance;
#endif
}
