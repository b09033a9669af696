/* SPDX-License-Identifier: MIT */
/* semaphore: ten tasks, two at a time; a pool of connections that knows who uses one. */
#include "crew.h"

#include <thrum.h>

enum { TASKS = 10, CONNECTIONS = 2 };

static thrum_bounded_semaphore pool = THRUM_BOUNDED_SEMAPHORE_INIT(CONNECTIONS);
static thrum_lock lock;
static bool active[TASKS]; /* the lock protects both */
static unsigned most;

static void note(unsigned number, bool begins) {
    THRUM_WITH(&lock) {
        active[number] = begins;
        unsigned now = 0;
        for (unsigned i = 0; i < TASKS; i++) now += active[i];
        if (now > most) most = now;
    }
}

static void use_connection(unsigned number) {
    THRUM_WITH(&pool) {
        note(number, true);
        thrum_futex_nap(thrum_after_ms(5)); /* the work */
        note(number, false);
    }
}

int main(void) {
    crew_run(TASKS, use_connection);
    printf("%d tasks, never more than %d at a time: %s\n", TASKS, CONNECTIONS,
           most <= CONNECTIONS ? "yes" : "no");
    printf("one release too many: %s\n", thrum_result_name(thrum_bounded_semaphore_release(&pool)));

    thrum_bounded_semaphore_acquire(&pool);
    thrum_bounded_semaphore_acquire(&pool);
    printf("a third: %s\n", thrum_bounded_semaphore_try_acquire(&pool) ? "yes" : "no");
    printf("both back: %s\n", thrum_result_name(thrum_bounded_semaphore_release_n(&pool, 2)));
    return 0;
}
