/* SPDX-License-Identifier: MIT */
/* snapshot: settings that threads read all the time and that are swapped while they do. */
#include "crew.h"

enum { READERS = 2, CHANGES = 1000 };

typedef struct settings {
    int limit, twice_the_limit; /* a reader that saw one of two versions in part would see them disagree */
} settings;

static thrum_snapshot cell;
static thrum_u32 over, torn, destroyed;

static void look(unsigned number) {
    (void)number;
    while (!thrum_u32_load_acquire(&over)) {
        THRUM_WITH_SNAPSHOT(const settings *now, &cell) {
            if (now && now->twice_the_limit != 2 * now->limit) thrum_u32_store_relaxed(&torn, 1);
        }
    }
}

static void destroy(void *version) {
    free(version);
    thrum_u32_fetch_add_release(&destroyed, 1);
}

/* One version is made of the one before: no other writer comes in between. */
static thrum_result raise_limit(const void *now, void *by, void **next) {
    settings *const fresh = malloc(sizeof *fresh);
    if (!fresh) return THRUM_NO_MEMORY;
    fresh->limit = (now ? ((const settings *)now)->limit : 0) + *(const int *)by;
    fresh->twice_the_limit = 2 * fresh->limit;
    *next = fresh;
    return THRUM_OK;
}

static void change(unsigned number) {
    (void)number;
    int one = 1;
    for (int i = 0; i < CHANGES; i++)
        if (thrum_snapshot_update(&cell, raise_limit, &one, destroy) != THRUM_OK) exit(1);
}

int main(void) {
    crew readers = {.size = 0}, writers = {.size = 0};
    while (readers.size < READERS) crew_start(&readers, look);
    while (writers.size < 2) crew_start(&writers, change);
    crew_join(&writers);
    thrum_u32_store_release(&over, 1);
    crew_join(&readers);
    THRUM_WITH_SNAPSHOT(const settings *now, &cell)
    printf("the limit after %d changes: %d\n", 2 * CHANGES, now->limit);
    printf("a version was seen in part: %s\n", crew_yes(thrum_u32_load_relaxed(&torn)));

    THRUM_WITH_SNAPSHOT(const settings *mine, &cell) {
        int hundred = 100;
        if (thrum_snapshot_update(&cell, raise_limit, &hundred, destroy) != THRUM_OK) exit(1);
        THRUM_WITH_SNAPSHOT(const settings *now, &cell) printf("set meanwhile: %d", now->limit);
        printf(", still read here: %d\n", mine->limit);
    }
    thrum_snapshot_clear(&cell);
    if (thrum_rcu_barrier() != THRUM_OK) return 1; /* until all that was retired is gone */
    printf("versions destroyed: %u\n", (unsigned)thrum_u32_load_acquire(&destroyed));
    thrum_shutdown();
}
