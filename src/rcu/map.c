/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Entries in liburcu's table, cds_lfht, of its bp flavour.
 *
 * I1: of an entry in the table only the value changes, by a compare-and-swap, and never from 0. A put of a
 *     key that is there puts its value in the place of the one before.
 * I2: who takes an entry out of the table then takes its value, and leaves 0 for good: that is the moment of
 *     the removal. A put that has found the entry before, and has put its value there first, came before the
 *     removal, which takes that value; one that finds 0 came after it, and begins anew. A look-up that finds
 *     0 finds nothing.
 * I3: an entry is retired by the one call that took it out of the table, a value by the one that took it out
 *     of its entry.
 *
 * ThreadSanitizer sees nothing of what the table does, which is liburcu's compiled code. It is told: an entry
 * that goes in is released, one that is found is acquired. What is done with it until its end, rcu tells:
 * every change is made in a read section.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_inside.h"
#include "../atomic/tell.h"
#include "grace.h"
#include "retire.h"
#include "size.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>

/* The most buckets, at 16 bytes each: half of what addresses reach. */
#define MOST_BUCKETS ((size_t)1 << 42)

typedef thrum_map_entry_ entry;

static entry *entry_of(struct cds_lfht_node *node) {
    return OBJECT_OF(node, entry, node);
}

/* What is left of a value when its entry has another. */
typedef struct former {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    void *value;
} former;

/* --- entries --------------------------------------------------------------------------------------- */

static entry *make(const thrum_map *map, thrum_map_key key, void *value) {
    const int saved = errno;
    const size_t length = key.bytes ? (size_t)key.number : 0;
    size_t size;
    entry *const e = thrum_size_(offsetof(entry, bytes), length, 1, &size) ? malloc(size) : NULL;
    errno = saved;
    if (!e) return NULL;
    cds_lfht_node_init(&e->node);
    e->destroy = map->destroy;
    e->last = NULL;
    thrum_u64_store_relaxed(&e->value, (uint64_t)(uintptr_t)value); /* relaxed: M2 publishes it */
    e->number = key.number;
    e->is_number = !key.bytes;
    if (length) memcpy(e->bytes, key.bytes, length);
    return e;
}

static void *pointer(uint64_t value) {
    return (void *)(uintptr_t)value;
}

/* An entry of which nobody knows any more. */
static void destroy(entry *e) {
    /* relaxed: the retire, or the map's end, orders it */
    void *const value = e->last ? e->last : pointer(thrum_u64_load_relaxed(&e->value));
    pthread_cleanup_push(free, e);
    if (e->destroy) e->destroy(value);
    pthread_cleanup_pop(1);
}

static void destroy_retired(thrum_rcu_head *head) {
    destroy(OBJECT_OF(head, entry, retired));
}

static void destroy_former(thrum_rcu_head *head) {
    former *const f = OBJECT_OF(head, former, retired);
    pthread_cleanup_push(free, f);
    f->destroy(f->value);
    pthread_cleanup_pop(1);
}

static void *value_of(entry *e) {
    const uint64_t value = thrum_u64_load_acquire(&e->value); /* M3: acquire, pairs with M3 in replace */
    THRUM_TELL_OWN_ACQUIRE(&e->value);
    return pointer(value);
}

/*
 * Puts the value into an entry that was found. THRUM_NOT_FOUND: it has been removed meanwhile. In a read
 * section.
 */
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
    /*
     * M3: release, pairs with M3 in value_of; acquire: who destroys the one before sees what was written to
     * it
     */
    while (before && !thrum_u64_cas_acq_rel(&e->value, &before, (uint64_t)(uintptr_t)value)) {
    }
    if (!before) {
        free(f);
        return THRUM_NOT_FOUND;
    }
    if (f) {
        f->destroy = e->destroy;
        f->value = pointer(before);
        thrum_rcu_retire(&f->retired, destroy_former); /* I3 */
    }
    return THRUM_OK;
}

/* Adds the entry if there is none of its key; the one that is there otherwise. In a read section. */
static entry *add(thrum_map *map, unsigned long hash_of_key, thrum_map_key key, entry *e) {
    THRUM_TELL_RELEASE(e);
    entry *const there =
        entry_of(cds_lfht_add_unique(map->table, hash_of_key, thrum_map_match_, &key, &e->node));
    if (there != e) return there;
    thrum_sharded_counter_add(&map->count, 1);
    thrum_map_look_at_size_(map, hash_of_key);
    return NULL;
}

static entry *find(const thrum_map *map, unsigned long hash_of_key, thrum_map_key key) {
    struct cds_lfht_iter at;
    cds_lfht_lookup(map->table, hash_of_key, thrum_map_match_, &key, &at);
    struct cds_lfht_node *const node = cds_lfht_iter_get_node(&at);
    return node ? entry_of(node) : NULL;
}

void *thrum_map_get(const thrum_map *map, thrum_map_key key) {
    entry *const e = find(map, thrum_map_hash_(map, key), key);
    return e ? value_of(e) : NULL;
}

thrum_result thrum_map_put(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    const unsigned long h = thrum_map_hash_(map, key);
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
    thrum_rcu_told_end_();
    free(fresh);                /* another was quicker */
    thrum_rcu_wait_for_room_(); /* for what `replace` has retired */
    return result;
}

