/* SPDX-License-Identifier: MIT */
/* lock: ten threads, each with the lock while it sleeps: what they print never mixes. */
#include "crew.h"

static thrum_lock lock;

static void work(unsigned number) {
    THRUM_WITH(&lock) {
        printf("> thread %u got the lock,", number);
        crew_sleep_ms(number % 3);
        printf(" slept for %u ms\n", number % 3);
    }
}

int main(void) {
    crew_run(10, work);
    printf("all threads are done\n");
    return 0;
}
