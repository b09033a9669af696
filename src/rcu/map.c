/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Entries in liburcu's table, cds_lfht, of its bp flavour.
 *
 * I1: an entry is never written to once it is in the table, but by the table itself: a put of a key that is there replaces its
 *     entry, and whoever has found the old one keeps reading it.
 * I2: an entry is retired by the one call that took it out of the table, and freed after the grace period.
 * I3: the table is resized in the helper's thread only, as a callback like any other; at most one resize is on its way for a
 *     map, and it comes before the map's end, for callbacks come in the order of their retires. liburcu's own resizing
 *     is not used: it starts a thread, and ends the process where it cannot.
 *
 * ThreadSanitizer sees nothing of what the table does, which is liburcu's compiled code. It is told: an entry that goes in is
 * released, one that is found is acquired; what is done with it until its end, rcu tells.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tell.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <thrum/counter.h>
#include <thrum/futex.h>
#include <thrum/map.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-bp.h>

/* Entries and buckets are compared at one change in so many, chosen by the key's hash. */
#define LOOK_EVERY 32
/* The fewest buckets; the most, at 16 bytes a bucket, fill half of what addresses reach. */
#define FEWEST_BUCKETS 64u
#define MOST_BUCKETS ((size_t)1 << 42)
/* Fewer entries than this share of the buckets, and the table shrinks. */
#define SPARSE 16
#define PLACES 32

/* What a look-up needs lies together. */
typedef struct entry {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    struct cds_lfht_node node;
    void *value;
    uint64_t number; /* or how many bytes */
    bool is_number;
    char bytes[];
} entry;

struct thrum_map {
    thrum_counter_slot places[PLACES];
    thrum_sharded_counter count;
    struct cds_lfht *table;
    uint64_t seed;
    uint64_t fewest;    /* buckets with which it began */
    thrum_u64 buckets;  /* the helper changes it; relaxed: whoever looks only compares */
    thrum_u32 resizing; /* 1: a resize is on its way */
    thrum_rcu_head resize, end;
    void (*destroy)(void *value);
};

/* --- keys ---------------------------------------------------------------------------------------- */

/* Each step can be undone, so that no two words give one; the odd constants have no structure. */
static uint64_t mix(uint64_t word) {
    word ^= word >> 32;
    word *= UINT64_C(0x9e3779b97f4a7c15);
    word ^= word >> 29;
    word *= UINT64_C(0xd1b54a32d192ed03);
    return word ^ word >> 32;
}

static unsigned long hash(const thrum_map *map, thrum_map_key key) {
    uint64_t sum = mix(map->seed ^ key.number);
    const char *bytes = key.bytes;
    if (!bytes) return (unsigned long)sum;
    uint64_t word;
    uint64_t left = key.number;
    for (; left >= sizeof word; left -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        sum = mix(sum ^ word);
    }
    word = UINT64_C(0x80) << 56; /* not what a number's hash ends with */
    memcpy(&word, bytes, (size_t)left);
    return (unsigned long)mix(sum ^ word);
}

static entry *entry_of(struct cds_lfht_node *node) {
    return caa_container_of(node, entry, node);
}

static int match(struct cds_lfht_node *node, const void *sought) {
    const entry *const e = entry_of(node);
    const thrum_map_key *const key = sought;
    THRUM_TELL_ACQUIRE(e);
    if (e->number != key->number || e->is_number != !key->bytes) return false;
    return e->is_number || memcmp(e->bytes, key->bytes, (size_t)key->number) == 0;
}

/* --- its size ------------------------------------------------------------------------------------ */

/* The least power of two that is not less. */
static uint64_t power_of_two(uint64_t least) {
    uint64_t power = FEWEST_BUCKETS;
    while (power < least) power *= 2;
    return power;
}

static uint64_t buckets_for(const thrum_map *map) {
    const uint64_t wanted = power_of_two(2 * (uint64_t)thrum_map_count(map));
    return wanted < map->fewest ? map->fewest : wanted;
}

/* The table takes it, and does not ask: so it is asked for here. */
static bool is_memory_for(uint64_t buckets) {
    void *const memory = calloc((size_t)buckets, sizeof(struct cds_lfht_node));
    free(memory);
    return memory != NULL;
}

/* In the helper (I3). */
static void resize(thrum_rcu_head *head) {
    thrum_map *const map = caa_container_of(head, thrum_map, resize);
    const uint64_t wanted = buckets_for(map);
    if (wanted < thrum_u64_load_relaxed(&map->buckets) || is_memory_for(wanted)) {
        cds_lfht_resize(map->table, (unsigned long)wanted);
        thrum_u64_store_relaxed(&map->buckets, wanted);
    }
    thrum_u32_store_release(&map->resizing, 0); /* M1: release, pairs with M1 where the next is asked for */
}

