/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* A visit of the map's entries. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_parts.h"

#include "../src/rcu/map_inside.h"

#include <stdio.h>
#include <thrum.h>

typedef struct seen {
    thrum_map *map;
    unsigned times[100];
    unsigned all, most;
} seen;

static bool note(thrum_map_key key, void *value, void *argument) {
    seen *const s = argument;
    CHECK(key.bytes == NULL && key.number < 100);
    CHECK(value == one);
    s->times[key.number]++;
    return ++s->all < s->most;
}

TEST(a_visit_sees_each_entry_once_and_stops_when_told) {
    static seen all = {.most = 1000}, some = {.most = 7};
    thrum_map *const map = new_map(NULL, 0);
    thrum_map_each(map, note, &all);
    CHECK_EQ(all.all, 0);
    for (uint64_t i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    thrum_map_each(map, note, &all);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(all.times[i], 1);
    thrum_map_each(map, note, &some);
    CHECK_EQ(some.all, 7);
    thrum_map_free(map);
}

static bool count_kinds(thrum_map_key key, void *value, void *argument) {
    unsigned *const times = argument;
    CHECK(key.bytes ? key.number == 1 && *(const char *)key.bytes == 'a' : key.number == 1);
    CHECK(value == (key.bytes ? one : two));
    times[key.bytes != NULL]++;
    return true;
}

TEST(a_visit_sees_texts_and_numbers) {
    thrum_map *const map = new_map(NULL, 0);
    unsigned times[2] = {0};
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(1), two), THRUM_OK);
    thrum_map_each(map, count_kinds, times);
    CHECK_EQ(times[0], 1);
    CHECK_EQ(times[1], 1);
    thrum_map_free(map);
}

static bool remove_odd(thrum_map_key key, void *value, void *argument) {
    (void)value;
    if (key.number % 2) CHECK_EQ(thrum_map_remove(argument, key), THRUM_OK);
    return true;
}

TEST(a_visit_may_change_the_map) {
    thrum_map *const map = new_map(NULL, 0);
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    thrum_map_each(map, remove_odd, map);
    CHECK_EQ(thrum_map_count(map), 500);
    for (uint64_t i = 0; i < 1000; i++) CHECK((get(map, thrum_key_number(i)) == NULL) == (i % 2 == 1));
    thrum_map_free(map);
}

/*
 * Entries that stay are seen once, while threads change others, replace values and make the table
 * grow.
 */
static struct {
    thrum_map *map;
    thrum_u32 over;
} busy;
static void *change_others(void *unused) {
    for (uint64_t i = 0; !thrum_u32_load_acquire(&busy.over); i++) {
        CHECK_EQ(thrum_map_put(busy.map, thrum_key_number(100 + i % 5000), two), THRUM_OK);
        CHECK_EQ(thrum_map_put(busy.map, thrum_key_number(i % 100), one),
                 THRUM_OK); /* another entry, the same value */
        if (i % 3) (void)thrum_map_remove(busy.map, thrum_key_number(100 + (i * 7) % 5000));
    }
    return unused;
}
static bool note_those_that_stay(thrum_map_key key, void *value, void *argument) {
    if (key.number < 100) return note(key, value, argument);
    CHECK(value == two);
    return true;
}
TEST(a_visit_beside_changes_sees_what_stays_once) {
    busy.map = new_map(NULL, 0);
    for (uint64_t i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(busy.map, thrum_key_number(i), one), THRUM_OK);
    test_thread changer = test_start(change_others, NULL);
    for (unsigned round = 0; round < 300 / test_slowdown(); round++) {
        seen s = {.most = 1000000};
        thrum_map_each(busy.map, note_those_that_stay, &s);
        for (unsigned i = 0; i < 100; i++) CHECK_EQ(s.times[i], 1);
    }
    thrum_u32_store_release(&busy.over, 1);
    test_join(&changer);
    thrum_map_free(busy.map);
}

static bool is_odd(thrum_map_key key, void *value, void *unused) {
    (void)value, (void)unused;
    return key.number % 2;
}
static bool is_replaced_meanwhile(thrum_map_key key, void *value, void *map) {
    if (key.number == 4) CHECK_EQ(thrum_map_put(map, key, value == one ? two : one), THRUM_OK);
    return true;
}

TEST(a_visit_takes_out_what_it_is_told_to_and_nothing_newer) {
    thrum_map *const map = new_map(count_destroyed, 0);
    size_t removed = 77;
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    CHECK_EQ(thrum_map_remove_if(map, is_odd, NULL, &removed), THRUM_OK);
    CHECK_EQ(removed, 500);
    CHECK_EQ(thrum_map_count(map), 500);
    for (uint64_t i = 0; i < 1000; i++) CHECK((get(map, thrum_key_number(i)) == NULL) == (i % 2 == 1));
    CHECK_EQ(thrum_map_remove_if(map, is_replaced_meanwhile, map, NULL), THRUM_OK);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK(get(map, thrum_key_number(4)) == two);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 1000);
    thrum_map_free(map);
}

/*
 * --- hashes ----------------------------------------------------------------------------------------------
 */

static uint64_t same_for_all(thrum_map_key key, uint64_t seed) {
    (void)key, (void)seed;
    return UINT64_C(0x123456789abcdef);
}

/* All in one bucket: more lines than one, and a visit that reads them in pieces. */
TEST(keys_with_one_hash_are_told_apart) {
    const thrum_map_config config = {.hash = same_for_all};
    thrum_map *map;
    static seen all = {.most = 1000};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    char texts[100][8];
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        (void)snprintf(texts[i], sizeof texts[i], "%u", i);
    }
    thrum_map_each(map, note, &all);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(all.times[i], 1);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(map, thrum_key(texts[i]), texts[i]), THRUM_OK);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(get(map, thrum_key(texts[i])) == texts[i]);
        CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK(get(map, thrum_key(texts[i])) == texts[i]);
    }
    CHECK_EQ(thrum_map_count(map), 100);
    thrum_map_free(map);
}
