/* SPDX-License-Identifier: MIT */
/* What the tests of the map share. */
#ifndef THRUM_TESTS_MAP_PARTS_H
#define THRUM_TESTS_MAP_PARTS_H

#include "test.h"

#include "../src/rcu/map_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum.h>

static thrum_u32 destroyed;

static inline thrum_map *new_map(void (*destroy)(void *value), size_t expected) {
    const thrum_map_config config = {.destroy = destroy, .expected = expected};
    thrum_map *map = NULL;
    thrum_u32_store_relaxed(&destroyed, 0);
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    return map;
}

static inline const char *get(const thrum_map *map, thrum_map_key key) {
    const char *value = NULL;
    THRUM_WITH_RCU value = thrum_map_get(map, key);
    return value; /* the tests' values are never freed */
}

static char one[] = "one", two[] = "two";

/* --- values ---------------------------------------------------------------------------------------- */

static void *last_destroyed;
static inline void count_destroyed(void *value) {
    last_destroyed = value;
    thrum_u32_fetch_add_release(&destroyed, 1);
}

/* --- the table's size ------------------------------------------------------------------------------- */

static inline size_t buckets(const thrum_map *map) {
    char text[80];
    size_t entries = 0, count = 0;
    thrum_map_describe(map, text, sizeof text);
    CHECK_EQ(sscanf(text, "map: %zu entr%*[a-z], %zu buckets", &entries, &count), 2);
    CHECK_EQ(entries, thrum_map_count(map));
    return count;
}

/* --- keys of all kinds, beside a plain array -------------------------------------------------------- */

enum { KINDS = 160, LONGEST = 70000 };

/* Empty, short, huge, with NULs within, alike but for one byte; numbers as large as sizes are. */
static inline thrum_map_key key_of_any_kind(unsigned n) {
    static char bytes[LONGEST + 1];
    if (n % 4 == 3) return thrum_key_number(n < KINDS / 2 ? n / 4 : UINT64_MAX - n);
    const size_t size = n % 8 == 0 ? n / 8 : n % 8 == 1 ? LONGEST - n % 3 : n % 40;
    memset(bytes, n % 3 ? 0 : 'x', sizeof bytes);
    if (size) bytes[n % size] = (char)n;
    return thrum_key_bytes(bytes, size);
}

static inline bool is_same_key(thrum_map_key a, const char *bytes, size_t size) {
    return a.bytes && a.number == size && memcmp(a.bytes, bytes, size) == 0;
}

/* The first of the kinds that is the same key. */
static inline void find_equals(unsigned first_of[KINDS]) {
    for (unsigned n = 0; n < KINDS; n++) {
        const thrum_map_key key = key_of_any_kind(n);
        char *const copy = key.bytes ? malloc((size_t)key.number + 1) : NULL;
        if (copy) memcpy(copy, key.bytes, (size_t)key.number);
        for (first_of[n] = 0; first_of[n] < n; first_of[n]++) {
            const thrum_map_key other = key_of_any_kind(first_of[n]);
            if (copy ? is_same_key(other, copy, (size_t)key.number)
                     : !other.bytes && other.number == key.number)
                break;
        }
        free(copy);
    }
}

static inline void play_beside_an_array(uint64_t (*hash)(thrum_map_key key, uint64_t seed)) {
    const thrum_map_config config = {.hash = hash};
    thrum_map *map;
    unsigned first_of[KINDS];
    char *there[KINDS] = {NULL};
    static char values[KINDS];
    uint64_t random = test_seed() + 1;
    size_t count = 0;
    find_equals(first_of);
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    for (unsigned i = 0; i < 30000 / test_slowdown(); i++) {
        const uint64_t r = test_random(&random) >> 16;
        const unsigned n = (unsigned)(r % KINDS);
        char **const at = &there[first_of[n]];
        char *const fresh = &values[r / KINDS % KINDS];
        const thrum_map_key key = key_of_any_kind(n);
        count -= *at != NULL;
        switch (r >> 32 & 3) {
        case 0:
            CHECK_EQ(thrum_map_remove(map, key), *at ? THRUM_OK : THRUM_NOT_FOUND);
            *at = NULL;
            break;
        case 1:
            CHECK_EQ(thrum_map_add(map, key, fresh), *at ? THRUM_EXISTS : THRUM_OK);
            if (!*at) *at = fresh;
            break;
        case 2:
            CHECK_EQ(thrum_map_put(map, key, fresh), THRUM_OK);
            *at = fresh;
            break;
        default:
            CHECK(get(map, key) == *at);
        }
        count += *at != NULL;
    }
    CHECK_EQ(thrum_map_count(map), count);
    thrum_map_free(map);
}

#endif
