/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. How a map's table grows and shrinks: in the helper's thread, as a callback like any other. At most
 * one resize is on its way for a map, and it comes before the map's end, for callbacks come in the order of
 * their retires. liburcu's own resizing is not used: it starts a thread, and ends the process where it
 * cannot.
 */
#include "map_inside.h"
#include "retire.h"

#include <stdlib.h>

/* Entries and buckets are compared at one change in so many, chosen by the key's hash. */
#define LOOK_EVERY 32
#define FEWEST_BUCKETS 64u
/* Fewer entries than this share of the buckets, and the table shrinks. */
#define SPARSE 16

uint64_t thrum_map_buckets_for_(uint64_t entries) {
    uint64_t power = FEWEST_BUCKETS;
    while (power < entries) power *= 2;
    return power;
}

bool thrum_map_is_memory_for_(uint64_t buckets) {
    /* volatile: else a compiler may take both calls away, and answer for itself */
    void *volatile memory = calloc((size_t)buckets, sizeof(struct cds_lfht_node));
    const bool is = memory != NULL;
    free(memory);
    return is;
}

/* In the helper. A child that was forked amid it would have a table that nobody resizes any more. */
static void resize(thrum_rcu_head *head) {
    thrum_map *const map = OBJECT_OF(head, thrum_map, resize);
    const uint64_t enough = thrum_map_buckets_for_(2 * (uint64_t)thrum_map_count(map));
    const uint64_t wanted = enough < map->fewest ? map->fewest : enough;
    thrum_lock_acquire(&thrum_rcu_undivided_);
    if (wanted < thrum_u64_load_relaxed(&map->buckets) || thrum_map_is_memory_for_(wanted)) {
        cds_lfht_resize(map->table, (unsigned long)wanted);
        thrum_u64_store_relaxed(&map->buckets, wanted);
    }
    thrum_u32_store_release(&map->resizing, 0); /* M1: release, pairs with M1 where the next is asked for */
    thrum_lock_release(&thrum_rcu_undivided_);
}

void thrum_map_look_at_size_(thrum_map *map, unsigned long hash_of_change) {
    if (hash_of_change % LOOK_EVERY) return;
    const uint64_t count = thrum_map_count(map);
    const uint64_t buckets = thrum_u64_load_relaxed(&map->buckets);
    if (count <= buckets && (buckets == map->fewest || count * SPARSE >= buckets)) return;
    uint32_t resizing = 0;
    /* M1: acquire: the head is ours again */
    if (thrum_u32_load_relaxed(&map->resizing) || !thrum_u32_cas_acquire(&map->resizing, &resizing, 1))
        return;
    thrum_rcu_retire(&map->resize, resize);
}
