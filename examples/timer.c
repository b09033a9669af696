/* SPDX-License-Identifier: MIT */
/* A timer that fires, a timer that is cancelled; three ticks of a scheduler's periodic entry. */
#include "crew.h"

static void say(void *text) {
    printf("%s\n", (const char *)text);
}

static thrum_scheduler scheduler;
static thrum_scheduled ticker;
static thrum_event enough;

static void tick(void *count) {
    printf("tick %d\n", ++*(int *)count);
    if (*(int *)count == 3) {
        thrum_scheduler_cancel(&scheduler, &ticker);
        thrum_event_set(&enough);
    }
}

int main(void) {
    static char fires[] = "hello, after a while", is_cancelled[] = "never printed";
    thrum_timer first, second;
    if (thrum_timer_init(&first, 0.05, say, fires) != THRUM_OK) return 1;
    if (thrum_timer_init(&second, 3600, say, is_cancelled) != THRUM_OK) return 1;
    if (thrum_timer_start(&first) != THRUM_OK || thrum_timer_start(&second) != THRUM_OK) return 1;
    thrum_timer_cancel(&second);
    thrum_timer_join(&second);
    thrum_timer_join(&first);
    printf("finished: %s\n", crew_yes(thrum_event_is_set(&first.finished)));
    thrum_timer_release(&first);
    thrum_timer_release(&second);

    int count = 0;
    if (thrum_scheduler_every(&scheduler, &ticker, THRUM_NOW, 10000000, tick, &count) != THRUM_OK) return 1;
    thrum_event_wait(&enough);
    thrum_scheduler_stop(&scheduler);
    thrum_shutdown();
}
