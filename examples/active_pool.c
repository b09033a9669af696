/* SPDX-License-Identifier: MIT */
/* semaphore: a pool of two connections; each line names the threads that use one at that moment. */
#include "crew.h"

enum { THREADS = 6, CONNECTIONS = 2 };

static thrum_semaphore connections = THRUM_SEMAPHORE_INIT(CONNECTIONS);
static thrum_lock lock;
static bool active[THREADS]; /* the lock protects it */

static void show_active(void) {
    printf("active:");
    for (unsigned i = 0; i < THREADS; i++)
        if (active[i]) printf(" worker-%u", i);
    printf("\n");
}

static void mark(unsigned number, bool uses) {
    THRUM_WITH(&lock) {
        active[number] = uses;
        show_active();
    }
}

static void use_connection(unsigned number) {
    THRUM_WITH(&connections) {
        mark(number, true);
        crew_sleep_ms(5); /* the work */
        mark(number, false);
    }
}

int main(void) {
    crew_run(THREADS, use_connection);
    return 0;
}
