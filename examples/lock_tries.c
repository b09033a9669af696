/* SPDX-License-Identifier: MIT */
/* lock: one thread holds and releases it, again and again; another counts its tries until three succeed. */
#include "crew.h"

static thrum_lock lock;
static thrum_event held, over;

static void hold_and_let_go(unsigned number) {
    (void)number;
    do {
        THRUM_WITH(&lock) {
            thrum_event_set(&held);
            crew_sleep_ms(5);
        }
    } while (thrum_event_wait_until(&over, thrum_after_ms(5)) == THRUM_TIMEOUT);
}

int main(void) {
    crew holder = {.size = 0};
    crew_start(&holder, hold_and_let_go);
    thrum_event_wait(&held);
    unsigned tries = 0, acquired = 0;
    while (acquired < 3) {
        tries++;
        if (thrum_lock_try_acquire(&lock)) {
            acquired++;
            printf("iteration %u: acquired\n", tries);
            thrum_lock_release(&lock);
        } else {
            printf("iteration %u: not acquired\n", tries);
        }
        crew_sleep_ms(2);
    }
    printf("done after %u iterations\n", tries);
    thrum_event_set(&over);
    crew_join(&holder);
    return 0;
}
