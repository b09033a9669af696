/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Entries in liburcu's table, cds_lfht, of its bp flavour.
 *
 * I1: of an entry in the table only the value changes, by a compare-and-swap, and never from 0. A put of a key that is there
 *     puts its value in the place of the one before.
 * I2: who takes an entry out of the table then takes its value, and leaves 0 for good: that is the moment of the removal. A put
 *     that has found the entry before, and has put its value there first, came before the removal, which takes that value; one
 *     that finds 0 came after it, and begins anew. A look-up that finds 0 finds nothing.
 * I5: an entry is retired by the one call that took it out of the table, a value by the one that took it out of its entry.
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

/* The object in which the member lies. */
#define OBJECT_OF(member_pointer, type, member) \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

/* What a look-up needs lies together. */
typedef struct entry {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    void *last; /* its value when it was removed */
    struct cds_lfht_node node;
    thrum_u64 value; /* a pointer; 0: it has been removed (I2) */
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
    return OBJECT_OF(node, entry, node);
}

static int match(struct cds_lfht_node *node, const void *sought) {
    const entry *const e = entry_of(node);
    const thrum_map_key *const key = sought;
    THRUM_TELL_ACQUIRE(e);
    if (e->number != key->number || e->is_number != !key->bytes) return false;
    return e->is_number || memcmp(e->bytes, key->bytes, (size_t)key->number) == 0;
}

/* What is left of a value when its entry has another. */
typedef struct former {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    void *value;
} former;

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
    thrum_map *const map = OBJECT_OF(head, thrum_map, resize);
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
    e->last = NULL;
    thrum_u64_store_relaxed(&e->value, (uint64_t)(uintptr_t)value); /* relaxed: M2 publishes it */
    e->number = key.number;
    e->is_number = !key.bytes;
    if (size) memcpy(e->bytes, key.bytes, size);
    return e;
}

static void *pointer(uint64_t value) {
    return (void *)(uintptr_t)value;
}

/* An entry of which nobody knows any more. */
static void destroy(entry *e) {
    /* relaxed: the retire, or the map's end, orders it */
    void *const value = e->last ? e->last : pointer(thrum_u64_load_relaxed(&e->value));
    if (e->destroy) e->destroy(value);
    free(e);
}

static void destroy_retired(thrum_rcu_head *head) {
    destroy(OBJECT_OF(head, entry, retired));
}

static void destroy_former(thrum_rcu_head *head) {
    former *const f = OBJECT_OF(head, former, retired);
    f->destroy(f->value);
    free(f);
}

static void *value_of(entry *e) {
    const uint64_t value = thrum_u64_load_acquire(&e->value); /* M3: acquire, pairs with M3 in replace */
    THRUM_TELL_OWN_ACQUIRE(&e->value);
    return pointer(value);
}

/* Puts the value into an entry that was found. THRUM_NOT_FOUND: it has been removed meanwhile. In a read section. */
static thrum_result replace(entry *e, void *value) {
    former *f = NULL;
    if (e->destroy) {
        const int saved = errno;
        f = malloc(sizeof *f);
        errno = saved;
        if (!f) return THRUM_NO_MEMORY;
    }
    THRUM_TELL_OWN_RELEASE(&e->value);
    uint64_t before = thrum_u64_load_relaxed(&e->value);
    /* M3: release, pairs with M3 in value_of; acquire: who destroys the one before sees what was written to it */
    while (before && !thrum_u64_cas_acq_rel(&e->value, &before, (uint64_t)(uintptr_t)value)) {
    }
    if (!before) {
        free(f);
        return THRUM_NOT_FOUND;
    }
    if (f) {
        f->destroy = e->destroy;
        f->value = pointer(before);
        thrum_rcu_retire(&f->retired, destroy_former); /* I5 */
    }
    return THRUM_OK;
}

/* Adds the entry if there is none of its key; the one that is there otherwise. In a read section. */
static entry *add(thrum_map *map, unsigned long hash_of_key, thrum_map_key key, entry *e) {
    THRUM_TELL_RELEASE(e);
    entry *const there = entry_of(cds_lfht_add_unique(map->table, hash_of_key, match, &key, &e->node));
    if (there != e) return there;
    thrum_sharded_counter_add(&map->count, 1);
    look_at_size(map, hash_of_key);
    return NULL;
}

static entry *find(const thrum_map *map, unsigned long hash_of_key, thrum_map_key key) {
    struct cds_lfht_iter at;
    cds_lfht_lookup(map->table, hash_of_key, match, &key, &at);
    struct cds_lfht_node *const node = cds_lfht_iter_get_node(&at);
    return node ? entry_of(node) : NULL;
}

void *thrum_map_get(const thrum_map *map, thrum_map_key key) {
    entry *const e = find(map, hash(map, key), key);
    return e ? value_of(e) : NULL;
}

thrum_result thrum_map_put(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    const unsigned long h = hash(map, key);
    entry *fresh = NULL;
    thrum_result result = THRUM_NOT_FOUND;
    thrum_rcu_read_begin();
    while (result == THRUM_NOT_FOUND) { /* again, where what was found has been removed meanwhile (I2) */
        entry *there = find(map, h, key);
        if (!there) {
            if (!fresh) fresh = make(map, key, value);
            result = fresh ? THRUM_OK : THRUM_NO_MEMORY;
            there = fresh ? add(map, h, key, fresh) : NULL;
            if (!there) fresh = NULL; /* it is the map's, or there is none */
        }
        if (there) result = replace(there, value);
    }
    thrum_rcu_read_end();
    free(fresh); /* another was quicker */
    return result;
}

thrum_result thrum_map_add(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    entry *const e = make(map, key, value);
    if (!e) return THRUM_NO_MEMORY;
    thrum_rcu_read_begin();
    const bool added = !add(map, hash(map, key), key, e);
    thrum_rcu_read_end();
    if (added) return THRUM_OK;
    free(e);
    return THRUM_EXISTS;
}

thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key) {
    const unsigned long h = hash(map, key);
    thrum_rcu_read_begin();
    entry *const e = find(map, h, key);
    const bool removed = e && cds_lfht_del(map->table, &e->node) == 0;
    thrum_rcu_read_end();
    if (!removed) return THRUM_NOT_FOUND;
    /* I2. M3: acquire, as in replace */
    e->last = pointer(thrum_u64_exchange_acquire(&e->value, 0));
    THRUM_TELL_OWN_ACQUIRE(&e->value);
    thrum_rcu_retire(&e->retired, destroy_retired); /* I5 */
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
        void *const value = value_of(e);
        if (value && !visit(key, value, argument)) break;
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
    thrum_map *const map = OBJECT_OF(head, thrum_map, end);
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