thrum_result thrum_map_add(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    entry *const e = make(map, key, value);
    if (!e) return THRUM_NO_MEMORY;
    thrum_rcu_read_begin();
    const bool added = !add(map, thrum_map_hash_(map, key), key, e);
    thrum_rcu_told_end_();
    if (added) return THRUM_OK;
    free(e);
    return THRUM_EXISTS;
}

thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key) {
    const unsigned long h = thrum_map_hash_(map, key);
    thrum_rcu_read_begin();
    entry *const e = find(map, h, key);
    const bool removed = e && cds_lfht_del(map->table, &e->node) == 0;
    thrum_rcu_told_end_();
    if (!removed) return THRUM_NOT_FOUND;
    /* I2. M3: acquire, as in replace */
    e->last = pointer(thrum_u64_exchange_acquire(&e->value, 0));
    thrum_rcu_retire(&e->retired, destroy_retired); /* I3 */
    thrum_sharded_counter_add(&map->count, -1);
    thrum_map_look_at_size_(map, h);
    return THRUM_OK;
}

size_t thrum_map_count(const thrum_map *map) {
    const int64_t count = thrum_sharded_counter_sum(&map->count);
    return count < 0 ? 0 : (size_t)count; /* a sum that missed an add may have seen its removal */
}

struct visits {
    const thrum_map *map;
    thrum_map_visit *visit;
    void *argument;
};

static void visit_all(void *p) {
    const struct visits *const visits = p;
    struct cds_lfht *const table = visits->map->table;
    struct cds_lfht_iter at;
    for (cds_lfht_first(table, &at); cds_lfht_iter_get_node(&at); cds_lfht_next(table, &at)) {
        entry *const e = entry_of(cds_lfht_iter_get_node(&at));
        THRUM_TELL_ACQUIRE(e);
        const thrum_map_key key = {e->is_number ? NULL : e->bytes, e->number};
        void *const value = value_of(e);
        if (value && !visits->visit(key, value, visits->argument)) break;
    }
}

/* Whatever way the visitor is left, the read section ends. */
void thrum_map_each(const thrum_map *map, thrum_map_visit *visit, void *argument) {
    struct visits visits = {map, visit, argument};
    thrum_guard_ reading = thrum_rcu_enter_();
    if (thrum_self_call_(&reading, visit_all, &visits)) thrum_rcu_told_end_();
}

/* --- the map --------------------------------------------------------------------------------------- */

/* liburcu's, but for the wait: its own does not wait for thrum's sections. */
static struct rcu_flavor_struct flavor;

/* Before main, and before constructors of the program's that make maps: no fork finds it half made. */
__attribute__((constructor(1001))) static void make_flavor(void) {
    flavor = urcu_bp_flavor;
    flavor.update_synchronize_rcu = thrum_rcu_synchronize;
}

thrum_result thrum_map_new(thrum_map **into, const thrum_map_config *config) {
    static const thrum_map_config standard;
    if (!config) config = &standard;
    if (config->expected > MOST_BUCKETS) return THRUM_LIMIT;
    const uint64_t buckets = thrum_map_buckets_for_(config->expected);
    const int saved = errno;
    thrum_map *const map = aligned_alloc(_Alignof(thrum_map), sizeof *map);
    struct cds_lfht *table = NULL;
    if (map && thrum_map_is_memory_for_(2 * buckets))
        table = cds_lfht_new_flavor((unsigned long)buckets, (unsigned long)thrum_map_buckets_for_(0), 0, 0,
                                    &flavor, NULL);
    errno = saved;
    if (!table) {
        free(map);
        return THRUM_NO_MEMORY;
    }
    memset(map, 0, sizeof *map);
    (void)!thrum_sharded_counter_init(&map->count, map->places, sizeof map->places / sizeof map->places[0]);
    map->table = table;
    map->seed = thrum_map_draw_seed_(map);
    map->fewest = buckets;
    thrum_u64_store_relaxed(&map->buckets, buckets);
    map->destroy = config->destroy;
    *into = map;
    return THRUM_OK;
}

/* Again from the beginning, where a destroy has ended the thread. */
static void destroy_all(void *p) {
    thrum_map *const map = p;
    struct cds_lfht_iter at;
    pthread_cleanup_push(destroy_all, map);
    cds_lfht_first(map->table, &at);
    for (struct cds_lfht_node *node; (node = cds_lfht_iter_get_node(&at));) {
        cds_lfht_next(map->table, &at);
        (void)cds_lfht_del(map->table, node);
        destroy(entry_of(node));
    }
    pthread_cleanup_pop(0);
}

static void free_all(void *p) {
    thrum_map *const map = p;
    thrum_rcu_told_end_();
    (void)cds_lfht_destroy(map->table, NULL);
    free(map);
}

/* In the helper; nobody else knows the map any more. */
static void end(thrum_rcu_head *head) {
    thrum_map *const map = OBJECT_OF(head, thrum_map, end);
    thrum_rcu_read_begin(); /* liburcu wants one */
    pthread_cleanup_push(free_all, map);
    destroy_all(map);
    pthread_cleanup_pop(1);
}

void thrum_map_free(thrum_map *map) {
    thrum_rcu_retire(&map->end, end);
}

size_t thrum_map_describe(const thrum_map *map, char *text, size_t size) {
    const size_t count = thrum_map_count(map);
    return (size_t)snprintf(text, size, "map: %zu entr%s, %zu buckets", count, count == 1 ? "y" : "ies",
                            (size_t)thrum_u64_load_relaxed(&map->buckets));
}
