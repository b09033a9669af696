/* SPDX-License-Identifier: MIT */
/* rlock: functions that lock and call each other; a plain lock would wait for itself. */
#include "crew.h"

#include <thrum.h>

static thrum_lock plain;
static thrum_rlock account;
static long balance = 100;

static void deposit(long amount) {
    THRUM_WITH(&account) balance += amount;
}

/* Holds the account over both steps: nobody sees the money in between. */
static void move_and_charge(long amount, long fee) {
    THRUM_WITH(&account) {
        deposit(amount);
        deposit(-fee);
        printf("depth inside: %u\n", (unsigned)thrum_rlock_depth(&account));
    }
}

static void release_anothers(unsigned number) {
    (void)number;
    printf("another thread's release: %s\n", thrum_result_name(thrum_rlock_release(&account)));
}

int main(void) {
    thrum_lock_acquire(&plain);
    printf("lock, a second time: %s\n", thrum_lock_try_acquire(&plain) ? "yes" : "no");
    thrum_lock_release(&plain);

    THRUM_WITH(&account) {
        printf("rlock, a second time: %s\n", thrum_rlock_try_acquire(&account) ? "yes" : "no");
        crew_run(1, release_anothers);
        thrum_rlock_release(&account);
    }
    move_and_charge(50, 1);
    printf("balance: %ld\n", balance);
    return 0;
}
