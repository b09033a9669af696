/* SPDX-License-Identifier: MIT */
/* lock: a counter that loses updates and one that does not; attempts that do not wait. */
#include "crew.h"

#include <thrum.h>

enum { THREADS = 4, ROUNDS = 100000 };

static volatile long careless; /* a race: read, add, write, by several threads at once */
static long careful;           /* only with the lock */
static thrum_lock lock;        /* all-zero memory is an unlocked lock */

static void count(unsigned number) {
    (void)number;
    for (int i = 0; i < ROUNDS; i++)
        THRUM_WITH(&lock) careful++;
}

static void count_carelessly(unsigned number) {
    (void)number;
    for (int i = 0; i < ROUNDS; i++) careless = careless + 1;
}

static void try_and_wait(unsigned number) {
    (void)number;
    printf("try: %s\n", thrum_lock_try_acquire(&lock) ? "acquired" : "held by another");
    const thrum_result result = thrum_lock_acquire_until(&lock, thrum_after_ms(50));
    printf("within 50 ms: %s\n", thrum_result_name(result));
}

int main(int argc, char **argv) {
    (void)argv;
    crew_run(THREADS, count);
    printf("with the lock: %ld\n", careful);
    if (argc > 1) { /* any argument: the other counter, too; what it shows is not the same twice */
        crew_run(THREADS, count_carelessly);
        printf("without: %ld\n", careless);
    }
    thrum_lock_acquire(&lock);
    crew_run(1, try_and_wait);
    printf("release: %s\n", thrum_result_name(thrum_lock_release(&lock)));
    printf("release again: %s\n", thrum_result_name(thrum_lock_release(&lock)));
    return 0;
}
