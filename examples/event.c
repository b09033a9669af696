/* SPDX-License-Identifier: MIT */
/* event: workers that start together; a wait with a deadline; a thread that another one stops. */
#include "crew.h"

#include <thrum.h>

static thrum_event begin, working, stop, stopped;
static thrum_u32 begun;

static void start_together(unsigned number) {
    (void)number;
    thrum_event_wait(&begin);
    thrum_u32_fetch_add_relaxed(&begun, 1);
}

static void tick_until_stopped(unsigned number) {
    (void)number;
    unsigned ticks = 0;
    while (thrum_event_wait_until(&stop, thrum_after_ms(5)) == THRUM_TIMEOUT)
        if (++ticks == 3) {
            printf("doing other work\n");
            thrum_event_set(&working);
        }
    thrum_event_set(&stopped);
}

int main(void) {
    crew workers = {.size = 0};
    while (workers.size < 3) crew_start(&workers, start_together);
    printf("set: %s, begun: %u\n", thrum_event_is_set(&begin) ? "true" : "false",
           thrum_u32_load_relaxed(&begun));
    thrum_event_set(&begin);
    crew_join(&workers);
    printf("set: %s, begun: %u\n", thrum_event_is_set(&begin) ? "true" : "false",
           thrum_u32_load_relaxed(&begun));

    crew_start(&workers, tick_until_stopped);
    thrum_event_wait(&working);
    printf("stopped by itself: %s\n",
           thrum_result_name(thrum_event_wait_until(&stopped, thrum_after_ms(20))));
    thrum_event_set(&stop);
    thrum_event_wait(&stopped);
    printf("stopped\n");
    crew_join(&workers);
    return 0;
}
