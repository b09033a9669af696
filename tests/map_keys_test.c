/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The map tells its keys apart, whatever they are and whatever their hashes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_parts.h"

#include "../src/rcu/map_inside.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>

static char three[] = "three";

TEST(texts_bytes_and_numbers_are_keys_and_the_map_copies_them) {
    thrum_map *const map = new_map(NULL, 0);
    char key[] = "a key that is longer than a word or two";
    CHECK_EQ(thrum_map_put(map, thrum_key(key), one), THRUM_OK);
    const size_t length = strlen(key);
    CHECK(get(map, thrum_key_bytes(key, length)) == one); /* a text is its bytes */
    CHECK(get(map, thrum_key_bytes(key, length - 1)) == NULL);
    key[0] = 'A';
    CHECK(get(map, thrum_key(key)) == NULL);
    key[0] = 'a';
    CHECK(get(map, thrum_key(key)) == one);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(length), two), THRUM_OK);
    CHECK(get(map, thrum_key(key)) == one);
    CHECK(get(map, thrum_key_number(length)) == two);
    CHECK(get(map, thrum_key_number(0)) == NULL);
    CHECK_EQ(thrum_map_put(map, thrum_key(""), three), THRUM_OK);
    CHECK(get(map, thrum_key_number(0)) == NULL);
    CHECK(get(map, thrum_key_bytes("x", 0)) == three);
    static const char zeros[2][3] = {"a\0", "a\0b"};
    CHECK_EQ(thrum_map_put(map, thrum_key_bytes(zeros[1], 3), one), THRUM_OK);
    CHECK(get(map, thrum_key_bytes(zeros[0], 3)) == NULL);
    CHECK(get(map, thrum_key("a")) == NULL);
    CHECK(get(map, thrum_key_bytes(zeros[1], 3)) == one);
    thrum_map_free(map);
}

/* Keys that differ in one byte anywhere, of every length up to a few words. */
TEST(keys_that_differ_anywhere_are_told_apart) {
    thrum_map *const map = new_map(NULL, 0);
    char key[40];
    memset(key, 'k', sizeof key);
    for (size_t length = 0; length <= sizeof key; length++)
        CHECK_EQ(thrum_map_add(map, thrum_key_bytes(key, length), &key[length % sizeof key]), THRUM_OK);
    for (size_t length = 1; length <= sizeof key; length++) {
        for (size_t at = 0; at < length; at++) {
            key[at] = 'K';
            CHECK(get(map, thrum_key_bytes(key, length)) == NULL);
            key[at] = 'k';
        }
        CHECK(get(map, thrum_key_bytes(key, length)) == &key[length % sizeof key]);
    }
    thrum_map_free(map);
}

/*
 * A product is 0 if one of its factors is, whatever the other: no word that anybody knows makes a factor 0,
 * and so none gives keys the same hash whose other words differ.
 */
TEST(keys_of_the_hashs_own_constants_have_different_hashes) {
    static const uint64_t constants[] = {0,
                                         UINT64_MAX,
                                         UINT64_C(0x9e3779b97f4a7c15),
                                         UINT64_C(0xa0761d6478bd642f),
                                         UINT64_C(0xd1b54a32d192ed03),
                                         UINT64_C(0xe7037ed1a0b428db)};
    const uint64_t seed = test_seed();
    for (unsigned i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        for (unsigned words = 2; words <= 5; words++) {
            uint64_t hashes[2];
            for (unsigned n = 0; n < 2; n++) {
                uint64_t key[5];
                for (unsigned w = 0; w < 5; w++) key[w] = constants[i];
                key[words / 2 - 1] ^= n;
                hashes[n] = thrum_map_hash_of_bytes_(seed, thrum_map_factor_of_(seed), (const char *)key,
                                                     words * sizeof key[0]);
            }
            CHECK(hashes[0] != hashes[1]);
        }
    }
}

/* Keys of every length up to some words, each byte of them changed. */
TEST(each_byte_of_a_key_counts_in_its_hash) {
    const uint64_t seed = test_seed(), factor = thrum_map_factor_of_(seed);
    char key[70];
    memset(key, 'k', sizeof key);
    for (size_t length = 1; length <= sizeof key; length++) {
        const uint64_t hash = thrum_map_hash_of_bytes_(seed, factor, key, length);
        for (size_t at = 0; at < length; at++) {
            key[at] = 'K';
            CHECK(thrum_map_hash_of_bytes_(seed, factor, key, length) != hash);
            key[at] = 'k';
        }
    }
}

static uint64_t one_of_three(thrum_map_key key, uint64_t seed) {
    return (key.number ^ seed) % 3;
}

TEST(keys_of_all_kinds_do_as_an_array_does) {
    play_beside_an_array(NULL);
    play_beside_an_array(one_of_three);
}

static uint64_t in_the_last_bucket(thrum_map_key key, uint64_t seed) {
    (void)seed;
    return key.number << 20 | 0xfffff;
}
static long most_memory_kb(void) {
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* The entries go from bucket to bucket together, with many lines behind each. */
TEST(lines_are_used_again_however_often_the_table_grows_and_shrinks) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    enum { ENTRIES = 500, ROUNDS = 300 };
    const thrum_map_config config = {.hash = in_the_last_bucket};
    thrum_map *map;
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    long at_first = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < ENTRIES; i++)
            CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        for (uint64_t i = 0; i < ENTRIES; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK_EQ(buckets(map), 16);
        if (round == ROUNDS / 10) at_first = most_memory_kb();
    }
    CHECK(most_memory_kb() < at_first + 400);
    thrum_map_free(map);
}
