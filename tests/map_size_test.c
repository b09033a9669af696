/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The map's table grows and shrinks with what is in it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_parts.h"

#include "../src/rcu/map_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>

TEST(the_table_grows_and_shrinks_and_nothing_is_lost) {
    enum { MANY = 20000 };
    thrum_map *const map = new_map(NULL, 0);
    CHECK_EQ(buckets(map), 16);
    for (uint64_t i = 0; i < MANY; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(buckets(map) >= MANY / 3 - 100);
    CHECK_EQ(thrum_map_count(map), MANY);
    for (uint64_t i = 0; i < MANY; i++) CHECK(get(map, thrum_key_number(i)) == one);
    for (uint64_t i = 10; i < MANY; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(buckets(map) < MANY / 4);
    CHECK_EQ(thrum_map_count(map), 10);
    for (uint64_t i = 0; i < MANY; i++) CHECK((get(map, thrum_key_number(i)) != NULL) == (i < 10));
    thrum_map_free(map);
}

/* Each map has a seed of its own: a split may need more lines than are spare, or none. */
TEST(tables_of_any_seed_grow_and_shrink) {
    for (unsigned round = 0; round < 60 / test_slowdown() + 3; round++) {
        thrum_map *const map = new_map(NULL, 0);
        for (uint64_t i = 0; i < 5000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        for (uint64_t i = 0; i < 5000; i++) CHECK(get(map, thrum_key_number(i)) == one);
        for (uint64_t i = 0; i < 5000; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK_EQ(thrum_map_count(map), 0);
        thrum_map_free(map);
    }
}

TEST(what_is_expected_is_there_from_the_beginning) {
    thrum_map *const map = new_map(NULL, 5000);
    CHECK_EQ(buckets(map), 2048);
    thrum_map_free(map);
    thrum_map *none = NULL;
    static const size_t too_many[] = {((size_t)1 << 42) + 1, (size_t)1 << 63, SIZE_MAX};
    for (int i = 0; i < 3; i++) {
        const thrum_map_config config = {.expected = too_many[i]};
        CHECK_EQ(thrum_map_new(&none, &config), THRUM_LIMIT);
    }
    CHECK(none == NULL);
    CHECK_EQ(thrum_map_new(&none, NULL), THRUM_OK);
    thrum_map_free(none);
}

TEST(without_memory_it_says_so_and_nothing_changes) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    thrum_map *const map = new_map(count_destroyed, 0);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK(get(map, thrum_key("a")) == one); /* this thread is a reader from now on */
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    const size_t size = (size_t)64 << 20;
    char *const large = malloc(size); /* a key for which there will be no memory */
    CHECK(large);
    memset(large, 'x', size);
    struct rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    errno = 4242;
    CHECK_EQ(thrum_map_put(map, thrum_key_bytes(large, size), two), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_map_add(map, thrum_key_bytes(large, size), two), THRUM_NO_MEMORY);
    thrum_map *other = NULL;
    for (unsigned power = 30; power <= 42; power += 6) {
        const thrum_map_config config = {.expected = (size_t)1 << power};
        CHECK_EQ(thrum_map_new(&other, &config), THRUM_NO_MEMORY);
    }
    CHECK_EQ(errno, 4242);
    CHECK(other == NULL);
    CHECK(get(map, thrum_key("a")) == one);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

TEST(what_is_reserved_stays) {
    thrum_map *const map = new_map(NULL, 0);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(0), one), THRUM_OK);
    CHECK_EQ(thrum_map_reserve(map, SIZE_MAX), THRUM_LIMIT);
    CHECK_EQ(thrum_map_reserve(map, 10000), THRUM_OK);
    const size_t reserved = buckets(map);
    CHECK(reserved >= 10000 / 3);
    CHECK_EQ(thrum_map_reserve(map, 10), THRUM_OK);
    for (uint64_t i = 0; i < 10000; i++) CHECK_EQ(thrum_map_put(map, thrum_key_number(i), one), THRUM_OK);
    CHECK_EQ(buckets(map), reserved);
    for (uint64_t i = 0; i < 10000; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
    CHECK_EQ(buckets(map), reserved);
    thrum_map_free(map);
}

/* Numbers in a row, and with only high bits, come into different buckets. */
TEST(no_line_is_much_longer_than_others) {
    enum { MANY = 30000 };
    thrum_map *const map = new_map(NULL, MANY);
    for (unsigned shift = 0; shift < 64; shift += 12) {
        for (uint64_t i = 1; i <= MANY / 10; i++)
            CHECK_EQ(thrum_map_put(map, thrum_key_number(i << shift), one), THRUM_OK);
        CHECK(buckets(map) <= MANY); /* equal hashes would make it grow and grow */
    }
    thrum_map_free(map);
}
