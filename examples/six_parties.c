/* SPDX-License-Identifier: MIT */
/* barrier: five workers and main are six parties; main goes on when every worker has its result. */
#include "crew.h"

enum { WORKERS = 5 };

static thrum_barrier all = THRUM_BARRIER_INIT(WORKERS + 1);
static unsigned results[WORKERS];

static void work(unsigned number) {
    crew_sleep_ms(5 - number);
    results[number] = number * number;
    printf("thread %u is done, got %u\n", number, results[number]);
    if (thrum_barrier_wait(&all, NULL) != THRUM_OK) exit(1);
}

int main(void) {
    crew workers = {.size = 0};
    while (workers.size < WORKERS) crew_start(&workers, work);
    printf("main waits for the results\n");
    if (thrum_barrier_wait(&all, NULL) != THRUM_OK) return 1;
    unsigned sum = 0;
    for (unsigned i = 0; i < WORKERS; i++) sum += results[i];
    printf("all threads have their result: the sum is %u\n", sum);
    crew_join(&workers);
    return 0;
}
