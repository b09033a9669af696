/* SPDX-License-Identifier: MIT */
/* cond: a worker prepares data and notifies; consumers wait for it, all at once; a wait with a predicate. */
#include "crew.h"

#include <thrum.h>

enum { CONSUMERS = 3 };

static thrum_lock lock;
static thrum_cond prepared = THRUM_COND_INIT(&lock), taken = THRUM_COND_INIT(&lock);
static const char *data; /* the lock protects all three */
static unsigned consumed, consumed_by[CONSUMERS];

static void consume(unsigned number) {
    THRUM_WITH(&lock) {
        while (data == NULL) thrum_cond_wait(&prepared); /* releases the lock while it waits */
        consumed_by[consumed++] = number;
        thrum_cond_notify(&taken, 1);
    }
}

static int all_have_it(void *unused) {
    (void)unused;
    return consumed == CONSUMERS;
}

int main(void) {
    crew consumers = {.size = 0};
    while (consumers.size < CONSUMERS) crew_start(&consumers, consume);
    THRUM_WITH(&lock) {
        data = "the data";
        thrum_cond_notify_all(&prepared);
        printf("prepared\n");
        if (thrum_cond_wait_for(&taken, all_have_it, NULL, thrum_after(10)) == THRUM_OK)
            printf("all %u consumers have %s\n", consumed, data);
        unsigned sum = 0;
        for (unsigned i = 0; i < CONSUMERS; i++) sum += 1u << consumed_by[i];
        printf("each once: %s\n", sum == (1u << CONSUMERS) - 1 ? "yes" : "no");
        printf("nobody notifies: %s\n", thrum_result_name(thrum_cond_wait_until(&taken, thrum_after_ms(20))));
    }
    crew_join(&consumers);
    return 0;
}
