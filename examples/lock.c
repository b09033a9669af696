/* SPDX-License-Identifier: MIT */
/* lock: a counter that loses updates and one that does not; attempts that do not wait. */
#include "arguments.h"
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
    if (argc > 1 && strcmp(argv[1], "--careless")) {
        fputs("usage: lock [--careless]\n\n--careless: also counts without the lock; the sum differs each "
              "time.\n",
              asks_for_help(argc, argv) ? stdout : stderr);
        return asks_for_help(argc, argv) ? 0 : 2;
    }
    crew_run(THREADS, count);
    printf("with the lock: %ld\n", careful);
    if (argc > 1) {
        crew_run(THREADS, count_carelessly);
        printf("without: %ld\n", careless);
    }
    thrum_lock_acquire(&lock);
    crew_run(1, try_and_wait);
    printf("release: %s\n", thrum_result_name(thrum_lock_release(&lock)));
    printf("release again: %s\n", thrum_result_name(thrum_lock_release(&lock)));
    return 0;
}
