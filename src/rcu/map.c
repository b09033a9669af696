/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. A map's beginning and end.
 *
 * map.E1: what uses a map ends before its free, or is in a read section that began before. Its end is a
 *     callback, and so after all of it: it needs no lock. It is called back again and again, so many buckets
 *     at a time.
 */
#include "../futex/errno_kept.h"
#include "map_bucket.h"
#include "retire.h"
#include "size.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most entries: half of what addresses reach, at the usual load. */
#define MOST_ENTRIES ((size_t)1 << 42)

/*
 * So many buckets of a map that ends are destroyed in one callback, between which the helper calls others
 * back. Half as many are twice the callbacks; twice as many make the others wait twice as long.
 */
#ifndef THRUM_MAP_ENDED_AT_ONCE
#define THRUM_MAP_ENDED_AT_ONCE 1024
#endif

static bool begin(thrum_map *map, const thrum_map_config *config) {
    const uint64_t buckets = thrum_map_buckets_for_(config->expected);
    map->seed = thrum_map_draw_seed_(map);
    map->factor = thrum_map_factor_of_(map->seed);
    map->hash = config->hash;
    map->destroy = config->destroy;
    map->table.base = thrum_map_top_(buckets);
    map->more.base = thrum_map_top_(THRUM_MAP_FEWEST_LINES);
    map->fresh = 1; /* 0 stands for none */
    thrum_u64_store_relaxed(&map->buckets, buckets);
    thrum_u64_store_relaxed(&map->mask, buckets - 1);
    thrum_u64_store_relaxed(&map->fewest, buckets);
    THRUM_IGNORE_(
        thrum_sharded_counter_init(&map->count, map->places, sizeof map->places / sizeof map->places[0]));
    return thrum_map_need_bucket_(map, 0);
}

thrum_result thrum_map_new(thrum_map **into, const thrum_map_config *config) {
    static const thrum_map_config standard;
    if (!config) config = &standard;
    if (config->expected > MOST_ENTRIES) return THRUM_LIMIT;
    if (!thrum_map_watch_forks_()) return THRUM_NO_MEMORY;
    THRUM_KEEPS_ERRNO_;
    thrum_map *const map = aligned_alloc(_Alignof(thrum_map), sizeof *map);
    if (!map) return THRUM_NO_MEMORY;
    memset(map, 0, sizeof *map);
    if (!begin(map, config)) {
        free(map);
        return THRUM_NO_MEMORY;
    }
    *into = map;
    return THRUM_OK;
}

thrum_result thrum_map_reserve(thrum_map *map, size_t entries) {
    if (entries > MOST_ENTRIES) return THRUM_LIMIT;
    const uint64_t wanted = (uint64_t)entries * 8 / THRUM_MAP_LOAD + 1;
    thrum_map_close_(); /* map.Z4 */
    if (thrum_u64_load_relaxed(&map->fewest) < wanted) thrum_u64_store_relaxed(&map->fewest, wanted);
    thrum_map_open_();
    thrum_map_enter_();
    const bool grown = thrum_map_grow_to_(map, wanted, UINT32_MAX);
    thrum_map_leave_();
    return grown ? THRUM_OK : THRUM_NO_MEMORY;
}

/* --- the end; map.E1 --------------------------------------------------------------------------------- */

/* Takes an entry of the bucket out and destroys it. False: there is none. A destroy may end the thread. */
static bool destroy_one(thrum_map *map, thrum_map_line_ *bucket) {
    const thrum_map_place_ at = thrum_map_next_entry_(map, (thrum_map_place_){bucket, 0});
    if (!at.line) return false;
    const thrum_map_entry_ entry = thrum_map_entry_at_(at);
    thrum_map_take_out_(map, bucket, at);
    if (entry.is_bytes) free(thrum_map_bytes_at_(entry.key));
    if (map->destroy) map->destroy(thrum_map_pointer_(entry.value));
    return true;
}

/*
 * The next bucket, live or not. NULL: there is no more. No block lies before one with live buckets and is not
 * there: of each there is a bucket that was split off earlier from the same one (map.I1).
 */
static thrum_map_line_ *next_to_end(thrum_map *map) {
    const bool is = thrum_map_block_of_(&map->table, map->ending) < THRUM_MAP_BLOCKS;
    return is ? thrum_map_line_at_(&map->table, map->ending) : NULL;
}

static void destroy_some(thrum_map *map) {
    thrum_map_line_ *bucket;
    for (unsigned n = 0; n < THRUM_MAP_ENDED_AT_ONCE && (bucket = next_to_end(map)); n++, map->ending++) {
        while (destroy_one(map, bucket)) {
        }
    }
}

static void end(thrum_rcu_head *head);

/* However the piece before it was left. */
static void go_on(void *p) {
    thrum_map *const map = p;
    if (next_to_end(map)) {
        thrum_rcu_again_(&map->end, end);
        return;
    }
    thrum_map_free_lines_(&map->table);
    thrum_map_free_lines_(&map->more);
    free(map);
}

static void end(thrum_rcu_head *head) {
    thrum_map *const map = OBJECT_OF(head, thrum_map, end);
    pthread_cleanup_push(go_on, map);
    destroy_some(map);
    pthread_cleanup_pop(1);
}

void thrum_map_free(thrum_map *map) {
    thrum_rcu_retire(&map->end, end);
}

/* --- what it tells ----------------------------------------------------------------------------------- */

size_t thrum_map_describe(const thrum_map *map, char *text, size_t size) {
    const size_t count = thrum_map_count(map);
    return (size_t)snprintf(text, size, "map: %zu entr%s, %zu buckets", count, count == 1 ? "y" : "ies",
                            (size_t)thrum_u64_load_relaxed(&map->buckets));
}
