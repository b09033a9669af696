/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. A map inside: map.c its entries and operations, map_key.c what a key is, map_size.c how the table
 * grows and shrinks.
 */
#ifndef THRUM_SRC_RCU_MAP_INSIDE_H
#define THRUM_SRC_RCU_MAP_INSIDE_H

#include <stddef.h>
#include <thrum/counter.h>
#include <thrum/map.h>
#include <urcu/rculfhash.h>

/* The object in which the member lies. */
#define OBJECT_OF(member_pointer, type, member) \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

/* What a look-up needs lies together. */
typedef struct thrum_map_entry_ {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    void *last; /* its value when it was removed */
    struct cds_lfht_node node;
    thrum_u64 value; /* a pointer; 0: it has been removed */
    uint64_t number; /* or how many bytes */
    bool is_number;
    char bytes[];
} thrum_map_entry_;

struct thrum_map {
    thrum_counter_slot places[32];
    thrum_sharded_counter count;
    struct cds_lfht *table;
    uint64_t seed;
    uint64_t fewest;    /* buckets with which it began */
    thrum_u64 buckets;  /* the helper changes it; relaxed: whoever looks only compares */
    thrum_u32 resizing; /* 1: a resize is on its way */
    thrum_rcu_head resize, end;
    void (*destroy)(void *value);
};

/* A number for a new map's keys that no other map has, as far as one can tell. */
uint64_t thrum_map_draw_seed_(const thrum_map *map);
unsigned long thrum_map_hash_(const thrum_map *map, thrum_map_key key);
/* For the table: whether the node is of the key, a thrum_map_key. */
int thrum_map_match_(struct cds_lfht_node *node, const void *key);

/* The buckets for so many entries. */
uint64_t thrum_map_buckets_for_(uint64_t entries);
/* Whether there is memory for so many: the table takes it, and does not ask. */
bool thrum_map_is_memory_for_(uint64_t buckets);
/* After each change of the number of entries. */
void thrum_map_look_at_size_(thrum_map *map, unsigned long hash_of_change);

#endif
