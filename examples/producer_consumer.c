/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers with a queue between them, and an event that ends it; every message comes out once.
 */
#include "crew.h"

enum { PRODUCERS = 2, CONSUMERS = 2, MESSAGES = 200, BOUND = 10 };

static thrum_queue pipeline;
static thrum_event enough;
static thrum_u32 seen[PRODUCERS * MESSAGES];
static int messages[PRODUCERS * MESSAGES];

static void produce(unsigned number) {
    for (int i = 0; i < MESSAGES; i++)
        if (thrum_queue_put(&pipeline, &messages[(int)number * MESSAGES + i]) != THRUM_OK) abort();
}

/*
 * Until the event is set, and then until nothing is left: a queue that was empty before the event says
 * nothing.
 */
static void consume(unsigned number) {
    (void)number;
    for (;;) {
        const bool last = thrum_event_is_set(&enough);
        void *message;
        const thrum_result result = thrum_queue_get_until(&pipeline, &message, thrum_after_ms(5));
        if (result == THRUM_OK)
            thrum_u32_fetch_add_relaxed(&seen[(int *)message - messages], 1);
        else if (last)
            return;
    }
}

int main(void) {
    if (thrum_queue_init(&pipeline, &(thrum_queue_config){.bound = BOUND}) != THRUM_OK) return 1;
    crew consumers = {.size = 0};
    while (consumers.size < CONSUMERS) crew_start(&consumers, consume);
    crew_run(PRODUCERS, produce);
    printf("the producers have put %d messages\n", PRODUCERS * MESSAGES);
    thrum_event_set(&enough);
    crew_join(&consumers);
    int once = 0;
    for (int i = 0; i < PRODUCERS * MESSAGES; i++) once += thrum_u32_load_relaxed(&seen[i]) == 1;
    printf("the consumers have got %d, each once\n", once);
    printf("left in the queue: %zu\n", thrum_queue_size(&pipeline));
    thrum_queue_destroy(&pipeline);
    thrum_shutdown();
}
