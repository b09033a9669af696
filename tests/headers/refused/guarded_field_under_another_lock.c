/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ && defined(__cplusplus) */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: writing variable 'balance' requires holding */
#include <thrum.h>

typedef struct account {
    thrum_lock lock;
    long balance THRUM_GUARDED_BY(&lock);
} account;

void move(account *from, account *to, long amount);
void move(account *from, account *to, long amount) {
    thrum_lock_acquire(&from->lock);
    from->balance -= amount;
#ifdef RIGHT
    (void)thrum_lock_release(&from->lock);
    thrum_lock_acquire(&to->lock);
    to->balance += amount;
    (void)thrum_lock_release(&to->lock);
#else
    to->balance += amount;
    (void)thrum_lock_release(&from->lock);
#endif
}
