/* SPDX-License-Identifier: MIT */
/* What stands on liburcu: threads with results, each with a value of its own, in the registry, and a timer. */
#include <stdint.h>
#include <stdio.h>

#include <thrum.h>

enum { THREADS = 4 };

static thrum_local mine = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);
static int handed[THREADS]; /* plain: join is what orders it */
static int fired;

static void *work(void *argument) {
    int *const slot = argument, *const value = thrum_local_get(&mine);
    if (!value) return NULL;
    *value += (int)(slot - handed) + 1;
    *slot = *value;
    return slot;
}

static void fire(void *unused) {
    (void)unused;
    fired++;
}

int main(void) {
    thrum_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        const thrum_thread_config config = {.target = work, .argument = &handed[i]};
        if (thrum_thread_spawn(&threads[i], &config) != THRUM_OK) return 1;
    }
    thrum_timer timer;
    if (thrum_timer_init(&timer, 0.001, fire, NULL) != THRUM_OK) return 1;
    if (thrum_timer_start(&timer) != THRUM_OK) return 1;
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        if (thrum_thread_join(threads[i], &result) != THRUM_OK || result != &handed[i]) return 1;
        thrum_thread_release(threads[i]);
        sum += handed[i];
    }
    if (thrum_timer_join(&timer) != THRUM_OK) return 1;
    thrum_timer_release(&timer);
    printf("%d %d %zu\n", sum, fired, thrum_active_count());
    return sum == 10 && fired == 1 && thrum_active_count() == 1 ? 0 : 1;
}
