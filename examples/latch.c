/* SPDX-License-Identifier: MIT */
/* latch: the program waits until every worker is ready, and they wait until it opens the gate. */
#include "crew.h"

#include <thrum.h>

enum { WORKERS = 4 };

static thrum_latch ready = THRUM_LATCH_INIT(WORKERS), gate = THRUM_LATCH_INIT(1);
static thrum_u32 started;

static void work(unsigned number) {
    (void)number;
    thrum_latch_count_down(&ready);
    thrum_latch_wait(&gate);
    thrum_u32_fetch_add_relaxed(&started, 1);
}

int main(void) {
    crew workers = {.size = 0};
    while (workers.size < WORKERS) crew_start(&workers, work);
    thrum_latch_wait(&ready);
    printf("%d to go, %u started\n", thrum_latch_count(&ready), thrum_u32_load_relaxed(&started));
    thrum_latch_count_down(&gate);
    crew_join(&workers);
    printf("%u started\n", thrum_u32_load_relaxed(&started));
    printf("once more: %s\n", thrum_result_name(thrum_latch_reset(&ready, WORKERS)));
    printf("it is not open now: %s\n", thrum_result_name(thrum_latch_reset(&ready, 1)));
    return 0;
}
