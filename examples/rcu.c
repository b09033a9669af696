/* SPDX-License-Identifier: MIT */
/* rcu: a list that threads walk without a lock, while another takes entries out and frees them. */
#include "crew.h"

enum { READERS = 2, ENTRIES = 100, ROUNDS = 200 };

typedef struct entry {
    thrum_rcu_head head;
    struct entry *next;
    int number, minus; /* minus is -number, until it is freed */
} entry;

static entry *first;
static thrum_lock writers;
static thrum_u32 over, seen_freed, freed;

static void walk(unsigned number) {
    (void)number;
    while (!thrum_u32_load_acquire(&over)) {
        THRUM_WITH_RCU {
            for (const entry *e = thrum_rcu_read(&first); e; e = thrum_rcu_read(&e->next))
                if (e->number + e->minus != 0) thrum_u32_store_relaxed(&seen_freed, 1);
        }
    }
}

static void free_entry(thrum_rcu_head *head) {
    entry *const e = (entry *)(void *)head; /* its first member */
    e->minus = 1;
    free(e);
    thrum_u32_fetch_add_release(&freed, 1);
}

static void put_in(int number) {
    entry *const e = malloc(sizeof *e);
    if (!e) exit(1);
    e->number = number;
    e->minus = -number;
    THRUM_WITH(&writers) {
        e->next = first;
        thrum_rcu_publish(&first, e); /* a reader that finds it finds it whole */
    }
}

/* A reader that stands at an entry which is taken out still finds the way on. */
static void take_out_all(void) {
    THRUM_WITH(&writers) {
        for (entry *e; (e = first);) {
            thrum_rcu_publish(&first, e->next);
            thrum_rcu_retire(&e->head, free_entry);
        }
    }
}

static void change(unsigned number) {
    (void)number;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 1; i <= ENTRIES; i++) put_in(i);
        take_out_all();
    }
    thrum_u32_store_release(&over, 1);
}

int main(void) {
    crew all = {.size = 0};
    while (all.size < READERS) crew_start(&all, walk);
    crew_start(&all, change);
    crew_join(&all);
    if (thrum_rcu_barrier() != THRUM_OK) return 1; /* until all that was retired is gone */
    printf("entries freed: %u\n", (unsigned)thrum_u32_load_acquire(&freed));
    printf("a reader saw one of them: %s\n", crew_yes(thrum_u32_load_relaxed(&seen_freed)));
    thrum_shutdown();
}
