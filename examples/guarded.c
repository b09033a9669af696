/* SPDX-License-Identifier: MIT */
/*
 * guarded: clang refuses code that touches a guarded field without its lock.
 *
 *     clang -fsyntax-only -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror -DWRONG guarded.c
 *
 * Without -DWRONG the same command is content. (As C, clang 18 or later.)
 */
#include <stdio.h>
#include <thrum.h>

typedef struct account {
    thrum_lock lock;
    long balance THRUM_GUARDED_BY(&lock);
} account;

/* The caller holds the lock. */
static bool take(account *a, long amount) THRUM_REQUIRES(&a->lock);
static bool take(account *a, long amount) {
    if (a->balance < amount) return false;
    a->balance -= amount;
    return true;
}

static bool pay(account *from, long amount) {
    bool paid = false;
    THRUM_WITH(&from->lock) paid = take(from, amount);
    return paid;
}

static void earn(account *a, long amount) {
#ifdef WRONG
    a->balance += amount; /* writing variable 'balance' requires holding lock 'a->lock' */
#else
    thrum_lock_acquire(&a->lock);
    a->balance += amount;
    (void)thrum_lock_release(&a->lock);
#endif
}

int main(void) {
    static account mine;
    earn(&mine, 100);
    printf("paid 70: %s\n", pay(&mine, 70) ? "yes" : "no");
    printf("paid 70 again: %s\n", pay(&mine, 70) ? "yes" : "no");
    return 0;
}
