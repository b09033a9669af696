/* SPDX-License-Identifier: MIT */
/* What the map's explorations share: a map in which a number is its own hash, and what is done with it. */
#ifndef THRUM_TESTS_MAP_EXPLORE_H
#define THRUM_TESTS_MAP_EXPLORE_H

#include "explore.h"
#include "map_inside.h"

#include <thrum/rwlock.h>

enum { VALUES = 8 };

static struct {
    thrum_map *map;
    int values[VALUES]; /* what value n points at is n */
    bool handed_back[VALUES];
    bool gated;
    thrum_u32 destroyed[VALUES];
} s;

/* The gate, for scenarios in which a block of buckets goes. */
static thrum_rwlock gate;
void thrum_map_enter_(void) {
    if (s.gated) thrum_rwlock_acquire_read(&gate);
}
void thrum_map_leave_(void) {
    if (s.gated) REQUIRE(thrum_rwlock_release_read(&gate) == THRUM_OK);
}
void thrum_map_close_(void) {
    if (s.gated) thrum_rwlock_acquire_write(&gate);
}
void thrum_map_open_(void) {
    if (s.gated) REQUIRE(thrum_rwlock_release_write(&gate) == THRUM_OK);
}

/* A text's is its first letter, also in the bits of which the tag is made. */
static inline uint64_t itself(thrum_map_key key, uint64_t seed) {
    (void)seed;
    if (!key.bytes) return key.number;
    const uint64_t letter = (unsigned char)*(const char *)key.bytes;
    return letter << 60 | letter;
}

static inline void make(void (*destroy)(void *value)) {
    const thrum_map_config config = {.hash = itself, .destroy = destroy};
    REQUIRE(thrum_map_new(&s.map, &config) == THRUM_OK);
    explore_name(s.map, sizeof *s.map, "map");
}

static inline void *value(int n) {
    s.values[n] = n;
    return &s.values[n];
}

static inline void put(uint64_t key, int n) {
    REQUIRE(thrum_map_put(s.map, thrum_key_number(key), value(n)) == THRUM_OK);
}

static inline void put_text(const char *key, int n) {
    REQUIRE(thrum_map_put(s.map, thrum_key(key), value(n)) == THRUM_OK);
}

static inline void take_out(uint64_t key) {
    REQUIRE(thrum_map_remove(s.map, thrum_key_number(key)) == THRUM_OK);
}

/* What the key's value points at; -1: there is none. */
static inline int get(uint64_t key) {
    thrum_rcu_read_begin();
    const int *const found = thrum_map_get(s.map, thrum_key_number(key));
    const int n = found ? *found : -1;
    thrum_rcu_read_end();
    return n;
}

static inline void grow_to(uint64_t buckets) {
    REQUIRE(thrum_map_grow_to_(s.map, buckets, 100));
}

/* How often a visit has seen each of the keys 0 to 7. */
struct seen {
    unsigned times[8];
};
static inline bool note(thrum_map_key key, void *v, void *argument) {
    struct seen *const seen = argument;
    REQUIRE(key.number < 8);
    REQUIRE(*(const int *)v > 0);
    seen->times[key.number]++;
    return true;
}
/* A visit sees each of these keys once. */
static inline void see_once(uint64_t first, uint64_t last) {
    struct seen seen = {{0}};
    thrum_map_each(s.map, note, &seen);
    for (uint64_t key = first; key <= last; key++) REQUIRE(seen.times[key] == 1);
}

/* Entries of one bucket. */
static inline void with_two_in_one_bucket(void) {
    make(NULL);
    put(0, 1);
    put(2, 2);
}

static inline void with_three_in_one_bucket(void) {
    with_two_in_one_bucket();
    put(4, 3);
}

static inline void destroy(void *v) {
    thrum_u32_fetch_add_relaxed(&s.destroyed[(int *)v - s.values], 1);
    explore_free(v, sizeof(int));
}

#endif
