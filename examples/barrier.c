/* SPDX-License-Identifier: MIT */
/* barrier: workers meet, one of them tells; an action between rounds; one that does not come; an abort. */
#include "crew.h"

#include <thrum.h>

enum { WORKERS = 3, ROUNDS = 2 };

static int parts[WORKERS], rounds;

/* Runs once a round, when all have come and before anybody leaves. */
static thrum_result sum_up(void *unused) {
    (void)unused;
    int sum = 0;
    for (int i = 0; i < WORKERS; i++) sum += parts[i];
    printf("round %d: the parts make %d\n", ++rounds, sum);
    return THRUM_OK;
}

static thrum_barrier meeting = THRUM_BARRIER_INIT_WITH(WORKERS, sum_up, NULL, THRUM_BARRIER_NO_TIMEOUT);
static thrum_barrier two = THRUM_BARRIER_INIT(2);

static void work(unsigned number) {
    for (int round = 1; round <= ROUNDS; round++) {
        parts[number] = round * (int)(number + 1);
        int32_t index;
        if (thrum_barrier_wait(&meeting, &index) != THRUM_OK) return;
        if (index == 0) printf("all have met\n"); /* before it comes to the next round */
    }
}

static void wait_for_the_other(unsigned number) {
    (void)number;
    printf("waiting for the other: %s\n", thrum_result_name(thrum_barrier_wait(&two, NULL)));
}

int main(void) {
    crew_run(WORKERS, work);

    printf("nobody else comes: %s\n",
           thrum_result_name(thrum_barrier_wait_until(&two, NULL, thrum_after_ms(20))));
    crew_run(1, wait_for_the_other); /* the barrier is broken for all, until it is reset */
    thrum_barrier_reset(&two);

    crew c = {.size = 0};
    crew_start(&c, wait_for_the_other);
    while (thrum_barrier_waiting(&two) == 0) thrum_futex_yield();
    thrum_barrier_abort(&two);
    crew_join(&c);
    return 0;
}
