/* SPDX-License-Identifier: MIT */
/*
 * The fake database: two threads read a value, work, and write it back; one update is lost. Then with a lock.
 */
#include "crew.h"

static thrum_u32 value; /* relaxed: the loss shown here is that of the order, not of the access */
static thrum_lock lock;
static thrum_event second_has_read, first_has_written;

/* The second thread reads before the first has written, as a slow database lets it. */
static void update(unsigned number) {
    if (number == 1) {
        const uint32_t copy = thrum_u32_load_relaxed(&value) + 1;
        thrum_event_set(&second_has_read);
        thrum_event_wait(&first_has_written);
        thrum_u32_store_relaxed(&value, copy);
    } else {
        const uint32_t copy = thrum_u32_load_relaxed(&value) + 1;
        thrum_event_wait(&second_has_read);
        thrum_u32_store_relaxed(&value, copy);
        thrum_event_set(&first_has_written);
    }
}

static void update_locked(unsigned number) {
    (void)number;
    THRUM_WITH(&lock) {
        const uint32_t copy = thrum_u32_load_relaxed(&value) + 1;
        thrum_futex_nap(thrum_after_ms(5)); /* the work */
        thrum_u32_store_relaxed(&value, copy);
    }
}

int main(void) {
    crew_run(2, update);
    printf("two updates, not locked: %u\n", thrum_u32_load_relaxed(&value));
    thrum_u32_store_relaxed(&value, 0);
    crew_run(2, update_locked);
    printf("two updates, locked: %u\n", thrum_u32_load_relaxed(&value));
    thrum_shutdown();
}
