/* SPDX-License-Identifier: MIT */
/* rwlock: a table that many read and few change; reading excludes nobody but a writer. */
#include "crew.h"

enum { READERS = 4, CHANGES = 1000 };

static thrum_rwlock guard;
static int low, high; /* a reader never sees them differ */
static thrum_u32 inside, torn, over;

/* Each stays until all are inside: they can be so only together. */
static void read_together(unsigned number) {
    (void)number;
    THRUM_WITH_READ(&guard) {
        thrum_u32_fetch_add_relaxed(&inside, 1);
        while (thrum_u32_load_relaxed(&inside) < READERS) thrum_futex_yield();
    }
}

static void look(unsigned number) {
    (void)number;
    while (!thrum_u32_load_acquire(&over)) {
        THRUM_WITH_READ(&guard) {
            if (low != high) thrum_u32_store_relaxed(&torn, 1);
        }
    }
}

static void change(unsigned number) {
    (void)number;
    for (int i = 0; i < CHANGES; i++) {
        THRUM_WITH_WRITE(&guard) {
            low++;
            high++;
        }
    }
    thrum_u32_store_release(&over, 1);
}

int main(void) {
    crew readers = {.size = 0};
    while (readers.size < READERS) crew_start(&readers, read_together);
    crew_join(&readers);
    printf("readers inside at once: %d\n", READERS);

    crew all = {.size = 0};
    while (all.size < READERS) crew_start(&all, look);
    crew_start(&all, change);
    crew_join(&all);
    printf("changes: %d, half of one was seen: %s\n", low, crew_yes(thrum_u32_load_relaxed(&torn)));

    thrum_rwlock_acquire_write(&guard);
    low = high = 7;
    thrum_rwlock_downgrade(&guard); /* others may read, and nobody writes before this one has read */
    printf("a second reader gets in: %s", crew_yes(thrum_rwlock_try_acquire_read(&guard)));
    printf(", a writer: %s\n", crew_yes(thrum_rwlock_try_acquire_write(&guard)));
    thrum_rwlock_release_read(&guard);
    thrum_rwlock_release_read(&guard);
    printf("a release too many: %s\n", thrum_result_name(thrum_rwlock_release_read(&guard)));
    thrum_shutdown();
}
