/* SPDX-License-Identifier: MIT */
/*
 * A thread waits for a future, and holds the lock that the future's job waits for. Another thread waits for
 * an event.
 */
#include "start.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <thrum.h>
#include <unistd.h>

static thrum_lock ledger;
static thrum_event asked, never;
static thrum_executor *pool;

static int add_up(void *unused, void **value) {
    (void)unused;
    THRUM_WITH(&ledger) *value = NULL;
    return 0;
}

static void *ask(void *unused) {
    thrum_future *sum;
    THRUM_WITH(&ledger) {
        if (thrum_executor_submit(pool, add_up, NULL, &sum) != THRUM_OK) abort();
        thrum_event_set(&asked);
        if (thrum_future_result(sum, NULL) != THRUM_OK) abort();
    }
    return unused;
}

static void *wait(void *unused) {
    thrum_event_wait(&never);
    return unused;
}

static unsigned waiting(void) {
    static char text[4096];
    const int file = memfd_create("dump", 0);
    if (file < 0 || thrum_dump(file) != THRUM_OK || pread(file, text, sizeof text - 1, 0) < 0) exit(1);
    close(file);
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, ": waits ")); at++) count++;
    return count;
}

int main(void) {
    const thrum_executor_config config = {.prefix = "pool"};
    if (thrum_executor_new(&pool, 2, &config) != THRUM_OK) return 1;
    start(wait, "waits");
    start(ask, "asks");
    thrum_event_wait(&asked);
    while (waiting() < 3) thrum_futex_nap(thrum_after_ms(20));
    abort();
}