static void look_at_size(thrum_map *map, unsigned long hash_of_change) {
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

/* --- entries --------------------------------------------------------------------------------------- */

static entry *make(const thrum_map *map, thrum_map_key key, void *value) {
    const int saved = errno;
    const size_t size = key.bytes ? (size_t)key.number : 0;
    entry *const e = size < SIZE_MAX - sizeof *e ? malloc(offsetof(entry, bytes) + size) : NULL;
    errno = saved;
    if (!e) return NULL;
    cds_lfht_node_init(&e->node);
    e->destroy = map->destroy;
    e->value = value;
    e->number = key.number;
    e->is_number = !key.bytes;
    if (size) memcpy(e->bytes, key.bytes, size);
    return e;
}

static void destroy(entry *e) {
    if (e->destroy) e->destroy(e->value);
    free(e);
}

static void destroy_retired(thrum_rcu_head *head) {
    destroy(caa_container_of(head, entry, retired));
}

void *thrum_map_get(const thrum_map *map, thrum_map_key key) {
    struct cds_lfht_iter at;
    cds_lfht_lookup(map->table, hash(map, key), match, &key, &at);
    struct cds_lfht_node *const node = cds_lfht_iter_get_node(&at);
    return node ? entry_of(node)->value : NULL;
}

thrum_result thrum_map_put(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    entry *const e = make(map, key, value);
    if (!e) return THRUM_NO_MEMORY;
    const unsigned long h = hash(map, key);
    THRUM_TELL_RELEASE(e);
    thrum_rcu_read_begin();
    struct cds_lfht_node *const before = cds_lfht_add_replace(map->table, h, match, &key, &e->node);
    thrum_rcu_read_end();
    if (before) {
        thrum_rcu_retire(&entry_of(before)->retired, destroy_retired); /* I2 */
    } else {
        thrum_sharded_counter_add(&map->count, 1);
        look_at_size(map, h);
    }
    return THRUM_OK;
}

thrum_result thrum_map_add(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    entry *const e = make(map, key, value);
    if (!e) return THRUM_NO_MEMORY;
    const unsigned long h = hash(map, key);
    THRUM_TELL_RELEASE(e);
    thrum_rcu_read_begin();
    const bool added = cds_lfht_add_unique(map->table, h, match, &key, &e->node) == &e->node;
    thrum_rcu_read_end();
    if (!added) {
        free(e);
        return THRUM_EXISTS;
    }
    thrum_sharded_counter_add(&map->count, 1);
    look_at_size(map, h);
    return THRUM_OK;
}

thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key) {
    const unsigned long h = hash(map, key);
    struct cds_lfht_iter at;
    thrum_rcu_read_begin();
    struct cds_lfht_node *node;
    do { /* one that was found may be replaced before it is taken out */
        cds_lfht_lookup(map->table, h, match, &key, &at);
        node = cds_lfht_iter_get_node(&at);
    } while (node && cds_lfht_del(map->table, node));
    thrum_rcu_read_end();
    if (!node) return THRUM_NOT_FOUND;
    thrum_rcu_retire(&entry_of(node)->retired, destroy_retired); /* I2 */
    thrum_sharded_counter_add(&map->count, -1);
    look_at_size(map, h);
    return THRUM_OK;
}

size_t thrum_map_count(const thrum_map *map) {
    const int64_t count = thrum_sharded_counter_sum(&map->count);
    return count < 0 ? 0 : (size_t)count; /* a sum that missed an add may have seen its removal */
}

void thrum_map_each(const thrum_map *map, thrum_map_visit *visit, void *argument) {
    struct cds_lfht_iter at;
    thrum_rcu_read_begin();
    for (cds_lfht_first(map->table, &at); cds_lfht_iter_get_node(&at); cds_lfht_next(map->table, &at)) {
        entry *const e = entry_of(cds_lfht_iter_get_node(&at));
        THRUM_TELL_ACQUIRE(e);
        const thrum_map_key key = {e->is_number ? NULL : e->bytes, e->number};
        if (!visit(key, e->value, argument)) break;
    }
    thrum_rcu_read_end();
}

/* --- the map --------------------------------------------------------------------------------------- */

static uint64_t draw_seed(const void *place) {
    uint64_t seed = 0;
    const int saved = errno;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = mix(thrum_futex_now_ns() ^ (uint64_t)(uintptr_t)place);
    errno = saved;
    return seed;
}

thrum_result thrum_map_new(thrum_map **into, const thrum_map_config *config) {
    static const thrum_map_config standard;
    if (!config) config = &standard;
    if (config->expected > MOST_BUCKETS) return THRUM_LIMIT;
    const uint64_t buckets = power_of_two(config->expected);
    const int saved = errno;
    thrum_map *const map = aligned_alloc(_Alignof(thrum_map), sizeof *map);
    struct cds_lfht *table = NULL;
    if (map && is_memory_for(2 * buckets))
        table = cds_lfht_new_flavor((unsigned long)buckets, FEWEST_BUCKETS, 0, 0, &urcu_bp_flavor, NULL);
    errno = saved;
    if (!table) {
        free(map);
        return THRUM_NO_MEMORY;
    }
    memset(map, 0, sizeof *map);
    (void)!thrum_sharded_counter_init(&map->count, map->places, PLACES);
    map->table = table;
    map->seed = draw_seed(map);
    map->fewest = buckets;
    thrum_u64_store_relaxed(&map->buckets, buckets);
    map->destroy = config->destroy;
    *into = map;
    return THRUM_OK;
}

/* In the helper; nobody else knows the map any more. */
static void end(thrum_rcu_head *head) {
    thrum_map *const map = caa_container_of(head, thrum_map, end);
    struct cds_lfht_iter at;
    thrum_rcu_read_begin(); /* liburcu wants one */
    cds_lfht_first(map->table, &at);
    for (struct cds_lfht_node *node; (node = cds_lfht_iter_get_node(&at));) {
        cds_lfht_next(map->table, &at);
        (void)cds_lfht_del(map->table, node);
        THRUM_TELL_ACQUIRE(entry_of(node));
        destroy(entry_of(node));
    }
    thrum_rcu_read_end();
    (void)cds_lfht_destroy(map->table, NULL);
    free(map);
}

void thrum_map_free(thrum_map *map) {
    thrum_rcu_retire(&map->end, end);
}

size_t thrum_map_describe(const thrum_map *map, char *text, size_t size) {
    const size_t count = thrum_map_count(map);
    return (size_t)snprintf(text, size, "map: %zu entr%s, %zu buckets", count, count == 1 ? "y" : "ies",
                            (size_t)thrum_u64_load_relaxed(&map->buckets));
}
